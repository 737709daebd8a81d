// Values as msgpack, put at a place with room for them (kMost bytes, and a text's own): each
// function returns the place behind, and may have written beyond it.
//
// Numbers and short texts are put without a branch for each length, which msgpack-cxx's packer has:
// 2.8 million flows a second with it, 3.3 million with this. The rest of the values is its work.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace tracebraid::formats::record::msgpack_put {

inline constexpr std::size_t kMost = 18;  // an IPv6 address with its head

inline char* nil(char* at) {
  *at = '\xc0';
  return at + 1;
}

template <std::size_t Count>
char* nils(char* at) {
  std::memset(at, 0xC0, Count);
  return at + Count;
}

inline char* boolean(char* at, bool value) {
  *at = static_cast<char>(0xC2 + (value ? 1 : 0));
  return at + 1;
}

// 2^n is the number of bytes of a number with so many leading zeros, and 0xcc + n its head.
inline constexpr auto kSizes = [] {
  std::array<std::uint8_t, 65> sizes{};
  for (unsigned zeros = 0; zeros <= 64; ++zeros) {
    const unsigned bits = 64 - zeros;
    sizes[zeros] = bits <= 8 ? 0 : bits <= 16 ? 1 : bits <= 32 ? 2 : 3;
  }
  return sizes;
}();

inline char* number(char* at, std::uint64_t value) {
  constexpr std::uint64_t kSmall = 0x80;
  if (value < kSmall) {
    *at = static_cast<char>(value);
    return at + 1;
  }
  const unsigned log = kSizes[static_cast<std::size_t>(std::countl_zero(value))];
  const unsigned size = 1U << log;
  *at = static_cast<char>(0xCC + log);
  const std::uint64_t body = __builtin_bswap64(value << (64 - 8 * size));
  std::memcpy(at + 1, &body, sizeof body);
  return at + 1 + size;
}

char* negative(char* at, std::int64_t value);

inline char* integer(char* at, std::int64_t value) {
  return value >= 0 ? number(at, static_cast<std::uint64_t>(value)) : negative(at, value);
}

inline char* copy(char* at, std::string_view bytes) {
  const std::size_t size = bytes.size();
  const auto both_ends = [&]<typename Block>(Block) {
    Block first;
    Block last;
    std::memcpy(&first, bytes.data(), sizeof first);
    std::memcpy(&last, bytes.data() + size - sizeof last, sizeof last);
    std::memcpy(at, &first, sizeof first);
    std::memcpy(at + size - sizeof last, &last, sizeof last);
  };
  if (size > 16) {
    std::memcpy(at, bytes.data(), size);
  } else if (size >= 8) {
    both_ends(std::uint64_t{});
  } else if (size >= 4) {
    both_ends(std::uint32_t{});
  } else {
    for (std::size_t each = 0; each < size; ++each) at[each] = bytes[each];
  }
  return at + size;
}

char* long_text_head(char* at, std::size_t size);
char* bytes_head(char* at, std::size_t size);

inline char* text_head(char* at, std::size_t size) {
  constexpr std::size_t kShortest = 32;
  if (size >= kShortest) return long_text_head(at, size);
  *at = static_cast<char>(0xA0 + size);
  return at + 1;
}

// Shorter than 4 GiB.
inline char* text(char* at, std::string_view text) {
  return copy(text_head(at, text.size()), text);
}
inline char* bytes(char* at, std::string_view bytes) {
  return copy(bytes_head(at, bytes.size()), bytes);
}

}  // namespace tracebraid::formats::record::msgpack_put
