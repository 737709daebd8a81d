#include "analyzers/input/inputs.h"

#include <algorithm>
#include <deque>
#include <initializer_list>
#include <map>
#include <memory>
#include <utility>

#include <sys/resource.h>
#include <sys/stat.h>

#include "analyzers/input/in_step.h"
#include "analyzers/input/sorter.h"
#include "converters/cprof/profile_calls.h"
#include "converters/greenlet/switch_log.h"
#include "converters/pcap/capture_flows.h"
#include "converters/pcap/pcapflows.h"
#include "converters/perfmap/perf_map.h"
#include "converters/strace/log_files.h"
#include "converters/strace/strace_log.h"
#include "converters/strace/stracecalls.h"
#include "formats/cli/inputs.h"
#include "formats/io/error.h"
#include "formats/io/looks_like.h"
#include "formats/io/rewound.h"
#include "formats/io/source.h"
#include "formats/pcap/capture_reader.h"
#include "formats/record/call.h"
#include "formats/record/file.h"
#include "formats/record/flow.h"
#include "formats/record/function.h"
#include "formats/record/reader.h"
#include "formats/record/switch.h"
#include "formats/record/symbol.h"
#include "formats/record/syscall.h"
#include "formats/record/text.h"
#include "formats/record/type_table.h"

namespace tracebraid::analyzers {
namespace {

namespace cli = formats::cli;
namespace io = formats::io;
namespace record = formats::record;
using converters::strace::StraceLog;
using record::AnyRecord;

class Logs final : public converters::strace::StraceSink {
 public:
  explicit Logs(RecordVisitor& visitor, const Wanted& wanted = {})
      : visitor_(visitor), wanted_(wanted) {}
  void file(const record::File& file) override {
    if (wanted_.is_wanted_file != nullptr && !wanted_.is_wanted_file(file)) return;
    visitor_.visit(AnyRecord(file));
  }
  void syscall(const record::Syscall& call) override {
    if (wanted_.is_wanted_call != nullptr && has_calls_ && !wanted_.is_wanted_call(call)) return;
    has_calls_ = true;
    visitor_.visit(AnyRecord(call));
  }
  void signal(const record::Signal& signal) override { visitor_.visit(AnyRecord(signal)); }
  void process(const record::Process& process) override { visitor_.visit(AnyRecord(process)); }
  void problem(const record::Problem& problem) override { visitor_.visit(AnyRecord(problem)); }

 private:
  RecordVisitor& visitor_;
  Wanted wanted_;
  bool has_calls_ = false;
};

class Flows final : public converters::pcap::FlowSink {
 public:
  explicit Flows(RecordVisitor& visitor, LaneOutput* lane = nullptr)
      : visitor_(visitor), lane_(lane) {}
  void flow(const record::Flow& flow) override { visitor_.visit(AnyRecord(flow)); }
  void segment(const record::Segment& segment) override { visitor_.visit(AnyRecord(segment)); }
  void flush() override {
    if (lane_ != nullptr) lane_->flush();
  }

 private:
  RecordVisitor& visitor_;
  LaneOutput* lane_;
};

class Calls final : public converters::cprof::CallSink {
 public:
  explicit Calls(RecordVisitor& visitor, bool with_calls = true)
      : visitor_(visitor), with_calls_(with_calls) {}
  void function(const record::Function& function) override { visitor_.visit(AnyRecord(function)); }
  void call(const record::Call& call) override {
    if (with_calls_) visitor_.visit(AnyRecord(call));
  }

 private:
  RecordVisitor& visitor_;
  bool with_calls_;
};

class Switches final : public converters::greenlet::SwitchSink {
 public:
  explicit Switches(RecordVisitor& visitor) : visitor_(visitor) {}
  void switched(const record::Switch& record) override {
    visitor_.visit(record::AnyRecord(record));
  }

 private:
  RecordVisitor& visitor_;
};

class Symbols final : public converters::perfmap::SymbolSink {
 public:
  explicit Symbols(RecordVisitor& visitor) : visitor_(visitor) {}
  void symbol(const record::Symbol& record) override { visitor_.visit(AnyRecord(record)); }

 private:
  RecordVisitor& visitor_;
};

constexpr const record::TypeInfo* kKnown[] = {
    &record::kTypeInfo<record::Syscall>,    &record::kTypeInfo<record::Signal>,
    &record::kTypeInfo<record::Process>,    &record::kTypeInfo<record::Problem>,
    &record::kTypeInfo<record::LineLedger>, &record::kTypeInfo<record::File>,
    &record::kTypeInfo<record::Flow>,       &record::kTypeInfo<record::Segment>,
    &record::kTypeInfo<record::Ledger>,     &record::kTypeInfo<record::Switch>,
    &record::kTypeInfo<record::Function>,   &record::kTypeInfo<record::Call>,
    &record::kTypeInfo<record::Symbol>,
};

// Notices records of a stream that are earlier than the record before them.
class OrderCheck {
 public:
  void look_at(const AnyRecord& record, const record::StreamReader& reader, const std::string& name,
               cli::Context& context) {
    const auto moment = moments_.of(record);
    if (!moment) return;
    if (*moment < last_ && ++times_ == 1) {
      context.diagnostics.report(
          {name, reader.position(),
           "a " + io::quoted(reader.type().name) + " record earlier than the record before it",
           "--sort puts records in order"});
    }
    last_ = *moment;
  }

  void finish(const std::string& name, cli::Context& context) const {
    if (times_ < 2) return;
    context.diagnostics.note(name + ": " + std::to_string(times_) +
                             " records in all are earlier than the record before them");
  }

 private:
  Moments moments_{Order::kTs};
  std::int64_t last_ = INT64_MIN;
  std::uint64_t times_ = 0;
};

void read_records(record::StreamReader& reader, RecordVisitor& visitor, bool as_packed,
                  cli::Context& context, OrderCheck* check = nullptr,
                  const std::string& name = {}) {
  for (;;) {
    try {
      if (!reader.next()) break;
    } catch (const io::Error& error) {
      context.diagnostics.report(error);
      continue;
    }
    const AnyRecord record(reader.type(), reader.values(), as_packed ? reader.packed() : nullptr);
    if (check != nullptr) check->look_at(record, reader, name, context);
    visitor.visit(record);
  }
  if (check != nullptr) check->finish(name, context);
}

InputKind recognize(io::Rewound& source) {
  InputKind kind = analyzers::recognize(source.head());
  while (kind == InputKind::kUnknown && source.more()) kind = analyzers::recognize(source.head());
  return kind;
}

io::Error unknown_input(const io::Rewound& source) {
  const std::string_view what = io::looks_like(source.head());
  return {source.name(), "",
          "neither a capture, nor an strace log, nor a profile, nor greenlet switches, nor a perf "
          "map, nor "
          "records" +
              (what.empty() ? std::string() : "; looks like " + std::string(what))};
}

// One of the inputs that a lane reads.
struct LaneInput {
  std::string path;
  std::string name;  // for records; empty for the only input
  std::int64_t shift_ns = 0;
  std::shared_ptr<io::Rewound> opened;  // a pipe's, which cannot be opened again
};

class Reopened final : public io::Rewound {
 public:
  explicit Reopened(std::shared_ptr<io::Rewound> source) : source_(std::move(source)) {}
  std::size_t read(std::span<char> into) override { return source_->read(into); }
  [[nodiscard]] const std::string& name() const override { return source_->name(); }
  [[nodiscard]] std::string_view head() const override { return source_->head(); }
  bool more() override { return source_->more(); }

 private:
  std::shared_ptr<io::Rewound> source_;
};

// Hands on what has been made of an input so far whenever more of it is read.
std::unique_ptr<io::Rewound> flushing(std::unique_ptr<io::Rewound> source, LaneOutput& output) {
  return io::with_hook(std::move(source), [&output] { output.flush(); });
}

bool is_regular(const std::string& path) {
  struct stat status {};
  return path != "-" && ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

// Calls `read(source, input)` for every input of a lane, in its thread; what is wrong with one of
// them does not stop the others.
template <typename Read>
void for_each(std::vector<LaneInput>& inputs, cli::Context& context, Read read) {
  for (LaneInput& input : inputs) {
    context.diagnostics.set_input(cli::input_name(input.path));
    try {
      std::unique_ptr<io::Rewound> source;
      if (input.opened) {
        source = std::make_unique<Reopened>(std::move(input.opened));
      } else {
        source = io::rewound(io::open_source(input.path, context.progress));
      }
      read(std::move(source), input);
    } catch (const io::Error& error) {
      if (error.input != cli::input_name(input.path)) throw;
      context.diagnostics.report(error);
    }
  }
}

Lane profile_lane(std::vector<LaneInput> inputs, const Wanted& wanted) {
  using converters::cprof::ProfileCalls;
  return {[inputs = std::move(inputs), wanted](LaneOutput& output, cli::Context& context) mutable {
    Calls calls(output, wanted.calls);
    ProfileCalls profiles(
        calls, context.diagnostics,
        wanted.numbers ? ProfileCalls::Names::kOnce : ProfileCalls::Names::kAlways);
    for_each(inputs, context, [&](std::unique_ptr<io::Rewound> source, const LaneInput& input) {
      profiles.read(*source, input.name);
    });
  }};
}

Lane log_lane(std::vector<LaneInput> inputs, const StraceLog::Options& options,
              const Wanted& wanted) {
  return {[inputs = std::move(inputs), options, wanted](LaneOutput& output,
                                                        cli::Context& context) mutable {
    Logs sink(output, wanted);
    StraceLog log(options, sink, context.diagnostics);
    converters::strace::LogFiles files(log, context.diagnostics);
    for_each(inputs, context, [&](std::unique_ptr<io::Rewound> source, const LaneInput& input) {
      output.shift_by(input.shift_ns);
      files.add(input.path, flushing(std::move(source), output), input.name.empty());
    });
    files.finish();
  }};
}

Lane capture_lane(std::vector<LaneInput> inputs, bool with_segments) {
  return {[inputs = std::move(inputs), with_segments](LaneOutput& output,
                                                      cli::Context& context) mutable {
    Flows sink(output, &output);
    converters::pcap::CaptureFlows::Options options = converters::pcap::default_options();
    options.flows.segments = with_segments;
    converters::pcap::CaptureFlows flows(options, sink, context.diagnostics);
    for_each(inputs, context, [&](std::unique_ptr<io::Rewound> source, const LaneInput& input) {
      if (!input.name.empty()) flows.set_input(input.name);
      flows.set_shift(input.shift_ns);
      formats::pcap::CaptureReader reader(*source, context.diagnostics);
      converters::pcap::read_all(reader, flows, context.diagnostics, !is_regular(input.path));
    });
    flows.finish();
  }};
}

Lane switch_lane(std::vector<LaneInput> inputs) {
  return {[inputs = std::move(inputs)](LaneOutput& output, cli::Context& context) mutable {
    Switches sink(output);
    converters::greenlet::SwitchLog log(sink, context.diagnostics);
    for_each(inputs, context, [&](std::unique_ptr<io::Rewound> source, const LaneInput& input) {
      output.shift_by(input.shift_ns);
      log.read(*flushing(std::move(source), output), input.name);
    });
  }};
}

Lane symbol_lane(std::vector<LaneInput> inputs) {
  return {[inputs = std::move(inputs)](LaneOutput& output, cli::Context& context) mutable {
    Symbols sink(output);
    converters::perfmap::PerfMap map(sink, context.diagnostics);
    for_each(inputs, context, [&](std::unique_ptr<io::Rewound> source, const LaneInput& input) {
      map.read(*source, converters::perfmap::process_of(input.path), input.name);
    });
  }};
}

Lane record_lane(LaneInput input, bool as_packed, bool is_checked) {
  // The records' types live in the reader, and are needed longer than the lane's thread runs.
  struct Kept {
    std::unique_ptr<io::Rewound> source;
    std::unique_ptr<record::StreamReader> reader;
    OrderCheck check;
  };
  return {[inputs = std::vector{std::move(input)}, as_packed, is_checked,
           kept = std::make_shared<Kept>()](LaneOutput& output, cli::Context& context) mutable {
    for_each(inputs, context, [&](std::unique_ptr<io::Rewound> source, const LaneInput& of) {
      output.shift_by(of.shift_ns);
      kept->source = flushing(std::move(source), output);
      kept->reader = std::make_unique<record::StreamReader>(*kept->source, kKnown);
      read_records(*kept->reader, output, as_packed, context, is_checked ? &kept->check : nullptr,
                   kept->source->name());
    });
  }};
}

// The lane's records in order.
Lane sorted(Lane lane, std::size_t most_bytes) {
  class Collected final : public LaneOutput {
   public:
    explicit Collected(Sorter& sorter) : sorter_(sorter) {}
    void visit(const AnyRecord& record) override { sorter_.add(record, shift_ns_); }
    void flush() override {}
    void shift_by(std::int64_t ns) override { shift_ns_ = ns; }

   private:
    Sorter& sorter_;
    std::int64_t shift_ns_ = 0;
  };
  // Types of records live in it.
  auto sorter = std::make_shared<Sorter>(most_bytes);
  lane.read = [read = std::move(lane.read), sorter = std::move(sorter)](
                  LaneOutput& output, cli::Context& context) mutable {
    Collected collected(*sorter);
    read(collected, context);
    sorter->show_all(output);
  };
  return lane;
}

// What --shift says, in nanoseconds by input.
std::map<std::string, std::int64_t> shifts(const cli::Arguments& arguments,
                                           const std::vector<std::string>& paths) {
  std::map<std::string, std::int64_t> all;
  for (const std::string& word : arguments.values("shift")) {
    const std::size_t equals = word.rfind('=');
    std::int64_t ns = 0;
    if (equals == std::string::npos || !record::parse_seconds(word.substr(equals + 1), ns)) {
      throw io::UsageError{"--shift: not INPUT=SECONDS: " + io::quoted(word),
                           "such as --shift tcpdump.pcap=-0.25"};
    }
    const std::string path = word.substr(0, equals);
    if (std::ranges::find(paths, path) == paths.end()) {
      throw io::UsageError{"--shift: no such input: " + io::quoted(path)};
    }
    all[path] = ns;
  }
  return all;
}

bool has_any(std::string_view head, std::initializer_list<std::string_view> starts) {
  return std::ranges::any_of(starts,
                             [&](std::string_view start) { return head.starts_with(start); });
}

}  // namespace

std::optional<record::Time> time_option(const cli::Arguments& arguments, std::string_view name) {
  const auto text = arguments.value(name);
  if (!text) return std::nullopt;
  (void)converters::strace::clock_options(arguments);  // --tz
  return converters::strace::parse_time(*text, name);
}

InputKind recognize(std::string_view head) {
  using namespace std::string_view_literals;
  if (head.empty()) return InputKind::kRecords;
  // pcap in both byte orders, with micro- and nanoseconds and Kuznetzov's form; pcapng.
  if (has_any(head, {"\xd4\xc3\xb2\xa1"sv, "\xa1\xb2\xc3\xd4"sv, "\x4d\x3c\xb2\xa1"sv,
                     "\xa1\xb2\x3c\x4d"sv, "\x34\xcd\xb2\xa1"sv, "\xa1\xb2\xcd\x34"sv,
                     "\x0a\x0d\x0d\x0a"sv})) {
    return InputKind::kCapture;
  }
  // A header is a map of a few pairs.
  const auto first = static_cast<unsigned char>(head[0]);
  if (((first & 0xf0U) == 0x80 || first == 0xde || first == 0xdf) &&
      head.substr(0, 512).find("tracebraid") != std::string_view::npos) {
    return InputKind::kRecords;
  }
  if (head[0] == '{' || first == 0xfb) {
    const std::size_t next = head.find_first_not_of(" \t", 1);
    if (next != std::string_view::npos && (head[next] == '"' || head[next] == '}')) {
      return InputKind::kRecords;
    }
    // marshal: a dictionary whose first key is a tuple, or that ends at once.
    if (head.size() > 1 && "()0\xa8\xa9"sv.find(head[1]) != std::string_view::npos) {
      return InputKind::kProfile;
    }
  }
  if (converters::greenlet::looks_like_switches(head)) return InputKind::kSwitches;
  if (converters::perfmap::looks_like_perf_map(head)) return InputKind::kSymbols;
  if (converters::strace::looks_like_log(head)) return InputKind::kLog;
  return InputKind::kUnknown;
}

std::span<const record::TypeInfo* const> known_types() {
  return kKnown;
}

void read_inputs(const cli::Arguments& arguments, RecordVisitor& visitor, cli::Context& context) {
  const std::vector<std::string> paths = cli::input_paths(arguments);
  StraceLog::Options log_options;
  log_options.clock = converters::strace::clock_options(arguments);

  Logs logs(visitor);
  Flows flow_sink(visitor);
  Calls call_sink(visitor);
  converters::cprof::ProfileCalls profiles(call_sink, context.diagnostics);
  std::deque<std::string> profile_inputs;
  std::unique_ptr<StraceLog> log;
  std::unique_ptr<converters::strace::LogFiles> log_files;
  std::unique_ptr<converters::pcap::CaptureFlows> flows;
  std::deque<record::TypeTable> types;  // visitors know types by their addresses
  cli::for_each_input(
      paths, context, [&](std::unique_ptr<io::Source> opened, const std::string& path) {
        std::unique_ptr<io::Rewound> source = io::rewound(std::move(opened));
        const std::string input = paths.size() > 1 ? source->name() : std::string();
        switch (recognize(*source)) {
          case InputKind::kRecords: {
            record::StreamReader reader(*source, kKnown);
            read_records(reader, visitor, false, context);
            types.push_back(reader.take_types());
            break;
          }
          case InputKind::kCapture: {
            if (!flows) {
              flows = std::make_unique<converters::pcap::CaptureFlows>(
                  converters::pcap::default_options(), flow_sink, context.diagnostics);
            }
            if (!input.empty()) flows->set_input(input);
            formats::pcap::CaptureReader reader(*source, context.diagnostics);
            converters::pcap::read_all(reader, *flows, context.diagnostics);
            break;
          }
          case InputKind::kLog:
            if (!log) {
              log = std::make_unique<StraceLog>(log_options, logs, context.diagnostics);
              log_files = std::make_unique<converters::strace::LogFiles>(*log, context.diagnostics);
            }
            log_files->add(path, std::move(source), paths.size() == 1);
            break;
          case InputKind::kProfile:
            profile_inputs.push_back(input);
            profiles.read(*source, profile_inputs.back());
            break;
          case InputKind::kSwitches: {
            Switches switches(visitor);
            converters::greenlet::SwitchLog(switches, context.diagnostics).read(*source, input);
            break;
          }
          case InputKind::kSymbols: {
            Symbols symbols(visitor);
            converters::perfmap::PerfMap(symbols, context.diagnostics)
                .read(*source, converters::perfmap::process_of(path), input);
            break;
          }
          case InputKind::kUnknown:
            throw unknown_input(*source);
        }
      });
  if (log_files) log_files->finish();
  if (flows) flows->finish();
}

namespace {

// Every input stays open: as many as the system allows.
void allow_open_files(std::size_t count) {
  constexpr std::size_t kOthers = 32;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= count + kOthers) return;
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, count + kOthers);
  (void)::setrlimit(RLIMIT_NOFILE, &limit);
}

// A lane, and which input is its first.
struct PlacedLane {
  std::size_t place;
  InputKind kind;
  Lane lane;
};

// All inputs' lanes. `ordering` is null where records may come as they become known.
std::vector<PlacedLane> make_lanes(const cli::Arguments& arguments, const Wanted& wanted,
                                   const Ordering* ordering, RecordVisitor& visitor,
                                   cli::Context& context) {
  const std::vector<std::string> paths = cli::input_paths(arguments);
  allow_open_files(paths.size());
  std::map<std::string, std::int64_t> shift = shifts(arguments, paths);
  StraceLog::Options log_options;
  log_options.clock = converters::strace::clock_options(arguments);
  log_options.files = wanted.files;

  struct Several {
    std::size_t place = 0;
    std::vector<LaneInput> inputs;
  };
  Several profiles;
  Several logs;
  Several captures;
  Several switches;
  Several symbols;
  std::vector<PlacedLane> lanes;
  std::size_t place = 0;
  cli::for_each_input(
      paths, context, [&](std::unique_ptr<io::Source> opened, const std::string& path) {
        ++place;
        std::shared_ptr<io::Rewound> source = io::rewound(std::move(opened));
        LaneInput input{path, paths.size() > 1 ? source->name() : std::string(), shift[path], {}};
        const InputKind kind = recognize(*source);
        if (kind == InputKind::kUnknown) throw unknown_input(*source);
        const bool may_wait = !is_regular(path);
        if (may_wait) input.opened = std::move(source);
        if (kind == InputKind::kRecords) {
          const bool is_checked = ordering != nullptr && !ordering->sort_streams;
          lanes.push_back(
              {place, kind, record_lane(std::move(input), wanted.as_packed, is_checked)});
          lanes.back().lane.may_wait = may_wait;
          return;
        }
        Several& several = kind == InputKind::kCapture    ? captures
                           : kind == InputKind::kLog      ? logs
                           : kind == InputKind::kSwitches ? switches
                           : kind == InputKind::kSymbols  ? symbols
                                                          : profiles;
        if (several.inputs.empty()) several.place = place;
        several.inputs.push_back(std::move(input));
      });
  visitor.begin({.logs = !logs.inputs.empty(),
                 .captures = !captures.inputs.empty(),
                 .profiles = !profiles.inputs.empty(),
                 .records = !lanes.empty(),
                 .switches = !switches.inputs.empty(),
                 .symbols = !symbols.inputs.empty()});
  const auto add = [&](Several& several, InputKind kind, auto make) {
    if (several.inputs.empty()) return;
    const bool may_wait = std::ranges::any_of(
        several.inputs, [](const LaneInput& input) { return input.opened != nullptr; });
    lanes.push_back({several.place, kind, make(std::move(several.inputs))});
    lanes.back().lane.may_wait = may_wait;
  };
  add(switches, InputKind::kSwitches, switch_lane);
  add(captures, InputKind::kCapture, [&](std::vector<LaneInput> inputs) {
    return capture_lane(std::move(inputs), wanted.segments);
  });
  add(logs, InputKind::kLog, [&](std::vector<LaneInput> inputs) {
    return log_lane(std::move(inputs), log_options, wanted);
  });
  add(symbols, InputKind::kSymbols, symbol_lane);
  add(profiles, InputKind::kProfile,
      [&](std::vector<LaneInput> inputs) { return profile_lane(std::move(inputs), wanted); });
  return lanes;
}

}  // namespace

void read_inputs_in_step(const cli::Arguments& arguments, const Wanted& wanted,
                         RecordVisitor& visitor, cli::Context& context) {
  std::vector<Lane> first;
  std::vector<Lane> lanes;
  for (PlacedLane& placed : make_lanes(arguments, wanted, nullptr, visitor, context)) {
    const bool is_timeless =
        placed.kind == InputKind::kProfile || placed.kind == InputKind::kSymbols;
    (is_timeless ? first : lanes).push_back(std::move(placed.lane));
  }
  if (!first.empty()) read_in_step(std::move(first), Order::kKnown, visitor, context);
  read_in_step(std::move(lanes), Order::kKnown, visitor, context);
}

void read_inputs_by_ts(const cli::Arguments& arguments, const Wanted& wanted,
                       const Ordering& ordering, RecordVisitor& visitor, cli::Context& context) {
  std::vector<PlacedLane> placed = make_lanes(arguments, wanted, &ordering, visitor, context);
  std::ranges::stable_sort(placed, {}, &PlacedLane::place);
  const auto is_sorted = [&](const PlacedLane& lane) {
    return lane.kind != InputKind::kRecords || ordering.sort_streams;
  };
  const auto count = static_cast<std::size_t>(std::ranges::count_if(placed, is_sorted));
  std::vector<Lane> lanes;
  for (PlacedLane& each : placed) {
    const bool is_so = is_sorted(each);
    lanes.push_back(std::move(each.lane));
    if (is_so) lanes.back() = sorted(std::move(lanes.back()), ordering.most_bytes / count);
  }
  read_in_step(std::move(lanes), Order::kTs, visitor, context);
}

}  // namespace tracebraid::analyzers
