// A record as the struct of its type, however it came: from a converter, or from a stream whose
// fields may be fewer, more, or in another order.
#pragma once

#include <array>
#include <cstddef>
#include <type_traits>

#include "formats/io/farthest.h"
#include "formats/record/any_record.h"
#include "formats/record/call.h"
#include "formats/record/file.h"
#include "formats/record/flow.h"
#include "formats/record/schema.h"
#include "formats/record/switch.h"
#include "formats/record/syscall.h"

namespace tracebraid::analyzers {

template <typename Record>
class Typed {
 public:
  // Null for a record of another type. Valid until the next get(), and as long as the record.
  [[nodiscard]] const Record* get(const formats::record::AnyRecord& any) {
    if (const Record* const record = any.as<Record>()) return record;
    const formats::record::TypeInfo& type = any.type();
    if (&type != type_) {
      if (type.name != Record::kType) return nullptr;
      bind(type);
    }
    formats::record::Values<Record> values;
    for (std::size_t at = 0; at < values.size(); ++at) {
      if (places_[at] < type.fields.size()) values[at] = any.get(places_[at]);
    }
    formats::record::from_values<Record>(values, record_);
    limit_times();
    return &record_;
  }

  // Types that are no constants go away: forgets their addresses.
  void forget_type() { type_ = nullptr; }

 private:
  // A stream may hold any times; those that are too far for reckoning with are moved to the limit.
  void limit_times() {
    using formats::io::not_too_far;
    const auto limit = [this]<typename Member>(Member Record::*member) {
      using Inner = typename formats::record::detail::Unwrapped<Member>::Type;
      if constexpr (std::is_same_v<Inner, formats::record::Time> ||
                    std::is_same_v<Inner, formats::record::Duration>) {
        if constexpr (std::is_same_v<Member, Inner>) {
          (record_.*member).ns = not_too_far((record_.*member).ns);
        } else if (record_.*member) {
          (record_.*member)->ns = not_too_far((record_.*member)->ns);
        }
      }
    };
    Record::kFields.apply([&](const auto&... fields) { (limit(fields.member), ...); });
  }

  void bind(const formats::record::TypeInfo& type) {
    type_ = &type;
    const auto& fields = formats::record::kTypeInfo<Record>.fields;
    for (std::size_t at = 0; at < fields.size(); ++at) {
      places_[at] = 0;
      while (places_[at] < type.fields.size() && type.fields[places_[at]].name != fields[at].name) {
        ++places_[at];
      }
    }
  }

  const formats::record::TypeInfo* type_ = nullptr;
  std::array<std::size_t, formats::record::kFieldCount<Record>> places_{};
  Record record_;
};

// Those that most analyzers know are compiled once, in typed.cc.
extern template class Typed<formats::record::Call>;
extern template class Typed<formats::record::File>;
extern template class Typed<formats::record::Flow>;
extern template class Typed<formats::record::Process>;
extern template class Typed<formats::record::Segment>;
extern template class Typed<formats::record::Signal>;
extern template class Typed<formats::record::Switch>;
extern template class Typed<formats::record::Syscall>;

}  // namespace tracebraid::analyzers
