#include "analyzers/top/table.h"

#include <algorithm>
#include <cstring>

#include "formats/record/flow.h"
#include "formats/record/function.h"
#include "formats/record/syscall.h"
#include "formats/record/writer.h"

namespace tracebraid::analyzers {

namespace record = formats::record;
using record::AnyRecord;
using record::FieldInfo;
using record::Kind;
using record::TypeInfo;
using record::Value;

namespace {

struct Alias {
  std::string_view name;
  std::vector<std::string_view> fields;
};

const std::vector<Alias>& aliases() {
  static const std::vector<Alias> kAliases = {
      {"process", {"pid"}},
      {"thread", {"tid"}},
      {"fd", {"pid", "fd"}},
      {"socket", {"proto", "local_h", "local_p", "peer_h", "peer_p"}},
      {"peer", {"peer_h", "peer_p"}},
      {"errno", {"error"}},
      {"server", {"id.resp_h", "id.resp_p"}},
      {"client", {"id.orig_h"}},
  };
  return kAliases;
}

}  // namespace

void check_keys(const std::vector<std::string>& by) {
  const TypeInfo* const known[] = {&record::kTypeInfo<record::Syscall>,
                                   &record::kTypeInfo<record::Flow>,
                                   &record::kTypeInfo<record::Function>};
  std::vector<std::string> unknown;
  for (const std::string& name : by) {
    bool is_known = std::ranges::find(aliases(), name, &Alias::name) != aliases().end();
    for (const TypeInfo* const type : known) {
      is_known = is_known || field_index(*type, name) != kMissing ||
                 field_index(*type, "id." + name) != kMissing;
    }
    if (!is_known) unknown.push_back(name);
  }
  if (!unknown.empty()) record::check_fields(unknown, known);
}

void TopTable::bind(const TypeInfo& type) {
  if (bound_ == &type) return;
  bound_ = &type;
  tally_->bind(type, request_.measure);
  columns_.clear();
  std::vector<std::string_view> names;
  if (request_.by.empty()) {
    names = tally_->default_keys();
  } else {
    for (const std::string& name : request_.by) {
      if (field_index(type, name) != kMissing) {
        names.push_back(name);
        continue;
      }
      const auto& known = aliases();
      const auto alias = std::ranges::find(known, name, &Alias::name);
      if (alias != known.end()) {
        names.insert(names.end(), alias->fields.begin(), alias->fields.end());
      } else {
        names.push_back(name);
      }
    }
  }
  for (const std::string_view name : names) {
    std::size_t at = field_index(type, name);
    if (at == kMissing) at = field_index(type, "id." + std::string(name));
    columns_.push_back(at);
    if (at == kMissing) is_usable_ = false;
  }
  if (fields_.empty()) {
    for (const std::size_t at : columns_) {
      if (at != kMissing) {
        const FieldInfo& field = type.fields[at];
        names_.emplace_back(field.name);
        units_.emplace_back(field.unit);
        docs_.emplace_back(field.doc);
        fields_.push_back({names_.back(), field.kind, units_.back(), docs_.back()});
      }
    }
    const std::vector<FieldInfo> measures = tally_->columns();
    fields_.insert(fields_.end(), measures.begin(), measures.end());
  }
}

void TopTable::add(const AnyRecord& record) {
  bind(record.type());
  if (!is_usable_) {
    ++left_out_;
    return;
  }
  ++records_;
  tally_->add(group_of(record), record);
}

void TopTable::show(const TopProfile::TakeRow& take) {
  struct Row {
    const std::string* key;
    TopGroup* group;
    Value order;
  };
  const std::size_t sort = sort_column();
  std::vector<Row> rows;
  rows.reserve(groups_.size());
  std::vector<Value> values;
  std::string text;
  bool has_time = false;
  for (auto& [key, group] : groups_) has_time = has_time || group.timed > 0;
  std::deque<std::string> kept;
  for (auto& [key, group] : groups_) {
    values.clear();
    for (const OwnedValue& owned : group.key) values.push_back(owned.view());
    tally_->show(group, values, text);
    Value order = sort == kMissing ? values[keys() + (has_time ? time_column() : 0)] : values[sort];
    if (order.kind() == Kind::kText)
      order = Value(std::string_view(kept.emplace_back(order.bytes())));
    rows.push_back({&key, &group, order});
  }
  std::ranges::sort(rows, [](const Row& left, const Row& right) {
    if (const int order = compare(left.order, right.order); order != 0) return order > 0;
    if (left.group->count != right.group->count) return left.group->count > right.group->count;
    for (std::size_t at = 0; at < left.group->key.size(); ++at) {
      const int order = compare(left.group->key[at].view(), right.group->key[at].view());
      if (order != 0) return order < 0;
    }
    // 1 and 1.0, say, whose order in groups_ is another in each run.
    return *left.key < *right.key;
  });
  if (request_.is_reversed) std::ranges::reverse(rows);
  const std::size_t most = request_.most == 0 ? rows.size() : std::min(rows.size(), request_.most);
  for (std::size_t at = 0; at < most; ++at) {
    values.clear();
    for (const OwnedValue& owned : rows[at].group->key) values.push_back(owned.view());
    tally_->show(*rows[at].group, values, text);
    take(std::span<const Value>(values));
  }
}

std::size_t TopTable::sort_column() const {
  const std::size_t at = field_index({{}, {}, fields_}, request_.sort);
  if (at != kMissing || record_type() != "function") return at;
  return field_index({{}, {}, fields_}, profile_column(request_.sort));
}

int TopTable::compare(const Value& left, const Value& right) {
  if (left.kind() != right.kind()) {
    return left.is_nil() ? -1 : right.is_nil() ? 1 : left.kind() < right.kind() ? -1 : 1;
  }
  switch (left.kind()) {
    case Kind::kNil:
      return 0;
    case Kind::kBool:
    case Kind::kUint:
      return left.as_uint() < right.as_uint() ? -1 : left.as_uint() > right.as_uint() ? 1 : 0;
    case Kind::kInt:
    case Kind::kTime:
    case Kind::kDuration:
      return left.as_int() < right.as_int() ? -1 : left.as_int() > right.as_int() ? 1 : 0;
    case Kind::kText:
    case Kind::kAddress:
      return left.bytes().compare(right.bytes());
  }
  return 0;
}

std::size_t TopTable::time_column() const {
  for (std::size_t at = keys(); at < fields_.size(); ++at) {
    if (fields_[at].name == tally_->default_order()) return at - keys();
  }
  return 0;
}

TopGroup& TopTable::group_of(const AnyRecord& record) {
  if (columns_.size() == 1) {
    const Value value = record.get(columns_[0]);
    if (value.kind() == Kind::kText) return group_of_text(value.bytes(), record);
  }
  return find_group(record);
}

TopGroup& TopTable::group_of_text(std::string_view text, const AnyRecord& record) {
  std::uint64_t mixed = text.size();
  if (text.size() >= sizeof mixed) {
    std::uint64_t last = 0;
    std::memcpy(&mixed, text.data(), sizeof mixed);
    std::memcpy(&last, text.data() + text.size() - sizeof last, sizeof last);
    mixed += last;
  } else {
    for (const char c : text) mixed = mixed << 8U | static_cast<unsigned char>(c);
  }
  Known& known = known_[mixed * 0x9E3779B97F4A7C15U >> 56U];
  if (known.group == nullptr || known.text != text) {
    known.group = &find_group(record);
    known.text = known.group->key[0].text;
  }
  return *known.group;
}

TopGroup& TopTable::find_group(const AnyRecord& record) {
  key_.clear();
  for (const std::size_t column : columns_) append_key(record.get(column));
  if (last_ == nullptr || key_ != last_key_) {
    const auto found = groups_.find(std::string_view(key_));
    if (found == groups_.end()) {
      last_ = &groups_.emplace(key_, TopGroup{}).first->second;
      for (const std::size_t column : columns_) {
        OwnedValue& owned = last_->key.emplace_back();
        owned.value = record.get(column);
        if (owned.value.kind() == Kind::kText || owned.value.kind() == Kind::kAddress) {
          owned.text = owned.value.bytes();
        }
      }
    } else {
      last_ = &found->second;
    }
    last_key_ = key_;
  }
  return *last_;
}

void TopTable::append_key(const Value& value) {
  key_.push_back(static_cast<char>(value.kind()));
  if (value.kind() == Kind::kText || value.kind() == Kind::kAddress) {
    const std::string_view bytes = value.bytes();
    const std::uint32_t size = static_cast<std::uint32_t>(bytes.size());
    key_.append(reinterpret_cast<const char*>(&size), sizeof size).append(bytes);
  } else if (!value.is_nil()) {
    const std::int64_t bits = value.as_int();
    key_.append(reinterpret_cast<const char*>(&bits), sizeof bits);
  }
}

}  // namespace tracebraid::analyzers
