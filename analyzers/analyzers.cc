#include <algorithm>
#include <string>
#include <string_view>

#include "analyzers/analyzer.h"
#include "analyzers/input/inputs.h"
#include "formats/io/error.h"

namespace tracebraid::analyzers {

#define TRACEBRAID_ANALYZER(name, program) extern const formats::cli::Program program;
#include "analyzers/analyzers.list"
#undef TRACEBRAID_ANALYZER

namespace {

namespace cli = formats::cli;

#define TRACEBRAID_ANALYZER(name, program) {#name, &program},
constexpr Analyzer kAnalyzers[] = {
#include "analyzers/analyzers.list"
};
#undef TRACEBRAID_ANALYZER

// A line for each, from its program.
std::string_view described_analyzers() {
  static const std::string kText = [] {
    std::string text;
    const auto longest = std::ranges::max(
        kAnalyzers, {}, [](const Analyzer& analyzer) { return analyzer.name.size(); });
    for (const Analyzer& analyzer : kAnalyzers) {
      text.append("  ").append(analyzer.name);
      text.append(longest.name.size() + 2 - analyzer.name.size(), ' ');
      text.append(analyzer.program->summary).append("\n");
    }
    return text + "\ntracebraid ANALYZER --help is the manual of each.";
  }();
  return kText;
}

constexpr std::string_view kUsage[] = {"ANALYZER [OPTION…] [INPUT…]"};

constexpr cli::Section kSections[] = {
    {"Analyzers", {}, &described_analyzers},
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
