#include "formats/record/any_record.h"

#include <cstring>
#include <new>

namespace tracebraid::formats::record {

void AnyRecord::keep_in(Arena& memory, std::int64_t shift_ns) {
  if (struct_ != nullptr) {
    void* const place = memory.room(struct_->size);
    std::memcpy(place, record_, struct_->size);
    struct_->keep_texts(place, memory);
    if (shift_ns != 0) struct_->shift_times(place, shift_ns);
    record_ = place;
    return;
  }
  const std::size_t count = type_->fields.size();
  auto* const values = static_cast<Value*>(memory.room(count * sizeof(Value)));
  for (std::size_t at = 0; at < count; ++at) {
    const Value& value = values_[at];
    if (value.kind() == Kind::kText) {
      new (&values[at]) Value(memory.keep(value.bytes()));
    } else if (value.kind() == Kind::kAddress) {
      new (&values[at]) Value(Value::address(memory.keep(value.bytes())));
    } else if (value.kind() == Kind::kTime) {
      new (&values[at]) Value(detail::shifted(Time{value.as_int()}, shift_ns));
    } else {
      new (&values[at]) Value(value);
    }
  }
  values_ = values;
  // What is packed has the times as they were.
  if (shift_ns != 0) record_ = nullptr;
  if (const PackedRecord* const old = packed()) {
    record_ = new (memory.room(sizeof(PackedRecord)))
        PackedRecord{old->declaration, memory.keep(old->fields), old->field_count};
  }
}

void AnyRecord::write_to(Writer& writer) const {
  if (const PackedRecord* const packed_record = packed()) {
    writer.write_packed(*type_, {values_, type_->fields.size()}, *packed_record);
    return;
  }
  if (struct_ == nullptr) {
    writer.write_values(*type_, {values_, type_->fields.size()});
    return;
  }
  writer.write_struct(*type_, *struct_, record_);
}

}  // namespace tracebraid::formats::record
