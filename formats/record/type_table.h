// The record types of one input, kept as long as its reader.
#pragma once

#include <cstddef>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/record/schema.h"

namespace tracebraid::formats::record {

// Memory: kMostTypes types and declarations, or some ten times kMostDescriptions bytes, whichever
// is less.
class TypeTable {
 public:
  explicit TypeTable(std::span<const TypeInfo* const> known) : known_(known.begin(), known.end()) {}

  // The type that looks like `type`: a known one where it is the same, else a copy. Null when
  // there are too many types.
  [[nodiscard]] const TypeInfo* intern(const TypeInfo& type);

  // A copy of a header's "fields" that lives as long as the table; null when there are too many.
  [[nodiscard]] const std::string* keep(std::string_view declaration);

  // The known type of this name, or null.
  [[nodiscard]] const TypeInfo* known(std::string_view name) const;

 private:
  struct Kept {
    std::string text;  // names and units, one after another
    std::vector<FieldInfo> fields;
    TypeInfo type;
  };
  static constexpr std::size_t kMostDescriptions = std::size_t{16} << 20;

  std::vector<const TypeInfo*> known_;
  std::deque<Kept> kept_;
  std::deque<std::string> declarations_;
  std::size_t described_ = 0;  // bytes
};

}  // namespace tracebraid::formats::record
