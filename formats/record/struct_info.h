// What can be done with a record's struct by who does not know its type.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <type_traits>

#include "formats/io/farthest.h"
#include "formats/io/saturate.h"
#include "formats/record/arena.h"
#include "formats/record/msgpack_put.h"
#include "formats/record/schema.h"

namespace tracebraid::formats::record {

namespace detail {

// `Place` is of Record::kFields.
template <typename Record, typename Place>
Value field_of(const void* record) {
  constexpr auto kMember = static_cast<const Place&>(Record::kFields).field.member;
  return to_value(static_cast<const Record*>(record)->*kMember);
}

template <typename Record>
constexpr auto make_getters() {
  return Record::kFields.apply_types([]<typename... Places>() {
    return std::array<Value (*)(const void*), sizeof...(Places)>{&field_of<Record, Places>...};
  });
}

template <typename Record>
inline constexpr auto kGetters = make_getters<Record>();

// Moves the texts that `copy`, a Record, points to into `memory`.
template <typename Record>
void keep_texts(void* copy, Arena& memory) {
  static_assert(std::is_trivially_copyable_v<Record>);
  auto& record = *static_cast<Record*>(copy);
  const auto keep = [&]<typename Member>(Member Record::*member) {
    if constexpr (std::is_same_v<Member, std::string_view>) {
      if (!(record.*member).empty()) record.*member = memory.keep(record.*member);
    }
  };
  Record::kFields.apply([&](const auto&... fields) { (keep(fields.member), ...); });
}

inline Time shifted(Time time, std::int64_t ns) {
  return {io::not_too_far(io::saturated_sum(time.ns, ns))};
}

template <typename Record>
void shift_times(void* copy, std::int64_t ns) {
  auto& record = *static_cast<Record*>(copy);
  const auto shift = [&]<typename Member>(Member Record::*member) {
    if constexpr (std::is_same_v<Member, Time>) record.*member = shifted(record.*member, ns);
    if constexpr (std::is_same_v<Member, std::optional<Time>>) {
      if (record.*member) record.*member = shifted(*(record.*member), ns);
    }
  };
  Record::kFields.apply([&](const auto&... fields) { (shift(fields.member), ...); });
}

template <std::size_t Place, typename FieldType>
constexpr const FieldType& field_at(const Placed<Place, FieldType>& placed) {
  return placed.field;
}
template <typename Record, std::size_t Place>
inline constexpr auto kMemberAt = field_at<Place>(Record::kFields).member;

template <typename T>
inline constexpr bool kCanMiss = std::is_same_v<T, std::string_view> || std::is_same_v<T, Address>;
template <typename T>
inline constexpr bool kCanMiss<std::optional<T>> = true;

template <typename T>
constexpr bool is_missing(const std::optional<T>& member) {
  return !member.has_value();
}
constexpr bool is_missing(std::string_view member) {
  return member.empty();
}
constexpr bool is_missing(const Address& member) {
  return member.size == 0;
}

template <typename T>
char* put(char* at, const T& member) {
  if constexpr (std::is_same_v<T, bool>) {
    return msgpack_put::boolean(at, member);
  } else if constexpr (std::is_unsigned_v<T>) {
    return msgpack_put::number(at, std::uint64_t{member});
  } else if constexpr (std::is_signed_v<T>) {
    return msgpack_put::integer(at, std::int64_t{member});
  } else if constexpr (std::is_same_v<T, Time> || std::is_same_v<T, Duration>) {
    return msgpack_put::integer(at, member.ns);
  } else if constexpr (std::is_same_v<T, Address>) {
    return is_missing(member) ? msgpack_put::nil(at) : msgpack_put::bytes(at, member.view());
  } else {
    return is_missing(member) ? msgpack_put::nil(at) : msgpack_put::text(at, member);
  }
}

template <typename T>
char* put(char* at, const std::optional<T>& member) {
  return member ? put(at, *member) : msgpack_put::nil(at);
}

// Neighbours that are all missing, as many are in most records, are one branch and one store.
template <typename Record, std::size_t From, std::size_t... Each>
char* put_group(const Record& record, char* at, std::index_sequence<Each...> /*each*/) {
  if constexpr ((kCanMiss<std::remove_cvref_t<decltype(record.*kMemberAt<Record, From + Each>)>> &&
                 ...)) {
    if ((is_missing(record.*kMemberAt<Record, From + Each>) & ...)) {
      return msgpack_put::nils<sizeof...(Each)>(at);
    }
  }
  ((at = put(at, record.*kMemberAt<Record, From + Each>)), ...);
  return at;
}

template <typename Record>
char* pack(const void* any, char* at) {
  const auto& record = *static_cast<const Record*>(any);
  constexpr std::size_t kGroup = 4;
  constexpr std::size_t kCount = kFieldCount<Record>;
  [&]<std::size_t... Groups>(std::index_sequence<Groups...> /*groups*/) {
    ((at = put_group<Record, Groups * kGroup>(record, at, std::make_index_sequence<kGroup>())),
     ...);
  }
  (std::make_index_sequence<kCount / kGroup>());
  if constexpr (kCount % kGroup > 0) {
    at = put_group<Record, kCount / kGroup * kGroup>(record, at,
                                                     std::make_index_sequence<kCount % kGroup>());
  }
  return at;
}

template <typename Record>
std::size_t packed_room(const void* any) {
  const auto& record = *static_cast<const Record*>(any);
  std::size_t room = kFieldCount<Record> * msgpack_put::kMost;
  const auto add = [&]<typename Member>(Member Record::*member) {
    if constexpr (std::is_same_v<Member, std::string_view>) room += (record.*member).size();
  };
  Record::kFields.apply([&](const auto&... fields) { (add(fields.member), ...); });
  return room;
}

template <typename Record>
void all_values(const void* record, Value* values) {
  record::to_values(*static_cast<const Record*>(record), values);
}

}  // namespace detail

struct StructInfo {
  std::size_t size;                             // bytes
  Value (*const* getters)(const void* record);  // for each field
  void (*to_values)(const void* record, Value* values);
  void (*keep_texts)(void* copy, Arena& memory);
  void (*shift_times)(void* copy, std::int64_t ns);
  // All fields as msgpack. pack() may write to, but not return, as many bytes as packed_room()
  // told.
  std::size_t (*packed_room)(const void* record);
  char* (*pack)(const void* record, char* at);
};

template <typename Record>
const StructInfo& struct_info() {
  static constexpr StructInfo kInfo = {sizeof(Record),
                                       detail::kGetters<Record>.data(),
                                       &detail::all_values<Record>,
                                       &detail::keep_texts<Record>,
                                       &detail::shift_times<Record>,
                                       &detail::packed_room<Record>,
                                       &detail::pack<Record>};
  return kInfo;
}

}  // namespace tracebraid::formats::record
