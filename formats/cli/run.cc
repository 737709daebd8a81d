#include <algorithm>
#include <csignal>
#include <exception>
#include <new>

#include "formats/cli/help.h"
#include "formats/cli/program.h"
#include "formats/cli/terminal.h"
#include "formats/io/output.h"

namespace tracebraid::formats::cli {
namespace {

constexpr std::string_view kGeneral = "General";

constexpr Option kStandardOptions[] = {
    {'h', "usage", Argument::kNone, "", kGeneral, "show a short help and exit"},
    {0, "help", Argument::kNone, "", kGeneral, "show the whole manual and exit"},
    {0, "version", Argument::kNone, "", kGeneral, "show the version and exit"},
    {0, "generate", Argument::kChoice, "KIND", kGeneral,
     "print the manual page or a shell completion", "KIND is man, bash, zsh or fish.",
     "man bash zsh fish"},
};

void print(std::string_view text) {
  const std::unique_ptr<io::Output> out = io::open_output("-");
  out->write(text);
  out->commit();
}

bool answer_standard_options(const Program& program, const Arguments& arguments) {
  if (arguments.has("help")) {
    print(long_help(program));
  } else if (arguments.has("usage")) {
    print(short_help(program));
  } else if (arguments.has("version")) {
    print(std::string(program.name) + " " + std::string(version()) + "\n");
  } else if (const std::optional<std::string> kind = arguments.value("generate")) {
    print(*kind == "man" ? man_page(program) : completion(program, *kind));
  } else {
    return false;
  }
  return true;
}

}  // namespace

std::string_view version() {
  return TRACEBRAID_VERSION;
}

std::vector<Option> all_options(const Program& program) {
  std::vector<Option> options(program.options.begin(), program.options.end());
  options.insert(options.end(), std::begin(kStandardOptions), std::end(kStandardOptions));
  return options;
}

int run(const Program& program, int argc, char** argv) {
  constexpr int kFailed = 1;
  constexpr int kUsage = 2;
  // A reader that leaves early shows as EPIPE, i.e. DownstreamClosed.
  std::signal(SIGPIPE, SIG_IGN);
  Terminal terminal(program.name);
  const std::string name(program.name);
  io::Diagnostics diagnostics(terminal, name);
  Context context{diagnostics, &terminal};
  try {
    const std::vector<Option> options = all_options(program);
    const std::vector<std::string> words(argv + 1, argv + argc);
    Arguments arguments;
    try {
      arguments = parse(options, words, program.has_two_groups);
    } catch (const io::UsageError&) {
      if (std::find(words.begin(), words.end(), "--help") == words.end()) throw;
      print(long_help(program));
      return 0;
    }
    if (answer_standard_options(program, arguments)) return 0;
    program.body(arguments, context);
  } catch (const io::UsageError& error) {
    terminal.line(name + ": " + error.what);
    terminal.line(name +
                  ": hint: " + (error.hint.empty() ? name + " -h shows the usage" : error.hint));
    return kUsage;
  } catch (const io::Error& error) {
    diagnostics.report(error);
  } catch (const io::DownstreamClosed&) {
    return 0;
  } catch (const std::bad_alloc&) {
    diagnostics.report({"", "", "out of memory"});
  } catch (const std::exception& error) {
    diagnostics.report({"", "", std::string("internal error: ") + error.what()});
  }
  diagnostics.summarize();
  return std::max(context.status, diagnostics.damaged() ? kFailed : 0);
}

}  // namespace tracebraid::formats::cli
