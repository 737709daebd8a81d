// The moment that stands for a record of whatever type.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "formats/record/any_record.h"

namespace tracebraid::formats::record {

enum class Order : std::uint8_t {
  // When what it tells was over, and so was known: of a call its return, of a flow its last packet.
  kKnown,
  kTs,  // its field ts
};

class Moments {
 public:
  explicit Moments(Order order) : order_(order) {}

  // Nanoseconds since 1970; nothing for records without a time. Remembers the record's type by its
  // address.
  [[nodiscard]] std::optional<std::int64_t> of(const AnyRecord& record);

 private:
  struct Places {
    const TypeInfo* type;
    std::size_t end;
    std::size_t begin;
  };
  [[nodiscard]] Places find(const TypeInfo& type) const;

  Order order_;
  std::vector<Places> places_;
};

}  // namespace tracebraid::formats::record
