#include "formats/strace/wrapping.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace tracebraid::formats::strace {
namespace {

std::string unwrapped(std::string_view head, std::string_view line) {
  std::string room;
  return std::string(Wrapping::of(head).unwrapped(line, room));
}

TEST(Wrapping, PlainLogsHaveNone) {
  for (const std::string_view head : {
           "",
           "\n",
           "close(3) = 0\n",
           "7 13:58:59.5 close(3) = 0 <0.1>\n",
           "     0.000028 close(3) = 0\n     0.000028 close(3) = 0\n",
           "Nov 30 is a day\nclose(3) = 0\nand 12 > 7\n",
           "write(1, \"a &lt; b\\n\", 9) = 9\n",
           "100 getpid() = 1\n101 getpid() = 1\n",
           "no log at all: f(x) = 1\n",
           "> a quotation\n> of a mail\n",
       }) {
    EXPECT_TRUE(Wrapping::of(head).is_none()) << head;
  }
}

TEST(Wrapping, WhatIsInFrontGoes) {
  const std::string_view head = "run.log:7:close(3) = 0\nrun.log:17:close(4) = 0\n";
  EXPECT_EQ(unwrapped(head, "run.log:12345:close(5) = 0"), "close(5) = 0");
  EXPECT_EQ(unwrapped(head, "other line"), "other line");
  EXPECT_EQ(unwrapped(head, "run.log"), "run.log");
  EXPECT_EQ(unwrapped(head, ""), "");
}

// An attachment's own blank is not the prefix's.
TEST(Wrapping, FramesStayFrames) {
  EXPECT_EQ(unwrapped("web | close(3) = 0\nweb |  > /lib/libc.so.6(close+0x19) [0x1]\n",
                      "web |  > /lib/libc.so.6(close+0x19) [0x1]"),
            " > /lib/libc.so.6(close+0x19) [0x1]");
}

TEST(Wrapping, PagesAreDecodedOnce) {
  const std::string_view head = "write(1, &quot;a &amp;lt; b&quot;, 8) = 8 &lt;0.000010&gt;\n";
  EXPECT_EQ(unwrapped(head, "write(1, &quot;a &amp;lt; b&quot;, 8) = 8 &lt;0.000010&gt;"),
            "write(1, \"a &lt; b\", 8) = 8 <0.000010>");
  EXPECT_EQ(unwrapped(head, "&unknown; & &"), "&unknown; & &");
}

}  // namespace
}  // namespace tracebraid::formats::strace
