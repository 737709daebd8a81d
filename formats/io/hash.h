// Hashes of texts and numbers. Those of tables in memory are drawn anew in every run: who chooses
// what is in an input must not be able to choose keys that meet in a table, which would make
// finding each of them take as long as there are many. So nothing that is written may depend on
// them, nor on the order of a table that is made with them. lasting_hash() is for what is written.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tracebraid::formats::io {

// Of this run, from the kernel, before anything else begins.
struct HashSeeds {
  std::uint64_t left, right, flows;
  unsigned char text[192];  // what XXH3 calls its secret
};
extern const HashSeeds kHashSeeds;

// XXH3, 64 bits, with a secret of this run. Users compare the texts, or can live with one chance in
// 2^64.
[[nodiscard]] std::uint64_t hash_text(std::string_view text);

// The same for the same text in every run and on every machine. Whoever chooses the text can make
// two that have the same.
[[nodiscard]] std::uint64_t lasting_hash(std::string_view text);

// XXH3, 128 bits: wide enough to stand for the text, as long as `seed` is a secret of this run.
// With a known one, two texts of the same hash are made in milliseconds.
struct WideHash {
  std::uint64_t low = 0, high = 0;
  bool operator==(const WideHash&) const = default;
};
[[nodiscard]] WideHash wide_hash(std::string_view text, std::uint64_t seed);

// The two halves of a product put together, as in wyhash and foldhash. 0 where a factor is.
[[nodiscard]] inline std::uint64_t folded_product(std::uint64_t left, std::uint64_t right) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(left) * right;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64U);
}

// 2^64 divided by the golden ratio: multiplying by it spreads what is low over all bits above.
constexpr std::uint64_t kGoldenOdd = 0x9e3779b97f4a7c15U;

// Of two numbers, or of a hash and the next number; (a, b) and (b, a) differ. The low bits are as
// good as the high ones: with one product alone, a seed in 75 left keys that follow each other
// unevenly spread (measured). Who does not know the seeds knows no two pairs that meet.
[[nodiscard]] inline std::uint64_t mixed(std::uint64_t left, std::uint64_t right) {
  return folded_product(folded_product(left ^ kHashSeeds.left, right ^ kHashSeeds.right),
                        kGoldenOdd);
}

// For std::unordered_map and std::unordered_set, whose own hashes of numbers are the numbers, and
// whose own hash of texts has a seed that is known.
struct NumberHash {
  template <std::integral Number>
  std::size_t operator()(Number number) const {
    return static_cast<std::size_t>(mixed(static_cast<std::uint64_t>(number), 0));
  }
};
// With std::equal_to<> as the other one, all kinds of texts are found without a copy.
struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const {
    return static_cast<std::size_t>(hash_text(text));
  }
};

}  // namespace tracebraid::formats::io
