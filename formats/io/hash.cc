#include "formats/io/hash.h"

#include <chrono>

#include <sys/random.h>
#include <unistd.h>

#define XXH_STATIC_LINKING_ONLY  // XXH3_generateSecret_fromSeed()
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace tracebraid::formats::io {
namespace {

// Of what is at hand, where the kernel has no random numbers (a filter of system calls, a kernel
// before 3.17): harder to guess than nothing.
std::uint64_t made_up(std::uint64_t which) {
  const std::uint64_t found[] = {
      static_cast<std::uint64_t>(std::chrono::system_clock::now().time_since_epoch().count()),
      static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count()),
      static_cast<std::uint64_t>(::getpid()), reinterpret_cast<std::uintptr_t>(&which),
      reinterpret_cast<std::uintptr_t>(&made_up)};
  return XXH3_64bits_withSeed(found, sizeof found, which);
}

HashSeeds drawn() {
  HashSeeds seeds{};
  // Never waits: early in the boot of a machine there is none.
  if (::getrandom(&seeds, sizeof seeds, GRND_NONBLOCK) == ssize_t{sizeof seeds}) return seeds;
  seeds = {made_up(1), made_up(2), made_up(3), {}};
  static_assert(sizeof seeds.text == XXH3_SECRET_DEFAULT_SIZE);
  XXH3_generateSecret_fromSeed(seeds.text, made_up(4));
  return seeds;
}

}  // namespace

// Before whatever makes a table while the program starts.
__attribute__((init_priority(101))) const HashSeeds kHashSeeds = drawn();

std::uint64_t hash_text(std::string_view text) {
  // With a seed it would make a secret of it for each long text.
  return XXH3_64bits_withSecret(text.data(), text.size(), kHashSeeds.text, sizeof kHashSeeds.text);
}

std::uint64_t lasting_hash(std::string_view text) {
  return XXH3_64bits(text.data(), text.size());
}

WideHash wide_hash(std::string_view text, std::uint64_t seed) {
  const XXH128_hash_t hash = XXH3_128bits_withSeed(text.data(), text.size(), seed);
  return {hash.low64, hash.high64};
}

}  // namespace tracebraid::formats::io
