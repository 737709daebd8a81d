#include "formats/record/schema_text.h"

#include <algorithm>
#include <string_view>

namespace tracebraid::formats::record {
namespace {

constexpr std::string_view kMargin = "  ";

void append_padded(std::string& out, std::string_view text, std::size_t width) {
  out.append(text).append(std::max(width, text.size()) - text.size(), ' ').append("  ");
}

std::string lines(const TypeInfo& type, std::string_view margin) {
  std::size_t name_width = 0;
  std::size_t unit_width = 0;
  std::size_t kind_width = 0;
  for (const FieldInfo& field : type.fields) {
    name_width = std::max(name_width, field.name.size());
    unit_width = std::max(unit_width, field.unit.size());
    kind_width = std::max(kind_width, kKindNames[static_cast<std::size_t>(field.kind)].size());
  }
  std::string text;
  text.append(margin).append(type.name).append(": ").append(type.doc).append("\n");
  for (const FieldInfo& field : type.fields) {
    text.append(margin).append(kMargin);
    append_padded(text, field.name, name_width);
    append_padded(text, kKindNames[static_cast<std::size_t>(field.kind)], kind_width);
    append_padded(text, field.unit, unit_width);
    text.append(field.doc).append("\n");
  }
  return text;
}

}  // namespace

std::string schema_text(const TypeInfo& type) {
  return lines(type, "");
}

std::string schema_section(std::span<const TypeInfo* const> types) {
  std::string text;
  for (const TypeInfo* type : types) {
    if (!text.empty()) text.append("\n");
    text.append(lines(*type, kMargin));
  }
  return text;
}

}  // namespace tracebraid::formats::record
