// Streams of records, which the other programs write (-f msgpack or jsonl), as an input.
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "converters/input.h"
#include "converters/inputs.h"
#include "formats/io/error.h"
#include "formats/record/moments.h"
#include "formats/record/reader.h"

namespace tracebraid::converters::records {
namespace {

namespace cli = formats::cli;
namespace io = formats::io;
namespace record = formats::record;
using record::AnyRecord;

bool looks_like_records(std::string_view head) {
  if (head.empty()) return true;
  // A header is a map of a few pairs.
  const auto first = static_cast<unsigned char>(head[0]);
  if (((first & 0xf0U) == 0x80 || first == 0xde || first == 0xdf) &&
      head.substr(0, 512).find("tracebraid") != std::string_view::npos) {
    return true;
  }
  if (head[0] != '{') return false;
  const std::size_t next = head.find_first_not_of(" \t", 1);
  return next != std::string_view::npos && (head[next] == '"' || head[next] == '}');
}

// Notices records that are earlier than the record before them.
class OrderCheck {
 public:
  void look_at(const AnyRecord& record, const record::StreamReader& reader, const std::string& name,
               io::Diagnostics& diagnostics) {
    const auto moment = moments_.of(record);
    if (!moment) return;
    if (*moment < last_ && ++times_ == 1) {
      diagnostics.report(
          {name, reader.position(),
           "a " + io::quoted(reader.type().name) + " record earlier than the record before it",
           "--sort puts records in order"});
    }
    last_ = *moment;
  }

  void finish(const std::string& name, io::Diagnostics& diagnostics) const {
    if (times_ < 2) return;
    diagnostics.note(name + ": " + std::to_string(times_) +
                     " records in all are earlier than the record before them");
  }

 private:
  record::Moments moments_{record::Order::kTs};
  std::int64_t last_ = INT64_MIN;
  std::uint64_t times_ = 0;
};

class Reader final : public InputReader {
 public:
  Reader(const Wanted& wanted, InputSink& sink, io::Diagnostics& diagnostics)
      : wanted_(wanted), sink_(sink), diagnostics_(diagnostics) {}

  void read(std::unique_ptr<io::Rewound> source, const InputFile& /*file*/) override {
    // The records' types live in the reader.
    struct Kept {
      explicit Kept(std::unique_ptr<io::Rewound> from)
          : source(std::move(from)), reader(*source, known_types()) {}
      std::unique_ptr<io::Rewound> source;
      record::StreamReader reader;
    };
    const auto kept = std::make_shared<Kept>(flushing(std::move(source), sink_));
    sink_.keep(kept);
    record::StreamReader& reader = kept->reader;
    const std::string& name = kept->source->name();
    std::optional<OrderCheck> check;
    if (wanted_.in_order) check.emplace();
    constexpr std::uint64_t kShownErrors = 3;
    std::uint64_t errors = 0;
    for (;;) {
      try {
        if (!reader.next()) break;
      } catch (const io::Error& error) {
        if (++errors <= kShownErrors) diagnostics_.report(error);
        continue;
      }
      const AnyRecord record(reader.type(), reader.values(),
                             wanted_.as_packed ? reader.packed() : nullptr);
      if (check) check->look_at(record, reader, name, diagnostics_);
      sink_.put(record);
    }
    if (errors > kShownErrors) {
      diagnostics_.report({name, "", std::to_string(errors - kShownErrors) + " more such errors"});
    }
    if (check) check->finish(name, diagnostics_);
  }

 private:
  Wanted wanted_;
  InputSink& sink_;
  io::Diagnostics& diagnostics_;
};

MakeReader prepare(const cli::Arguments& /*arguments*/, const Wanted& wanted) {
  return [wanted](InputSink& sink, cli::Context& context) {
    return std::make_unique<Reader>(wanted, sink, context.diagnostics);
  };
}

}  // namespace

extern constinit const InputKind kInput = {
    .name = "record stream",
    .described = "records",
    .plural = "streams of records from the other programs (-f msgpack or jsonl)",
    .is_read_alone = true,
    .rank = 0,
    .types = {},
    .recognize = looks_like_records,
    .prepare = prepare,
};

}  // namespace tracebraid::converters::records
