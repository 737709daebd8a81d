#include "analyzers/diff/runs.h"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <map>
#include <string_view>
#include <system_error>
#include <unordered_map>

#include <fmt/format.h>

#include "analyzers/util/shown.h"
#include "formats/io/error.h"
#include "formats/io/hash.h"
#include "formats/record/call.h"

namespace tracebraid::analyzers::diff {
namespace {

namespace cli = formats::cli;
namespace io = formats::io;
namespace record = formats::record;

constexpr std::string_view kRunEnds = ",";

bool is_folder(const std::string& path) {
  std::error_code failed;
  return path != "-" && std::filesystem::is_directory(path, failed);
}

// What cannot be opened is reported when it is to be read.
void add(Run& run, const std::string& path, const Recognized& recognized) {
  run.paths.push_back(path);
  if (recognized.kind == nullptr) return;
  InputKinds own;
  own.add(*recognized.kind);
  if (own.give<record::Call>()) run.profiles.push_back(path);
  run.kinds.add(own);
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
bool add_files(Run& run, const std::string& path, const std::vector<std::string>& files,
               cli::Context& context) {
  std::vector<std::string> left_out;
  for (const std::string& file : files) {
    const Recognized recognized = recognize_file(file);
    if (recognized.kind != nullptr) {
      add(run, file, recognized);
      continue;
    }
    left_out.push_back(io::quoted(std::filesystem::path(file).filename().string()));
  }
  if (run.paths.empty()) return false;
  if (!left_out.empty()) {
    context.diagnostics.note(fmt::format("{}: left out, for they are no traces: {}",
                                         io::quoted(path), joined(left_out)));
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
  run.kinds.add(other.kinds);
}

void add_word(Run& run, const std::string& word, cli::Context& context) {
  if (is_folder(word)) {
    for (const Run& each : runs_of_folder(word, context)) add(run, each);
  } else {
    add(run, word, recognize_file(word));
  }
  run.name.append(run.name.empty() ? "" : ", ").append(word);
}

std::vector<Run> told_apart(std::span<const std::string> words, cli::Context& context) {
  std::vector<Run> of_folders;
  std::vector<Run> of_files;
  std::map<const converters::InputKind*, std::size_t> seen;
  std::unordered_map<std::string, std::size_t, formats::io::TextHash> of_stem;
  for (const std::string& word : words) {
    if (is_folder(word)) {
      std::ranges::move(runs_of_folder(word, context), std::back_inserter(of_folders));
      continue;
    }
    const Recognized recognized = recognize_file(word);
    std::size_t& count = seen[recognized.kind];
    std::size_t run = count;
    if (!recognized.common_path.empty()) {
      run = of_stem.try_emplace(recognized.common_path, count).first->second;
    }
    if (run == count) ++count;
    if (run >= of_files.size()) of_files.resize(run + 1);
    add(of_files[run], word, recognized);
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
