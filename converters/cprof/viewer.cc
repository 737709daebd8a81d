#include "converters/cprof/viewer.h"

#include <filesystem>
#include <string_view>
#include <system_error>

#include "formats/io/error.h"
#include "formats/io/process.h"

namespace tracebraid::converters::cprof {
namespace {

namespace fs = std::filesystem;
namespace io = formats::io;

bool has_namesakes(const fs::path& profile) {
  const std::string name = profile.filename().string();
  std::error_code unreadable;
  for (const fs::directory_entry& each :
       fs::directory_iterator(profile.parent_path(), unreadable)) {
    const std::string other = each.path().filename().string();
    if (other != name && other.starts_with(name)) return true;
  }
  return false;
}

void show(const std::string& viewer, const std::string& profile) {
  const int status = io::run_command({viewer, profile});
  if (status != 0) throw io::Error{viewer, "", "ended with status " + std::to_string(status)};
}

}  // namespace

std::optional<std::string> find_viewer() {
  for (const char* const name : {"kcachegrind", "qcachegrind"}) {
    if (std::optional<std::string> path = io::find_program(name)) return path;
  }
  return std::nullopt;
}

void view(const std::string& viewer, const std::string& profile) {
  const fs::path absolute = fs::absolute(profile);
  if (!has_namesakes(absolute)) return show(viewer, absolute.string());
  const io::TemporaryFolder folder("cprof2callgrind");
  const fs::path alone = fs::path(folder.path()) / absolute.filename();
  fs::create_symlink(absolute, alone);
  show(viewer, alone.string());
}

}  // namespace tracebraid::converters::cprof
