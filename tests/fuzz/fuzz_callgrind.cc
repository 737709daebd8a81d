#include <cstddef>
#include <cstdint>

#include "tests/fuzz/targets.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static_cast<void>(tracebraid::tests::fuzz_callgrind({reinterpret_cast<const char*>(data), size}));
  return 0;
}
