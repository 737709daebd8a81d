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
    case InputKind::kSymbols:
      run.kinds.symbols = true;
      break;
    case InputKind::kUnknown:
      break;
  }
}

struct Folder {
  std::vector<std::string> files, folders;
};

Folder list(const std::string& path) {
  Folder folder;
  std::error_code failed;
  for (std::filesystem::directory_iterator at(path, failed), end; !failed && at != end;
       at.increment(failed)) {
    std::error_code none;
    if (at->path().filename().string().starts_with('.')) continue;
    if (at->is_regular_file(none)) folder.files.push_back(at->path().string());
    if (at->is_directory(none)) folder.folders.push_back(at->path().string());
  }
  if (failed) throw io::Error{path, "", "cannot read the folder: " + failed.message()};
  std::ranges::sort(folder.files);
  std::ranges::sort(folder.folders);
  return folder;
}

// False when none of the files is an input.
bool add_files(Run& run, const std::string& path, std::vector<std::string> files,
               cli::Context& context) {
  std::string left_out;
  for (std::string& file : files) {
    const Input input = look_at(std::move(file));
    if (input.kind != InputKind::kUnknown) {
      add(run, input);
      continue;
    }
    left_out.append(left_out.empty() ? "" : ", ");
    left_out.append(io::quoted(std::filesystem::path(input.path).filename().string()));
  }
  if (run.paths.empty()) return false;
  if (!left_out.empty()) {
    context.diagnostics.note(io::quoted(path) + ": left out, for they are no traces: " + left_out);
  }
  return true;
}

// The folder is a run, or, where only its folders have inputs, each of those.
std::vector<Run> runs_of_folder(const std::string& path, cli::Context& context) {
  Folder folder = list(path);
  std::vector<Run> runs(1);
  if (add_files(runs[0], path, std::move(folder.files), context)) {
    runs[0].name = path;
    return runs;
  }
  runs.clear();
  for (const std::string& inner : folder.folders) {
    Run run;
    if (!add_files(run, inner, list(inner).files, context)) continue;
    run.name = inner;
    runs.push_back(std::move(run));
  }
  if (runs.empty()) throw io::UsageError{"no inputs in the folder " + io::quoted(path)};
  return runs;
}

void add(Run& run, const Run& other) {
  run.paths.insert(run.paths.end(), other.paths.begin(), other.paths.end());
  run.profiles.insert(run.profiles.end(), other.profiles.begin(), other.profiles.end());
  run.kinds.logs |= other.kinds.logs;
  run.kinds.captures |= other.kinds.captures;
  run.kinds.profiles |= other.kinds.profiles;
  run.kinds.records |= other.kinds.records;
  run.kinds.switches |= other.kinds.switches;
}

void add_word(Run& run, const std::string& word, cli::Context& context) {
  if (is_folder(word)) {
    for (const Run& each : runs_of_folder(word, context)) add(run, each);
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
      std::ranges::move(runs_of_folder(word, context), std::back_inserter(of_folders));
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
