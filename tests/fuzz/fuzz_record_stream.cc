#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "tests/fuzz/targets.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using tracebraid::tests::fuzz_record_stream;
  const std::span<const char> input(reinterpret_cast<const char*>(data), size);
  if (fuzz_record_stream(input, 7) != fuzz_record_stream(input, SIZE_MAX)) std::abort();
  return 0;
}
