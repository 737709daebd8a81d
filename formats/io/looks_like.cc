#include "formats/io/looks_like.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace tracebraid::formats::io {
namespace {

using namespace std::string_view_literals;

struct Signature {
  std::size_t at;
  std::string_view bytes;
  std::string_view name;
};

constexpr auto kSignatures = std::to_array<Signature>({
    {0, "# callgrind format"sv, "a callgrind profile"},
    {0, "\xD4\xC3\xB2\xA1"sv, "a pcap capture"},
    {0, "\xA1\xB2\xC3\xD4"sv, "a pcap capture"},
    {0, "\x4D\x3C\xB2\xA1"sv, "a pcap capture"},
    {0, "\xA1\xB2\x3C\x4D"sv, "a pcap capture"},
    {0, "\x34\xCD\xB2\xA1"sv, "a pcap capture"},
    {0, "\xA1\xB2\xCD\x34"sv, "a pcap capture"},
    {0, "\x0A\x0D\x0D\x0A"sv, "a pcapng capture"},
    {0, "snoop\0\0\0"sv, "a snoop capture (editcap -F pcapng converts it)"},
    {0, "GMBU"sv, "a Network Monitor capture (editcap -F pcapng converts it)"},
    {0, "btsnoop\0"sv, "a Bluetooth capture (btsnoop)"},
    {0,
     "\x7F"
     "ELF"sv,
     "an ELF binary"},
    {0, "PERFILE2"sv, "a perf.data file"},
    {0, "SQLite format 3"sv, "an SQLite database"},
    {0, "PK\x03\x04"sv, "a zip archive"},
    {0, "BZh"sv, "bzip2 data (decompress it first)"},
    {0,
     "\xFD"
     "7zXZ"sv,
     "xz data (decompress it first)"},
    {0, "\x04\x22\x4D\x18"sv, "lz4 data (decompress it first)"},
    {0, "\x1F\x8B"sv, "gzip data inside other compressed data"},
    {0, "\x28\xB5\x2F\xFD"sv, "zstd data inside other compressed data"},
    {257, "ustar"sv, "a tar archive"},
    {2, "\r\n"sv, "a compiled Python file (.pyc)"},
});

bool is_text(std::string_view head) {
  return std::none_of(head.begin(), head.end(), [](char each) {
    const auto byte = static_cast<unsigned char>(each);
    return byte < 0x20 && each != '\n' && each != '\r' && each != '\t' && each != '\f';
  });
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

std::string_view kind_of_text(std::string_view head) {
  const std::string_view start =
      head.substr(std::min(head.find_first_not_of(" \t\r\n"), head.size()));
  if (contains(head, "function calls") && contains(head, "seconds")) {
    return "a text report of pstats, not the dump itself";
  }
  if (contains(head, "Timer unit:")) return "a text report of line_profiler";
  if (head.starts_with("events:") || contains(head, "\nevents:")) return "a callgrind profile";
  if (start.starts_with('{') || start.starts_with('[')) return "JSON";
  if (start.starts_with("<!") || start.starts_with("<html") || start.starts_with("<?xml")) {
    return "HTML or XML";
  }
  if (start.starts_with("#!")) return "a script";
  if (contains(head, "import ") || contains(head, "def ")) return "Python source";
  return "text";
}

}  // namespace

std::string_view looks_like(std::string_view head) {
  if (head.empty()) return {};
  for (const Signature& each : kSignatures) {
    if (head.size() >= each.at && head.substr(each.at).starts_with(each.bytes)) return each.name;
  }
  const bool is_pickle = head.size() >= 2 && head[0] == '\x80' && head[1] >= 2 && head[1] <= 5;
  if (is_pickle) {
    return contains(head, "line_profiler") || contains(head, "LineStats")
               ? "a dump of line_profiler (.lprof, a pickle)"
               : "a pickle (line_profiler's .lprof files are pickles, too)";
  }
  constexpr std::size_t kEnoughText = 4;
  return head.size() >= kEnoughText && is_text(head) ? kind_of_text(head) : std::string_view{};
}

}  // namespace tracebraid::formats::io
