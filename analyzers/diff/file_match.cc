#include "analyzers/diff/file_match.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <tuple>

#include "formats/callgrind/python_names.h"

namespace tracebraid::analyzers::diff {
namespace {

namespace callgrind = formats::callgrind;

// How many of `left` are among `right`; both in order.
std::size_t common(std::span<const TextNumber> left, std::span<const TextNumber> right) {
  std::size_t count = 0;
  for (auto at = right.begin(); const TextNumber each : left) {
    while (at != right.end() && *at < each) ++at;
    if (at == right.end()) break;
    if (*at == each) ++count;
  }
  return count;
}

bool is_absolute_path(std::string_view path) {
  return path.starts_with('/') || path.starts_with('\\') || (path.size() > 2 && path[1] == ':');
}

}  // namespace

FileMatch::Path FileMatch::path_of(TextNumber number, std::size_t owner) const {
  std::string_view text = texts_.text(number);
  Path path;
  path.owner = owner;
  path.is_absolute = is_absolute_path(text);
  constexpr std::string_view kFrozen = "<frozen ";
  if (text.starts_with(kFrozen) && text.ends_with('>')) {
    // <frozen importlib._bootstrap> is lib/pythonX.Y/importlib/_bootstrap.py of older Pythons.
    path.text = text.substr(kFrozen.size(), text.size() - kFrozen.size() - 1);
    std::ranges::replace(path.text, '.', '/');
    path.text.append(".py");
    path.is_whole = true;
  } else if (const auto library = callgrind::library_path(text); !library.empty()) {
    path.text = library;
    path.is_whole = true;
  } else {
    path.text = text;
    path.is_whole = callgrind::is_builtin(text) || text.front() == '<';
  }
  if (path.is_whole && path.text.starts_with('<')) {
    path.starts.push_back(0);
    return path;
  }
  std::ranges::replace(path.text, '\\', '/');
  for (std::size_t at = path.text.size(); at > 0;) {
    at = path.text.rfind('/', at - 1);
    const std::size_t start = at == std::string::npos ? 0 : at + 1;
    const std::string_view end = std::string_view(path.text).substr(start);
    const bool needs_folder = (end == "__init__.py" || end == "__main__.py") && start > 0;
    if (!needs_folder && start < path.text.size()) path.starts.push_back(start);
    if (at == std::string::npos) break;
  }
  if (path.starts.empty()) path.starts.push_back(0);
  return path;
}

void FileMatch::note_folders(TextNumber number) {
  const Path path = path_of(number, 0);
  if (path.is_whole || !path.is_absolute) return;
  for (std::size_t at = path.text.rfind('/'); at != std::string::npos && at > 0;
       at = path.text.rfind('/', at - 1)) {
    if (!folders_.insert(path.text.substr(0, at)).second) break;
  }
}

// Whether the first folder that `path` does not share with `other` is one of folders_.
bool FileMatch::has_stayed(const Path& path, const Path& other) const {
  if (path.is_whole || other.is_whole || !path.is_absolute || !other.is_absolute) return false;
  const auto [at, end] = std::ranges::mismatch(path.text, other.text);
  const auto differs = static_cast<std::size_t>(at - path.text.begin());
  const std::size_t slash = path.text.find('/', differs);
  return slash != std::string::npos && folders_.contains(path.text.substr(0, slash));
}

void FileMatch::take(Seen& seen, FileNumber number) {
  seen.file = number;
  File& file = files_[number];
  file.run = run_;
  if (by_path_.try_emplace(seen.path, number).second) file.paths.push_back(seen.path);
  std::vector<TextNumber> names;
  names.reserve(std::max(file.names.size(), seen.names.size()));
  std::ranges::set_union(file.names, seen.names, std::back_inserter(names));
  file.names = std::move(names);
}

void FileMatch::match(std::span<Seen> run) {
  ++run_;
  std::vector<bool> is_found(run.size());
  std::size_t missing = 0;
  for (std::size_t at = 0; at < run.size(); ++at) {
    const auto found = by_path_.find(run[at].path);
    if (found != by_path_.end() && files_[found->second].run != run_) {
      take(run[at], found->second);
      is_found[at] = true;
    } else {
      ++missing;
    }
  }
  if (missing > 0 && !files_.empty()) {
    folders_.clear();
    for (std::size_t at = 0; at < run.size(); ++at) {
      if (is_found[at]) note_folders(run[at].path);
    }
    std::vector<Path> seen;
    std::vector<Path> known;
    std::size_t longest = 0;
    for (std::size_t at = 0; at < run.size(); ++at) {
      if (is_found[at]) continue;
      seen.push_back(path_of(run[at].path, at));
      longest = std::max(longest, seen.back().parts());
    }
    for (std::size_t at = 0; at < files_.size(); ++at) {
      if (files_[at].run == run_) continue;
      for (const TextNumber path : files_[at].paths) known.push_back(path_of(path, at));
    }
    for (std::size_t parts = longest; parts > 0; --parts) {
      std::map<std::string_view, Group> groups;
      for (const Path& path : seen) {
        if (!is_found[path.owner] && path.parts() >= parts) {
          groups[path.end(parts)].seen.push_back(&path);
        }
      }
      for (const Path& path : known) {
        if (files_[path.owner].run == run_ || path.parts() < parts) continue;
        const auto group = groups.find(path.end(parts));
        if (group != groups.end()) group->second.known.push_back(&path);
      }
      for (const auto& [end, group] : groups) {
        if (!group.known.empty()) match_group(group, parts, run, is_found);
      }
    }
  }
  for (std::size_t at = 0; at < run.size(); ++at) {
    if (is_found[at]) continue;
    files_.emplace_back();
    take(run[at], static_cast<FileNumber>(files_.size() - 1));
  }
}

void FileMatch::match_group(const Group& group, std::size_t parts, std::span<Seen> run,
                            std::vector<bool>& is_found) {
  constexpr std::size_t kMostPairs = 4096;
  if (group.seen.size() * group.known.size() > kMostPairs) return;
  // A module's path must be equal as a whole, but to a path whose folders were stripped.
  const auto fits = [&](const Path& path, const Path& other) {
    const bool is_stripped = !other.is_whole && !other.is_absolute && other.parts() == parts;
    return !path.is_whole || path.parts() == parts || is_stripped;
  };
  struct Pair {
    std::size_t common, different;  // names
    std::size_t seen;
    FileNumber file;
  };
  std::vector<Pair> pairs;
  for (const Path* const seen : group.seen) {
    for (const Path* const known : group.known) {
      if (!fits(*seen, *known) || !fits(*known, *seen)) continue;
      if (has_stayed(*seen, *known) || has_stayed(*known, *seen)) continue;
      const std::span<const TextNumber> names = run[seen->owner].names;
      const std::vector<TextNumber>& other = files_[known->owner].names;
      const std::size_t count = common(names, other);
      const std::size_t least = std::min(names.size(), other.size());
      const bool is_enough = count > 0 && (parts > 1 || count * 2 >= least || seen->is_whole);
      if (!is_enough) continue;
      pairs.push_back({count, names.size() + other.size() - 2 * count, seen->owner,
                       static_cast<FileNumber>(known->owner)});
    }
  }
  // A file can be known by several paths.
  std::ranges::sort(pairs, [](const Pair& left, const Pair& right) {
    return std::tuple(right.common, left.different, left.seen, left.file) <
           std::tuple(left.common, right.different, right.seen, right.file);
  });
  const auto rank = [](const Pair& pair) { return std::pair(pair.common, pair.different); };
  for (std::size_t at = 0; at < pairs.size(); ++at) {
    const Pair& pair = pairs[at];
    if (is_found[pair.seen] || files_[pair.file].run == run_) continue;
    // Nothing tells which of equals it is.
    const auto is_rival = [&](const Pair& other) {
      return rank(other) == rank(pair) && (other.seen == pair.seen) != (other.file == pair.file) &&
             !is_found[other.seen] && files_[other.file].run != run_;
    };
    if (std::any_of(pairs.begin(), pairs.end(), is_rival)) continue;
    take(run[pair.seen], pair.file);
    is_found[pair.seen] = true;
  }
}

}  // namespace tracebraid::analyzers::diff
