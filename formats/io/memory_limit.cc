#include "formats/io/memory_limit.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>

#include <unistd.h>

namespace tracebraid::formats::io {
namespace {

std::string content(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Of a file that holds one number, or a word for none.
std::uint64_t limit_in(const std::string& path) {
  const std::string text = content(path);
  std::uint64_t limit = UINT64_MAX;
  std::from_chars(text.data(), text.data() + text.size(), limit);
  return limit;
}

}  // namespace

std::uint64_t control_group_limit(std::string_view membership, const std::string& root) {
  constexpr std::string_view kVersion2 = "0::";
  constexpr std::string_view kVersion1 = ":memory:";
  std::uint64_t limit = UINT64_MAX;
  while (!membership.empty()) {
    const std::size_t end = std::min(membership.find('\n'), membership.size());
    std::string_view line = membership.substr(0, end);
    membership.remove_prefix(std::min(end + 1, membership.size()));
    const std::size_t version1 = line.find(kVersion1);
    const bool is_version1 = version1 != std::string_view::npos;
    if (is_version1) {
      line.remove_prefix(version1 + kVersion1.size());
    } else if (line.starts_with(kVersion2)) {
      line.remove_prefix(kVersion2.size());
    } else {
      continue;
    }
    const std::string folder = root + (is_version1 ? "/memory" : "");
    const std::string file = is_version1 ? "/memory.limit_in_bytes" : "/memory.max";
    for (;;) {
      while (line.ends_with('/')) line.remove_suffix(1);
      limit = std::min(limit, limit_in(folder + std::string(line) + file));
      const std::size_t above = line.rfind('/');
      if (above == std::string_view::npos) break;
      line = line.substr(0, above);
    }
  }
  return limit;
}

std::uint64_t memory_limit() {
  const long pages = ::sysconf(_SC_PHYS_PAGES);
  const long page_bytes = ::sysconf(_SC_PAGESIZE);
  if (pages <= 0 || page_bytes <= 0) return 0;
  return std::min(static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(page_bytes),
                  control_group_limit(content("/proc/self/cgroup"), "/sys/fs/cgroup"));
}

}  // namespace tracebraid::formats::io
