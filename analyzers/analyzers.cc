#include <algorithm>
#include <string>
#include <string_view>

#include "analyzers/analyzer.h"
#include "analyzers/callgrind/callgrind.h"
#include "analyzers/checks/check.h"
#include "analyzers/diff/diff.h"
#include "analyzers/input/inputs.h"
#include "analyzers/merge/merge.h"
#include "analyzers/sockets/sockets.h"
#include "analyzers/timeline/timeline.h"
#include "analyzers/top/top.h"
#include "formats/io/error.h"

namespace tracebraid::analyzers {
namespace {

namespace cli = formats::cli;

constexpr Analyzer kAnalyzers[] = {
    {"callgrind", &kCallgrind}, {"check", &kCheck},       {"diff", &kDiff}, {"merge", &kMerge},
    {"sockets", &kSockets},     {"timeline", &kTimeline}, {"top", &kTop},
};

constexpr std::string_view kUsage[] = {"ANALYZER [OPTION…] [INPUT…]"};

constexpr cli::Section kSections[] = {
    {"Analyzers",
     "  callgrind a profile with the system calls and flows that its functions caused\n"
     "  check     what is wrong, with evidence\n"
     "  diff      runs against others: what appeared, what went, what changed\n"
     "  merge     all inputs as one stream in order of time\n"
     "  sockets   each socket's life, with the flow that it was on the wire\n"
     "  timeline  what happened, in order, on one clock; for Perfetto, too\n"
     "  top       the heaviest system calls, flows or functions, as a table\n\n"
     "tracebraid ANALYZER --help is the manual of each."},
    kInputSection,
};

constexpr cli::Example kExamples[] = {
    {"Which system calls take the time, and which fail:", "tracebraid top server.strace"},
    {"Calls and flows in order of time:", "tracebraid merge server.strace server.pcap"},
    {"Whom a capture's flows went to:", "tracebraid top server.pcap --by resp_h,resp_p"},
};

void run(const cli::Arguments& arguments, cli::Context&) {
  if (arguments.positional.empty()) throw formats::io::UsageError{"no analyzer"};
  std::string names;
  for (const Analyzer& analyzer : kAnalyzers) {
    names.append(names.empty() ? "" : ", ").append(analyzer.name);
  }
  throw formats::io::UsageError{
      "no such analyzer: " + formats::io::quoted(arguments.positional.front()),
      "there is " + names};
}

constexpr cli::Program kProgram = {
    .name = "tracebraid",
    .summary = "tell what went wrong in a network server, from its traces",
    .usage = kUsage,
    .options = {},
    .sections = kSections,
    .examples = kExamples,
    .body = run,
    .commands = kAnalyzers,
};

}  // namespace

std::span<const Analyzer> analyzers() {
  return kAnalyzers;
}

int run_tracebraid(int argc, char** argv) {
  if (argc > 1) {
    for (const Analyzer& analyzer : kAnalyzers) {
      if (analyzer.name == argv[1]) return cli::run(*analyzer.program, argc - 1, argv + 1);
    }
  }
  return cli::run(kProgram, argc, argv);
}

}  // namespace tracebraid::analyzers
