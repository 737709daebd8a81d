#include "analyzers/top/tally.h"

#include <algorithm>
#include <iterator>
#include <optional>

#include "analyzers/top/profile.h"
#include "formats/io/saturate.h"
#include "formats/record/flow.h"
#include "formats/record/function.h"
#include "formats/record/syscall.h"

namespace tracebraid::analyzers {
namespace {

namespace record = formats::record;
using record::AnyRecord;
using record::Duration;
using record::FieldInfo;
using record::Kind;
using record::TypeInfo;
using record::Value;

void count_name(TopGroup& group, std::string_view name) {
  for (auto& [known, count] : group.names) {
    if (known == name) {
      ++count;
      return;
    }
  }
  constexpr std::size_t kMost = 200;  // errno has 134
  if (group.names.size() < kMost) group.names.emplace_back(name, 1);
}

template <typename Number>
void add_up(Number& sum, Number more) {
  sum = formats::io::saturated_sum(sum, more);
}

std::int64_t total_ns(const TopGroup& group) {
  std::int64_t total = group.worked_ns;
  add_up(total, group.waited_ns);
  return total;
}

void add_time(TopGroup& group, std::int64_t ns) {
  ++group.timed;
  group.longest_ns = std::max(group.longest_ns, ns);
  group.spread.add(ns);
}

// "EAGAIN 12, EBADF 3", the most frequent first.
std::string_view list_names(TopGroup& group, std::string& text) {
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

void show_times(TopGroup& group, std::vector<Value>& values) {
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

Value percentiles_note(const TopGroup& group) {
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
  void add(TopGroup& group, const AnyRecord& record) const override {
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
        if (direction != "out") add_up(group.in, bytes.as_uint());
        if (direction != "in") add_up(group.out, bytes.as_uint());
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
  void show(TopGroup& group, std::vector<Value>& values, std::string& text) const override {
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
  static void add(TopGroup& group, const record::Syscall& call) {
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
      if (call.direction != "out") add_up(group.in, *call.bytes);
      if (call.direction != "in") add_up(group.out, *call.bytes);
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
  void add(TopGroup& group, const AnyRecord& record) const override {
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
    add_up(group.out, sum(0));
    add_up(group.in, sum(1));
    add_up(group.sums[0], sum(2));
    add_up(group.sums[1], sum(3));
    add_up(group.sums[2], sum(4));
    add_up(group.sums[2], sum(5));
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
  void show(TopGroup& group, std::vector<Value>& values, std::string& text) const override {
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
  void add(TopGroup& group, const AnyRecord& record) const override {
    ++group.count;
    const auto value = [&](std::size_t at) {
      return fields_[at] == kMissing ? Value() : record.get(fields_[at]);
    };
    if (const Value calls = value(0); !calls.is_nil()) add_up(group.sums[0], calls.as_uint());
    if (const Value calls = value(1); !calls.is_nil()) add_up(group.sums[1], calls.as_uint());
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
  void show(TopGroup& group, std::vector<Value>& values, std::string&) const override {
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
  void add(TopGroup& group, const AnyRecord& record) const override {
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
  void show(TopGroup& group, std::vector<Value>& values, std::string&) const override {
    values.emplace_back(group.count);
    values.push_back(group.timed > 0 ? Value(Duration{group.worked_ns}) : Value());
    show_times(group, values);
    values.push_back(percentiles_note(group));
  }

 private:
  std::string type_;
  std::size_t duration_ = kMissing;
};

}  // namespace

std::size_t field_index(const formats::record::TypeInfo& type, std::string_view name) {
  for (std::size_t at = 0; at < type.fields.size(); ++at) {
    if (type.fields[at].name == name) return at;
  }
  return kMissing;
}

std::unique_ptr<Tally> make_call_tally() {
  return std::make_unique<CallTally>();
}

std::unique_ptr<Tally> make_flow_tally() {
  return std::make_unique<FlowTally>();
}

std::unique_ptr<Tally> make_function_tally() {
  return std::make_unique<FunctionTally>();
}

std::unique_ptr<Tally> make_other_tally(std::string type) {
  return std::make_unique<OtherTally>(std::move(type));
}

}  // namespace tracebraid::analyzers
