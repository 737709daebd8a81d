#include "analyzers/input/inputs.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sys/resource.h>
#include <sys/stat.h>

#include "analyzers/input/in_step.h"
#include "analyzers/input/sorter.h"
#include "converters/inputs.h"
#include "converters/pcap/capture_flows.h"
#include "formats/cli/inputs.h"
#include "formats/cli/numbers.h"
#include "formats/io/error.h"
#include "formats/io/looks_like.h"
#include "formats/io/rewound.h"
#include "formats/io/source.h"
#include "formats/record/text.h"

namespace tracebraid::analyzers {
namespace {

namespace cli = formats::cli;
namespace io = formats::io;
namespace record = formats::record;
using converters::InputFile;
using converters::InputKind;
using converters::InputReader;
using converters::InputSink;
using converters::MakeReader;
using record::AnyRecord;

const InputKind* recognize(io::Rewound& source) {
  const InputKind* kind = converters::recognize(source.head());
  while (kind == nullptr && source.more()) kind = converters::recognize(source.head());
  return kind;
}

io::Error unknown_input(const io::Rewound& source) {
  const std::string_view what = io::looks_like(source.head());
  return {source.name(), "",
          converters::no_known_input() +
              (what.empty() ? std::string() : "; looks like " + std::string(what))};
}

bool is_regular(const std::string& path) {
  struct stat status {};
  return path != "-" && ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

// One of the inputs that a lane reads.
struct LaneInput {
  InputFile file;
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

// What one converter reads, and which input is its first.
struct Planned {
  const InputKind* kind;
  std::size_t place;
  MakeReader make;
  std::vector<LaneInput> inputs;
};

// What is wrong with one of the inputs does not stop the others.
void read_all(Planned& lane, InputReader& reader, InputSink& sink, cli::Context& context) {
  for (LaneInput& input : lane.inputs) {
    const std::string name = cli::input_name(input.file.path);
    context.diagnostics.set_input(name);
    try {
      std::unique_ptr<io::Rewound> source;
      if (input.opened) {
        source = std::make_unique<Reopened>(std::move(input.opened));
      } else {
        source = io::rewound(io::open_source(input.file.path, context.progress));
      }
      sink.shift_by(input.file.shift_ns);
      reader.read(std::move(source), input.file);
    } catch (const io::Error& error) {
      if (error.input != name) throw;
      context.diagnostics.report(error);
    }
  }
  reader.finish();
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

// Every input stays open: as many as the system allows.
void allow_open_files(std::size_t count) {
  constexpr std::size_t kOthers = 32;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= count + kOthers) return;
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, count + kOthers);
  (void)::setrlimit(RLIMIT_NOFILE, &limit);
}

// All inputs' lanes, of those that happened at the same time the first to be shown in front.
std::vector<Planned> plan(const cli::Arguments& arguments, const Wanted& wanted,
                          RecordVisitor& visitor, cli::Context& context) {
  const std::vector<std::string> paths = cli::input_paths(arguments);
  allow_open_files(paths.size());
  std::map<std::string, std::int64_t> shift = shifts(arguments, paths);
  std::map<const InputKind*, MakeReader> makers;
  for (const InputKind* const kind : converters::input_kinds()) {
    makers[kind] = kind->prepare(arguments, wanted);
  }

  std::vector<Planned> lanes;
  InputKinds kinds;
  std::size_t place = 0;
  cli::for_each_input(paths, context,
                      [&](std::unique_ptr<io::Source> opened, const std::string& path) {
                        ++place;
                        std::shared_ptr<io::Rewound> source = io::rewound(std::move(opened));
                        const InputKind* const kind = recognize(*source);
                        if (kind == nullptr) throw unknown_input(*source);
                        kinds.add(*kind);
                        LaneInput input;
                        input.file = {path, paths.size() > 1 ? source->name() : std::string(),
                                      shift[path], !is_regular(path)};
                        if (input.file.may_wait) input.opened = std::move(source);
                        auto lane = std::ranges::find(lanes, kind, &Planned::kind);
                        if (lane == lanes.end() || kind->is_read_alone) {
                          lane = lanes.insert(lanes.end(), Planned{kind, place, makers[kind], {}});
                        }
                        lane->inputs.push_back(std::move(input));
                      });
  std::ranges::stable_sort(lanes, {}, [](const Planned& lane) { return lane.kind->rank; });
  visitor.begin(kinds);
  return lanes;
}

Lane in_thread(Planned planned) {
  Lane lane;
  lane.may_wait = std::ranges::any_of(
      planned.inputs, [](const LaneInput& input) { return input.opened != nullptr; });
  lane.read = [planned = std::move(planned)](InputSink& sink, cli::Context& context) mutable {
    const std::unique_ptr<InputReader> reader = planned.make(sink, context);
    read_all(planned, *reader, sink, context);
  };
  return lane;
}

// The lane's records in order.
Lane sorted(Lane lane, std::size_t most_bytes) {
  class Collected final : public InputSink {
   public:
    Collected(Sorter& sorter, InputSink& output) : sorter_(sorter), output_(output) {}
    void put(const AnyRecord& record) override { sorter_.add(record, shift_ns_); }
    void flush() override {}
    void shift_by(std::int64_t ns) override { shift_ns_ = ns; }
    void keep(std::shared_ptr<const void> types) override { output_.keep(std::move(types)); }

   private:
    Sorter& sorter_;
    InputSink& output_;
    std::int64_t shift_ns_ = 0;
  };
  lane.read = [read = std::move(lane.read), most_bytes](InputSink& output,
                                                        cli::Context& context) mutable {
    // Types of records that it has read back live in it.
    const auto sorter = std::make_shared<Sorter>(most_bytes);
    output.keep(sorter);
    Collected collected(*sorter, output);
    read(collected, context);
    sorter->show_all([&](const AnyRecord& record) { output.put(record); });
  };
  return lane;
}

}  // namespace

std::string_view described_inputs() {
  return converters::described_inputs();
}

Recognized recognize_file(const std::string& path) {
  Recognized recognized;
  if (!is_regular(path)) {
    const auto kinds = converters::input_kinds();
    recognized.kind = *std::ranges::find_if(kinds, &InputKinds::is_stream);
    return recognized;
  }
  try {
    const std::unique_ptr<io::Rewound> source = io::rewound(io::open_source(path));
    recognized.kind = recognize(*source);
    if (recognized.kind != nullptr && recognized.kind->common_path != nullptr) {
      recognized.common_path = recognized.kind->common_path(path, source->head());
    }
  } catch (const io::Error&) {
    // It is reported when it is to be read.
  }
  return recognized;
}

std::size_t default_most_flows(std::size_t flow_bytes) {
  return converters::pcap::default_most_flows(flow_bytes);
}

std::size_t most_flows(const cli::Arguments& arguments, std::size_t flow_bytes) {
  const std::optional<std::string> most = arguments.value("max-flows");
  if (!most) return default_most_flows(flow_bytes);
  return cli::number_between("--max-flows", *most, 1, 1'000'000'000);
}

void read_inputs_in_step(const cli::Arguments& arguments, const Wanted& wanted,
                         RecordVisitor& visitor, cli::Context& context) {
  std::vector<std::vector<Lane>> groups(2);
  for (Planned& planned : plan(arguments, wanted, visitor, context)) {
    groups[planned.kind->is_timeless ? 0 : 1].push_back(in_thread(std::move(planned)));
  }
  read_in_step(std::move(groups), record::Order::kKnown, visitor, context);
}

void read_inputs_by_ts(const cli::Arguments& arguments, const Wanted& wanted,
                       const Ordering& ordering, RecordVisitor& visitor, cli::Context& context) {
  Wanted own = wanted;
  own.in_order = !ordering.sort_streams;
  std::vector<Planned> plans = plan(arguments, own, visitor, context);
  std::ranges::stable_sort(plans, {}, &Planned::place);
  const auto is_sorted = [&](const Planned& planned) {
    return !InputKinds::is_stream(planned.kind) || ordering.sort_streams;
  };
  const auto count = static_cast<std::size_t>(std::ranges::count_if(plans, is_sorted));
  std::vector<std::vector<Lane>> groups(1);
  for (Planned& planned : plans) {
    const bool is_so = is_sorted(planned);
    Lane lane = in_thread(std::move(planned));
    if (is_so) lane = sorted(std::move(lane), ordering.most_bytes / count);
    groups[0].push_back(std::move(lane));
  }
  read_in_step(std::move(groups), record::Order::kTs, visitor, context);
}

void read_inputs_in_turn(const cli::Arguments& arguments, const Wanted& wanted,
                         RecordVisitor& visitor, cli::Context& context) {
  class Direct final : public InputSink {
   public:
    explicit Direct(RecordVisitor& visitor) : visitor_(visitor) {}
    void put(const AnyRecord& record) override {
      if (shift_ns_ == 0) return visitor_.visit(record);
      memory_.clear();
      visitor_.visit(record.kept_in(memory_, shift_ns_));
    }
    void flush() override { visitor_.flush(); }
    void shift_by(std::int64_t ns) override { shift_ns_ = ns; }
    void keep(std::shared_ptr<const void> types) override { kept_.push_back(std::move(types)); }

   private:
    RecordVisitor& visitor_;
    std::int64_t shift_ns_ = 0;
    record::Arena memory_;
    std::vector<std::shared_ptr<const void>> kept_;
  };

  std::vector<Planned> plans = plan(arguments, wanted, visitor, context);
  std::ranges::stable_sort(plans, {}, &Planned::place);
  Direct sink(visitor);
  std::vector<std::unique_ptr<InputReader>> readers;
  for (std::size_t lane = 0; lane < plans.size(); ++lane) {
    visitor.enter(lane);
    const auto& reader = readers.emplace_back(plans[lane].make(sink, context));
    read_all(plans[lane], *reader, sink, context);
  }
  visitor.at_end();
}

}  // namespace tracebraid::analyzers
