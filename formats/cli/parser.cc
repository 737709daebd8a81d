// The only file that knows Boost.Program_options. It splits words into options by our own table;
// meaning, numbers and repeated options are ours (the library's typed values would turn -1 into
// 4294967295 and refuse a second `-o`).
#include <algorithm>
#include <exception>
#include <numeric>

#include <boost/program_options/cmdline.hpp>
#include <boost/program_options/errors.hpp>
#include <boost/program_options/options_description.hpp>
#include <boost/program_options/parsers.hpp>
#include <boost/program_options/value_semantic.hpp>

#include "formats/cli/program.h"
#include "formats/io/error.h"

namespace tracebraid::formats::cli {
namespace {

namespace po = boost::program_options;

const Option* find(std::span<const Option> options, std::string_view name) {
  const auto found = std::find_if(options.begin(), options.end(),
                                  [&](const Option& each) { return each.name == name; });
  return found == options.end() ? nullptr : &*found;
}

// Levenshtein distance, for "did you mean".
std::size_t distance(std::string_view from, std::string_view to) {
  std::vector<std::size_t> row(to.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= from.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= to.size(); ++j) {
      const std::size_t replaced = diagonal + (from[i - 1] == to[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[to.size()];
}

std::string near_matches(std::span<const Option> options, std::string_view wrong) {
  wrong.remove_prefix(std::min(wrong.find_first_not_of('-'), wrong.size()));
  wrong = wrong.substr(0, wrong.find('='));
  std::string names;
  const std::size_t most = wrong.size() < 5 ? 1 : 2;
  for (const Option& each : options) {
    const bool near = distance(wrong, each.name) <= most ||
                      (wrong.size() >= 2 && each.name.find(wrong) != std::string_view::npos);
    if (near) names.append(names.empty() ? "--" : ", --").append(each.name);
  }
  return names.empty() ? "--help lists the options" : "did you mean " + names + "?";
}

// Takes `-r WORD…`, `-kr WORD…`, `--run-script WORD…` off `words` when it stands in front: the
// option and all that follows are another program's command line, whatever they look like.
std::vector<po::option> take_rest(std::span<const Option> options,
                                  std::vector<std::string>& words) {
  const std::string& word = words.front();
  if (word.size() < 2 || word[0] != '-' || word == "--") return {};
  std::vector<po::option> taken;
  std::string attached;
  const Option* rest = nullptr;
  if (word[1] == '-') {
    const std::size_t equals = word.find('=');
    rest = find(options, std::string_view(word).substr(2, equals - 2));
    if (rest == nullptr || rest->argument != Argument::kRest) return {};
    if (equals != std::string::npos) attached = word.substr(equals + 1);
  } else {
    for (std::size_t at = 1; at < word.size() && rest == nullptr; ++at) {
      const auto option = std::find_if(options.begin(), options.end(),
                                       [&](const Option& each) { return each.letter == word[at]; });
      if (option == options.end()) return {};
      if (option->argument == Argument::kRest) {
        rest = &*option;
        attached = word.substr(at + 1);
      } else if (option->argument == Argument::kNone) {
        taken.emplace_back(std::string(option->name), std::vector<std::string>{});
      } else {
        return {};
      }
    }
    if (rest == nullptr) return {};
  }
  po::option command;
  command.string_key = std::string(rest->name);
  if (!attached.empty()) command.value.push_back(attached);
  command.value.insert(command.value.end(), words.begin() + 1, words.end());
  words.clear();
  taken.push_back(command);
  return taken;
}

}  // namespace

Arguments parse(std::span<const Option> options, const std::vector<std::string>& words,
                bool has_two_groups) {
  po::options_description description;
  for (const Option& option : options) {
    std::string names(option.name);
    if (option.letter != 0) names.append(",").push_back(option.letter);
    if (option.argument == Argument::kNone) {
      description.add_options()(names.c_str(), new po::untyped_value(true), "");
    } else if (option.argument == Argument::kRest) {
      description.add_options()(names.c_str(), po::value<std::vector<std::string>>()->multitoken(),
                                "");
    } else {
      description.add_options()(names.c_str(), po::value<std::string>(), "");
    }
  }

  Arguments arguments;
  std::vector<std::string> second_words;
  const auto take_second_group = [&](std::vector<std::string>& rest) {
    second_words.assign(rest.begin() + 1, rest.end());
    rest.clear();
    return std::vector<po::option>{};
  };
  try {
    namespace style = po::command_line_style;
    const po::parsed_options parsed = po::command_line_parser(words)
                                          .options(description)
                                          .style(style::unix_style & ~style::allow_guessing)
                                          .extra_style_parser([&](std::vector<std::string>& rest) {
                                            return has_two_groups && rest.front() == "--"
                                                       ? take_second_group(rest)
                                                       : take_rest(options, rest);
                                          })
                                          .run();
    for (const po::option& each : parsed.options) {
      if (each.string_key.empty()) {
        arguments.positional.insert(arguments.positional.end(), each.value.begin(),
                                    each.value.end());
      } else {
        arguments.given.push_back({find(options, each.string_key), each.value});
      }
    }
  } catch (const po::unknown_option& error) {
    const std::string name = error.get_option_name();
    throw io::UsageError{"unknown option " + io::quoted(name), near_matches(options, name)};
  } catch (const po::error& error) {
    throw io::UsageError{io::quoted(error.what())};
  }

  if (has_two_groups && !words.empty() && words.back() == "--") {
    throw io::UsageError{"nothing stands behind --"};
  }
  if (!second_words.empty()) {
    Arguments second = parse(options, second_words, true);
    if (!second.second_group.empty()) throw io::UsageError{"-- stands there twice"};
    arguments.second_group = std::move(second.positional);
    arguments.given.insert(arguments.given.end(), second.given.begin(), second.given.end());
  }

  for (const GivenOption& each : arguments.given) {
    if (each.option->argument != Argument::kChoice) continue;
    const std::string padded = " " + std::string(each.option->choices) + " ";
    if (each.values[0].empty() || padded.find(" " + each.values[0] + " ") == std::string::npos) {
      throw io::UsageError{"--" + std::string(each.option->name) + " takes one of " +
                           std::string(each.option->choices) + ", not " +
                           io::quoted(each.values[0])};
    }
  }
  return arguments;
}

const GivenOption* Arguments::last(std::string_view name) const {
  const auto found = std::find_if(given.rbegin(), given.rend(), [&](const GivenOption& each) {
    return each.option->name == name;
  });
  return found == given.rend() ? nullptr : &*found;
}

std::optional<std::string> Arguments::value(std::string_view name) const {
  const GivenOption* option = last(name);
  if (option == nullptr) return std::nullopt;
  return option->values.front();
}

std::vector<std::string> Arguments::values(std::string_view name) const {
  std::vector<std::string> all;
  for (const GivenOption& each : given) {
    if (each.option->name == name) all.push_back(each.values.front());
  }
  return all;
}

std::vector<std::string> Arguments::rest(std::string_view name) const {
  const GivenOption* option = last(name);
  return option == nullptr ? std::vector<std::string>{} : option->values;
}

}  // namespace tracebraid::formats::cli
