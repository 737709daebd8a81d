#include "formats/record/reader.h"

#include <algorithm>

#include "formats/io/looks_like.h"

namespace tracebraid::formats::record {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";

bool is_map(unsigned char first) {
  return (first >= 0x80 && first <= 0x8F) || first == 0xDE || first == 0xDF;
}

[[noreturn]] void refuse(io::Cursor& cursor) {
  constexpr std::size_t kHead = 300;
  (void)cursor.ensure(kHead);  // the message does not depend on how the input arrives
  const std::string_view head(cursor.data(), std::min(cursor.available(), kHead));
  const std::string_view seen = io::looks_like(head);
  throw io::Error{cursor.name(), io::byte_position(cursor.offset()),
                  "neither a stream of records nor JSON Lines" +
                      (seen.empty() ? "" : ": it looks like " + std::string(seen))};
}

// A uint where the other side has an int, when it fits; and the reverse.
Value as_kind(const Value& value, Kind kind) {
  if (kind == Kind::kUint && value.kind() == Kind::kInt && value.as_int() >= 0) {
    return Value(static_cast<std::uint64_t>(value.as_int()));
  }
  return value;
}

}  // namespace

StreamReader::StreamReader(io::Source& source, std::span<const TypeInfo* const> known,
                           std::size_t window)
    : cursor_(source, window), types_(known) {}

bool StreamReader::next() {
  if (form_ == nullptr) {
    if (has_failed_ || !cursor_.ensure(1)) return false;
    const char first = cursor_.data()[0];
    if (first == '{' || kBlanks.find(first) != std::string_view::npos) {
      form_ = make_json_lines_form(cursor_, types_);
    } else if (is_map(static_cast<unsigned char>(first))) {
      form_ = make_msgpack_form(cursor_, types_);
    } else {
      has_failed_ = true;
      refuse(cursor_);
    }
  }
  return form_->next(found_);
}

const StreamReader::Binding& StreamReader::binding_to(const TypeInfo& type) {
  const auto known = std::find_if(bindings_.begin(), bindings_.end(), [&](const Binding& each) {
    return each.from == found_.type && each.to == &type;
  });
  if (known != bindings_.end()) return *known;
  Binding& binding = bindings_.emplace_back(Binding{found_.type, &type, {}});
  const std::span<const FieldInfo> fields = found_.type->fields;
  for (const FieldInfo& field : type.fields) {
    const auto place = std::find_if(fields.begin(), fields.end(),
                                    [&](const FieldInfo& each) { return each.name == field.name; });
    binding.places.push_back(static_cast<std::size_t>(place - fields.begin()));
  }
  return binding;
}

std::span<const Value> StreamReader::bound_to(const TypeInfo& type) {
  const Binding& binding = binding_to(type);
  bound_.resize(binding.places.size());
  for (std::size_t at = 0; at < bound_.size(); ++at) {
    const std::size_t place = binding.places[at];
    bound_[at] = place < found_.values.size() ? as_kind(found_.values[place], type.fields[at].kind)
                                              : Value();
  }
  return bound_;
}

}  // namespace tracebraid::formats::record
