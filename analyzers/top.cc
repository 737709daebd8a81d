#include "analyzers/top.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <sys/ioctl.h>
#include <unistd.h>

#include "analyzers/inputs.h"
#include "analyzers/spread.h"
#include "analyzers/top_profile.h"
#include "formats/cli/record_output.h"
#include "formats/io/error.h"
#include "formats/io/output.h"
#include "formats/record/any_record.h"
#include "formats/record/flow.h"
#include "formats/record/function.h"
#include "formats/record/syscall.h"
#include "formats/record/writer.h"
#include "formats/strace/clock_options.h"

namespace tracebraid::analyzers {
namespace {

namespace cli = formats::cli;
namespace io = formats::io;
namespace record = formats::record;
using cli::Argument;
using record::AnyRecord;
using record::Duration;
using record::FieldInfo;
using record::Kind;
using record::TypeInfo;
using record::Value;

constexpr std::size_t kMissing = SIZE_MAX;

std::size_t field_index(const TypeInfo& type, std::string_view name) {
  for (std::size_t at = 0; at < type.fields.size(); ++at) {
    if (type.fields[at].name == name) return at;
  }
  return kMissing;
}

// A value with a memory of its own.
struct OwnedValue {
  Value value;
  std::string text;
  [[nodiscard]] Value view() const {
    if (value.kind() == Kind::kText) return Value(std::string_view(text));
    if (value.kind() == Kind::kAddress) return Value::address(text);
    return value;
  }
};

struct Group {
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

void count_name(Group& group, std::string_view name) {
  for (auto& [known, count] : group.names) {
    if (known == name) {
      ++count;
      return;
    }
  }
  constexpr std::size_t kMost = 200;  // errno has 134
  if (group.names.size() < kMost) group.names.emplace_back(name, 1);
}

// Times of a damaged log may be any.
void add_up(std::int64_t& sum, std::int64_t ns) {
  if (__builtin_add_overflow(sum, ns, &sum)) sum = ns < 0 ? INT64_MIN : INT64_MAX;
}

std::int64_t total_ns(const Group& group) {
  std::int64_t total = group.worked_ns;
  add_up(total, group.waited_ns);
  return total;
}

void add_time(Group& group, std::int64_t ns) {
  ++group.timed;
  group.longest_ns = std::max(group.longest_ns, ns);
  group.spread.add(ns);
}

// What is counted of one type of records, and how it is shown.
class Tally {
 public:
  virtual ~Tally() = default;
  // Fields of `type` are looked up.
  virtual void bind(const TypeInfo& type, std::string_view measure) = 0;
  virtual void add(Group& group, const AnyRecord& record) const = 0;
  [[nodiscard]] virtual std::string_view record_type() const = 0;
  [[nodiscard]] virtual std::vector<std::string_view> default_keys() const = 0;
  // The column to sort by when nobody says, where there are times.
  [[nodiscard]] virtual std::string_view default_order() const { return "time"; }
  // Columns behind those of the key.
  [[nodiscard]] virtual std::vector<FieldInfo> columns() const = 0;
  // Their values; `text` outlives them.
  virtual void show(Group& group, std::vector<Value>& values, std::string& text) const = 0;
};

// "EAGAIN 12, EBADF 3", the most frequent first.
std::string_view list_names(Group& group, std::string& text) {
  std::ranges::stable_sort(
      group.names, [](const auto& left, const auto& right) { return left.second > right.second; });
  text.clear();
  for (const auto& [name, count] : group.names) {
    if (!text.empty()) text.append(", ");
    text.append(name).append(" ").append(std::to_string(count));
  }
  return text;
}

constexpr FieldInfo kMean = {"mean", Kind::kDuration, "", "mean time"};
constexpr FieldInfo kP50 = {"p50", Kind::kDuration, "", "half of the times are not above it"};
constexpr FieldInfo kP99 = {"p99", Kind::kDuration, "", "of a hundred times, 99 are not above it"};
constexpr FieldInfo kMax = {"max", Kind::kDuration, "", "longest time"};
constexpr FieldInfo kPercentiles = {
    "percentiles", Kind::kText, "enum",
    "p50 and p99 are exact (up to 256 times), or estimated within 1/128"};

void show_times(Group& group, std::vector<Value>& values) {
  if (group.timed == 0) {
    values.insert(values.end(), 4, Value());
    return;
  }
  const std::int64_t total = total_ns(group);
  values.emplace_back(Duration{total / static_cast<std::int64_t>(group.timed)});
  values.emplace_back(Duration{std::min(group.spread.percentile(50), group.longest_ns)});
  values.emplace_back(Duration{std::min(group.spread.percentile(99), group.longest_ns)});
  values.emplace_back(Duration{group.longest_ns});
}

Value percentiles_note(const Group& group) {
  if (group.timed == 0) return {};
  return Value(group.spread.is_exact() ? std::string_view("exact") : std::string_view("estimated"));
}

class CallTally final : public Tally {
 public:
  void bind(const TypeInfo& type, std::string_view measure) override {
    duration_ = field_index(type, measure);
    error_ = field_index(type, "error");
    wait_ = field_index(type, "wait");
    bytes_ = field_index(type, "bytes");
    direction_ = field_index(type, "direction");
    is_duration_ = measure == "duration";
  }
  void add(Group& group, const AnyRecord& record) const override {
    const auto* const call = record.as<record::Syscall>();
    if (call != nullptr && is_duration_) {
      add(group, *call);
      return;
    }
    ++group.count;
    if (error_ != kMissing) {
      if (const Value error = record.get(error_); !error.is_nil()) {
        ++group.failed;
        count_name(group, error.bytes());
      }
    }
    if (duration_ != kMissing) {
      if (const Value duration = record.get(duration_); !duration.is_nil()) {
        const bool is_wait = wait_ != kMissing && !record.get(wait_).is_nil();
        add_up(is_wait ? group.waited_ns : group.worked_ns, duration.as_int());
        add_time(group, duration.as_int());
      }
    }
    if (bytes_ != kMissing && direction_ != kMissing) {
      if (const Value bytes = record.get(bytes_); !bytes.is_nil()) {
        const std::string_view direction = record.get(direction_).bytes();
        if (direction != "out") group.in += bytes.as_uint();
        if (direction != "in") group.out += bytes.as_uint();
      }
    }
  }
  [[nodiscard]] std::string_view record_type() const override { return "syscall"; }
  [[nodiscard]] std::vector<std::string_view> default_keys() const override { return {"syscall"}; }
  [[nodiscard]] std::vector<FieldInfo> columns() const override {
    return {{"calls", Kind::kUint, "", "system calls"},
            {"errors", Kind::kUint, "", "those that failed or were interrupted"},
            {"time", Kind::kDuration, "", "time in them, waiting included"},
            {"wait", Kind::kDuration, "",
             "of it, in calls that wait: for peers, locks, children, "
             "timers, disks"},
            kMean,
            kP50,
            kP99,
            kMax,
            {"bytes_in", Kind::kUint, "bytes", "read or received"},
            {"bytes_out", Kind::kUint, "bytes", "written or sent"},
            {"by_error", Kind::kText, "", "errors by name, the most frequent first"},
            kPercentiles};
  }
  void show(Group& group, std::vector<Value>& values, std::string& text) const override {
    values.emplace_back(group.count);
    values.emplace_back(group.failed);
    const bool is_timed = group.timed > 0;
    values.push_back(is_timed ? Value(Duration{total_ns(group)}) : Value());
    values.push_back(is_timed ? Value(Duration{group.waited_ns}) : Value());
    show_times(group, values);
    values.emplace_back(group.in);
    values.emplace_back(group.out);
    const std::string_view names = list_names(group, text);
    values.push_back(names.empty() ? Value() : Value(names));
    values.push_back(percentiles_note(group));
  }

 private:
  // What add() does, where the struct is known.
  static void add(Group& group, const record::Syscall& call) {
    ++group.count;
    if (!call.error.empty()) {
      ++group.failed;
      count_name(group, call.error);
    }
    if (call.duration) {
      add_up(call.wait.empty() ? group.worked_ns : group.waited_ns, call.duration->ns);
      add_time(group, call.duration->ns);
    }
    if (call.bytes) {
      if (call.direction != "out") group.in += *call.bytes;
      if (call.direction != "in") group.out += *call.bytes;
    }
  }

  std::size_t duration_ = kMissing, error_ = kMissing, wait_ = kMissing, bytes_ = kMissing,
              direction_ = kMissing;
  bool is_duration_ = false;
};

class FlowTally final : public Tally {
 public:
  void bind(const TypeInfo& type, std::string_view measure) override {
    duration_ = field_index(type, measure);
    state_ = field_index(type, "conn_state");
    constexpr std::string_view kNames[] = {"orig_payload_bytes", "resp_payload_bytes",
                                           "orig_pkts",          "resp_pkts",
                                           "orig_rexmit_pkts",   "resp_rexmit_pkts"};
    for (std::size_t at = 0; at < std::size(kNames); ++at) {
      sums_[at] = field_index(type, kNames[at]);
    }
  }
  void add(Group& group, const AnyRecord& record) const override {
    ++group.count;
    if (state_ != kMissing) {
      const std::string_view state = record.get(state_).bytes();
      constexpr std::string_view kFailed[] = {"S0",     "REJ",   "RSTO", "RSTR",
                                              "RSTOS0", "RSTRH", "SH",   "SHR"};
      if (std::ranges::find(kFailed, state) != std::end(kFailed)) ++group.failed;
      count_name(group, state);
    }
    if (duration_ != kMissing) {
      if (const Value duration = record.get(duration_); duration.kind() == Kind::kDuration) {
        add_up(group.worked_ns, duration.as_int());
        add_time(group, duration.as_int());
      }
    }
    const auto sum = [&](std::size_t at) -> std::uint64_t {
      if (sums_[at] == kMissing) return 0;
      const Value value = record.get(sums_[at]);
      return value.kind() == Kind::kUint ? value.as_uint() : 0;
    };
    group.out += sum(0);
    group.in += sum(1);
    group.sums[0] += sum(2);
    group.sums[1] += sum(3);
    group.sums[2] += sum(4) + sum(5);
  }
  [[nodiscard]] std::string_view record_type() const override { return "flow"; }
  [[nodiscard]] std::vector<std::string_view> default_keys() const override {
    return {"id.resp_h", "id.resp_p", "proto"};
  }
  [[nodiscard]] std::vector<FieldInfo> columns() const override {
    return {{"flows", Kind::kUint, "", "flow records"},
            {"failed", Kind::kUint, "", "refused, reset, or never answered"},
            {"time", Kind::kDuration, "", "sum of the times"},
            kMean,
            kP50,
            kP99,
            kMax,
            {"orig_bytes", Kind::kUint, "bytes", "originators' payload on the wire"},
            {"resp_bytes", Kind::kUint, "bytes", "responders' payload on the wire"},
            {"orig_pkts", Kind::kUint, "packets", "originators' packets"},
            {"resp_pkts", Kind::kUint, "packets", "responders' packets"},
            {"rexmit_pkts", Kind::kUint, "packets", "segments sent again"},
            {"by_state", Kind::kText, "", "conn_state of the flows, the most frequent first"},
            kPercentiles};
  }
  void show(Group& group, std::vector<Value>& values, std::string& text) const override {
    values.emplace_back(group.count);
    values.emplace_back(group.failed);
    values.push_back(group.timed > 0 ? Value(Duration{group.worked_ns}) : Value());
    show_times(group, values);
    values.emplace_back(group.out);
    values.emplace_back(group.in);
    values.emplace_back(group.sums[0]);
    values.emplace_back(group.sums[1]);
    values.emplace_back(group.sums[2]);
    const std::string_view names = list_names(group, text);
    values.push_back(names.empty() ? Value() : Value(names));
    values.push_back(percentiles_note(group));
  }

 private:
  std::size_t duration_ = kMissing, state_ = kMissing;
  std::size_t sums_[6] = {};
};

class FunctionTally final : public Tally {
 public:
  void bind(const TypeInfo& type, std::string_view) override {
    constexpr std::string_view kNames[] = {"calls", "primitive_calls", "tottime", "cumtime"};
    for (std::size_t at = 0; at < std::size(kNames); ++at) {
      fields_[at] = field_index(type, kNames[at]);
    }
  }
  void add(Group& group, const AnyRecord& record) const override {
    ++group.count;
    const auto value = [&](std::size_t at) {
      return fields_[at] == kMissing ? Value() : record.get(fields_[at]);
    };
    if (const Value calls = value(0); !calls.is_nil()) group.sums[0] += calls.as_uint();
    if (const Value calls = value(1); !calls.is_nil()) group.sums[1] += calls.as_uint();
    if (const Value time = value(2); !time.is_nil()) add_up(group.worked_ns, time.as_int());
    if (const Value time = value(3); !time.is_nil()) {
      add_up(group.waited_ns, time.as_int());
      group.longest_ns = std::max(group.longest_ns, time.as_int());
    }
    ++group.timed;
  }
  [[nodiscard]] std::string_view record_type() const override { return "function"; }
  [[nodiscard]] std::vector<std::string_view> default_keys() const override {
    return {"name", "file", "line"};
  }
  [[nodiscard]] std::string_view default_order() const override { return "tottime"; }
  [[nodiscard]] std::vector<FieldInfo> columns() const override {
    return {{"functions", Kind::kUint, "", "function records"},
            {"calls", Kind::kUint, "", "all calls, recursive ones too"},
            {"primitive_calls", Kind::kUint, "", "those that are not recursive"},
            {"tottime", Kind::kDuration, "", "own time"},
            {"percall_tottime", Kind::kDuration, "", "own time for each call"},
            {"cumtime", Kind::kDuration, "",
             "cumulative time; of several functions the sum, in which callers hold their callees'"},
            {"percall_cumtime", Kind::kDuration, "", "cumulative time for each primitive call"}};
  }
  void show(Group& group, std::vector<Value>& values, std::string&) const override {
    values.emplace_back(group.count);
    values.emplace_back(group.sums[0]);
    values.emplace_back(group.sums[1]);
    values.emplace_back(Duration{group.worked_ns});
    values.push_back(time_per_call(Duration{group.worked_ns}, group.sums[0]));
    values.emplace_back(Duration{group.waited_ns});
    values.push_back(time_per_call(Duration{group.waited_ns}, group.sums[1]));
  }

 private:
  std::size_t fields_[4] = {};
};

// Any other type: how many.
class OtherTally final : public Tally {
 public:
  explicit OtherTally(std::string type) : type_(std::move(type)) {}
  void bind(const TypeInfo& type, std::string_view measure) override {
    duration_ = field_index(type, measure);
  }
  void add(Group& group, const AnyRecord& record) const override {
    ++group.count;
    if (duration_ == kMissing) return;
    if (const Value duration = record.get(duration_); duration.kind() == Kind::kDuration) {
      add_up(group.worked_ns, duration.as_int());
      add_time(group, duration.as_int());
    }
  }
  [[nodiscard]] std::string_view record_type() const override { return type_; }
  [[nodiscard]] std::vector<std::string_view> default_keys() const override { return {}; }
  [[nodiscard]] std::vector<FieldInfo> columns() const override {
    return {{"records", Kind::kUint, "", "records"},
            {"time", Kind::kDuration, "", "sum of the times"},
            kMean,
            kP50,
            kP99,
            kMax,
            kPercentiles};
  }
  void show(Group& group, std::vector<Value>& values, std::string&) const override {
    values.emplace_back(group.count);
    values.push_back(group.timed > 0 ? Value(Duration{group.worked_ns}) : Value());
    show_times(group, values);
    values.push_back(percentiles_note(group));
  }

 private:
  std::string type_;
  std::size_t duration_ = kMissing;
};

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

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const {
    return std::hash<std::string_view>{}(text);
  }
};

struct Request {
  std::vector<std::string> by;
  std::string type;
  std::string measure = "duration";
  std::string sort;
  bool is_reversed = false;
  std::size_t most = 20;
  ProfileRequest profile;
};

// The groups of one type of records.
class Table {
 public:
  Table(std::unique_ptr<Tally> tally, const Request& request)
      : tally_(std::move(tally)), request_(request) {}

  // False when the type has none of the key's fields: then its records are left out.
  [[nodiscard]] bool is_usable() const { return is_usable_; }

  void bind(const TypeInfo& type) {
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

  void add(const AnyRecord& record) {
    bind(record.type());
    if (!is_usable_) {
      ++left_out_;
      return;
    }
    ++records_;
    tally_->add(group_of(record), record);
  }

  [[nodiscard]] const TypeInfo& type() {
    type_ = {"top", "records in groups", fields_};
    return type_;
  }
  [[nodiscard]] std::string_view record_type() const { return tally_->record_type(); }
  [[nodiscard]] std::uint64_t records() const { return records_; }
  [[nodiscard]] std::uint64_t left_out() const { return left_out_; }
  [[nodiscard]] std::size_t size() const { return groups_.size(); }
  [[nodiscard]] bool is_bound() const { return bound_ != nullptr; }
  [[nodiscard]] std::size_t keys() const { return columns_.size(); }

  // The heaviest groups, in order.
  template <typename Take>
  void show(Take take) {
    struct Row {
      Group* group;
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
      Value order =
          sort == kMissing ? values[keys() + (has_time ? time_column() : 0)] : values[sort];
      if (order.kind() == Kind::kText)
        order = Value(std::string_view(kept.emplace_back(order.bytes())));
      rows.push_back({&group, order});
    }
    std::ranges::sort(rows, [](const Row& left, const Row& right) {
      if (const int order = compare(left.order, right.order); order != 0) return order > 0;
      if (left.group->count != right.group->count) return left.group->count > right.group->count;
      for (std::size_t at = 0; at < left.group->key.size(); ++at) {
        const int order = compare(left.group->key[at].view(), right.group->key[at].view());
        if (order != 0) return order < 0;
      }
      return false;
    });
    if (request_.is_reversed) std::ranges::reverse(rows);
    const std::size_t most =
        request_.most == 0 ? rows.size() : std::min(rows.size(), request_.most);
    for (std::size_t at = 0; at < most; ++at) {
      values.clear();
      for (const OwnedValue& owned : rows[at].group->key) values.push_back(owned.view());
      tally_->show(*rows[at].group, values, text);
      take(std::span<const Value>(values));
    }
  }

  // kMissing for a column that there is not.
  [[nodiscard]] std::size_t sort_column() const {
    const std::size_t at = field_index({{}, {}, fields_}, request_.sort);
    if (at != kMissing || record_type() != "function") return at;
    return field_index({{}, {}, fields_}, profile_column(request_.sort));
  }

 private:
  // Numbers by size, texts in reverse, so that what sorts downwards shows texts upwards.
  static int compare(const Value& left, const Value& right) {
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

  [[nodiscard]] std::size_t time_column() const {
    for (std::size_t at = keys(); at < fields_.size(); ++at) {
      if (fields_[at].name == tally_->default_order()) return at - keys();
    }
    return 0;
  }

  Group& group_of(const AnyRecord& record) {
    if (columns_.size() == 1) {
      const Value value = record.get(columns_[0]);
      if (value.kind() == Kind::kText) return group_of_text(value.bytes(), record);
    }
    return find_group(record);
  }

  // By a text alone, such as the call's name: most have been there before, and need no key.
  Group& group_of_text(std::string_view text, const AnyRecord& record) {
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

  Group& find_group(const AnyRecord& record) {
    key_.clear();
    for (const std::size_t column : columns_) append_key(record.get(column));
    if (last_ == nullptr || key_ != last_key_) {
      const auto found = groups_.find(std::string_view(key_));
      if (found == groups_.end()) {
        last_ = &groups_.emplace(key_, Group{}).first->second;
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

  void append_key(const Value& value) {
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

  std::unique_ptr<Tally> tally_;
  const Request& request_;
  const TypeInfo* bound_ = nullptr;
  bool is_usable_ = true;
  std::vector<std::size_t> columns_;  // of the key
  std::vector<FieldInfo> fields_;     // of the result
  std::deque<std::string> names_, units_, docs_;
  TypeInfo type_;
  std::unordered_map<std::string, Group, TextHash, std::equal_to<>> groups_;
  std::string key_, last_key_;
  Group* last_ = nullptr;
  struct Known {
    std::string_view text;
    Group* group = nullptr;
  };
  std::array<Known, 256> known_;  // groups of texts, by some of their bytes
  std::uint64_t records_ = 0, left_out_ = 0;
};

class TopVisitor final : public RecordVisitor {
 public:
  explicit TopVisitor(const Request& request) {
    const bool is_any = request.type.empty();
    if (is_any || request.type == "syscall") {
      tables_.emplace_back(std::make_unique<CallTally>(), request);
    }
    if (is_any || request.type == "flow") {
      tables_.emplace_back(std::make_unique<FlowTally>(), request);
    }
    if (is_any || request.type == "function") {
      if (request.by.empty()) {
        profile_.emplace(request.profile, request.most);
      } else {
        tables_.emplace_back(std::make_unique<FunctionTally>(), request);
      }
    }
    if (tables_.empty() && !profile_) {
      tables_.emplace_back(std::make_unique<OtherTally>(request.type), request);
    }
  }

  void visit(const AnyRecord& record) override {
    if (last_type_ != &record.type()) {
      last_type_ = &record.type();
      last_ = nullptr;
      for (Table& table : tables_) {
        if (table.record_type() == record.type().name) last_ = &table;
      }
      is_profiles_ = last_ == nullptr && profile_ && TopProfile::takes(record.type().name);
    }
    if (last_ != nullptr) {
      last_->add(record);
    } else if (is_profiles_) {
      profile_->add(record);
    }
  }

  [[nodiscard]] std::deque<Table>& tables() { return tables_; }
  [[nodiscard]] std::optional<TopProfile>& profile() { return profile_; }

 private:
  std::deque<Table> tables_;
  std::optional<TopProfile> profile_;
  bool is_profiles_ = false;  // the last type of records
  const TypeInfo* last_type_ = nullptr;
  Table* last_ = nullptr;
};

// A key that no type of records has is a mistake.
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

Request understand(const cli::Arguments& arguments) {
  Request request;
  const std::string by = arguments.value("by").value_or("");
  for (const std::string_view name : cli::split_list(by)) request.by.emplace_back(name);
  request.type = arguments.value("type").value_or("");
  request.measure = arguments.value("measure").value_or("duration");
  request.sort = arguments.value("sort").value_or("");
  if (const auto most = arguments.value("number")) {
    const auto [end, error] =
        std::from_chars(most->data(), most->data() + most->size(), request.most);
    if (error != std::errc{} || end != most->data() + most->size()) {
      throw io::UsageError{"-n: not a number: " + io::quoted(*most)};
    }
  }
  if (request.type.empty()) check_keys(request.by);
  request.is_reversed = arguments.has("reverse");
  request.profile = ProfileRequest(arguments);
  if (const std::string option(request.profile.own_option()); !option.empty()) {
    if (!request.by.empty()) throw io::UsageError{option + " does not go with --by"};
    if (!request.type.empty() && request.type != "function") {
      throw io::UsageError{option + " is for functions: it does not go with --type " +
                           io::quoted(request.type)};
    }
    if (request.profile.show != ProfileRequest::Show::kFunctions) request.type = "function";
  }
  if (request.profile.is_numbered() && !arguments.has("number")) request.most = 0;
  return request;
}

using TakeRow = TopProfile::TakeRow;

// One table of the output, whatever it is made of.
struct Shown {
  std::string_view record_type;
  const TypeInfo* type;
  std::vector<std::string> columns;  // for a person
  bool can_sort;
  std::string sort_keys;
  std::function<void(const TakeRow&)> show;
  std::vector<std::string> notes;
};

Shown shown(Table& table, const Request& request) {
  Shown shown{table.record_type(), &table.type(), {}, table.sort_column() != kMissing, {}, {}, {}};
  for (const FieldInfo& field : shown.type->fields) {
    if (field.name != "percentiles") shown.columns.emplace_back(field.name);
    shown.sort_keys.append(shown.sort_keys.empty() ? "" : ", ").append(field.name);
  }
  shown.show = [&table](const TakeRow& take) { table.show(take); };
  const std::size_t count = request.most == 0 ? table.size() : std::min(request.most, table.size());
  std::string note = std::to_string(table.records()) + " " + std::string(table.record_type()) +
                     " records in " + std::to_string(table.size()) + " groups";
  if (count < table.size()) {
    note += ", " + std::to_string(count) + " shown (-n 0 shows all)";
  }
  shown.notes.push_back(std::move(note));
  return shown;
}

Shown shown(TopProfile& profile, bool is_table) {
  profile.select(is_table);
  return {record::Function::kType, &profile.type(),
          profile.table_columns(), profile.can_sort(),
          TopProfile::sort_keys(), [&profile](const TakeRow& take) { profile.show(take); },
          profile.notes()};
}

// Each table is sorted by what it has; what none has is a mistake.
void check_sort(const Request& request, const std::vector<Shown>& tables, cli::Context& context) {
  if (request.sort.empty() || tables.empty()) return;
  if (std::ranges::none_of(tables, &Shown::can_sort)) {
    std::string names;
    for (const Shown& table : tables) {
      if (!names.empty()) names.append("; ");
      if (tables.size() > 1) names.append("of ").append(table.record_type).append("s: ");
      names.append(table.sort_keys);
    }
    throw io::UsageError{"--sort: no such column: " + io::quoted(request.sort), names};
  }
  for (const Shown& table : tables) {
    if (table.can_sort) continue;
    context.diagnostics.note(std::string(table.record_type) + " records have no column " +
                             io::quoted(request.sort) + " to sort by");
  }
}

void run(const cli::Arguments& arguments, cli::Context& context) {
  const Request request = understand(arguments);
  const cli::RecordRequest form(arguments);
  const std::unique_ptr<io::Output> output = io::open_output(form.path);
  TopVisitor visitor(request);
  read_inputs(arguments, visitor, context);

  const bool is_table = form.format == record::Format::kTable;
  const auto left_out = [&](std::string_view type, std::string_view what, std::uint64_t count) {
    if (count == 0) return;
    context.diagnostics.note(std::string(type) + " records have not all " + std::string(what) +
                             ": " + std::to_string(count) + " left out");
  };
  std::vector<Shown> tables;
  for (Table& table : visitor.tables()) {
    left_out(table.record_type(), "fields of --by", table.left_out());
    if (table.records() > 0) tables.push_back(shown(table, request));
  }
  if (std::optional<TopProfile>& profile = visitor.profile()) {
    left_out("function and call", "of file, line and name", profile->left_out());
    const std::string option(request.profile.own_option());
    if (profile->has_records()) {
      tables.push_back(shown(*profile, is_table));
    } else if (!option.empty() && !tables.empty()) {
      context.diagnostics.note(option + " is for functions, and the inputs hold none");
    }
  }
  check_sort(request, tables, context);
  const bool holds_several = record::holds_several(form.format) || is_table;
  if (tables.size() > 1 && !holds_several) {
    throw io::UsageError{"the inputs hold several types of records, and this form one",
                         "--type chooses one: syscall, flow or function"};
  }
  record::WriterOptions options;
  options.producer = "tracebraid top " + std::string(cli::version());
  options.fields = form.fields;
  if (winsize window{}; form.path == "-" && ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0) {
    options.width = window.ws_col;
  }
  std::vector<const TypeInfo*> types;
  for (const Shown& table : tables) types.push_back(table.type);
  if (!options.fields.empty() && !types.empty()) record::check_fields(options.fields, types);
  std::unique_ptr<record::Writer> writer;
  for (const Shown& table : tables) {
    if (!writer || is_table) {
      record::WriterOptions own = options;
      if (is_table && own.fields.empty()) own.fields = table.columns;
      if (writer) {
        writer->finish();
        output->write("\n");
      }
      writer = record::make_writer(form.format, *output, std::move(own));
    }
    writer->declare(*table.type);
    table.show([&](std::span<const Value> values) { writer->write_values(*table.type, values); });
  }
  if (writer) writer->finish();
  output->commit();
  if (arguments.has("quiet")) return;
  if (tables.empty()) context.diagnostics.note("no records");
  for (const Shown& table : tables) {
    for (const std::string& note : table.notes) context.diagnostics.note(note);
  }
}

constexpr std::string_view kUsage[] = {"[OPTION…] [INPUT…]"};

constexpr cli::Option kOptions[] = {
    {0, "by", Argument::kText, "LIST", "Groups", "fields that make a group",
     "With commas between: any field of the records, as --schema of pcapflows, stracecalls and "
     "cprofcalls lists them, without Zeek's id. in front; or process, thread, fd, socket, peer, "
     "errno, server, client. Default: syscall of system calls; resp_h,resp_p,proto of flows; "
     "name,file,line of functions."},
    {0, "type", Argument::kText, "TYPE", "Groups", "type of records",
     "Such as syscall, flow, function; others (signal, process, call) are counted. Default: those "
     "three."},
    {0, "measure", Argument::kText, "FIELD", "Groups", "duration that is measured (duration)",
     "Its sum, mean and percentiles are shown. Of flows also response_latency, synack_rtt and the "
     "like."},
    {0, "sort", Argument::kText, "COLUMN", "Groups", "sort by a column, the largest first",
     "Names are sorted upwards. Default: time, or the number where the records have no times. Of "
     "functions also what pstats' sort_stats() takes, several with commas between: calls or "
     "ncalls, cumulative or cumtime, filename or module, line, name, nfl, pcalls, stdname, time or "
     "tottime (the default), and clear beginnings of these; besides percall and the other columns. "
     "Equal ones stay in the order of the profile."},
    {0, "reverse", Argument::kNone, "", "Groups", "sort the other way round"},
    {'n', "number", Argument::kText, "NUMBER", "Groups",
     "groups, or functions, to show (20); 0: all",
     "Where --only gives a number, the default is all that are left."},
    kOnlyOption,
    kCallersOption,
    kCalleesOption,
    kStripDirsOption,
    formats::strace::kClockOptions[0],
    formats::strace::kClockOptions[1],
    formats::strace::kClockOptions[2],
    cli::kFormatOption,
    cli::kOutputOption,
    {0, "fields", Argument::kText, "LIST", "Output", "write these columns only, in this order"},
    {'q', "quiet", Argument::kNone, "", "Output", "do not show numbers on standard error"},
};

constexpr cli::Section kSections[] = {
    {"Input", kInputText},
    {"Columns",
     "Of system calls: calls, errors, time (from entry to exit), wait (the part of it in calls "
     "that "
     "wait for peers, locks, children, timers or disks), mean, p50, p99, max, bytes_in, bytes_out, "
     "by_error. Of flows: flows, failed (refused, reset, never answered), time, mean, p50, p99, "
     "max, bytes and packets of both sides, rexmit_pkts, by_state. Of functions, as pstats has "
     "them: calls, primitive_calls, tottime, percall_tottime, cumtime, percall_cumtime; a table "
     "has "
     "both numbers of calls as ncalls, such as 21/1. With --by also functions, how many.\n\n"
     "All are exact but p50 and p99, which are exact up to 256 values of a group and within 1/128 "
     "beyond that; percentiles says which. What the inputs do not tell is null: a log without -T "
     "has times of interrupted calls only."},
    {"Profiles",
     "What one types in pstats, and here:\n\n"
     "  sort_stats('cumulative', 'name')   --sort cumulative,name\n"
     "  reverse_order()                    --reverse\n"
     "  strip_dirs()                       --strip-dirs\n"
     "  print_stats()                      -n 0\n"
     "  print_stats('server', 0.1, 20)     --only server --only 0.1 --only 20\n"
     "  print_callers('recv')              --callers recv\n"
     "  print_callees('handle', 5)         --callees handle --only 5\n"
     "  print_callers(5)                   --callers '' --only 5\n"
     "  Stats('a', 'b'), add('c')          a b c\n\n"
     "The sums that pstats prints in front, and what a restriction left, are on standard error. "
     "Times are added up as whole nanoseconds. Patterns are PCRE2's, and mean what they mean in "
     "Python; {,3} alone is {0,3} here. One that takes more than a million steps for one function "
     "is refused.\n\n"
     "Callers need call records: a stream must have them besides function records, as cprofcalls "
     "writes it with -f msgpack or -f jsonl."},
    {"Exit status",
     "0: done. 1: an input was damaged or unreadable; the rest is shown. 2: the "
     "command line was wrong."},
};

constexpr cli::Example kExamples[] = {
    {"Which system calls take the time, and which fail:", "tracebraid top server.strace"},
    {"Which sockets moved how much:", "tracebraid top server.strace --by socket --sort bytes_out"},
    {"Which calls fail how, in which process:",
     "tracebraid top server.strace --by pid,syscall,error --sort errors"},
    {"The functions of a profile with the most time of their own:",
     "tracebraid top profile.cprof -n 10"},
    {"Who makes the program send, and what it costs there:",
     "tracebraid top profile.cprof --callers \"'send' of\""},
    {"What the server's own functions take with all that they call, workers added up:",
     "tracebraid top worker-*.cprof --sort cumulative --only /srv/ --only 10"},
    {"The slowest servers of a capture:",
     "tracebraid top server.pcap --by resp_h --measure response_latency --sort p99"},
    {"A table on standard output of another program:",
     "stracecalls -f msgpack server.strace | tracebraid top -f table -"},
};

}  // namespace

const cli::Program kTop = {
    .name = "tracebraid top",
    .summary = "show the heaviest system calls, flows or functions",
    .usage = kUsage,
    .options = kOptions,
    .sections = kSections,
    .examples = kExamples,
    .body = run,
};

}  // namespace tracebraid::analyzers
