// What tracebraid top counts of records of one type, in groups, and which columns it shows of a
// group. One Tally for each type; what makes a group is top_table.h's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "analyzers/util/spread.h"
#include "formats/record/any_record.h"
#include "formats/record/schema.h"

namespace tracebraid::analyzers {

// The place of a field in a type; kMissing when it has none of the name.
inline constexpr std::size_t kMissing = SIZE_MAX;
[[nodiscard]] std::size_t field_index(const formats::record::TypeInfo& type, std::string_view name);

// A value with a memory of its own.
struct OwnedValue {
  using Kind = formats::record::Kind;
  using Value = formats::record::Value;
  Value value;
  std::string text;
  [[nodiscard]] Value view() const {
    if (value.kind() == Kind::kText) return Value(std::string_view(text));
    if (value.kind() == Kind::kAddress) return Value::address(text);
    return value;
  }
};

// What has been added up; what `in`, `out` and `sums` are is the tally's.
struct TopGroup {
  std::vector<OwnedValue> key;
  std::uint64_t count = 0;
  std::uint64_t failed = 0;
  std::uint64_t timed = 0;
  std::int64_t worked_ns = 0, waited_ns = 0, longest_ns = 0;
  std::uint64_t in = 0, out = 0;
  std::uint64_t sums[4] = {};
  Spread spread;
  std::vector<std::pair<std::string, std::uint64_t>> names;  // of errors, of states
};

// What is counted of one type of records, and how it is shown.
class Tally {
 public:
  virtual ~Tally() = default;
  // Fields of `type` are looked up.
  virtual void bind(const formats::record::TypeInfo& type, std::string_view measure) = 0;
  virtual void add(TopGroup& group, const formats::record::AnyRecord& record) const = 0;
  [[nodiscard]] virtual std::string_view record_type() const = 0;
  [[nodiscard]] virtual std::vector<std::string_view> default_keys() const = 0;
  // The column to sort by when nobody says, where there are times.
  [[nodiscard]] virtual std::string_view default_order() const { return "time"; }
  // Columns behind those of the key.
  [[nodiscard]] virtual std::vector<formats::record::FieldInfo> columns() const = 0;
  // Their values; `text` outlives them.
  virtual void show(TopGroup& group, std::vector<formats::record::Value>& values,
                    std::string& text) const = 0;
};

// Of system calls, flows and functions; of any other type how many, with the time.
[[nodiscard]] std::unique_ptr<Tally> make_call_tally();
[[nodiscard]] std::unique_ptr<Tally> make_flow_tally();
[[nodiscard]] std::unique_ptr<Tally> make_function_tally();
[[nodiscard]] std::unique_ptr<Tally> make_other_tally(std::string type);

}  // namespace tracebraid::analyzers
