#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>

#include "tests/fuzz/analyzer_case.h"
#include "tests/fuzz/targets.h"

extern "C" {

std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tracebraid::tests::fuzz_analyzers({reinterpret_cast<const char*>(data), size});
  return 0;
}

std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most,
                                    unsigned seed) {
  using tracebraid::tests::AnalyzerCase;
  std::minstd_rand random(seed);
  AnalyzerCase one = AnalyzerCase::of({reinterpret_cast<const char*>(data), size});
  if (one.parts.empty() || random() % 5 == 0) {
    tracebraid::tests::mutate_parts(one, random);
  } else {
    std::string& bytes = one.parts[random() % one.parts.size()].bytes;
    if (random() % 4 == 0 || !tracebraid::tests::mutate_within(bytes, random)) {
      constexpr std::size_t kMore = 16;
      const std::size_t old = bytes.size();
      bytes.resize(old + kMore);
      bytes.resize(
          LLVMFuzzerMutate(reinterpret_cast<std::uint8_t*>(bytes.data()), old, bytes.size()));
    }
  }
  const std::string changed = one.bytes();
  const std::size_t count = std::min(changed.size(), most);
  std::copy_n(changed.data(), count, data);
  return count;
}

// The inputs of one with some of the other's.
std::size_t LLVMFuzzerCustomCrossOver(const std::uint8_t* first, std::size_t first_size,
                                      const std::uint8_t* second, std::size_t second_size,
                                      std::uint8_t* out, std::size_t most, unsigned seed) {
  using tracebraid::tests::AnalyzerCase;
  std::minstd_rand random(seed);
  AnalyzerCase one = AnalyzerCase::of({reinterpret_cast<const char*>(first), first_size});
  const AnalyzerCase other = AnalyzerCase::of({reinterpret_cast<const char*>(second), second_size});
  for (const AnalyzerCase::Part& part : other.parts) {
    if (random() % 2 == 0) continue;
    if (one.parts.size() < AnalyzerCase::kMostParts) {
      one.parts.push_back(part);
    } else {
      one.parts[random() % one.parts.size()] = part;
    }
  }
  const std::string bytes = one.bytes();
  const std::size_t count = std::min(bytes.size(), most);
  std::copy_n(bytes.data(), count, out);
  return count;
}

}  // extern "C"
