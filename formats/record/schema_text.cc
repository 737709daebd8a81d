#include "formats/record/schema_text.h"

#include <algorithm>

namespace tracebraid::formats::record {

std::string schema_text(const TypeInfo& type) {
  std::size_t name_width = 0;
  for (const FieldInfo& field : type.fields) name_width = std::max(name_width, field.name.size());
  constexpr std::size_t kKindWidth = 8;
  constexpr std::size_t kUnitWidth = 7;
  std::string text = std::string(type.name) + ": " + std::string(type.doc) + "\n";
  const auto column = [&](std::string_view words, std::size_t width) {
    text.append(words).append(width - std::min(width, words.size()) + 2, ' ');
  };
  for (const FieldInfo& field : type.fields) {
    text += "  ";
    column(field.name, name_width);
    column(kKindNames[static_cast<std::size_t>(field.kind)], kKindWidth);
    column(field.unit, kUnitWidth);
    text.append(field.doc).append("\n");
  }
  return text;
}

}  // namespace tracebraid::formats::record
