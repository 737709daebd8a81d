#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "tests/fuzz/targets.h"

// The same records must come out however the input is cut.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const char> input(reinterpret_cast<const char*>(data), size);
  const std::string whole = tracebraid::tests::fuzz_cprofcalls(input, SIZE_MAX);
  if (whole != tracebraid::tests::fuzz_cprofcalls(input, 3)) std::abort();
  return 0;
}
