#include "formats/io/text.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "formats/io/output.h"
#include "formats/io/text_output.h"

namespace tracebraid::formats::io {
namespace {

using namespace std::string_view_literals;

TEST(Text, WidthIsTheNumberOfCodePoints) {
  EXPECT_EQ(width_of(""), 0U);
  EXPECT_EQ(width_of("plain"), 5U);
  EXPECT_EQ(width_of("größe"), 5U);
  EXPECT_EQ(width_of("…→"), 2U);
  EXPECT_EQ(width_of("𝄞"), 1U);
}

TEST(Text, FrontsEndBetweenCodePoints) {
  constexpr std::string_view kText = "aö…𝄞z";
  EXPECT_EQ(front_of(kText, 0), "");
  EXPECT_EQ(front_of(kText, 1), "a");
  EXPECT_EQ(front_of(kText, 2), "aö");
  EXPECT_EQ(front_of(kText, 3), "aö…");
  EXPECT_EQ(front_of(kText, 4), "aö…𝄞");
  EXPECT_EQ(front_of(kText, 5), kText);
  EXPECT_EQ(front_of(kText, 6), kText);
  for (std::size_t width = 0; width < 6; ++width) {
    EXPECT_EQ(width_of(front_of(kText, width)), std::min<std::size_t>(width, 5));
  }
}

TEST(Escaped, TextStaysAsItIs) {
  for (const std::string_view text : {"", "plain", "C:\\new\\tab", "größe", "日本語", "𝄞",
                                      "e\u0301", "\u00a0", "x\u20ddy", "→ … ×"}) {
    EXPECT_EQ(escaped(text), text);
  }
}

TEST(Escaped, ControlsAndWhatIsNoUtf8AreBytes) {
  EXPECT_EQ(escaped("\x1b]0;t\x07"), "\\x1b]0;t\\x07");
  EXPECT_EQ(escaped("a\nb\r\t\v\f\b\x7f\0z"sv), "a\\x0ab\\x0d\\x09\\x0b\\x0c\\x08\\x7f\\x00z");
  EXPECT_EQ(escaped("\x9b"), "\\x9b");                             // a byte
  EXPECT_EQ(escaped("\u009b\u0085"), "\\x9b\\x85");                // the code points
  EXPECT_EQ(escaped("\xc0\x8a"), "\\xc0\\x8a");                    // a line feed in too many bytes
  EXPECT_EQ(escaped("\xe2\x80"), "\\xe2\\x80");                    // cut
  EXPECT_EQ(escaped("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");  // beyond Unicode
  EXPECT_EQ(escaped("\xed\xb2\x9b"), "\\udc9b");                   // a lone surrogate
}

// C1 ends with U+009F; a no-break space is text.
TEST(Escaped, ControlsEndWhereTheyEnd) {
  EXPECT_EQ(escaped("\u0080\u009f\u00a0"), "\\x80\\x9f\u00a0");
  EXPECT_EQ(escaped("\x1f !~\x7f"), "\\x1f !~\\x7f");
}

// Unicode 14, DerivedCoreProperties.txt: the ends of each range of Default_Ignorable_Code_Point,
// and what is next to it; and the separators and anchors.
TEST(Escaped, WhatCannotBeSeenIsNamed) {
  EXPECT_EQ(escaped("\u00ac\u00ad\u00ae"), "\u00ac\\u00ad\u00ae");
  EXPECT_EQ(escaped("\u034e\u034f\u0350"), "\u034e\\u034f\u0350");
  EXPECT_EQ(escaped("\u061b\u061c\u061d"), "\u061b\\u061c\u061d");
  EXPECT_EQ(escaped("\u115e\u115f\u1160\u1161"), "\u115e\\u115f\\u1160\u1161");
  EXPECT_EQ(escaped("\u17b3\u17b4\u17b5\u17b6"), "\u17b3\\u17b4\\u17b5\u17b6");
  EXPECT_EQ(escaped("\u180a\u180b\u180f\u1810"), "\u180a\\u180b\\u180f\u1810");
  EXPECT_EQ(escaped("\u200a\u200b\u200c\u200d\u200e\u200f\u2010"),
            "\u200a\\u200b\\u200c\\u200d\\u200e\\u200f\u2010");
  EXPECT_EQ(escaped("\u2027\u2028\u2029\u202a\u202e\u202f"),
            "\u2027\\u2028\\u2029\\u202a\\u202e\u202f");
  EXPECT_EQ(escaped("\u205f\u2060\u2066\u2069\u206f\u2070"),
            "\u205f\\u2060\\u2066\\u2069\\u206f\u2070");
  EXPECT_EQ(escaped("\u3163\u3164\u3165"), "\u3163\\u3164\u3165");
  EXPECT_EQ(escaped("\ufdff\ufe00\ufe0f\ufe10"), "\ufdff\\ufe00\\ufe0f\ufe10");
  EXPECT_EQ(escaped("\ufefe\ufeff\uff00"), "\ufefe\\ufeff\uff00");
  EXPECT_EQ(escaped("\uff9f\uffa0\uffa1"), "\uff9f\\uffa0\uffa1");
  EXPECT_EQ(escaped("\uffef\ufff0\ufff9\ufffb\ufffc"), "\uffef\\ufff0\\ufff9\\ufffb\ufffc");
  EXPECT_EQ(escaped("\U0001bc9f\U0001bca0\U0001bca3"), "\U0001bc9f\\U0001bca0\\U0001bca3");
  EXPECT_EQ(escaped("\U0001d172\U0001d173\U0001d17a\U0001d17b"),
            "\U0001d172\\U0001d173\\U0001d17a\U0001d17b");
  EXPECT_EQ(escaped("\U000dffff\U000e0000\U000e0041\U000e0fff\U000e1000"),
            "\U000dffff\\U000e0000\\U000e0041\\U000e0fff\U000e1000");
}

TEST(Escaped, TwiceIsAsOnce) {
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 256; ++second) {
      const std::string text = {'\\', static_cast<char>(first), static_cast<char>(second)};
      EXPECT_EQ(escaped(escaped(text)), escaped(text));
    }
  }
}

// Wherever it stands in words of eight bytes.
TEST(Escaped, FindsEveryByteAtEveryPlace) {
  for (std::size_t size = 1; size < 20; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      for (int byte = 0; byte < 256; ++byte) {
        std::string text(size, '~');
        text[at] = static_cast<char>(byte);
        const bool is_printable = byte >= 0x20 && byte < 0x7F;
        EXPECT_EQ(is_plain(text), is_printable) << size << " " << at << " " << byte;
        EXPECT_EQ(escaped(text) == text, is_printable) << size << " " << at << " " << byte;
      }
    }
  }
}

TEST(UnfinishedEnd, IsWhatMayGoOn) {
  const std::string text = "a→𝄞é";
  const std::vector<std::size_t> ends = {0, 0, 1, 2, 0, 1, 2, 3, 0, 1, 0};
  for (std::size_t at = 0; at < ends.size(); ++at) {
    EXPECT_EQ(unfinished_end(std::string_view(text).substr(0, at)), ends[at]) << at;
  }
  EXPECT_EQ(unfinished_end("\x9b\x9b\x9b\x9b"), 0U);
  EXPECT_EQ(unfinished_end("\xc0"), 0U);
}

TEST(TextOutput, ALineIsALine) {
  std::string text;
  const auto output = memory_output(text);
  TextOutput lines(*output);
  lines.line("see: \x1b]0;t\x07\nERROR forged\u2028\u200f");
  lines.line();
  lines.line("größe");
  lines.flush();
  EXPECT_EQ(text, "see: \\x1b]0;t\\x07\\x0aERROR forged\\u2028\\u200f\n\ngröße\n");
}

TEST(TextOutput, CutsByWhatIsShown) {
  std::string text;
  const auto output = memory_output(text);
  TextOutput lines(*output, 6);
  lines.line("123456");
  lines.line("1234567");
  lines.line("12\n");
  lines.line("123\n");
  lines.flush();
  EXPECT_EQ(text, "123456\n12345…\n12\\x0a\n123\\x…\n");
}

// Whatever form is written to it, in whatever pieces.
TEST(TerminalOutput, ShowsNothingThatATerminalObeys) {
  constexpr std::string_view kWritten =
      "a,b\tc\n\"\x1b[2J\r\",\u009b31m→𝄞\u200b\xf0\x9d\n\u202e\xe2\x86";
  for (std::size_t piece = 1; piece <= kWritten.size(); ++piece) {
    std::string text;
    const auto output = terminal_output(memory_output(text));
    EXPECT_TRUE(output->is_terminal());
    for (std::size_t at = 0; at < kWritten.size(); at += piece) {
      output->write(kWritten.substr(at, piece));
    }
    output->commit();
    EXPECT_EQ(text, "a,b\tc\n\"\\x1b[2J\\x0d\",\\x9b31m→𝄞\\u200b\\xf0\\x9d\n\\u202e\\xe2\\x86");
  }
}

}  // namespace
}  // namespace tracebraid::formats::io
