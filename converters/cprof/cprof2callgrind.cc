#include "converters/cprof/cprof2callgrind.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <sys/stat.h>

#include "converters/cprof/callgrind_conversion.h"
#include "converters/cprof/profile.h"
#include "converters/cprof/profile_reader.h"
#include "converters/cprof/viewer.h"
#include "formats/cli/inputs.h"
#include "formats/io/cursor.h"
#include "formats/io/error.h"
#include "formats/io/output.h"
#include "formats/io/process.h"
#include "formats/io/source.h"

namespace tracebraid::converters::cprof {
namespace {

namespace cli = formats::cli;
namespace fs = std::filesystem;
namespace io = formats::io;
using cli::Argument;

constexpr std::string_view kUsage[] = {
    "[OPTION…] IN… OUT",
    "[OPTION…] -i IN [-o OUT] [-k]",
    "[OPTION…] [-o OUT] [-k] -r SCRIPT [ARGUMENT…]",
};

constexpr cli::Option kOptions[] = {
    {'i', "infile", Argument::kFile, "FILE", "Input and output", "read the profile FILE",
     "May be given several times; - is standard input. gzip and zstd are seen through."},
    {'o', "outfile", Argument::kFile, "FILE", "Input and output",
     "write the callgrind profile FILE",
     "- is standard output. FILE appears whole or not at all. Without -o, and without -k, the "
     "profile of -i or -r goes to NAME.log in the current folder, NAME being the input's or the "
     "script's file name, as with pyprof2calltree."},
    {'k', "kcachegrind", Argument::kNone, "", "Input and output",
     "show the result in KCachegrind or QCachegrind",
     "Waits until it is closed. Without an output name, the result is only shown."},
    {'r', "run-script", Argument::kRest, "SCRIPT", "Input and output",
     "run and profile a Python script with its arguments",
     "All that follows is the script's command line. -r -m MODULE runs a module. Python is "
     "$PYTHON, or else python3. When the script fails, what "
     "was recorded until then is converted, and the recorded dump is kept."},
    {0, "partial", Argument::kNone, "", "Input and output",
     "keep the complete entries of a damaged profile",
     "Without it, a damaged profile leaves no output file. The exit status is 1 either way."},
    {0, "strip-prefix", Argument::kFolder, "PREFIX", "Names and selection",
     "remove a folder from the front of file names",
     "May be given several times; the longest that fits is removed."},
    {0, "strip-dirs", Argument::kNone, "", "Names and selection",
     "keep only the last part of file names",
     "As pstats' strip_dirs(): functions that become equal are added up."},
    {0, "include", Argument::kText, "PATTERN", "Names and selection",
     "keep only functions whose file or name matches",
     "PATTERN is a shell pattern (* ? [a-z]) for the whole file name or the whole function name; "
     "file:PATTERN and name:PATTERN ask for one of them. May be given several times."},
    {0, "exclude", Argument::kText, "PATTERN", "Names and selection",
     "leave out functions whose file or name matches",
     "PATTERN as in --include, over which --exclude wins. Calls that a function which is left out "
     "makes to one that is kept come from (root)."},
    {0, "no-root-edges", Argument::kNone, "", "Names and selection",
     "do not add (root) and its calls",
     "Then viewers show too small an inclusive cost for functions that were called from outside "
     "the profile."},
};

constexpr cli::Section kSections[] = {
    {"Input",
     "Profiles as written by python -m cProfile -o, Profile.dump_stats(), pstats, the pure-Python "
     "profile module, yappi (pstats format), pyinstrument -r pstats, and Python 3.15's "
     "profiling.sampling, by any Python from 2.7 to 3.15 on any machine. Python itself is not "
     "needed. Several profiles are added up."},
    {"Output",
     "A callgrind profile that KCachegrind, QCachegrind, callgrind_annotate and speedscope open. "
     "Costs are nanoseconds, rounded to nearest. Own time and calls of every function, and "
     "calls and inclusive time of every caller, are the dump's own numbers; the totals are the sum "
     "of all own time. A function is named NAME (FILE:LINE), with FILE cut to what tells files "
     "apart; its package is its object, for grouping.\n\n"
     "(root) makes the calls that came from outside the profile. Calls of a function to itself "
     "cost "
     "0 ns, as their time is inside the outer call. Where the dump has no times for callers (the "
     "profile module, sampled dumps), the callee's time is shared out by number of calls; the "
     "profile's description then says so.\n\n"
     "KCachegrind opens, beside a file X, every file whose name begins with X, and adds them up: "
     "keep no old copies there.\n\n"
     "gprof2dot opens most profiles, but stops with an AssertionError at some whose functions call "
     "each other in a circle, as those of greenlets do: where several calls of 0 ns lead to one "
     "function, it counts that function's time for each of them. --no-root-edges avoids most of "
     "these cases; gprof2dot -f pstats reads the dump itself, without this program."},
    {"Exit status",
     "0: done. 1: an input was damaged, unreadable or no profile, the output could not be written, "
     "or the script of -r failed. 2: the command line was wrong."},
};

constexpr cli::Example kExamples[] = {
    {"Convert a profile and look at it:",
     "cprof2callgrind profile.cprof app.callgrind && kcachegrind app.callgrind"},
    {"Add up the profiles of all workers:", "cprof2callgrind worker-*.cprof all.callgrind"},
    {"In a pipeline, from a compressed dump:",
     "cat profile.cprof.zst | cprof2callgrind - - | head -n 20"},
    {"Only the program's own code:",
     "cprof2callgrind --include 'file:/srv/*' profile.cprof own.callgrind"},
    {"Profile a script and show the result:", "cprof2callgrind -k -r server.py --port 8000"},
};

struct Request {
  std::vector<std::string> inputs;
  std::optional<std::string> output;
  bool output_was_named = true;  // by the user, not by us
  bool view = false;
  bool partial = false;
  std::vector<std::string> script;
  ConversionOptions conversion;
};

std::string base_name(const std::string& path) {
  return fs::path(path).filename().string();
}

bool is_same_file(const std::string& left, const std::string& right) {
  struct stat left_status {};
  struct stat right_status {};
  return ::stat(left.c_str(), &left_status) == 0 && ::stat(right.c_str(), &right_status) == 0 &&
         S_ISREG(left_status.st_mode) && left_status.st_dev == right_status.st_dev &&
         left_status.st_ino == right_status.st_ino;
}

// A profile where the output should go means that the output's name was forgotten.
bool is_profile(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return false;
  std::ifstream file(path, std::ios::binary);
  const int first = file.get();
  const int second = file.get();
  constexpr int kFlag = 0x80;
  return (first | kFlag) == ('{' | kFlag) &&
         ((second | kFlag) == ('(' | kFlag) || (second | kFlag) == (')' | kFlag) || second == '0');
}

std::string default_output(const Request& request) {
  const std::vector<std::string>& script = request.script;
  const bool is_module = script.size() > 1 && script[0] == "-m";
  const std::string& source = script.empty() ? request.inputs.front() : script[is_module ? 1 : 0];
  return source == "-" ? "-" : base_name(source) + ".log";
}

ConversionOptions conversion_options(const cli::Arguments& arguments) {
  ConversionOptions conversion;
  conversion.strip_prefixes = arguments.values("strip-prefix");
  for (const std::string& prefix : conversion.strip_prefixes) {
    if (prefix.empty()) throw io::UsageError{"--strip-prefix needs a folder"};
  }
  conversion.strip_folders = arguments.has("strip-dirs");
  conversion.include = arguments.values("include");
  conversion.exclude = arguments.values("exclude");
  conversion.root_edges = !arguments.has("no-root-edges");
  conversion.creator = fmt::format("cprof2callgrind {}", cli::version());
  return conversion;
}

// IN… OUT: the last of the words that stand alone, where nothing else says what it is.
void take_last_as_output(Request& request, std::vector<std::string>& named) {
  request.output = named.back();
  named.pop_back();
  if (named.empty()) {
    throw io::UsageError{fmt::format("an input or an output is missing: only {} was given",
                                     io::quoted(*request.output)),
                         "cprof2callgrind IN OUT; - is standard output"};
  }
  if (is_profile(*request.output)) {
    throw io::UsageError{
        fmt::format("{} is a profile itself; it is not replaced", io::quoted(*request.output)),
        "name the output last, or with -o"};
  }
}

// What is read, and what is run, fit together.
void check_sources(const Request& request) {
  const bool has_script = !request.script.empty();
  if (has_script && !request.inputs.empty()) {
    throw io::UsageError{fmt::format("-r takes no other input than the script it runs: {}",
                                     io::quoted(request.inputs.front()))};
  }
  if (!has_script && request.inputs.empty()) throw io::UsageError{"no input"};
  if (has_script && request.script.front() == "-m" && request.script.size() < 2) {
    throw io::UsageError{"-r -m needs a module"};
  }
}

Request understand(const cli::Arguments& arguments) {
  Request request;
  request.inputs = arguments.values("infile");
  const bool has_infile = !request.inputs.empty();
  request.output = arguments.value("outfile");
  request.view = arguments.has("kcachegrind");
  request.partial = arguments.has("partial");
  request.script = arguments.rest("run-script");

  std::vector<std::string> named = arguments.positional;
  const bool last_is_output = !request.output && !has_infile && request.script.empty() &&
                              !named.empty() && !(request.view && named.size() == 1);
  if (last_is_output) take_last_as_output(request, named);
  request.inputs.insert(request.inputs.end(), named.begin(), named.end());
  check_sources(request);
  if (!request.output && !request.view) {
    request.output = default_output(request);
    request.output_was_named = *request.output == "-";
  }
  if (request.view && request.output == "-") {
    throw io::UsageError{"-k shows a file: it does not go with standard output"};
  }
  for (const std::string& input : request.inputs) {
    if (request.output && is_same_file(input, *request.output)) {
      throw io::UsageError{fmt::format("{} is input and output at once", io::quoted(input))};
    }
  }
  cli::check_inputs(request.inputs);
  request.conversion = conversion_options(arguments);
  return request;
}

// For the profile's `cmd:` line.
std::string described_command(const Request& request) {
  constexpr std::size_t kMost = 200;
  if (!request.script.empty()) {
    std::string words;
    for (const std::string& word : request.script) words.append(word).append(" ");
    words.pop_back();
    return io::quoted(words, kMost);
  }
  std::string text = base_name(request.inputs.front());
  if (request.inputs.size() > 1) text += fmt::format(" and {} more", request.inputs.size() - 1);
  return io::quoted(text, kMost);
}

// Adds up all inputs. False when none of them could be used: then there is no output.
bool convert(const Request& request, const std::string& output_path, cli::Context& context) {
  const std::unique_ptr<io::Output> output = io::open_output(output_path);
  io::BlockWriter block(*output);
  formats::marshal::StringTable strings;
  FunctionTable functions;
  CallgrindConversion conversion(request.conversion, strings, functions, block,
                                 context.diagnostics);
  ProfileReader reader(strings, functions, context.diagnostics);
  bool any_converted = false;
  for (const std::string& input : request.inputs) {
    context.diagnostics.set_input(cli::input_name(input));
    std::uint64_t entries = 0;
    try {
      const std::unique_ptr<io::Source> source = io::open_source(input, context.progress);
      io::Cursor cursor(*source);
      try {
        reader.read(cursor, conversion);
      } catch (...) {
        entries = reader.entries();
        throw;
      }
      any_converted = true;
    } catch (io::Error& error) {
      if (error.input != cli::input_name(input)) throw;
      if (entries == 0) {
        context.diagnostics.report(error);
        continue;
      }
      if (!request.partial) {
        error.hint = "--partial keeps what is complete";
        conversion.flush();
        block.flush();
        throw;
      }
      context.diagnostics.report(error);
      any_converted = true;
    }
  }
  if (!any_converted) return false;
  context.diagnostics.set_input("");
  conversion.finish();
  block.flush();
  output->commit();
  return true;
}

// Records `script` under cProfile. Returns its exit status; the dump may be missing then.
int record(const std::vector<std::string>& script, const std::string& dump) {
  const char* const named = std::getenv("PYTHON");
  const std::string python = named != nullptr && *named != '\0' ? named : "python3";
  std::vector<std::string> command = {python, "-m", "cProfile", "-o", dump};
  command.insert(command.end(), script.begin(), script.end());
  return io::run_command(command);
}

void show(const Request& request, const std::string& profile) {
  const std::optional<std::string> viewer = find_viewer();
  if (!viewer) {
    throw io::Error{
        "", "", "neither kcachegrind nor qcachegrind is installed",
        "apt install kcachegrind (Debian, Ubuntu), dnf install kcachegrind (Fedora), "
        "brew install qcachegrind (macOS)" +
            std::string(request.output ? "; the profile is in " + *request.output : "")};
  }
  view(*viewer, profile);
}

void run(const cli::Arguments& arguments, cli::Context& context) {
  Request request = understand(arguments);
  request.conversion.command = described_command(request);

  std::optional<io::TemporaryFolder> folder;
  if (!request.script.empty() || !request.output) folder.emplace("cprof2callgrind");
  int script_status = 0;
  if (!request.script.empty()) {
    const std::string dump = folder->path() + "/profile.cprof";
    script_status = record(request.script, dump);
    const bool has_dump = fs::exists(dump);
    if (script_status != 0) {
      context.diagnostics.report(
          {request.script.front(), "", fmt::format("ended with status {}", script_status),
           has_dump ? "its profile until then is kept in " + dump : "it left no profile"});
    }
    if (!has_dump) {
      if (script_status == 0) throw io::Error{request.script.front(), "", "left no profile"};
      return;
    }
    request.inputs = {dump};
    // Until it is known that the dump is of no further use.
    folder->keep(true);
  }

  const std::string output =
      request.output ? *request.output
                     : folder->path() + "/callgrind.out." + base_name(request.inputs.front());
  if (!convert(request, output, context)) return;
  if (folder) folder->keep(script_status != 0);
  if (!request.output_was_named) {
    context.diagnostics.note(fmt::format("wrote {}", io::quoted(*request.output)));
  }
  if (request.view) show(request, output);
}

constexpr cli::Program kProgram = {
    .name = "cprof2callgrind",
    .summary = "turn Python profiles into callgrind profiles",
    .usage = kUsage,
    .options = kOptions,
    .sections = kSections,
    .examples = kExamples,
    .body = run,
};

}  // namespace

const cli::Program& cprof2callgrind() {
  return kProgram;
}

}  // namespace tracebraid::converters::cprof
