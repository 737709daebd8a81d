// A record of whatever type, field by field.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <tuple>
#include <utility>

#include "formats/record/schema.h"

namespace tracebraid::formats::record {

namespace detail {

template <typename Record, std::size_t Index>
Value field_of(const void* record) {
  return to_value(static_cast<const Record*>(record)->*(std::get<Index>(Record::kFields).member));
}

template <typename Record>
constexpr auto make_getters() {
  return []<std::size_t... Index>(std::index_sequence<Index...>) {
    return std::array<Value (*)(const void*), sizeof...(Index)>{&field_of<Record, Index>...};
  }
  (std::make_index_sequence<kFieldCount<Record>>{});
}

template <typename Record>
inline constexpr auto kGetters = make_getters<Record>();

}  // namespace detail

// A view of a struct, or of values that a reader found: neither copies what nobody asks for.
class AnyRecord {
 public:
  template <typename Record>
  explicit AnyRecord(const Record& record)
      : type_(&kTypeInfo<Record>), record_(&record), getters_(detail::kGetters<Record>.data()) {}
  // `values` in the order of `type`, as many as it has fields.
  AnyRecord(const TypeInfo& type, std::span<const Value> values)
      : type_(&type), values_(values.data()) {}

  [[nodiscard]] const TypeInfo& type() const { return *type_; }
  // Of type().fields[index].
  [[nodiscard]] Value get(std::size_t index) const {
    return values_ != nullptr ? values_[index] : getters_[index](record_);
  }

 private:
  const TypeInfo* type_;
  const void* record_ = nullptr;
  Value (*const* getters_)(const void*) = nullptr;
  const Value* values_ = nullptr;
};

}  // namespace tracebraid::formats::record
