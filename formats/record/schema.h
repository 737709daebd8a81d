// A record type is declared once, beside its struct:
//
//   struct Packet {
//     Time ts;
//     std::optional<std::uint64_t> size;
//
//     static constexpr std::string_view kType = "packet";
//     static constexpr std::string_view kDoc = "one packet as it was captured";
//     static constexpr auto kFields = Fields{
//         Field{&Packet::ts, "ts", "", "when it was captured"},
//         Field{&Packet::size, "size", "bytes", "length on the wire"},
//     };
//   };
//
// Everything else (the binary stream, JSON Lines, CSV, TSV, Zeek's log, tables, --schema, manual
// pages) is made from that declaration.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

#include "formats/record/fields.h"
#include "formats/record/value.h"

namespace tracebraid::formats::record {

// A field without its struct: what readers in other programs learn of it.
struct FieldInfo {
  std::string_view name;
  Kind kind;
  std::string_view unit;
  std::string_view doc;
};

struct TypeInfo {
  std::string_view name;
  std::string_view doc;
  std::span<const FieldInfo> fields;
};

namespace detail {

template <typename T>
struct Unwrapped {
  using Type = T;
};
template <typename T>
struct Unwrapped<std::optional<T>> {
  using Type = T;
};

template <typename Member>
constexpr Kind kind_of() {
  using T = typename Unwrapped<Member>::Type;
  if constexpr (std::same_as<T, bool>)
    return Kind::kBool;
  else if constexpr (std::unsigned_integral<T>)
    return Kind::kUint;
  else if constexpr (std::signed_integral<T>)
    return Kind::kInt;
  else if constexpr (std::same_as<T, Time>)
    return Kind::kTime;
  else if constexpr (std::same_as<T, Duration>)
    return Kind::kDuration;
  else if constexpr (std::same_as<T, Address>)
    return Kind::kAddress;
  else {
    static_assert(std::same_as<T, std::string_view>, "no kind for this member");
    return Kind::kText;
  }
}

template <typename T>
constexpr Value to_value(const T& member) {
  if constexpr (std::unsigned_integral<T> && !std::same_as<T, bool>) {
    return Value(static_cast<std::uint64_t>(member));
  } else if constexpr (std::signed_integral<T>) {
    return Value(static_cast<std::int64_t>(member));
  } else if constexpr (std::same_as<T, Address>) {
    return Value::address(member.view());
  } else if constexpr (std::same_as<T, std::string_view>) {
    return member.empty() ? Value() : Value(member);
  } else {
    return Value(member);
  }
}

template <typename T>
constexpr Value to_value(const std::optional<T>& member) {
  return member ? to_value(*member) : Value();
}

// A value of another kind, or out of the member's range, is a missing one.
template <typename Member>
constexpr void from_value(const Value& value, Member& member) {
  using T = typename Unwrapped<Member>::Type;
  member = Member{};
  const Kind kind = value.kind();
  if constexpr (std::same_as<T, bool>) {
    if (kind == Kind::kBool) member = value.as_uint() != 0;
  } else if constexpr (std::unsigned_integral<T>) {
    if (kind == Kind::kUint && std::in_range<T>(value.as_uint())) {
      member = static_cast<T>(value.as_uint());
    }
  } else if constexpr (std::signed_integral<T>) {
    if (kind == Kind::kInt && std::in_range<T>(value.as_int())) {
      member = static_cast<T>(value.as_int());
    } else if (kind == Kind::kUint && std::in_range<T>(value.as_uint())) {
      member = static_cast<T>(value.as_uint());
    }
  } else if constexpr (std::same_as<T, Time> || std::same_as<T, Duration>) {
    if (kind == kind_of<T>()) member = T{value.as_int()};
  } else if constexpr (std::same_as<T, Address>) {
    const std::string_view bytes = value.bytes();
    if (kind == Kind::kAddress && (bytes.size() == 4 || bytes.size() == 16)) {
      Address address;
      address.size = static_cast<std::uint8_t>(bytes.size());
      for (std::size_t at = 0; at < bytes.size(); ++at) {
        address.bytes[at] = static_cast<std::uint8_t>(bytes[at]);
      }
      member = address;
    }
  } else {
    if (kind == Kind::kText) member = value.bytes();
  }
}

template <typename Record>
constexpr auto make_field_infos() {
  return Record::kFields.apply([]<typename... Members>(const Field<Record, Members>&... fields) {
    return std::array<FieldInfo, sizeof...(Members)>{
        FieldInfo{fields.name, kind_of<Members>(), fields.unit, fields.doc}...};
  });
}

template <typename Record>
inline constexpr auto kFieldInfos = make_field_infos<Record>();

}  // namespace detail

// In struct_info.h.
struct StructInfo;
template <typename Record>
[[nodiscard]] const StructInfo& struct_info();

template <typename Record>
inline constexpr std::size_t kFieldCount = decltype(Record::kFields)::kCount;

template <typename Record>
inline constexpr TypeInfo kTypeInfo = {Record::kType, Record::kDoc, detail::kFieldInfos<Record>};

template <typename Record>
using Values = std::array<Value, kFieldCount<Record>>;

// Fills `values`, as many as the record has fields, in the schema's order, with views of `record`.
template <typename Record>
void to_values(const Record& record, Value* values) {
  Record::kFields.apply([&](const auto&... fields) {
    ((*values++ = detail::to_value(record.*(fields.member))), ...);
  });
}
template <typename Record>
void to_values(const Record& record, Values<Record>& values) {
  to_values(record, values.data());
}

// Sets every field of `record`; its texts point to where the values' texts point.
template <typename Record>
void from_values(std::span<const Value, kFieldCount<Record>> values, Record& record) {
  Record::kFields.apply([&](const auto&... fields) {
    std::size_t at = 0;
    (detail::from_value(values[at++], record.*(fields.member)), ...);
  });
}

// What is long to compile for a record of many fields: beside its struct as
//   TRACEBRAID_MADE_ONCE(extern, Flow)
// and, in one .cc file that includes struct_info.h, as TRACEBRAID_MADE_ONCE(, Flow).
#define TRACEBRAID_MADE_ONCE(linkage, Record)                                                      \
  linkage template void from_values<Record>(std::span<const Value, kFieldCount<Record>>, Record&); \
  linkage template const StructInfo& struct_info<Record>();

}  // namespace tracebraid::formats::record
