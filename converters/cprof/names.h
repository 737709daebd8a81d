// What a person sees of a Python function in a call-graph viewer, made from its file's path.
#pragma once

#include <string>
#include <string_view>

namespace tracebraid::converters::cprof {

// cProfile's file for built-in functions is "~", the profile module's is empty.
[[nodiscard]] bool is_builtin(std::string_view path);

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

}  // namespace tracebraid::converters::cprof
