// A record of whatever type, field by field.
#pragma once

#include <cstddef>
#include <span>

#include "formats/record/arena.h"
#include "formats/record/schema.h"
#include "formats/record/struct_info.h"
#include "formats/record/writer.h"

namespace tracebraid::formats::record {

// A view of a struct, or of values that a reader found: neither copies what nobody asks for.
class AnyRecord {
 public:
  template <typename Record>
  explicit AnyRecord(const Record& record)
      : type_(&kTypeInfo<Record>), record_(&record), struct_(&struct_info<Record>()) {}
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
  [[nodiscard]] AnyRecord kept_in(Arena& memory, std::int64_t shift_ns = 0) const {
    AnyRecord copy = *this;
    copy.keep_in(memory, shift_ns);
    return copy;
  }
  // Makes this one such a copy.
  void keep_in(Arena& memory, std::int64_t shift_ns = 0);

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
  const StructInfo* struct_ = nullptr;
  const Value* values_ = nullptr;
};

}  // namespace tracebraid::formats::record
