#include "converters/cprof/profile.h"

#include <cmath>
#include <limits>

#include "formats/io/hash.h"

namespace tracebraid::converters::cprof {
namespace {

constexpr std::size_t kFirstBuckets = 1024;
constexpr std::uint64_t kSaturated = std::numeric_limits<std::uint64_t>::max();
__extension__ using Uint128 = unsigned __int128;

std::size_t hash_of(const Function& function) {
  const std::uint64_t names = static_cast<std::uint64_t>(function.file) << 32 | function.name;
  return formats::io::mixed(names, static_cast<std::uint32_t>(function.line));
}

std::uint64_t exact_nanoseconds(double seconds) {
  constexpr int kMantissaBits = 53;
  int exponent = 0;
  const double fraction = std::frexp(seconds, &exponent);
  const auto mantissa = static_cast<std::uint64_t>(std::ldexp(fraction, kMantissaBits));
  exponent -= kMantissaBits;
  const Uint128 product = Uint128{mantissa} * 1'000'000'000U;  // below 2^83
  if (exponent >= 0) {
    if (exponent > 44 || (product << exponent) > kSaturated) return kSaturated;
    return static_cast<std::uint64_t>(product << exponent);
  }
  const int shift = -exponent;
  if (shift > 84) return 0;
  const Uint128 whole = product >> shift;
  const Uint128 rest = product - (whole << shift);
  const Uint128 half = Uint128{1} << (shift - 1);
  const Uint128 rounded = whole + (rest > half || (rest == half && (whole & 1) != 0) ? 1 : 0);
  return rounded > kSaturated ? kSaturated : static_cast<std::uint64_t>(rounded);
}

}  // namespace

std::uint64_t nanoseconds(double seconds) {
  // Below 2^51 the product's own rounding cannot cross a half (those are representable there), so
  // only a product that sits on one needs the exact way.
  constexpr double kExactLimit = 2251799813685248.0;
  const double product = seconds * 1e9;
  if (product < kExactLimit) {
    const auto whole = static_cast<std::int64_t>(product);
    const double rest = product - static_cast<double>(whole);
    if (rest != 0.5) return static_cast<std::uint64_t>(whole + (rest > 0.5 ? 1 : 0));
  }
  return exact_nanoseconds(seconds);
}

FunctionId FunctionTable::intern(const Function& function) {
  if (functions_.size() * 2 >= buckets_.size()) grow();
  const std::size_t mask = buckets_.size() - 1;
  std::size_t bucket = hash_of(function) & mask;
  while (buckets_[bucket].number != 0) {
    if (buckets_[bucket].function == function) return buckets_[bucket].number - 1;
    bucket = (bucket + 1) & mask;
  }
  functions_.push_back(function);
  const auto number = static_cast<std::uint32_t>(functions_.size());
  buckets_[bucket] = {function, number};
  return number - 1;
}

void FunctionTable::prefetch(const Function& function) const {
  if (!buckets_.empty()) __builtin_prefetch(&buckets_[hash_of(function) & (buckets_.size() - 1)]);
}

void FunctionTable::grow() {
  const std::size_t size = buckets_.empty() ? kFirstBuckets : buckets_.size() * 2;
  buckets_.assign(size, {});
  for (std::size_t id = 0; id < functions_.size(); ++id) {
    std::size_t bucket = hash_of(functions_[id]) & (size - 1);
    while (buckets_[bucket].number != 0) bucket = (bucket + 1) & (size - 1);
    buckets_[bucket] = {functions_[id], static_cast<std::uint32_t>(id + 1)};
  }
}

}  // namespace tracebraid::converters::cprof
