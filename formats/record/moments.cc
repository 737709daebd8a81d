#include "formats/record/moments.h"

#include <algorithm>
#include <string_view>

#include "formats/record/flow.h"
#include "formats/record/syscall.h"

namespace tracebraid::formats::record {
namespace {

constexpr std::size_t kNowhere = SIZE_MAX;

}  // namespace

Moments::Places Moments::find(const TypeInfo& type) const {
  Places found{&type, kNowhere, kNowhere};
  const std::string_view end = type.name == Flow::kType ? "last_ts" : "end_ts";
  for (std::size_t at = 0; at < type.fields.size(); ++at) {
    if (type.fields[at].kind != Kind::kTime) continue;
    if (order_ == Order::kKnown && type.fields[at].name == end) found.end = at;
    if (type.fields[at].name == "ts") found.begin = at;
  }
  return found;
}

std::optional<std::int64_t> Moments::of(const AnyRecord& record) {
  if (const auto* call = record.as<Syscall>()) {
    if (call->end_ts && order_ == Order::kKnown) return call->end_ts->ns;
    if (call->ts) return call->ts->ns;
    return std::nullopt;
  }
  if (const auto* segment = record.as<Segment>()) return segment->ts.ns;
  const TypeInfo& type = record.type();
  auto places = std::ranges::find(places_, &type, &Places::type);
  if (places == places_.end()) places = places_.insert(places_.end(), find(type));
  for (const std::size_t at : {places->end, places->begin}) {
    if (at == kNowhere) continue;
    const Value value = record.get(at);
    if (!value.is_nil()) return value.as_int();
  }
  return std::nullopt;
}

}  // namespace tracebraid::formats::record
