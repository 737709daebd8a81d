#include "analyzers/diff/runs.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <iterator>
#include <memory>
#include <string_view>
#include <system_error>
#include <unordered_map>

#include "formats/io/error.h"
#include "formats/io/rewound.h"
#include "formats/io/source.h"
#include "formats/strace/line.h"

namespace tracebraid::analyzers::diff {
namespace {

namespace cli = formats::cli;
namespace io = formats::io;

constexpr std::string_view kRunEnds = ",";

struct Input {
  std::string path;
  InputKind kind = InputKind::kUnknown;
  bool is_thread = false;  // may be one thread's log of strace -ff
};

bool is_folder(const std::string& path) {
  std::error_code failed;
  return path != "-" && std::filesystem::is_directory(path, failed);
}

// strace -ff names logs NAME.THREAD, and writes no thread into their lines.
bool is_thread_log(std::string_view path, std::string_view head) {
  const std::size_t point = path.rfind('.');
  if (point == std::string_view::npos || point + 1 == path.size() ||
      path.find_first_not_of("0123456789", point + 1) != std::string_view::npos) {
    return false;
  }
  formats::strace::Line line;
  formats::strace::parse_line(head.substr(0, head.find('\n')), line);
  return line.prefix.pid == 0;
}

// What cannot be opened is reported when it is to be read.
Input look_at(std::string path) {
  Input input{std::move(path)};
  std::error_code failed;
  if (input.path == "-" || !std::filesystem::is_regular_file(input.path, failed)) {
    input.kind = InputKind::kRecords;
    return input;
  }
  try {
    const std::unique_ptr<io::Rewound> source = io::rewound(io::open_source(input.path));
    input.kind = recognize(source->head());
    while (input.kind == InputKind::kUnknown && source->more()) {
      input.kind = recognize(source->head());
    }
    input.is_thread = input.kind == InputKind::kLog && is_thread_log(input.path, source->head());
  } catch (const io::Error&) {
  }
  return input;
}

void add(Run& run, const Input& input) {
  run.paths.push_back(input.path);
  switch (input.kind) {
    case InputKind::kCapture:
      run.kinds.captures = true;
      break;
    case InputKind::kLog:
      run.kinds.logs = true;
      break;
    case InputKind::kProfile:
      run.kinds.profiles = true;
      run.profiles.push_back(input.path);
      break;
    case InputKind::kSwitches:
      run.kinds.switches = true;
      break;
    case InputKind::kRecords:
      run.kinds.records = true;
      break;
    case InputKind::kUnknown:
      break;
  }
}

void add_folder(Run& run, const std::string& folder, cli::Context& context) {
  std::vector<std::string> paths;
  std::error_code failed;
  for (std::filesystem::directory_iterator at(folder, failed), end; !failed && at != end;
       at.increment(failed)) {
    std::error_code none;
    const bool is_hidden = at->path().filename().string().starts_with('.');
    if (!is_hidden && at->is_regular_file(none)) paths.push_back(at->path().string());
  }
  if (failed) throw io::Error{folder, "", "cannot read the folder: " + failed.message()};
  std::ranges::sort(paths);
  std::string left_out;
  std::size_t count = 0;
  for (std::string& path : paths) {
    Input input = look_at(std::move(path));
    if (input.kind != InputKind::kUnknown) {
      add(run, input);
      ++count;
      continue;
    }
    left_out.append(left_out.empty() ? "" : ", ");
    left_out.append(io::quoted(std::filesystem::path(input.path).filename().string()));
  }
  if (count == 0) throw io::UsageError{"no inputs in the folder " + io::quoted(folder)};
  if (!left_out.empty()) {
    context.diagnostics.note(io::quoted(folder) +
                             ": left out, for they are no traces: " + left_out);
  }
}

void add_word(Run& run, const std::string& word, cli::Context& context) {
  if (is_folder(word)) {
    add_folder(run, word, context);
  } else {
    add(run, look_at(word));
  }
  run.name.append(run.name.empty() ? "" : ", ").append(word);
}

std::vector<Run> told_apart(std::span<const std::string> words, cli::Context& context) {
  std::vector<Run> of_folders;
  std::vector<Run> of_files;
  std::array<std::size_t, 6> seen{};  // by kind
  std::unordered_map<std::string, std::size_t> of_stem;
  for (const std::string& word : words) {
    if (is_folder(word)) {
      add_word(of_folders.emplace_back(), word, context);
      continue;
    }
    const Input input = look_at(word);
    std::size_t& count = seen[static_cast<std::size_t>(input.kind)];
    std::size_t run = count;
    if (input.is_thread) {
      run = of_stem.try_emplace(word.substr(0, word.rfind('.')), count).first->second;
    }
    if (run == count) ++count;
    if (run >= of_files.size()) of_files.resize(run + 1);
    add(of_files[run], input);
    of_files[run].name.append(of_files[run].name.empty() ? "" : ", ").append(word);
  }
  std::ranges::move(of_files, std::back_inserter(of_folders));
  return of_folders;
}

}  // namespace

std::vector<Run> runs_of(std::span<const std::string> words, bool is_one, cli::Context& context) {
  const bool has_ends = std::ranges::find(words, kRunEnds) != words.end();
  if (has_ends && is_one) throw io::UsageError{"--runs one contradicts a , between runs"};
  if (words.empty()) throw io::UsageError{"a side without inputs"};
  if (!has_ends && !is_one) return told_apart(words, context);
  std::vector<Run> runs(1);
  for (const std::string& word : words) {
    if (word == kRunEnds) {
      runs.emplace_back();
    } else {
      add_word(runs.back(), word, context);
    }
  }
  if (std::ranges::any_of(runs, [](const Run& run) { return run.paths.empty(); })) {
    throw io::UsageError{"a , without inputs in front of it or behind it"};
  }
  return runs;
}

}  // namespace tracebraid::analyzers::diff
