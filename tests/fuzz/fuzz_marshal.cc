#include <cstddef>
#include <cstdint>

#include "tests/fuzz/targets.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{1} << 16}) {
    static_cast<void>(
        tracebraid::tests::fuzz_marshal({reinterpret_cast<const char*>(data), size}, piece));
  }
  return 0;
}
