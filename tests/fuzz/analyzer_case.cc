#include "tests/fuzz/analyzer_case.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace tracebraid::tests {
namespace {

constexpr std::size_t kHead = 3;
constexpr std::size_t kMostBytes = 0xFFFF;
constexpr std::uint8_t kSecond = 0x80;

std::size_t below(std::minstd_rand& random, std::size_t limit) {
  return limit == 0 ? 0 : random() % limit;
}

constexpr std::array<std::string_view, 16> kNumbers = {"0",
                                                       "1",
                                                       "-1",
                                                       "2147483647",
                                                       "4294967296",
                                                       "65535",
                                                       "9223372036",
                                                       "4600000000",
                                                       "9223372036854775807",
                                                       "-9223372036854775808",
                                                       "0.000001",
                                                       "9999999999",
                                                       "18446744073709551615",
                                                       "0xffffffffffffffff",
                                                       "1795418241",
                                                       "00"};

// Numbers that are at the edge of something, with as many bytes as there is room for.
std::uint64_t edge(std::minstd_rand& random) {
  constexpr std::array<std::uint64_t, 12> kEdges = {0,
                                                    1,
                                                    0x7F,
                                                    0x80,
                                                    0xFFFF,
                                                    0x7FFFFFFF,
                                                    0x80000000,
                                                    0xFFFFFFFF,
                                                    0x7FFFFFFFFFFFFFFF,
                                                    0x8000000000000000,
                                                    0xFFFFFFFFFFFFFFFF,
                                                    0x4330000000000000};
  return below(random, 4) == 0 ? random() : kEdges[below(random, kEdges.size())];
}

void put_edge(std::string& bytes, std::size_t at, std::size_t size, std::minstd_rand& random) {
  const std::uint64_t value = edge(random);
  if (at + size <= bytes.size()) std::memcpy(bytes.data() + at, &value, size);
}

// A range of bytes that is one thing: a line, a packet.
struct Piece {
  std::size_t begin, end;
};

bool mutate_pieces(std::string& bytes, const std::vector<Piece>& pieces, std::minstd_rand& random) {
  if (pieces.empty()) return false;
  const Piece one = pieces[below(random, pieces.size())];
  const Piece other = pieces[below(random, pieces.size())];
  const std::string text = bytes.substr(one.begin, one.end - one.begin);
  switch (below(random, 4)) {
    case 0:
      bytes.erase(one.begin, one.end - one.begin);
      break;
    case 1:
      bytes.insert(other.begin, text);
      break;
    case 2: {  // where it was stands the other
      const std::string instead = bytes.substr(other.begin, other.end - other.begin);
      bytes.replace(one.begin, one.end - one.begin, instead);
      break;
    }
    default:  // the other's end behind its begin
      const std::size_t cut = below(random, text.size());
      const std::size_t from = other.begin + below(random, other.end - other.begin);
      bytes.replace(one.begin + cut, text.size() - cut, bytes.substr(from, other.end - from));
  }
  return true;
}

std::vector<Piece> lines_of(std::string_view bytes) {
  std::vector<Piece> lines;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t end = std::min(bytes.find('\n', at), bytes.size() - 1) + 1;
    lines.push_back({at, end});
    at = end;
  }
  return lines;
}

bool mutate_text(std::string& bytes, std::minstd_rand& random) {
  if (below(random, 2) == 0) return mutate_pieces(bytes, lines_of(bytes), random);
  // A number becomes another.
  const std::size_t begin = bytes.find_first_of("0123456789", below(random, bytes.size()));
  if (begin == std::string::npos) return false;
  const std::size_t end = std::min(bytes.find_first_not_of("0123456789.", begin), bytes.size());
  bytes.replace(begin, end - begin, kNumbers[below(random, kNumbers.size())]);
  return true;
}

// Records of a pcap file of this machine's byte order.
std::vector<Piece> packets_of(std::string_view bytes) {
  constexpr std::size_t kFileHead = 24;
  constexpr std::size_t kRecordHead = 16;
  std::vector<Piece> packets;
  for (std::size_t at = kFileHead; at + kRecordHead <= bytes.size();) {
    std::uint32_t size = 0;
    std::memcpy(&size, bytes.data() + at + 8, sizeof size);
    const std::size_t end = at + kRecordHead + size;
    if (end > bytes.size()) break;
    packets.push_back({at, end});
    at = end;
  }
  return packets;
}

bool mutate_capture(std::string& bytes, std::minstd_rand& random) {
  const std::vector<Piece> packets = packets_of(bytes);
  if (packets.empty()) return false;
  if (below(random, 2) == 0) return mutate_pieces(bytes, packets, random);
  const Piece packet = packets[below(random, packets.size())];
  // Times and sizes of the record, or what stands in its headers.
  constexpr std::size_t kHeads = 16 + 14 + 20 + 20;
  put_edge(bytes, packet.begin + below(random, std::min(packet.end - packet.begin, kHeads)),
           std::size_t{1} << below(random, 3), random);
  return true;
}

// CPython's marshal (Python/marshal.c): numbers keep their type, texts their size.
bool mutate_profile(std::string& bytes, std::minstd_rand& random) {
  const std::size_t start = below(random, bytes.size());
  for (std::size_t at = start; at + 9 <= bytes.size(); ++at) {
    switch (bytes[at] & 0x7F) {
      case 'i':
      case 'r':
        put_edge(bytes, at + 1, 4, random);
        return true;
      case 'g':
        put_edge(bytes, at + 1, 8, random);
        return true;
      case 'z':
      case 'Z': {
        const auto size = static_cast<unsigned char>(bytes[at + 1]);
        if (at + 2 + size > bytes.size() || size == 0) break;
        bytes[at + 2 + below(random, size)] = static_cast<char>(random());
        return true;
      }
      default:
        break;
    }
  }
  return false;
}

}  // namespace

AnalyzerCase AnalyzerCase::of(std::string_view bytes) {
  AnalyzerCase one;
  if (bytes.empty()) return one;
  one.form = static_cast<std::uint8_t>(bytes[0]);
  bytes.remove_prefix(1);
  while (bytes.size() >= kHead && one.parts.size() < kMostParts) {
    const auto byte = [&](std::size_t at) { return static_cast<std::uint8_t>(bytes[at]); };
    const std::size_t size = byte(1) + std::size_t{256} * byte(2);
    one.parts.push_back({(byte(0) & kSecond) != 0, std::string(bytes.substr(kHead, size))});
    bytes.remove_prefix(std::min(kHead + size, bytes.size()));
  }
  return one;
}

std::string AnalyzerCase::bytes() const {
  std::string all(1, static_cast<char>(form));
  for (const Part& part : parts) {
    const std::size_t size = std::min(part.bytes.size(), kMostBytes);
    all.push_back(static_cast<char>(part.is_second ? kSecond : 0));
    all.push_back(static_cast<char>(size & 0xFFU));
    all.push_back(static_cast<char>(size >> 8U));
    all.append(part.bytes, 0, size);
  }
  return all;
}

bool mutate_within(std::string& bytes, std::minstd_rand& random) {
  if (bytes.size() < 16) return false;
  if (bytes.starts_with("\xd4\xc3\xb2\xa1") || bytes.starts_with("\x4d\x3c\xb2\xa1")) {
    return mutate_capture(bytes, random);
  }
  if (bytes[0] == '{' && static_cast<unsigned char>(bytes[1]) < 0x80 && bytes[1] != '"') {
    return mutate_profile(bytes, random);
  }
  const bool is_text = std::count(bytes.begin(), bytes.end(), '\n') > 1;
  return is_text && mutate_text(bytes, random);
}

void mutate_parts(AnalyzerCase& one, std::minstd_rand& random) {
  const std::size_t count = one.parts.size();
  const std::size_t at = below(random, count);
  switch (below(random, count == 0 ? 1 : 6)) {
    case 0:
      one.form = static_cast<std::uint8_t>(random());
      break;
    case 1:
      one.parts.erase(one.parts.begin() + static_cast<std::ptrdiff_t>(at));
      break;
    case 2:
      if (count < AnalyzerCase::kMostParts) one.parts.push_back(one.parts[at]);
      break;
    case 3:
      std::swap(one.parts[at], one.parts[below(random, count)]);
      break;
    case 4:
      one.parts[at].is_second = !one.parts[at].is_second;
      break;
    default:
      one.parts[at].bytes.resize(below(random, one.parts[at].bytes.size() + 1));
  }
}

}  // namespace tracebraid::tests
