#include "formats/record/type_table.h"

#include <algorithm>

#include "formats/record/stream.h"
#include "formats/record/writers.h"

namespace tracebraid::formats::record {

const TypeInfo* TypeTable::known(std::string_view name) const {
  const auto found = std::find_if(known_.begin(), known_.end(),
                                  [&](const TypeInfo* each) { return each->name == name; });
  return found == known_.end() ? nullptr : *found;
}

const TypeInfo* TypeTable::intern(const TypeInfo& type) {
  const TypeInfo* const named = known(type.name);
  if (named != nullptr && same_type(*named, type)) return named;
  for (const Kept& each : kept_) {
    if (same_type(each.type, type)) return &each.type;
  }
  std::size_t text = type.name.size();
  for (const FieldInfo& field : type.fields) text += field.name.size() + field.unit.size();
  described_ += text + type.fields.size() * sizeof(FieldInfo);
  if (kept_.size() == kMostTypes || described_ > kMostDescriptions) return nullptr;

  Kept& kept = kept_.emplace_back();
  kept.text.reserve(text);  // views of it stay valid
  const auto keep = [&](std::string_view view) {
    const std::size_t at = kept.text.size();
    kept.text.append(view);
    return std::string_view(kept.text).substr(at);
  };
  for (const FieldInfo& field : type.fields) {
    kept.fields.push_back({keep(field.name), field.kind, keep(field.unit), {}});
  }
  kept.type = {keep(type.name), {}, kept.fields};
  return &kept.type;
}

const std::string* TypeTable::keep(std::string_view declaration) {
  const auto known = std::ranges::find(declarations_, declaration);
  if (known != declarations_.end()) return &*known;
  described_ += declaration.size();
  if (declarations_.size() == kMostTypes || described_ > kMostDescriptions) return nullptr;
  return &declarations_.emplace_back(declaration);
}

}  // namespace tracebraid::formats::record
