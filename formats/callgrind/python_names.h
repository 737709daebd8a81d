// What a person sees of Python functions in a call-graph viewer.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>

#include "formats/io/hash.h"

namespace tracebraid::formats::callgrind {

// cProfile's file for built-in functions is "~", the profile module's is empty.
[[nodiscard]] bool is_builtin(std::string_view path);

// What follows the folder that a library is installed in: site-packages/, dist-packages/ or
// lib/pythonX.Y/. Empty for other paths.
[[nodiscard]] std::string_view library_path(std::string_view path);

// The part of a path that tells files apart for a reader: what follows site-packages/,
// dist-packages/ or lib/pythonX.Y/, else the last three parts. Valid as long as `path`.
[[nodiscard]] std::string_view path_tail(std::string_view path);

// The group of a file, for the viewers' grouping by object: "builtins"; "stdlib"; "generated" for
// code without a file (<string>); the top-level package in site-packages or dist-packages; for
// other files the first folder of a relative path, the last one of an absolute path. Never empty.
[[nodiscard]] std::string_view package_of(std::string_view path);

// Like io::append_escaped, and fit for a callgrind name: blanks at the ends are escaped, an empty
// text becomes `<unnamed>`.
void append_name(std::string& out, std::string_view text);

// The caller that stands for code outside the profile (outside_calls.h).
inline constexpr std::string_view kRootName = "(root)";
inline constexpr std::string_view kRootFile = "(outside the profile)";

// Names of one profile's functions, no two of them equal: gprof2dot knows a function by its name
// alone. `name (tail/of/path.py:12)`; built-in functions, whose file says nothing, by name alone.
//
// Memory: the places; names where they are escaped, look as if they had a place, or have none.
class PythonNames {
 public:
  static constexpr std::int32_t kAllLines = -1;  // the line is left out

  // What stands behind the names of a file's functions: its tail, or if another file has the same,
  // its whole path. Once for each path; empty for built-in functions and kRootFile, whose names
  // stand alone.
  [[nodiscard]] std::string take_place(std::string_view path);

  // `place` is what take_place() gave for the function's file. Once for each function.
  void append_function(std::string& out, std::string_view name, std::string_view place,
                       std::int32_t line);

 private:
  std::unordered_set<std::string, io::TextHash> places_;
  std::unordered_set<std::string, io::TextHash> odd_names_;  // that their place does not tell apart
};

}  // namespace tracebraid::formats::callgrind
