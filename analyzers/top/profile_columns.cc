#include "analyzers/top/profile_columns.h"

#include <algorithm>
#include <span>

#include <range/v3/view/transform.hpp>

#include "analyzers/util/shown.h"

namespace tracebraid::analyzers {

namespace record = formats::record;
using enum ProfileColumn;
using record::Duration;
using record::FieldInfo;
using record::Kind;
using record::Value;
using Show = ProfileRequest::Show;

namespace {

// By ProfileColumn.
constexpr FieldInfo kFields[] = {
    {"name", Kind::kText, "", "function, method or class body"},
    {"file", Kind::kText, "", "source file; ~ or missing for built-in functions"},
    {"line", Kind::kUint, "", "first line of the function, 0 for built-in ones"},
    {"stdname", Kind::kText, "", "file:line(name)"},
    // Its values are texts; tables put them where numbers go.
    {"ncalls", Kind::kUint, "", "calls, and behind a slash primitive calls where they are fewer"},
    {"calls", Kind::kUint, "", "all calls, recursive ones too"},
    {"primitive_calls", Kind::kUint, "", "calls that are not recursive"},
    {"tottime", Kind::kDuration, "", "own time"},
    {"percall_tottime", Kind::kDuration, "", "own time for each call"},
    {"cumtime", Kind::kDuration, "", "cumulative time"},
    {"percall_cumtime", Kind::kDuration, "", "cumulative time for each primitive call"},
    {"caller_name", Kind::kText, "", "as name"},
    {"caller_file", Kind::kText, "", "as file"},
    {"caller_line", Kind::kUint, "", "as line: not where the call is"},
    {"callee_name", Kind::kText, "", "as name"},
    {"callee_file", Kind::kText, "", "as file"},
    {"callee_line", Kind::kUint, "", "as line"},
};

// pstats', whose beginnings will do where they are clear, and behind them the columns.
constexpr std::size_t kPstatsKeys = 13;
constexpr ProfileSortKey kSortKeys[] = {
    {"calls", {kCalls}},
    {"ncalls", {kCalls}},
    {"cumtime", {kCumtime}},
    {"cumulative", {kCumtime}},
    {"filename", {kFile}},
    {"line", {kLine}},
    {"module", {kFile}},
    {"name", {kName}},
    {"nfl", {kName, kFile, kLine}, 3},
    {"pcalls", {kPrimitiveCalls}},
    {"stdname", {kStandardName}},
    {"time", {kTottime}},
    {"tottime", {kTottime}},
    {"file", {kFile}},
    {"primitive_calls", {kPrimitiveCalls}},
    {"percall", {kPercallTottime}},
    {"percall_tottime", {kPercallTottime}},
    {"percall_cumtime", {kPercallCumtime}},
};

Value file_of(const FunctionKey* key) {
  return key == nullptr || key->file.empty() ? Value() : Value(key->file);
}
Value line_of(const FunctionKey* key) {
  return key == nullptr ? Value() : Value(std::uint64_t{key->line});
}
Value name_of(const FunctionKey* key) {
  return key == nullptr || key->name.empty() ? Value() : Value(key->name);
}

template <typename Member>
Value value_of(const std::optional<Member>& member) {
  return member ? Value(*member) : Value();
}

Value ncalls(const ProfileCost& cost, std::string& text) {
  if (!cost.calls) return {};
  text = std::to_string(*cost.calls);
  if (cost.primitive_calls && cost.primitive_calls != cost.calls) {
    text.append("/").append(std::to_string(*cost.primitive_calls));
  }
  return Value(std::string_view(text));
}

}  // namespace

const FieldInfo& field_of(ProfileColumn column) {
  return kFields[static_cast<std::size_t>(column)];
}

std::vector<ProfileColumn> record_columns_of(Show show) {
  if (show == Show::kFunctions) {
    return {kName,    kFile,           kLine,    kCalls,         kPrimitiveCalls,
            kTottime, kPercallTottime, kCumtime, kPercallCumtime};
  }
  // As `call` has them.
  return {kCallerFile, kCallerLine, kCallerName,     kCalleeFile, kCalleeLine,
          kCalleeName, kCalls,      kPrimitiveCalls, kTottime,    kCumtime};
}

std::vector<ProfileColumn> table_columns_of(Show show) {
  switch (show) {
    case Show::kFunctions:
      return {kNcalls, kTottime, kPercallTottime, kCumtime, kPercallCumtime, kName, kFile, kLine};
    case Show::kCallers:
      return {kCalleeName, kNcalls,     kTottime,    kCumtime,   kCallerName,
              kCallerFile, kCallerLine, kCalleeFile, kCalleeLine};
    case Show::kCallees:
      return {kCallerName, kNcalls,     kTottime,    kCumtime,   kCalleeName,
              kCalleeFile, kCalleeLine, kCallerFile, kCallerLine};
  }
  return {};
}

const ProfileSortKey* find_sort_key(std::string_view name) {
  const auto known = std::ranges::find(kSortKeys, name, &ProfileSortKey::name);
  if (known != std::end(kSortKeys)) return &*known;
  const ProfileSortKey* found = nullptr;
  for (const ProfileSortKey& key : std::span(kSortKeys).first(kPstatsKeys)) {
    if (name.empty() || !key.name.starts_with(name)) continue;
    if (found != nullptr && found->columns != key.columns) return nullptr;
    found = &key;
  }
  return found;
}

std::string profile_sort_keys() {
  const auto names = kSortKeys | ranges::views::transform(&ProfileSortKey::name);
  return joined(names);
}

std::string_view profile_column(std::string_view name) {
  const ProfileSortKey* const key = find_sort_key(name);
  return key == nullptr || key->count > 1 ? std::string_view() : field_of(key->columns[0]).name;
}

Value time_per_call(const std::optional<Duration>& time,
                    const std::optional<std::uint64_t>& calls) {
  if (!time || calls.value_or(0) == 0) return {};
  const bool is_negative = time->ns < 0;
  const auto ns = static_cast<std::uint64_t>(time->ns);
  const std::uint64_t magnitude = is_negative ? -ns : ns;
  const std::uint64_t rest = magnitude % *calls;
  const auto each = static_cast<std::int64_t>(magnitude / *calls + (rest >= *calls - rest ? 1 : 0));
  return Value(Duration{is_negative ? -each : each});
}

Value value_of(ProfileColumn column, const ProfileRow& row, std::string& text) {
  const ProfileCost& cost = *row.cost;
  switch (column) {
    case kName:
      return name_of(row.function);
    case kFile:
      return file_of(row.function);
    case kLine:
      return line_of(row.function);
    case kStandardName:
      text.clear();
      row.function->append_shown(text);
      return Value(std::string_view(text));
    case kNcalls:
      return ncalls(cost, text);
    case kCalls:
      return value_of(cost.calls);
    case kPrimitiveCalls:
      return value_of(cost.primitive_calls);
    case kTottime:
      return value_of(cost.tottime);
    case kPercallTottime:
      return time_per_call(cost.tottime, cost.calls);
    case kCumtime:
      return value_of(cost.cumtime);
    case kPercallCumtime:
      return time_per_call(cost.cumtime, cost.primitive_calls);
    case kCallerName:
      return name_of(row.caller);
    case kCallerFile:
      return file_of(row.caller);
    case kCallerLine:
      return line_of(row.caller);
    case kCalleeName:
      return name_of(row.callee);
    case kCalleeFile:
      return file_of(row.callee);
    case kCalleeLine:
      return line_of(row.callee);
  }
  return {};
}

std::strong_ordering compare(ProfileColumn column, const ProfileSums::Function& left,
                             const ProfileSums::Function& right) {
  const auto per_call = [](const std::optional<Duration>& time,
                           const std::optional<std::uint64_t>& calls) {
    const Value value = time_per_call(time, calls);
    return value.is_nil() ? std::optional<std::int64_t>() : value.as_int();
  };
  switch (column) {
    case kName:
      return left.key.name <=> right.key.name;
    case kFile:
      return left.key.file <=> right.key.file;
    case kLine:
      return left.key.line <=> right.key.line;
    case kCalls:
      return right.cost.calls <=> left.cost.calls;
    case kPrimitiveCalls:
      return right.cost.primitive_calls <=> left.cost.primitive_calls;
    case kPercallTottime:
      return per_call(right.cost.tottime, right.cost.calls) <=>
             per_call(left.cost.tottime, left.cost.calls);
    case kCumtime:
      return right.cost.cumtime <=> left.cost.cumtime;
    case kPercallCumtime:
      return per_call(right.cost.cumtime, right.cost.primitive_calls) <=>
             per_call(left.cost.cumtime, left.cost.primitive_calls);
    default:
      return right.cost.tottime <=> left.cost.tottime;
  }
}

}  // namespace tracebraid::analyzers
