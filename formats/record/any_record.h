// A record of whatever type, field by field.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <type_traits>

#include "formats/record/arena.h"
#include "formats/record/schema.h"
#include "formats/record/writer.h"

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

// Beyond the ends of time it begins anew.
inline Time shifted(Time time, std::int64_t ns) {
  return {static_cast<std::int64_t>(static_cast<std::uint64_t>(time.ns) +
                                    static_cast<std::uint64_t>(ns))};
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

// What can be done with a struct without knowing it.
struct StructInfo {
  Value (*const* getters)(const void*);
  std::size_t size;
  void (*keep_texts)(void* copy, Arena& memory);
  void (*shift_times)(void* copy, std::int64_t ns);
};

template <typename Record>
const StructInfo& struct_info() {
  static constexpr StructInfo kInfo = {kGetters<Record>.data(), sizeof(Record), &keep_texts<Record>,
                                       &shift_times<Record>};
  return kInfo;
}

}  // namespace detail

// A view of a struct, or of values that a reader found: neither copies what nobody asks for.
class AnyRecord {
 public:
  template <typename Record>
  explicit AnyRecord(const Record& record)
      : type_(&kTypeInfo<Record>), record_(&record), struct_(&detail::struct_info<Record>()) {}
  // `values` in the order of `type`, as many as it has fields. `packed` is the record as a binary
  // stream held it, null for others.
  AnyRecord(const TypeInfo& type, std::span<const Value> values,
            const PackedRecord* packed = nullptr)
      : type_(&type), record_(packed), values_(values.data()) {}

  [[nodiscard]] const TypeInfo& type() const { return *type_; }
  // Of type().fields[index].
  [[nodiscard]] Value get(std::size_t index) const {
    return struct_ != nullptr ? struct_->getters[index](record_) : values_[index];
  }

  // The struct behind it, if it is one of that type.
  template <typename Record>
  [[nodiscard]] const Record* as() const {
    return struct_ != nullptr && type_ == &kTypeInfo<Record> ? static_cast<const Record*>(record_)
                                                             : nullptr;
  }

  // A copy whose texts and values are in `memory`, with `shift_ns` added to its times; its type and
  // its declaration are where they were.
  [[nodiscard]] AnyRecord kept_in(Arena& memory, std::int64_t shift_ns = 0) const;

  // Brings the struct near the processor.
  void prefetch() const {
    if (struct_ == nullptr) return;
    constexpr std::size_t kLine = 64;
    const auto* const begin = static_cast<const char*>(record_);
    for (std::size_t at = 0; at < struct_->size; at += kLine) __builtin_prefetch(begin + at);
  }

  void write_to(Writer& writer) const;

 private:
  [[nodiscard]] const PackedRecord* packed() const {
    return struct_ == nullptr ? static_cast<const PackedRecord*>(record_) : nullptr;
  }

  const TypeInfo* type_;
  const void* record_;  // the struct, or the packed record
  const detail::StructInfo* struct_ = nullptr;
  const Value* values_ = nullptr;
};

}  // namespace tracebraid::formats::record
