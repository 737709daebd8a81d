#include "formats/callgrind/python_names.h"

#include <algorithm>
#include <charconv>
#include <initializer_list>
#include <iterator>

#include "formats/io/text.h"

namespace tracebraid::formats::callgrind {
namespace {

constexpr std::string_view kSlashes = "/\\";  // a dump may come from Windows
constexpr std::size_t kNotFound = std::string_view::npos;

bool is_slash(char each) {
  return each == '/' || each == '\\';
}

// Takes the last part off `path` and returns it.
std::string_view take_last_part(std::string_view& path) {
  std::size_t start = path.size();
  while (start > 0 && !is_slash(path[start - 1])) --start;
  const std::string_view part = path.substr(start);
  path = path.substr(0, start == 0 ? 0 : start - 1);
  return part;
}

// `python3.11`, `python3.13t`, `pypy3.10`
bool is_versioned_python(std::string_view part) {
  for (const std::string_view name : {"python", "pypy"}) {
    if (part.starts_with(name) && part.size() > name.size()) {
      return part.find_first_not_of("0123456789.t", name.size()) == kNotFound;
    }
  }
  return false;
}

// Where a path goes on behind the folder that libraries are installed in, if it is below one.
struct Library {
  std::size_t at = kNotFound;
  bool is_stdlib = false;
};

Library library_of(std::string_view path) {
  std::string_view rest = path;
  Library stdlib;
  while (!rest.empty()) {
    const std::size_t end = rest.size();
    const std::string_view part = take_last_part(rest);
    if (end + 1 >= path.size()) continue;
    if (part == "site-packages" || part == "dist-packages") return {end + 1, false};
    // Unix: lib/python3.11/, also lib64; Windows: Python311\Lib\.
    std::string_view before = rest;
    const std::string_view folder = take_last_part(before);
    const bool is_unix = is_versioned_python(part) && (folder == "lib" || folder == "lib64");
    const bool is_windows = part == "Lib" && path[end] == '\\';
    if (stdlib.at == kNotFound && (is_unix || is_windows)) stdlib = {end + 1, true};
  }
  return stdlib;
}

std::string_view without_ending(std::string_view file) {
  return file.ends_with(".py") && file.size() > 3 ? file.substr(0, file.size() - 3) : file;
}

// `shop/views.py` -> `shop`, `six.py` -> `six`.
std::string_view first_part(std::string_view path) {
  const std::size_t slash = path.find_first_of(kSlashes);
  return slash == kNotFound ? without_ending(path) : path.substr(0, slash);
}

bool is_absolute(std::string_view path) {
  const bool has_drive = path.size() > 2 && path[1] == ':' && is_slash(path[2]);
  return has_drive || (!path.empty() && is_slash(path[0]));
}

struct NameLook {
  bool is_plain;         // is copied as it is, and no other name is shown as this text
  bool has_false_place;  // holds what looks like the beginning of a place
};

NameLook look_at(std::string_view name) {
  bool is_plain = !name.empty() && name.front() != ' ' && name.back() != ' ';
  bool has_false_place = false;
  char before = 0;
  for (const char each : name) {
    is_plain &= each >= ' ' && each <= '~' && each != '\\';
    has_false_place |= before == ' ' && each == '(';
    before = each;
  }
  return {is_plain, has_false_place};
}

// ` (shop/views.py`, which a line and a bracket complete.
std::string place_text(std::string_view path) {
  std::string text = " (";
  append_name(text, path);
  return text;
}

}  // namespace

bool is_builtin(std::string_view path) {
  return path.empty() || path == "~";
}

std::string_view library_path(std::string_view path) {
  const Library library = library_of(path);
  return library.at == kNotFound ? std::string_view() : path.substr(library.at);
}

std::string_view path_tail(std::string_view path) {
  if (const std::string_view tail = library_path(path); !tail.empty()) return tail;
  constexpr int kParts = 3;
  std::size_t start = path.size();
  for (int part = 0; part < kParts; ++part) {
    const std::size_t slash = start == 0 ? kNotFound : path.find_last_of(kSlashes, start - 1);
    if (slash == kNotFound) return path;
    start = slash;
  }
  return path.substr(start + 1);
}

std::string_view package_of(std::string_view path) {
  std::string_view package;
  if (is_builtin(path)) {
    package = "builtins";
  } else if (path[0] == '<') {
    package = path.starts_with("<frozen ") ? "stdlib" : "generated";
  } else if (const Library library = library_of(path); library.at != kNotFound) {
    package = library.is_stdlib ? "stdlib" : first_part(path.substr(library.at));
  } else if (is_absolute(path)) {
    const std::string_view folder = path.substr(0, path.find_last_of(kSlashes));
    package = folder.substr(folder.find_last_of(kSlashes) + 1);
  } else {
    package = first_part(path);
  }
  return package.empty() ? "other" : package;
}

void append_name(std::string& out, std::string_view text) {
  if (text.empty()) {
    out.append("<unnamed>");
    return;
  }
  constexpr std::string_view kBlank = "\\x20";
  const bool starts_blank = text.front() == ' ';
  if (starts_blank) {
    out.append(kBlank);
    text.remove_prefix(1);
  }
  const bool ends_blank = text.ends_with(' ');
  if (ends_blank) text.remove_suffix(1);
  io::append_escaped(out, text);
  if (ends_blank) out.append(kBlank);
}

std::string PythonNames::take_place(std::string_view path) {
  if (is_builtin(path) || path == kRootFile) return {};
  for (const std::string_view shown_path : {path_tail(path), path}) {
    std::string place = place_text(shown_path);
    if (places_.insert(place).second) return place;
  }
  // Paths that differ only in what is escaped.
  for (std::uint64_t serial = 2;; ++serial) {
    std::string place = place_text(path) + " #" + std::to_string(serial);
    if (places_.insert(place).second) return place;
  }
}

// The place and a plain name tell a function from all others; names that are escaped, or look as if
// they had a place, and those without one get a number where they need it.
void PythonNames::append_function(std::string& out, std::string_view name, std::string_view place,
                                  std::int32_t line) {
  const NameLook look = look_at(name);
  if (look.is_plain) {
    out.append(name);
  } else {
    append_name(out, name);
  }
  if (!place.empty()) {
    out.append(place);
    if (line != kAllLines) {
      char digits[16] = {':'};
      out.append(digits, std::to_chars(digits + 1, std::end(digits), line).ptr);
    }
    out.push_back(')');
  }
  if (!place.empty() && look.is_plain && !look.has_false_place) return;
  constexpr std::uint64_t kSecond = 2;
  const std::size_t size = out.size();
  for (std::uint64_t serial = look.has_false_place ? 1 : 0;;
       serial = std::max(serial + 1, kSecond)) {
    out.resize(size);
    if (serial > 0) out.append(" #").append(std::to_string(serial));
    if (odd_names_.insert(out).second) return;
  }
}

}  // namespace tracebraid::formats::callgrind
