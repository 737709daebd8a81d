#include "converters/cprof/names.h"

#include <algorithm>
#include <initializer_list>

#include "formats/io/text.h"

namespace tracebraid::converters::cprof {
namespace {

constexpr std::string_view kSlashes = "/\\";  // a dump may come from Windows
constexpr std::size_t kNotFound = std::string_view::npos;

bool is_slash(char each) { return each == '/' || each == '\\'; }

bool is_digit(char each) { return each >= '0' && each <= '9'; }

// Where the path goes on behind the folder of installed packages, or kNotFound.
std::size_t behind_packages(std::string_view path) {
  for (const std::string_view folder : {"site-packages", "dist-packages"}) {
    const std::size_t at = path.rfind(folder);
    const std::size_t end = at + folder.size();
    if (at != kNotFound && end + 1 < path.size() && is_slash(path[end]) &&
        (at == 0 || is_slash(path[at - 1]))) {
      return end + 1;
    }
  }
  return kNotFound;
}

// Behind `lib/python3.11/` (Unix; also lib64 and pypy) or `Python311\Lib\` (Windows).
std::size_t behind_stdlib(std::string_view path) {
  for (const std::string_view name : {"python", "pypy"}) {
    for (std::size_t at = path.rfind(name); at != kNotFound && at > 0;
         at = at == 0 ? kNotFound : path.rfind(name, at - 1)) {
      std::size_t end = at + name.size();
      const std::size_t version = end;
      while (end < path.size() && (is_digit(path[end]) || path[end] == '.' || path[end] == 't')) {
        ++end;
      }
      const std::string_view before = path.substr(0, at);
      const bool in_lib = before.ends_with("/lib/") || before.ends_with("/lib64/") ||
                          before == "lib/" || before == "lib64/";
      if (in_lib && end > version && end + 1 < path.size() && path[end] == '/') return end + 1;
    }
  }
  constexpr std::string_view kWindows = "\\Lib\\";
  const std::size_t at = path.find(kWindows);
  return at == kNotFound || at + kWindows.size() == path.size() ? kNotFound : at + kWindows.size();
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

}  // namespace

bool is_builtin(std::string_view path) { return path.empty() || path == "~"; }

std::string_view path_tail(std::string_view path) {
  if (const std::size_t at = behind_packages(path); at != kNotFound) return path.substr(at);
  if (const std::size_t at = behind_stdlib(path); at != kNotFound) return path.substr(at);
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
  } else if (const std::size_t at = behind_packages(path); at != kNotFound) {
    package = first_part(path.substr(at));
  } else if (behind_stdlib(path) != kNotFound) {
    package = "stdlib";
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
  formats::io::append_escaped(out, text);
  if (ends_blank) out.append(kBlank);
}

}  // namespace tracebraid::converters::cprof
