#include "formats/cli/help.h"

#include <algorithm>
#include <string_view>

#include "formats/io/text.h"

namespace tracebraid::formats::cli {
namespace {

constexpr std::size_t kColumns = 80;

std::string spelled(const Option& option) {
  std::string text;
  if (option.letter != 0) text.append("-").append(1, option.letter).append(", ");
  text.append("--").append(option.name);
  if (!option.placeholder.empty()) text.append(" ").append(option.placeholder);
  return text;
}

template <typename Visit>
void for_each_line(std::string_view text, Visit visit) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    visit(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
}

// Fills one paragraph to kColumns, every line behind `indent` blanks.
void append_filled(std::string& out, std::string_view text, std::size_t indent) {
  std::size_t column = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(" \n"), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (word.empty()) continue;
    if (column > 0 && column + 1 + io::width_of(word) > kColumns) {
      out.push_back('\n');
      column = 0;
    }
    if (column == 0) {
      out.append(indent, ' ');
      column = indent;
    } else {
      out.push_back(' ');
      ++column;
    }
    out.append(word);
    column += io::width_of(word);
  }
  out.push_back('\n');
}

// Calls `paragraph` for filled text and `verbatim` for lines that begin with two blanks.
template <typename Paragraph, typename Verbatim, typename Gap>
void for_each_block(std::string_view text, Paragraph paragraph, Verbatim verbatim, Gap gap) {
  std::string pending;
  const auto finish = [&] {
    if (!pending.empty()) paragraph(pending);
    pending.clear();
  };
  for_each_line(text, [&](std::string_view line) {
    if (line.empty()) {
      finish();
      gap();
    } else if (line.starts_with("  ")) {
      finish();
      verbatim(line.substr(2));
    } else {
      if (!pending.empty()) pending.push_back(' ');
      pending.append(line);
    }
  });
  finish();
}

void append_usage(std::string& out, const Program& program) {
  std::string_view lead = "Usage: ";
  for (const std::string_view usage : program.usage) {
    out.append(lead).append(program.name).append(" ").append(usage).append("\n");
    lead = "       ";
  }
}

template <typename Heading, typename Each>
void for_each_option(const std::vector<Option>& options, Heading heading, Each each) {
  std::string_view group;
  for (const Option& option : options) {
    if (option.group != group) heading(group = option.group);
    each(option);
  }
}

std::string roff(std::string_view text) {
  std::string out;
  for (const char each : text) {
    if (each == '\\') {
      out.append("\\e");
    } else if (each == '-') {
      out.append("\\-");
    } else if (each == '\'') {
      out.append("\\(aq");
    } else if (each == '`') {
      out.append("\\(ga");
    } else if (each == '^') {
      out.append("\\(ha");
    } else if (each == '~') {
      out.append("\\(ti");
    } else {
      out.push_back(each);
    }
  }
  // A line that begins with a full stop would be a request.
  if (out.starts_with('.')) out.insert(0, "\\&");
  return out;
}

void append_roff_text(std::string& out, std::string_view text) {
  for_each_block(
      text, [&](std::string_view paragraph) { out.append(roff(paragraph)).append("\n"); },
      [&](std::string_view line) { out.append(".EX\n").append(roff(line)).append("\n.EE\n"); },
      [&] { out.append(".PP\n"); });
}

std::string without_quotes(std::string_view text) {
  std::string out;
  for (const char each : text) {
    if (each != '\'' && each != '[' && each != ']' && each != ':') out.push_back(each);
  }
  return out;
}

std::string identifier(std::string_view name) {
  std::string out(name);
  std::replace(out.begin(), out.end(), '-', '_');
  return out;
}

// "-o|--output) … ;;" for each option that takes a word.
std::string bash_cases(const std::vector<Option>& options, std::string_view indent) {
  std::string cases;
  for (const Option& option : options) {
    std::string action;
    switch (option.argument) {
      case Argument::kNone:
        continue;
      case Argument::kText:
        action = "return";
        break;
      case Argument::kFile:
      case Argument::kRest:
        action = "compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- \"$word\"); return";
        break;
      case Argument::kFolder:
        action = "compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- \"$word\"); return";
        break;
      case Argument::kChoice:
        action = "mapfile -t COMPREPLY < <(compgen -W '" + std::string(option.choices) +
                 "' -- \"$word\"); return";
        break;
    }
    cases.append(indent);
    if (option.letter != 0) cases.append("-").append(1, option.letter).append("|");
    cases.append("--").append(option.name).append(") ").append(action).append(" ;;\n");
  }
  return cases;
}

std::string bash_words(const std::vector<Option>& options) {
  std::string all;
  for (const Option& option : options) {
    if (option.letter != 0) all.append(all.empty() ? "-" : " -").append(1, option.letter);
    all.append(all.empty() ? "--" : " --").append(option.name);
  }
  return all;
}

std::string names_of(std::span<const Command> commands) {
  std::string names;
  for (const Command& command : commands) {
    names.append(names.empty() ? "" : " ").append(command.name);
  }
  return names;
}

std::string bash_completion(const Program& program, const std::vector<Option>& options) {
  const std::string function = "_" + identifier(program.name);
  std::string out = "# bash completion for " + std::string(program.name) + "\n";
  out.append(function).append("() {\n");
  out.append("  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n");
  out.append("  local options='").append(bash_words(options)).append("'\n");
  out.append("  COMPREPLY=()\n");
  if (!program.commands.empty()) {
    out.append("  if ((COMP_CWORD > 1)); then\n    case ${COMP_WORDS[1]} in\n");
    for (const Command& command : program.commands) {
      const std::vector<Option> own = all_options(*command.program);
      out.append("      ").append(command.name).append(")\n");
      out.append("        options='").append(bash_words(own)).append("'\n");
      out.append("        case $before in\n").append(bash_cases(own, "          "));
      out.append("        esac ;;\n");
    }
    out.append("    esac\n  fi\n");
  }
  out.append("  case $before in\n").append(bash_cases(options, "    ")).append("  esac\n");
  out.append("  if [[ $word == -* ]]; then\n");
  out.append("    mapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$word\")\n");
  if (!program.commands.empty()) {
    out.append("  elif ((COMP_CWORD == 1)); then\n    mapfile -t COMPREPLY < <(compgen -W '");
    out.append(names_of(program.commands)).append("' -- \"$word\")\n");
  }
  out.append("  else\n    compopt -o filenames\n");
  out.append("    mapfile -t COMPREPLY < <(compgen -f -- \"$word\")\n  fi\n}\n");
  out.append("complete -F ").append(function).append(" ").append(program.name).append("\n");
  return out;
}

std::string zsh_specs(const std::vector<Option>& options, std::string_view indent) {
  std::string out;
  for (const Option& option : options) {
    std::string action;
    switch (option.argument) {
      case Argument::kNone:
        break;
      case Argument::kText:
        action = ": ";
        break;
      case Argument::kFile:
      case Argument::kRest:
        action = ":_files";
        break;
      case Argument::kFolder:
        action = ":_files -/";
        break;
      case Argument::kChoice:
        action = ":(" + std::string(option.choices) + ")";
        break;
    }
    const std::string description =
        "[" + without_quotes(option.brief) + "]" +
        (action.empty() ? "" : ":" + without_quotes(option.placeholder) + action);
    const bool valued = option.argument != Argument::kNone;
    out.append(" \\\n").append(indent).append("'*--").append(option.name).append(valued ? "=" : "");
    out.append(description).append("'");
    if (option.letter != 0) {
      out.append(" \\\n").append(indent).append("'*-").append(1, option.letter);
      out.append(valued ? "+" : "").append(description).append("'");
    }
  }
  return out;
}

std::string zsh_completion(const Program& program, const std::vector<Option>& options) {
  std::string out = "#compdef " + std::string(program.name) + "\n\n";
  if (program.commands.empty()) {
    out.append("_arguments -s -S").append(zsh_specs(options, "  "));
    return out.append(" \\\n  '*:file:_files'\n");
  }
  out.append("local curcontext=$curcontext state line\n");
  out.append("_arguments -C -s -S").append(zsh_specs(options, "  "));
  out.append(" \\\n  '1:command:(").append(names_of(program.commands)).append(")'");
  out.append(" \\\n  '*::word:->words'\n[[ $state == words ]] || return\ncase $line[1] in\n");
  for (const Command& command : program.commands) {
    out.append("  ").append(command.name).append(")\n    _arguments -s -S");
    out.append(zsh_specs(all_options(*command.program), "      "));
    out.append(" \\\n      '*:file:_files' ;;\n");
  }
  return out.append("esac\n");
}

// `only` says where the options are offered; empty: everywhere.
std::string fish_options(std::string_view name, const std::vector<Option>& options,
                         std::string_view only) {
  std::string out;
  for (const Option& option : options) {
    out.append("complete -c ").append(name).append(only);
    if (option.letter != 0) out.append(" -s ").append(1, option.letter);
    out.append(" -l ").append(option.name);
    switch (option.argument) {
      case Argument::kNone:
        break;
      case Argument::kText:
        out.append(" -x");
        break;
      case Argument::kFile:
      case Argument::kRest:
        out.append(" -r -F");
        break;
      case Argument::kFolder:
        out.append(" -x -a '(__fish_complete_directories)'");
        break;
      case Argument::kChoice:
        out.append(" -x -a '").append(option.choices).append("'");
        break;
    }
    out.append(" -d '").append(without_quotes(option.brief)).append("'\n");
  }
  return out;
}

std::string fish_completion(const Program& program, const std::vector<Option>& options) {
  std::string out = "# fish completion for " + std::string(program.name) + "\n";
  const bool has_commands = !program.commands.empty();
  constexpr std::string_view kFirst = " -n __fish_use_subcommand";
  out.append(fish_options(program.name, options, has_commands ? kFirst : std::string_view()));
  for (const Command& command : program.commands) {
    out.append("complete -c ").append(program.name).append(kFirst).append(" -f -a ");
    out.append(command.name).append(" -d '").append(without_quotes(command.program->summary));
    out.append("'\n");
    const std::string only = " -n '__fish_seen_subcommand_from " + std::string(command.name) + "'";
    out.append(fish_options(program.name, all_options(*command.program), only));
  }
  return out;
}

}  // namespace

std::string short_help(const Program& program) {
  const std::vector<Option> options = all_options(program);
  std::string out = std::string(program.name) + ": " + std::string(program.summary) + "\n";
  append_usage(out, program);
  out.push_back('\n');
  std::size_t left = 0;
  for (const Option& option : options) left = std::max(left, io::width_of(spelled(option)));
  for (const Option& option : options) {
    const std::string name = spelled(option);
    out.append("  ").append(name).append(left - io::width_of(name) + 2, ' ').append(option.brief);
    out.push_back('\n');
  }
  return out;
}

std::string long_help(const Program& program) {
  const std::vector<Option> options = all_options(program);
  std::string out = std::string(program.name) + " - " + std::string(program.summary) + "\n\n";
  append_usage(out, program);
  for_each_option(
      options, [&](std::string_view group) { out.append("\n").append(group).append(":\n"); },
      [&](const Option& option) {
        out.append("  ").append(spelled(option)).append("\n");
        append_filled(out, std::string(option.brief) + ".", 6);
        if (!option.detail.empty()) append_filled(out, option.detail, 6);
      });
  for (const Section& section : program.sections) {
    out.append("\n").append(section.heading).append(":\n");
    for_each_block(
        section.shown(), [&](std::string_view paragraph) { append_filled(out, paragraph, 2); },
        [&](std::string_view line) { out.append("    ").append(line).append("\n"); },
        [&] { out.append("\n"); });
  }
  if (!program.examples.empty()) out.append("\nExamples:\n");
  for (const Example& example : program.examples) {
    append_filled(out, example.purpose, 2);
    out.append("    ").append(example.command).append("\n");
  }
  return out;
}

std::string man_page(const Program& program) {
  const std::vector<Option> options = all_options(program);
  std::string out = ".TH " + roff(program.name) + " 1 \"\" \"tracebraid " + std::string(version()) +
                    "\" \"User Commands\"\n";
  out.append(".SH NAME\n").append(roff(program.name)).append(" \\- ");
  out.append(roff(program.summary)).append("\n.SH SYNOPSIS\n");
  for (const std::string_view usage : program.usage) {
    if (&usage != program.usage.data()) out.append(".br\n");
    out.append(".B ").append(roff(program.name)).append("\n").append(roff(usage)).append("\n");
  }
  out.append(".SH OPTIONS\n");
  for_each_option(
      options, [&](std::string_view group) { out.append(".SS ").append(roff(group)).append("\n"); },
      [&](const Option& option) {
        out.append(".TP\n.B ").append(roff(spelled(option))).append("\n");
        out.append(roff(option.brief)).append(".\n");
        if (!option.detail.empty()) append_roff_text(out, option.detail);
      });
  for (const Section& section : program.sections) {
    out.append(".SH ").append(roff(section.heading)).append("\n");
    append_roff_text(out, section.shown());
  }
  if (!program.examples.empty()) out.append(".SH EXAMPLES\n");
  for (const Example& example : program.examples) {
    out.append(".TP\n").append(roff(example.purpose)).append("\n.EX\n");
    out.append(roff(example.command)).append("\n.EE\n");
  }
  return out;
}

std::string completion(const Program& program, std::string_view shell) {
  const std::vector<Option> options = all_options(program);
  if (shell == "bash") return bash_completion(program, options);
  if (shell == "zsh") return zsh_completion(program, options);
  return fish_completion(program, options);
}

}  // namespace tracebraid::formats::cli
