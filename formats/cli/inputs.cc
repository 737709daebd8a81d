#include "formats/cli/inputs.h"

#include <algorithm>

#include <unistd.h>

namespace tracebraid::formats::cli {

std::vector<std::string> input_paths(const Arguments& arguments) {
  std::vector<std::string> paths = arguments.positional;
  if (paths.empty()) {
    if (::isatty(STDIN_FILENO) != 0) throw io::UsageError{"no input"};
    paths.emplace_back("-");
  }
  check_inputs(paths);
  return paths;
}

void check_inputs(const std::vector<std::string>& paths) {
  if (std::count(paths.begin(), paths.end(), "-") > 1) {
    throw io::UsageError{"standard input is named twice"};
  }
}

std::string input_name(const std::string& path) {
  return path == "-" ? "standard input" : path;
}

}  // namespace tracebraid::formats::cli
