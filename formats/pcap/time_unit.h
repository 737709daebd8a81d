// Times as pcapng counts them: ticks of an interface's own length, from an offset of its own.
//
// Definition: draft-ietf-opsawg-pcapng, options if_tsresol (one byte: `06` is 10^-6 s, `8a` is
// 2^-10 s) and if_tsoffset (seconds, signed).
#pragma once

#include <cstdint>
#include <optional>

#include "formats/io/farthest.h"

namespace tracebraid::formats::pcap {

class TimeUnit {
 public:
  // 10^-6 s, as where an interface has no if_tsresol.
  constexpr TimeUnit() = default;
  constexpr explicit TimeUnit(std::uint8_t tsresol, std::int64_t offset_s = 0)
      : offset_s_(offset_s) {
    const unsigned exponent = tsresol & 0x7FU;
    if ((tsresol & 0x80U) != 0) {
      ns_ = kSecond;
      shift_ = exponent;
    } else if (exponent <= kNano) {
      ns_ = power_of_ten(kNano - exponent);
    } else {
      // 10^19 is the last power that fits; what is divided by a larger one is 0 at any rate.
      const unsigned finer = exponent - kNano;
      ns_ = finer <= 19 ? 1 : 0;
      divisor_ = finer <= 19 ? power_of_ten(finer) : 1;
    }
  }

  // Nanoseconds since the epoch, rounded down; nothing when that is too far.
  [[nodiscard]] std::optional<std::int64_t> to_ns(std::uint64_t ticks) const {
    // At most 2^64 * 10^9.
    Wide ns = static_cast<Wide>(ticks) * static_cast<Wide>(ns_);
    if (shift_ != 0) ns >>= shift_;
    if (divisor_ != 1) [[unlikely]]
      ns /= static_cast<Wide>(divisor_);
    if (offset_s_ != 0) [[unlikely]]
      ns += static_cast<Wide>(offset_s_) * static_cast<Wide>(kSecond);
    if (ns > io::kFarthestNs || ns < -io::kFarthestNs) [[unlikely]]
      return std::nullopt;
    return static_cast<std::int64_t>(ns);
  }

 private:
  __extension__ using Wide = __int128;
  static constexpr std::uint64_t kSecond = 1'000'000'000;
  static constexpr unsigned kNano = 9;

  static constexpr std::uint64_t power_of_ten(unsigned exponent) {
    std::uint64_t power = 1;
    for (; exponent > 0; --exponent) power *= 10;
    return power;
  }

  std::uint64_t ns_ = 1000;    // ns of a tick, before shift and divisor
  std::uint64_t divisor_ = 1;  // for decimal units below 1 ns
  std::int64_t offset_s_ = 0;
  unsigned shift_ = 0;  // for units that are powers of two
};

}  // namespace tracebraid::formats::pcap
