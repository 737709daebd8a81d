#include "analyzers/input/kinds.h"

#include <algorithm>

#include "converters/inputs.h"

namespace tracebraid::analyzers {
void InputKinds::add(const converters::InputKind& kind) {
  const auto kinds = converters::input_kinds();
  const auto place = std::ranges::find(kinds, &kind) - kinds.begin();
  bits_ |= std::uint64_t{1} << place;
  has_streams_ |= is_stream(&kind);
}

bool InputKinds::gives(std::string_view type) const {
  const auto kinds = converters::input_kinds();
  for (std::size_t at = 0; at < kinds.size(); ++at) {
    if ((bits_ >> at & 1U) == 0) continue;
    if (std::ranges::any_of(kinds[at]->types,
                            [&](const auto* each) { return each->name == type; })) {
      return true;
    }
  }
  return false;
}

}  // namespace tracebraid::analyzers
