// The values that fields of records hold, and the types that record structs use for them.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string_view>

namespace tracebraid::formats::record {

// Nanoseconds since the Unix epoch, UTC.
struct Time {
  std::int64_t ns = 0;
  auto operator<=>(const Time&) const = default;
};

// Nanoseconds.
struct Duration {
  std::int64_t ns = 0;
  auto operator<=>(const Duration&) const = default;
};

// An IPv4 or IPv6 address in network byte order.
struct Address {
  std::array<std::uint8_t, 16> bytes{};
  std::uint8_t size = 0;  // 4 or 16; 0 is no address, a missing value

  [[nodiscard]] std::string_view view() const {
    return {reinterpret_cast<const char*>(bytes.data()), size};
  }
  auto operator<=>(const Address&) const = default;
};

// What a field's values are; their names on the wire are in kKindNames.
enum class Kind : std::uint8_t { kNil, kBool, kUint, kInt, kTime, kDuration, kText, kAddress };

inline constexpr std::array<std::string_view, 8> kKindNames = {"nil",  "bool",     "uint", "int",
                                                               "time", "duration", "text", "addr"};

// One field of one record, without a memory of its own: text and addresses point into the record or
// the buffer that they were made from, and live as long as that.
class Value {
 public:
  constexpr Value() = default;  // missing
  constexpr explicit Value(bool value) : kind_(Kind::kBool), bits_(value ? 1U : 0U) {}
  constexpr explicit Value(std::uint64_t value) : kind_(Kind::kUint), bits_(value) {}
  constexpr explicit Value(std::int64_t value)
      : kind_(Kind::kInt), bits_(static_cast<std::uint64_t>(value)) {}
  constexpr explicit Value(Time value)
      : kind_(Kind::kTime), bits_(static_cast<std::uint64_t>(value.ns)) {}
  constexpr explicit Value(Duration value)
      : kind_(Kind::kDuration), bits_(static_cast<std::uint64_t>(value.ns)) {}
  // `text` must be shorter than 4 GiB.
  constexpr explicit Value(std::string_view text)
      : kind_(Kind::kText), size_(static_cast<std::uint32_t>(text.size())), bytes_(text.data()) {}
  constexpr static Value address(std::string_view bytes) {
    Value value(bytes);
    value.kind_ = bytes.empty() ? Kind::kNil : Kind::kAddress;
    return value;
  }

  [[nodiscard]] constexpr Kind kind() const { return kind_; }
  [[nodiscard]] constexpr bool is_nil() const { return kind_ == Kind::kNil; }
  // Of kBool and kUint.
  [[nodiscard]] constexpr std::uint64_t as_uint() const { return bits_; }
  // Of kInt, kTime and kDuration.
  [[nodiscard]] constexpr std::int64_t as_int() const { return static_cast<std::int64_t>(bits_); }
  // Of kText and kAddress.
  [[nodiscard]] constexpr std::string_view bytes() const { return {bytes_, size_}; }

 private:
  Kind kind_ = Kind::kNil;
  std::uint32_t size_ = 0;
  union {
    std::uint64_t bits_ = 0;
    const char* bytes_;
  };
};

}  // namespace tracebraid::formats::record
