// tracebraid merge: all inputs as one stream in order of time.
#include <algorithm>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "analyzers/input/inputs.h"
#include "analyzers/input/sorter.h"
#include "analyzers/merge/flow_parts.h"
#include "analyzers/util/shown.h"
#include "analyzers/util/time_range.h"
#include "formats/cli/clock_options.h"
#include "formats/cli/inputs.h"
#include "formats/cli/numbers.h"
#include "formats/cli/record_output.h"
#include "formats/io/error.h"
#include "formats/record/any_record.h"
#include "formats/record/writer.h"

namespace tracebraid::analyzers {
namespace {

namespace cli = formats::cli;
namespace io = formats::io;
namespace record = formats::record;
using cli::Argument;
using record::AnyRecord;
using record::TypeInfo;

struct Request {
  std::vector<std::string> types;  // empty: all
  TimeRange range;
  bool joins_parts = false;
  std::size_t most_flows = 100'000;
  Wanted wanted;
  Ordering ordering;
};

bool has(const std::vector<std::string>& list, std::string_view word) {
  return std::ranges::find(list, word) != list.end();
}

// Of the option `name`; `otherwise` when it was not given.
std::size_t number(const cli::Arguments& arguments, std::string_view name, std::size_t otherwise) {
  constexpr std::size_t kMost = SIZE_MAX >> 20;
  const auto text = arguments.value(name);
  if (!text) return otherwise;
  return cli::number("--" + std::string(name), *text, std::size_t{1}, kMost);
}

Request understand(const cli::Arguments& arguments) {
  Request request;
  const std::string types = arguments.value("types").value_or("");
  for (const std::string_view type : cli::split_list(types)) request.types.emplace_back(type);
  request.range = TimeRange(arguments, UntilIs::kOutside);
  request.wanted.files = arguments.has("files") || has(request.types, "file");
  request.wanted.segments = arguments.has("segments") || has(request.types, "segment");
  request.wanted.as_packed = true;
  request.joins_parts = arguments.has("join-parts");
  request.ordering.sort_streams = arguments.has("sort") || request.joins_parts;
  request.most_flows = number(arguments, "max-flows", request.most_flows);
  request.ordering.most_bytes = number(arguments, "memory", 256) << 20;
  return request;
}

// Writes the records that are asked for.
class Merged final : public RecordVisitor {
 public:
  Merged(const Request& request, const cli::RecordRequest& form)
      : request_(request), range_(request.range), form_(form), output_(io::open_output(form.path)) {
    writer_ = record::make_writer(form.format, *output_, form.writer_options("tracebraid merge"));
  }

  void visit(const AnyRecord& record) override {
    if (last_ == nullptr || last_->type != &record.type()) last_ = &seen(record.type());
    if (!range_.is_all() && !is_in_time(record)) return;
    if (!last_->is_wanted) return;
    if (last_->count->records == 0) check_form();
    ++last_->count->records;
    record.write_to(*writer_);
  }

  void flush() override { writer_->flush(); }

  // While the records' types are there, which a table needs at its end.
  void at_end() override {
    if (!form_.fields.empty() && !seen_.empty()) check_fields();
    writer_->finish();
  }

  // Makes the output visible.
  void commit(io::Diagnostics& diagnostics) {
    output_->commit();
    form_.tell_of_formulas(*writer_, diagnostics);
  }

  // "5 records: 2 flow, 3 syscall".
  [[nodiscard]] std::string summary() const {
    // Who made the inputs may have made up types without end.
    constexpr std::size_t kShown = 20;
    std::uint64_t all = 0;
    std::size_t types = 0;
    std::vector<std::string> by_type;
    for (const Count& count : counts_) {
      if (count.records == 0) continue;
      all += count.records;
      if (++types <= kShown) by_type.push_back(fmt::format("{} {}", count.records, count.type));
    }
    if (types > kShown)
      by_type.push_back(
          fmt::format("records of {} more", counted(types - kShown, "type", "types")));
    if (by_type.empty()) return "0 records";
    return fmt::format("{} records: {}", all, joined(by_type));
  }

 private:
  // Of all types of one name.
  struct Count {
    std::string type;
    std::uint64_t records = 0;
  };
  struct Seen {
    const TypeInfo* type;
    Count* count;
    bool is_wanted;
  };

  Seen& seen(const TypeInfo& type) {
    const auto known = std::ranges::find(seen_, &type, &Seen::type);
    if (known != seen_.end()) return *known;
    auto count = std::ranges::find(counts_, type.name, &Count::type);
    if (count == counts_.end()) {
      count = counts_.insert(counts_.end(), Count{std::string(type.name)});
    }
    for (const record::FieldInfo& field : type.fields) {
      if (has(form_.fields, field.name) && !has(found_, field.name))
        found_.emplace_back(field.name);
    }
    return seen_.emplace_back(
        Seen{&type, &*count, request_.types.empty() || has(request_.types, type.name)});
  }

  bool is_in_time(const AnyRecord& record) {
    const auto moment = moments_.of(record);
    if (!moment) return true;
    range_.note(*moment);
    return range_.has(*moment);
  }

  // At the first record of a type.
  void check_form() const {
    if (record::holds_several(form_.format)) return;
    for (const Count& count : counts_) {
      if (count.records == 0 || &count == last_->count) continue;
      throw io::UsageError{
          "the inputs hold several types of records, and this form one: here come " +
              io::quoted(count.type) + " and " + io::quoted(last_->count->type),
          "--types chooses one; -f jsonl and -f msgpack hold any"};
    }
  }

  void check_fields() const {
    if (found_.size() >= form_.fields.size()) return;
    std::vector<const TypeInfo*> types;
    for (const Seen& each : seen_) types.push_back(each.type);
    record::check_fields(form_.fields, types);
  }

  const Request& request_;
  TimeRange range_;
  const cli::RecordRequest& form_;
  std::unique_ptr<io::Output> output_;
  std::unique_ptr<record::Writer> writer_;
  record::Moments moments_{record::Order::kTs};
  std::deque<Seen> seen_;
  std::deque<Count> counts_;
  std::vector<std::string> found_;  // those of form_.fields that a type has
  Seen* last_ = nullptr;
};

// Adds up parts of flows, and puts all in order again: a flow is known when its last part has come.
class Joined final : public RecordVisitor {
 public:
  Joined(const Request& request, RecordVisitor& next)
      : next_(next),
        sorter_(request.ordering.most_bytes),
        parts_(request.most_flows, [this](const AnyRecord& flow) { sorter_.add(flow); }) {}

  void visit(const AnyRecord& record) override {
    if (!parts_.add(record)) sorter_.add(record);
  }

  void at_end() override {
    parts_.finish();
    sorter_.show_all([this](const AnyRecord& record) { next_.visit(record); });
    next_.at_end();
  }

  [[nodiscard]] const FlowParts& parts() const { return parts_; }

 private:
  RecordVisitor& next_;
  Sorter sorter_;
  FlowParts parts_;
};

void run(const cli::Arguments& arguments, cli::Context& context) {
  const Request request = understand(arguments);
  cli::RecordRequest form(arguments);
  // Not a table on a terminal: that holds one type.
  if (!arguments.has("format") && form.path == "-") form.format = record::Format::kJsonLines;
  Merged merged(request, form);
  std::string joined;
  if (request.joins_parts) {
    Joined parts(request, merged);
    read_inputs_by_ts(arguments, request.wanted, request.ordering, parts, context);
    joined = "; parts that were added to others: " + std::to_string(parts.parts().joined());
    if (parts.parts().evicted() > 0) {
      context.diagnostics.note("flows that waited for more parts in vain, for want of room: " +
                               std::to_string(parts.parts().evicted()) +
                               "; --max-flows gives them room");
    }
  } else {
    read_inputs_by_ts(arguments, request.wanted, request.ordering, merged, context);
  }
  merged.commit(context.diagnostics);
  if (!arguments.has("quiet")) context.diagnostics.note(merged.summary() + joined);
}

constexpr std::string_view kUsage[] = {"[OPTION…] [INPUT…]"};

constexpr cli::Option kOptions[] = {
    {0, "sort", Argument::kNone, "", "Order", "put record streams in order that are not",
     "Without it they are merged as they come, and what goes backwards is reported. Captures and "
     "logs are always put in order."},
    {0, "memory", Argument::kText, "MEGABYTES", "Order", "memory for putting in order (256)",
     "What does not fit waits in a temporary file in the folder that TMPDIR names, else /tmp."},
    {0, "join-parts", Argument::kNone, "", "Flows",
     "add up flow records that are parts of one flow",
     "Those of pcapflows --active-timeout, and those of a capture in several files that were "
     "converted apart. All is sorted, and written at the end."},
    {0, "max-flows", Argument::kText, "NUMBER", "Flows",
     "most flows that wait for another part (100000)",
     "Beyond that the one whose time is up first is written as it is."},
    {0, "types", Argument::kText, "LIST", "Records", "types of records, with commas between",
     "Such as flow, syscall, signal; segment and file ask for themselves. Default: all."},
    since_option("Records", "records from this time on"),
    until_option("Records", "records before this time", "Records without a time stay."),
    {0, "segments", Argument::kNone, "", "Records", "of captures, the payload's segments too"},
    {0, "files", Argument::kNone, "", "Records", "of strace logs, open files too"},
    cli::kClockOptions[0],
    cli::kClockOptions[1],
    cli::kClockOptions[2],
    kShiftOption,
    {'f', "format", Argument::kChoice, "FORMAT", "Output", "form of the records",
     "Default: by the ending of -o's FILE, else JSON Lines. Several types of records fit into "
     "jsonl and msgpack; the others hold one.",
     record::kFormatChoices},
    cli::kOutputOption,
    {0, "fields", Argument::kText, "LIST", "Output", "write these fields only, in this order",
     "Names with commas between. Records of types without such a field have none."},
    cli::kCsvSafeOption,
    {'q', "quiet", Argument::kNone, "", "Output", "do not show numbers on standard error"},
};

constexpr cli::Section kSections[] = {
    kInputSection,
    {"Order",
     "By the field ts; records of equal ts in the order of the inputs. A record without ts stays "
     "behind the one before it in its input, and profiles, which have no times, come first. "
     "Captures are read as one, and so are strace logs; they stand where the first of them is "
     "named.\n\n"
     "Streams of records are merged as they arrive, in little memory: what is known to be next is "
     "written before a pipe is waited for. A record that is earlier than the one before it in its "
     "input is passed on where it is, the first one is reported with its byte or line, and the "
     "exit status is 1. --sort sorts instead. A capture's flows and a log's calls are known at "
     "their end and stand at their beginning, so they are always sorted, when all is read."},
    {"What stays as it is",
     "Types and fields that are not known here pass through, of msgpack bit by bit unless "
     "--shift or --fields change the record. Of JSON Lines that includes numbers, texts and "
     "true and false; what is nested in a field is not read."},
    {"Parts of flows",
     "--join-parts gives what one pass over all would have given. Of parts that pcapflows "
     "--active-timeout made, every field is that of the whole flow, but for orig_rtt_avg and "
     "resp_rtt_avg, which may be 1 ns less, and max_idle where a part begins with packets whose "
     "times go backwards.\n\n"
     "Of files that follow each other in time and were converted apart, a flow goes on in the next "
     "one when pcapflows, reading both as one, would have taken it for the same: the addresses and "
     "ports are, no SYN opens it anew, and its time-out (the default) has not passed. Exact are "
     "ts, uid, last_ts, addresses, ports, pkts, ip_bytes, payload_bytes, first_ts, last_ts, "
     "first_data, last_data, ttl, tcp_flags of both sides, closed_by, reset_by, truncated_pkts, "
     "bad_csum_pkts, fragment_pkts, and what tells of the first packet (input, vlan, tunnel, …). "
     "The others are as near as can be: what was on its way at the cut may count twice in "
     "orig_bytes and resp_bytes; what was sent again or in another order across it is not noticed "
     "(uniq_bytes, rexmit, ooo, dupacks, dup_pkts, missed_bytes, zero_win, rtt); the close may be "
     "seen later (duration, end_reason); tunnel_parents may name a part. history has the letters "
     "of both, conn_state is what they say. pcapflows FIRST SECOND reads both files as one and is "
     "exact."},
    {"Exit status",
     "0: done. 1: an input was damaged, unreadable or not in order; the rest is written. 2: the "
     "command line was wrong."},
};

constexpr cli::Example kExamples[] = {
    {"What the server asked of the kernel, and what was on the wire, as one story:",
     "tracebraid merge --segments server.strace server.pcap | jq -c '[.ts, .type, .syscall, "
     ".length]'"},
    {"Streams of several machines, one of which is a quarter of a second fast:",
     "pcapflows -q -o a.msgpack server.pcap; stracecalls -q -o b.msgpack server.strace; "
     "tracebraid merge --sort --shift b.msgpack=-0.25 -o all.msgpack a.msgpack b.msgpack"},
    {"The calls of two minutes, for a spreadsheet:",
     "tracebraid merge --types syscall --since '2026-11-23 08:00:00' --until '2026-11-23 "
     "08:02:00' --csv-safe -f csv server.strace > calls.csv"},
    {"Flows that are reported every minute, as one record each:",
     "pcapflows -q --active-timeout 60 -f msgpack server.pcap | tracebraid merge "
     "--join-parts -"},
    {"While it goes on:",
     "tcpdump -i lo -U -w - port 8000 | pcapflows -q -f msgpack - | tracebraid merge --types flow "
     "-"},
};

}  // namespace

extern constinit const cli::Program kMerge = {
    .name = "tracebraid merge",
    .summary = "merge all inputs into one stream in order of time",
    .usage = kUsage,
    .options = kOptions,
    .sections = kSections,
    .examples = kExamples,
    .body = run,
};

}  // namespace tracebraid::analyzers
