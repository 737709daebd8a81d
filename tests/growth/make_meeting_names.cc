// Names whose XXH3 of 64 bits, without a seed, meets in a table of linear probing: what anybody can
// make in a second. usage: make_meeting_names NUMBER
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "formats/io/hash.h"

int main(int count, char** arguments) {
  const long wanted = count > 1 ? std::atol(arguments[1]) : 0;
  std::uint64_t slots = 1;  // of a table that is half full
  while (slots <= 2 * static_cast<std::uint64_t>(wanted)) slots *= 2;
  const std::uint64_t region = slots / 64;
  char name[32];
  long found = 0;
  for (std::uint64_t number = 0; found < wanted; ++number) {
    const int size =
        std::snprintf(name, sizeof name, "f%llx", static_cast<unsigned long long>(number));
    const std::string_view text(name, static_cast<std::size_t>(size));
    if ((tracebraid::formats::io::lasting_hash(text) & (slots - 1)) >= region) continue;
    std::puts(name);
    ++found;
  }
  return 0;
}
