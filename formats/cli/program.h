// What a program is to its user, declared once: the parser, -h, --help, the manual page and the
// completions of bash, zsh and fish are all made from this table (see help.h).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/io/diagnostics.h"
#include "formats/io/source.h"

namespace tracebraid::formats::cli {

enum class Argument : std::uint8_t {
  kNone,  // a switch
  kText,  // no completion
  kFile,
  kFolder,
  kChoice,  // one of Option::choices
  kRest,    // this word and every word after it belong to the option: another command's line
};

struct Option {
  char letter;            // 0 where there is none
  std::string_view name;  // without the dashes
  Argument argument;
  std::string_view placeholder;   // "FILE"; empty for a switch
  std::string_view group;         // heading in --help; options of a group stand together
  std::string_view brief;         // half a line, no full stop
  std::string_view detail = {};   // sentences for --help and the manual page
  std::string_view choices = {};  // separated by blanks, for Argument::kChoice
};

struct Section {
  std::string_view heading;
  std::string_view text;  // paragraphs separated by an empty line; a line that begins with two
                          // blanks is shown as it is
  std::string_view (*made)() = nullptr;  // instead of `text`, where it is made of a table

  [[nodiscard]] std::string_view shown() const { return made != nullptr ? made() : text; }
};

struct Example {
  std::string_view purpose;
  std::string_view command;
};

// One occurrence of an option on the command line.
struct GivenOption {
  const Option* option;
  std::vector<std::string> values;  // one, or none for a switch, or the rest of the line
};

class Arguments {
 public:
  std::vector<GivenOption> given;
  std::vector<std::string> positional;
  // What stands behind `--`, of a program with two groups of words.
  std::vector<std::string> second_group = {};

  [[nodiscard]] bool has(std::string_view name) const { return last(name) != nullptr; }
  // The last one wins.
  [[nodiscard]] std::optional<std::string> value(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> values(std::string_view name) const;
  // The words of an Argument::kRest option; empty when it was not given.
  [[nodiscard]] std::vector<std::string> rest(std::string_view name) const;

 private:
  [[nodiscard]] const GivenOption* last(std::string_view name) const;
};

// What a program's body works with besides its arguments.
struct Context {
  io::Diagnostics& diagnostics;
  io::ReadObserver* progress;  // for open_source(); null when nobody looks
  int status = 0;              // to exit with, at least
};

struct Program;

// A program of its own that the first word chooses.
struct Command {
  std::string_view name;
  const Program* program;
};

struct Program {
  std::string_view name;
  std::string_view summary;  // one line, no full stop
  std::span<const std::string_view> usage;
  std::span<const Option> options;
  std::span<const Section> sections;
  std::span<const Example> examples;
  // The exit status is 0, or 1 when diagnostics saw damage. Throws Error, UsageError,
  // DownstreamClosed.
  void (*body)(const Arguments&, Context&);
  // For the completions; who calls run() chooses.
  std::span<const Command> commands = {};
  // `--` stands between two groups of words, and options may follow it; else it ends the options.
  bool has_two_groups = false;
};

// The version of the whole of tracebraid.
[[nodiscard]] std::string_view version();

// -h, --help, --version and --generate, which every program has, in front of its own options.
[[nodiscard]] std::vector<Option> all_options(const Program& program);

// `words` without the program's name; `has_two_groups` as of Program. Throws UsageError, which
// names near matches. `options` must outlive the result.
[[nodiscard]] Arguments parse(std::span<const Option> options,
                              const std::vector<std::string>& words, bool has_two_groups = false);

// Parses, answers -h, --help, --version and --generate, runs the body, shows what it throws.
// Returns the exit status: 0 done, 1 damaged or unreadable input or unwritable output, 2 usage.
[[nodiscard]] int run(const Program& program, int argc, char** argv);

}  // namespace tracebraid::formats::cli
