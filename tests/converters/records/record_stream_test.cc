// What is said of streams of records that are not as they should be.
#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "converters/input.h"
#include "converters/inputs.h"
#include "formats/cli/program.h"
#include "formats/io/diagnostics.h"
#include "formats/io/rewound.h"
#include "formats/io/source.h"

namespace tracebraid::converters {
namespace {

namespace io = formats::io;

class Read final : public InputSink, public io::Messages {
 public:
  Read(std::string_view text, bool in_order) {
    io::Diagnostics diagnostics(*this, "p");
    formats::cli::Context context{diagnostics, nullptr};
    const formats::cli::Arguments arguments;
    Wanted wanted;
    wanted.in_order = in_order;
    const auto reader =
        recognize("{\"type\":\"note\"}\n")->prepare(arguments, wanted)(*this, context);
    reader->read(io::rewound(io::memory_source("in", text)), {"in", "in"});
    reader->finish();
  }
  void put(const formats::record::AnyRecord&) override { ++records; }
  void flush() override {}
  void shift_by(std::int64_t) override {}
  void keep(std::shared_ptr<const void>) override {}
  void line(std::string_view text) override { messages.emplace_back(text); }

  // Messages with that in it.
  [[nodiscard]] std::size_t told(std::string_view part) const {
    return static_cast<std::size_t>(std::ranges::count_if(
        messages, [&](const std::string& each) { return each.find(part) != std::string::npos; }));
  }

  std::size_t records = 0;
  std::vector<std::string> messages;
};

std::string notes(const std::vector<int>& times) {
  std::string text;
  for (const int time : times) {
    text += "{\"type\":\"note\",\"ts\":" + std::to_string(time) + ".500000000,\"text\":\"a\"}\n";
  }
  return text;
}

TEST(RecordStream, EarlierRecordsAreToldOnceAndCounted) {
  constexpr std::string_view kEarlier = "earlier than the record before it";
  struct Row {
    std::vector<int> times;
    std::size_t earlier;
  };
  for (const Row& row : {Row{{1, 2, 3}, 0}, Row{{1, 1, 2, 2}, 0}, Row{{1, 3, 2, 4}, 1},
                         Row{{3, 2, 1}, 2}, Row{{1, 3, 2, 2, 4, 3, 2}, 3}}) {
    const Read read(notes(row.times), true);
    EXPECT_EQ(read.records, row.times.size());
    EXPECT_EQ(read.told(kEarlier), row.earlier > 0 ? 1U : 0U);
    EXPECT_EQ(read.told(std::to_string(row.earlier) + " records in all are earlier"),
              row.earlier > 1 ? 1U : 0U);
    EXPECT_TRUE(Read(notes(row.times), false).messages.empty());
  }
}

TEST(RecordStream, OfManyErrorsThreeAreShown) {
  for (const std::size_t errors : {0U, 1U, 3U, 4U, 9U}) {
    std::string text = notes({1});
    for (std::size_t at = 0; at < errors; ++at) text += "{\"type\":\n";
    const Read read(text + notes({2}), false);
    EXPECT_EQ(read.records, 2U);
    const bool are_more = errors > 3;
    EXPECT_EQ(read.messages.size(), std::min<std::size_t>(errors, 3) + (are_more ? 1 : 0));
    EXPECT_EQ(read.told(std::to_string(errors - 3) + " more such errors"), are_more ? 1U : 0U);
  }
}

}  // namespace
}  // namespace tracebraid::converters
