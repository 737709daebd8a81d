// A case of fuzz_analyzers as bytes: which analyzer (one byte), then its inputs: what it is, two
// bytes for its size (the lower first), and so many bytes; the last may have fewer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace tracebraid::tests {

struct AnalyzerCase {
  struct Part {
    bool is_second = false;  // of the second group of diff: bit 7 of its first byte
    std::string bytes;
  };
  static constexpr std::size_t kMostParts = 8;

  std::uint8_t form = 0;
  std::vector<Part> parts;

  [[nodiscard]] static AnalyzerCase of(std::string_view bytes);
  [[nodiscard]] std::string bytes() const;
};

// Changes an input so that much of it is still what it was: lines of logs, packets of captures,
// values of profiles; false when it is none of these, or too small. It may grow.
[[nodiscard]] bool mutate_within(std::string& bytes, std::minstd_rand& random);

// Changes which inputs there are, and for which analyzer.
void mutate_parts(AnalyzerCase& one, std::minstd_rand& random);

}  // namespace tracebraid::tests
