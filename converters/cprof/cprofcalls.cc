#include "converters/cprof/cprofcalls.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "converters/cprof/profile_calls.h"
#include "formats/cli/inputs.h"
#include "formats/cli/record_output.h"
#include "formats/io/background.h"
#include "formats/io/error.h"
#include "formats/io/source.h"
#include "formats/record/call.h"
#include "formats/record/function.h"
#include "formats/record/text.h"
#include "formats/record/writer.h"

namespace tracebraid::converters::cprof {
namespace {

namespace cli = formats::cli;
namespace io = formats::io;
namespace record = formats::record;
using cli::Argument;

constexpr std::string_view kUsage[] = {"[OPTION…] [PROFILE…]"};

constexpr cli::Option kOptions[] = {
    cli::kFormatOption,
    cli::kOutputOption,
    cli::kFieldsOption,
    cli::kCsvSafeOption,
    {0, "type", Argument::kChoice, "TYPE", "Output", "write records of this type only",
     "function or call. Default: both with -f jsonl and -f msgpack, which hold several types of "
     "records, and function with the others.",
     "function call"},
    {'q', "quiet", Argument::kNone, "", "Output", "do not show the sums on standard error"},
    cli::kSchemaOption,
};

constexpr cli::Section kSections[] = {
    {"Input",
     "Profiles as written by python -m cProfile -o, Profile.dump_stats(), pstats, the pure-Python "
     "profile module, yappi (pstats format), pyinstrument -r pstats, and Python 3.15's "
     "profiling.sampling, by any Python from 2.7 to 3.15 on any machine. Python itself is not "
     "needed. gzip and zstd are seen through; - or nothing is standard input."},
    {"Records",
     "A record function for every entry of a profile, in the profile's order, and behind it a "
     "record call for each of its callers. Numbers are the profile's own, times to the nearest "
     "nanosecond; names and meanings are those of pstats: calls is ncalls, with recursive calls, "
     "primitive_calls are those without, tottime is own time, cumtime cumulative time. Several "
     "profiles are not added up; input tells their records apart. --schema explains every "
     "field.\n\n"
     "What the profile does not say is null, or - in tables: the profile module and Python 3.15's "
     "sampling profiler give callers a number of calls and no times. Calls that came from outside "
     "the profile have no caller and are in no call record, so that the calls of a function's "
     "call records can be fewer than its calls. A caller may have no function record where it was "
     "still running, or where the profile was filtered."},
    {"Sums",
     "At the end, standard error tells how many functions and calls there were, and the sum of all "
     "tottime, which is the total that pstats shows."},
    {"Exit status",
     "0: done. 1: an input was damaged, unreadable or no profile, or the output could not be "
     "written; records of what was readable are written. 2: the command line was wrong."},
};

constexpr cli::Example kExamples[] = {
    {"Look at a profile:", "cprofcalls profile.cprof"},
    {"The functions with the most time of their own:",
     "cprofcalls -f jsonl --type function profile.cprof | jq -s -c 'sort_by(-.tottime)[:10][] | "
     "[.tottime, .calls, .name, .file, .line]'"},
    {"Who calls a function, and what it costs him:",
     "cprofcalls -f jsonl --type call profile.cprof | jq -c 'select(.callee_name == \"<method "
     "'\\''send'\\'' of '\\''_socket.socket'\\'' objects>\") | [.caller_name, .calls, .cumtime]'"},
    {"All workers' functions for a spreadsheet:",
     "cprofcalls --csv-safe -o workers.csv worker-*.cprof"},
    {"Exact and quick to read, for a program:", "cprofcalls -o profile.msgpack profile.cprof"},
};

constexpr const record::TypeInfo* kTypes[] = {&record::kTypeInfo<record::Function>,
                                              &record::kTypeInfo<record::Call>};
constexpr std::string_view kFunctionColumns[] = {
    "calls", "primitive_calls", "tottime", "cumtime", "name", "file", "line"};
constexpr std::string_view kCallColumns[] = {"calls",       "tottime",     "cumtime",
                                             "caller_name", "callee_name", "caller_file",
                                             "caller_line", "callee_file", "callee_line"};

// Writes those of the types that are wanted, in a second thread.
class RecordSink final : public CallSink {
 public:
  RecordSink(record::Writer& writer, bool functions, bool calls)
      : writer_(writer),
        has_functions_(functions),
        has_calls_(calls),
        background_([this](Batch& batch) { write(batch); }) {}

  void function(const record::Function& function) override {
    if (batch_.functions.size() + batch_.calls.size() >= kBatch) background_.submit(batch_);
    batch_.functions.push_back(function);
  }
  void call(const record::Call& call) override {
    if (has_calls_) batch_.calls.push_back(call);
  }

  // Writes all that came; to be called before their texts go away.
  void drain() { background_.drain(batch_); }

 private:
  static constexpr std::size_t kBatch = 1024;

  // Whole functions, each with its calls.
  struct Batch {
    std::vector<record::Function> functions;
    std::vector<record::Call> calls;
  };

  void write(Batch& batch) {
    auto call = batch.calls.begin();
    for (const record::Function& function : batch.functions) {
      if (has_functions_) writer_.write(function);
      if (!has_calls_) continue;
      for (std::uint64_t each = 0; each < function.callers; ++each) writer_.write(*call++);
    }
    batch.functions.clear();
    batch.calls.clear();
  }

  record::Writer& writer_;
  bool has_functions_;
  bool has_calls_;
  Batch batch_;
  formats::io::Background<Batch> background_;  // the last: its thread uses the others
};

std::string sums(const ProfileCalls& calls) {
  const auto amount = [](std::uint64_t count, std::string_view what) {
    return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
  };
  constexpr std::uint64_t kBillion = 1'000'000'000;
  return fmt::format("{}, {}, {}.{:09} s in all", amount(calls.functions(), "function"),
                     amount(calls.calls(), "call record"), calls.self_ns() / kBillion,
                     calls.self_ns() % kBillion);
}

void run(const cli::Arguments& arguments, cli::Context& context) {
  if (arguments.has("schema")) return cli::print_schema(kTypes);
  const std::vector<std::string> inputs = cli::input_paths(arguments);
  const cli::RecordRequest request(arguments);
  const std::optional<std::string> type = arguments.value("type");
  const bool has_both = !type && record::holds_several(request.format);
  const bool has_calls = has_both || type == "call";
  const bool has_functions = has_both || type != "call";
  const auto types = std::span(kTypes);
  cli::RecordOutput output(
      request, "cprofcalls", has_both ? types : types.subspan(has_functions ? 0 : 1, 1),
      has_functions ? std::span<const std::string_view>(kFunctionColumns) : kCallColumns);
  RecordSink sink(output.writer(), has_functions, has_calls);
  ProfileCalls calls(sink, context.diagnostics);
  cli::for_each_input(inputs, context,
                      [&](const std::unique_ptr<io::Source>& source, const std::string& path) {
                        const std::string name = inputs.size() > 1 ? cli::input_name(path) : "";
                        try {
                          calls.read(*source, name);
                        } catch (...) {
                          sink.drain();
                          throw;
                        }
                        sink.drain();
                      });
  output.finish(context.diagnostics);
  if (!arguments.has("quiet")) context.diagnostics.note(sums(calls));
}

constexpr cli::Program kProgram = {
    .name = "cprofcalls",
    .summary = "turn Python profiles into records of functions and calls",
    .usage = kUsage,
    .options = kOptions,
    .sections = kSections,
    .examples = kExamples,
    .body = run,
};

}  // namespace

const cli::Program& cprofcalls() {
  return kProgram;
}

}  // namespace tracebraid::converters::cprof
