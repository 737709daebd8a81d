// Which functions of several runs are the same one, though they stand at other lines, or in files
// at other paths (file_match.h).
//
// Within a file a function is known by its name, and where several have the same (methods of
// several classes, lambdas), by its line. How far lines have moved from side to side is told by the
// functions of the file whose name is there once: in front of and behind a function. Of a file
// where those have not moved, functions of equal name are the same when their lines are equal; else
// when the line is about where it is expected, in order; and what is then left, in order, when as
// many are left on both sides.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "analyzers/diff/file_match.h"
#include "analyzers/diff/texts.h"

namespace tracebraid::analyzers::diff {

enum Side : std::uint8_t { kA, kB };

class FunctionMatch {
 public:
  using Number = std::uint32_t;

  // A function of a run.
  struct Seen {
    TextNumber path, name;
    std::uint32_t line;
    std::uint32_t id;     // the caller's, for match() changes the order
    Number function = 0;  // what match() finds
  };

  explicit FunctionMatch(const Texts& texts) : files_(texts) {}

  // One run's functions, each path, line and name once. Each is another function of those that are
  // known, or a new one.
  void match(Side side, std::span<Seen> run);

  [[nodiscard]] std::size_t size() const { return functions_.size(); }
  [[nodiscard]] TextNumber name(Number function) const { return functions_[function].name; }
  // As a run of the side had them last.
  [[nodiscard]] std::optional<TextNumber> path(Number function, Side side) const;
  [[nodiscard]] std::optional<std::uint32_t> line(Number function, Side side) const;

 private:
  // Where a function is on a side: where it was seen, or where its neighbours tell that it is.
  struct Place {
    std::uint32_t line = 0;
    bool is_seen = false, is_expected = false;
  };
  struct Function {
    TextNumber name;
    FileMatch::FileNumber file;
    std::array<Place, 2> places;
  };
  struct File {
    std::vector<Number> functions;
    std::array<std::optional<TextNumber>, 2> paths;
  };
  class InFile;

  FileMatch files_;
  std::vector<File> of_file_;
  std::vector<Function> functions_;
};

// `name` without what differs from run to run: <built-in method __new__ of type object at 0x9d1a0>
// loses its address. Uses `room` where it must.
[[nodiscard]] std::string_view stable_name(std::string_view name, std::string& room);

}  // namespace tracebraid::analyzers::diff
