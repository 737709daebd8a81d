// What there is among the inputs, by what they can tell.
#pragma once

#include <cstdint>
#include <string_view>

#include "converters/input.h"

namespace tracebraid::analyzers {

class InputKinds {
 public:
  void add(const converters::InputKind& kind);
  void add(const InputKinds& other) {
    bits_ |= other.bits_;
    has_streams_ |= other.has_streams_;
  }

  // Whether an input of a kind that has such records is there. Record streams, which may have any,
  // do not count.
  template <typename Record>
  [[nodiscard]] bool give() const {
    return gives(Record::kType);
  }
  // The same, or a record stream.
  template <typename Record>
  [[nodiscard]] bool may_give() const {
    return has_streams() || gives(Record::kType);
  }
  [[nodiscard]] bool has_streams() const { return has_streams_; }

  // Whether such an input may have records of any type.
  [[nodiscard]] static bool is_stream(const converters::InputKind* kind) {
    return kind->types.empty();
  }

 private:
  [[nodiscard]] bool gives(std::string_view type) const;

  std::uint64_t bits_ = 0;  // by place in converters::input_kinds()
  bool has_streams_ = false;
};

}  // namespace tracebraid::analyzers
