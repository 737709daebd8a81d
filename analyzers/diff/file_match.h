// Which source files of several runs are the same one: runs can have been made in other folders, of
// other checkouts, or with a library that is installed elsewhere.
//
// A file is known by the end of its path. What follows site-packages/, dist-packages/ or
// lib/pythonX.Y/ is all there is to a library's module, and must be equal; so must texts that are
// no paths, such as <string>. Of other paths nobody knows where the folder of the project begins:
// they are matched by the longest common end, one to one. Where that leaves several, the files that
// have more functions in common belong together. Nothing in common, or less than half where only
// the last part of the path is equal: another file. So is one in a folder that has not moved, for
// it holds others whose whole path is equal. __init__.py and __main__.py are only told by their
// folder.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "analyzers/diff/texts.h"
#include "formats/io/hash.h"

namespace tracebraid::analyzers::diff {

class FileMatch {
 public:
  using FileNumber = std::uint32_t;

  // A file of a run.
  struct Seen {
    TextNumber path;
    std::span<const TextNumber> names;  // its functions': distinct, in order
    FileNumber file = 0;                // what match() finds
  };

  explicit FileMatch(const Texts& texts) : texts_(texts) {}

  // One run's files, each path once. What is no file of earlier runs becomes a new one.
  void match(std::span<Seen> run);

  [[nodiscard]] std::size_t size() const { return files_.size(); }
  [[nodiscard]] const Texts& texts() const { return texts_; }

 private:
  struct File {
    std::vector<TextNumber> paths;
    std::vector<TextNumber> names;
    std::uint32_t run = 0;  // that had it last
  };
  // A path as it is compared.
  struct Path {
    std::string text;                 // parts with / between
    std::vector<std::size_t> starts;  // of its ends, the shortest first
    bool is_whole = false;            // nothing but this is the file's
    bool is_absolute = false;
    std::size_t owner = 0;  // in the run, or of files_
    [[nodiscard]] std::size_t parts() const { return starts.size(); }
    [[nodiscard]] std::string_view end(std::size_t parts) const {
      return std::string_view(text).substr(starts[parts - 1]);
    }
  };
  // Those with one common end.
  struct Group {
    std::vector<const Path*> seen, known;
  };

  [[nodiscard]] Path path_of(TextNumber text, std::size_t owner) const;
  void note_folders(TextNumber path);
  [[nodiscard]] bool has_stayed(const Path& path, const Path& other) const;
  void match_group(const Group& group, std::size_t parts, std::span<Seen> run,
                   std::vector<bool>& is_found);
  void take(Seen& seen, FileNumber file);

  const Texts& texts_;
  std::vector<File> files_;
  std::unordered_map<TextNumber, FileNumber> by_path_;
  std::uint32_t run_ = 0;
  std::unordered_set<std::string, formats::io::TextHash>
      folders_;  // of files whose whole path is equal
};

}  // namespace tracebraid::analyzers::diff
