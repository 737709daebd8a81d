#include "formats/io/lines.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "formats/io/source.h"

namespace tracebraid::formats::io {
namespace {

class Lines : public ::testing::TestWithParam<std::size_t> {
 protected:
  // Each line with what is to be seen of the one behind it.
  std::vector<std::string> read(std::string_view text) {
    const auto source = memory_source("in", text, GetParam());
    LineReader lines(*source);
    std::vector<std::string> all;
    has_end_ = true;
    while (lines.next()) {
      all.push_back(std::string(lines.line()) + "|" +
                    std::string(lines.peek().substr(0, LineReader::kPeek)));
      has_end_ = lines.has_end();
    }
    return all;
  }
  bool has_end_ = true;
};

INSTANTIATE_TEST_SUITE_P(Chunks, Lines, ::testing::Values(1, 2, 3, 7, 65536));

using Read = std::vector<std::string>;

TEST_P(Lines, EndInNewlinesWithOrWithoutAReturn) {
  EXPECT_EQ(read("abcd\nefgh\r\n\nij\rk\n"),
            (Read{"abcd|efgh", "efgh|\nij\r", "|ij\rk", "ij\rk|"}));
  EXPECT_TRUE(has_end_);
  EXPECT_EQ(read("abcd\r"), Read{"abcd|"});
  EXPECT_FALSE(has_end_);
  EXPECT_EQ(read("\n"), Read{"|"});
  EXPECT_EQ(read(""), Read{});
}

}  // namespace
}  // namespace tracebraid::formats::io
