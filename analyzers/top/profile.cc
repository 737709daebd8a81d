#include "analyzers/top/profile.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <compare>
#include <utility>

#include "formats/cli/record_output.h"
#include "formats/io/error.h"
#include "formats/record/arena.h"
#include "formats/record/text.h"

namespace tracebraid::analyzers {

namespace cli = formats::cli;
namespace io = formats::io;
namespace record = formats::record;
using record::AnyRecord;
using record::Duration;
using record::FieldInfo;
using record::Kind;
using record::TypeInfo;
using record::Value;

enum class ProfileColumn : std::uint8_t {
  kName,
  kFile,
  kLine,
  kStandardName,  // for sorting only
  kNcalls,
  kCalls,
  kPrimitiveCalls,
  kTottime,
  kPercallTottime,
  kCumtime,
  kPercallCumtime,
  kCallerName,
  kCallerFile,
  kCallerLine,
  kCalleeName,
  kCalleeFile,
  kCalleeLine,
};

namespace {

using enum ProfileColumn;
using Show = ProfileRequest::Show;

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

struct SortKey {
  std::string_view name;
  std::array<ProfileColumn, 3> columns;
  std::size_t count = 1;
};

// pstats', whose beginnings will do where they are clear, and behind them the columns.
constexpr std::size_t kPstatsKeys = 13;
constexpr SortKey kSortKeys[] = {
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

const SortKey* find_key(std::string_view name) {
  const auto known = std::ranges::find(kSortKeys, name, &SortKey::name);
  if (known != std::end(kSortKeys)) return &*known;
  const SortKey* found = nullptr;
  for (const SortKey& key : std::span(kSortKeys).first(kPstatsKeys)) {
    if (name.empty() || !key.name.starts_with(name)) continue;
    if (found != nullptr && found->columns != key.columns) return nullptr;
    found = &key;
  }
  return found;
}

const FieldInfo& field_of(ProfileColumn column) {
  return kFields[static_cast<std::size_t>(column)];
}

// type.fields.size() where it is not.
std::size_t place_of(const TypeInfo& type, std::string_view name) {
  return static_cast<std::size_t>(std::ranges::find(type.fields, name, &FieldInfo::name) -
                                  type.fields.begin());
}

bool has_field(const TypeInfo& type, std::string_view name) {
  return place_of(type, name) < type.fields.size();
}

bool is_there(const AnyRecord& record, std::size_t place) {
  return place < record.type().fields.size() && !record.get(place).is_nil();
}

// One row: a function alone, or one end of calls with the other, which may be missing.
struct Row {
  const ProfileCost* cost = nullptr;
  const FunctionKey* function = nullptr;
  const FunctionKey* caller = nullptr;
  const FunctionKey* callee = nullptr;
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

// `text` outlives the value.
Value value_of(ProfileColumn column, const Row& row, std::string& text) {
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

// Numbers by size, the largest first, and missing ones last; texts and lines the other way round.
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

ProfileRequest::Restriction parse_restriction(const std::string& word) {
  const bool has_digit = word.find_first_of("0123456789") != std::string::npos;
  const bool is_decimal = has_digit && word.find_first_not_of("0123456789.") == std::string::npos &&
                          std::ranges::count(word, '.') <= 1;
  if (!is_decimal) return Pattern(word, "--only");
  const char* const end = word.data() + word.size();
  if (word.find('.') == std::string::npos) {
    std::uint64_t count = 0;
    if (std::from_chars(word.data(), end, count).ec != std::errc{}) count = UINT64_MAX;
    return count;
  }
  double part = 0;
  if (std::from_chars(word.data(), end, part).ec != std::errc{} || part > 1) {
    throw io::UsageError{"--only: no part between 0.0 and 1.0: " + io::quoted(word)};
  }
  return part;
}

std::string text_of(const ProfileRequest::Restriction& restriction) {
  if (const auto* const pattern = std::get_if<Pattern>(&restriction)) {
    return io::quoted(pattern->text());
  }
  if (const auto* const count = std::get_if<std::uint64_t>(&restriction)) {
    return std::to_string(*count);
  }
  char text[32];
  const auto [end, error] = std::to_chars(text, text + sizeof text, std::get<double>(restriction));
  return {text, end};
}

// With nine digits behind the point.
std::string seconds(const std::optional<Duration>& time) {
  std::string text;
  record::append_shown(text, Value(time.value_or(Duration{})));
  return text;
}

std::string counted(std::uint64_t count, std::string_view what) {
  return std::to_string(count) + " " + std::string(what) + (count == 1 ? "" : "s");
}

}  // namespace

ProfileRequest::ProfileRequest(const cli::Arguments& arguments)
    : sort(arguments.value("sort").value_or("")),
      is_reversed(arguments.has("reverse")),
      strip_folders(arguments.has("strip-dirs")) {
  const auto callers = arguments.value("callers");
  const auto callees = arguments.value("callees");
  if (callers && callees) throw io::UsageError{"either --callers or --callees"};
  if (callers) restrictions.emplace_back(Pattern(*callers, "--callers"));
  if (callees) restrictions.emplace_back(Pattern(*callees, "--callees"));
  if (callers) show = Show::kCallers;
  if (callees) show = Show::kCallees;
  for (const std::string& word : arguments.values("only")) {
    restrictions.push_back(parse_restriction(word));
  }
}

std::string_view ProfileRequest::own_option() const {
  if (show == Show::kCallers) return "--callers";
  if (show == Show::kCallees) return "--callees";
  return !restrictions.empty() ? "--only" : strip_folders ? "--strip-dirs" : "";
}

bool ProfileRequest::is_numbered() const {
  return std::ranges::any_of(restrictions, [](const Restriction& restriction) {
    return !std::holds_alternative<Pattern>(restriction);
  });
}

std::string_view profile_column(std::string_view name) {
  const SortKey* const key = find_key(name);
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

TopProfile::TopProfile(const ProfileRequest& request, std::size_t most)
    : request_(request), most_(most), sums_(request.strip_folders) {
  for (const std::string_view name : cli::split_list(request.sort)) {
    const SortKey* const key = find_key(name);
    if (key == nullptr) {
      can_sort_ = false;
      keys_.clear();
      break;
    }
    keys_.insert(keys_.end(), key->columns.begin(),
                 key->columns.begin() + static_cast<std::ptrdiff_t>(key->count));
  }
  if (keys_.empty()) keys_ = {kTottime};
}

std::string TopProfile::sort_keys() {
  std::string names;
  for (const SortKey& key : kSortKeys) {
    names.append(names.empty() ? "" : ", ").append(key.name);
  }
  return names;
}

void TopProfile::add(const AnyRecord& record) {
  if (&record.type() != last_type_) look_at(record.type());
  const bool is_call = record.type().name == record::Call::kType;
  if (is_call && request_.show == Show::kFunctions) return;
  if (!is_whole(record)) {
    ++left_out_;
  } else if (const record::Function* const function = functions_.get(record)) {
    add_function(*function, record);
  } else if (const record::Call* const call = calls_.get(record)) {
    add_call(*call);
  }
}

void TopProfile::add_function(const record::Function& function, const AnyRecord& record) {
  ++records_;
  expected_calls_ += function.callers;
  tells_callers_ = tells_callers_ && is_there(record, callers_at_);
  ProfileCost cost{function.calls, function.primitive_calls, {}, {}};
  if (is_there(record, tottime_at_)) cost.tottime = function.tottime;
  if (is_there(record, cumtime_at_)) cost.cumtime = function.cumtime;
  sums_.add({function.file, function.line, function.name}, cost);
}

void TopProfile::look_at(const TypeInfo& type) {
  last_type_ = &type;
  if (type.name == record::Function::kType) {
    needed_at_ = {place_of(type, "line")};
    has_key_ = has_field(type, "file") && has_field(type, "name");
    callers_at_ = place_of(type, "callers");
    tottime_at_ = place_of(type, "tottime");
    cumtime_at_ = place_of(type, "cumtime");
  } else {
    needed_at_ = {place_of(type, "caller_line"), place_of(type, "callee_line")};
    has_key_ = true;
    for (const ProfileColumn column : {kCallerFile, kCallerName, kCalleeFile, kCalleeName}) {
      has_key_ = has_key_ && has_field(type, field_of(column).name);
    }
  }
}

// JSON Lines have all fields of a type, missing or not; a line is always there, a file not.
bool TopProfile::is_whole(const AnyRecord& record) const {
  return has_key_ && std::ranges::all_of(
                         needed_at_, [&](std::size_t place) { return is_there(record, place); });
}

void TopProfile::add_call(const record::Call& call) {
  ++call_records_;
  const FunctionKey callee_key{call.callee_file, call.callee_line, call.callee_name};
  const FunctionKey caller_key{call.caller_file, call.caller_line, call.caller_name};
  const bool is_of_callee = request_.show == Show::kCallers;
  const Function& of = sums_.known(is_of_callee ? callee_key : caller_key);
  if (!is_wanted(of)) return;
  const Function& other = sums_.known(is_of_callee ? caller_key : callee_key);
  if (!call.cumtime) ++untimed_calls_;
  sums_.add_call(is_of_callee ? other : of, is_of_callee ? of : other,
                 {call.calls, call.primitive_calls, call.tottime, call.cumtime});
}

bool TopProfile::is_found(const Pattern& pattern, const Function& function) {
  text_.clear();
  function.key.append_shown(text_);
  return pattern.is_in(text_);
}

bool TopProfile::is_wanted(const Function& function) {
  if (function.id >= wanted_.size()) wanted_.resize(sums_.known_count(), -1);
  std::int8_t& wanted = wanted_[function.id];
  if (wanted < 0) {
    const bool is_so = is_found(std::get<Pattern>(request_.restrictions.front()), function);
    wanted = is_so ? 1 : 0;
  }
  return wanted > 0;
}

void TopProfile::check_calls() const {
  const std::string option(request_.own_option());
  const std::string hint =
      "cprofcalls writes both with -f msgpack and -f jsonl, unless --type leaves one out";
  if (records_ == 0 && call_records_ > 0) {
    throw io::Error{"", "",
                    option + " needs function records too, and the inputs hold call records only",
                    hint};
  }
  if (call_records_ == 0 && (expected_calls_ > 0 || (records_ > 0 && !tells_callers_))) {
    throw io::Error{
        "", "", option + " needs call records, and the inputs hold function records only", hint};
  }
}

void TopProfile::restrict_to(const ProfileRequest::Restriction& restriction) {
  const std::size_t before = selected_.size();
  if (const auto* const pattern = std::get_if<Pattern>(&restriction)) {
    const bool is_of =
        request_.show != Show::kFunctions && &restriction == &request_.restrictions.front();
    std::erase_if(selected_, [&](const Function* function) {
      return is_of ? !is_wanted(*function) : !is_found(*pattern, *function);
    });
  } else if (const auto* const count = std::get_if<std::uint64_t>(&restriction)) {
    if (*count < before) selected_.resize(*count);
  } else {
    // As pstats rounds it.
    const double part = std::get<double>(restriction);
    selected_.resize(static_cast<std::size_t>(static_cast<double>(before) * part + 0.5));
  }
  if (selected_.size() != before) {
    restriction_notes_.push_back("list reduced from " + std::to_string(before) + " to " +
                                 std::to_string(selected_.size()) + " due to restriction <" +
                                 text_of(restriction) + ">");
  }
}

void TopProfile::sort(std::size_t needed) {
  struct Placed {
    const Function* function;
    std::size_t place;
    std::string_view standard_name;  // where it is a key
  };
  const bool has_standard_name = std::ranges::find(keys_, kStandardName) != keys_.end();
  record::Arena names;
  std::vector<Placed> placed;
  placed.reserve(selected_.size());
  for (const Function* const function : selected_) {
    text_.clear();
    if (has_standard_name) function->key.append_shown(text_);
    placed.push_back({function, placed.size(), names.keep(text_)});
  }
  // Where the keys do not decide, functions stay in the order that they came in, as Python's sort
  // leaves them; and all of it is turned round by --reverse.
  const auto is_before = [&](const Placed& left, const Placed& right) {
    for (const ProfileColumn key : keys_) {
      const std::strong_ordering order = key == kStandardName
                                             ? left.standard_name <=> right.standard_name
                                             : compare(key, *left.function, *right.function);
      if (order != 0) return (order < 0) != request_.is_reversed;
    }
    return (left.place < right.place) != request_.is_reversed;
  };
  if (needed < placed.size()) {
    std::partial_sort(placed.begin(), placed.begin() + static_cast<std::ptrdiff_t>(needed),
                      placed.end(), is_before);
  } else {
    std::sort(placed.begin(), placed.end(), is_before);
  }
  for (std::size_t at = 0; at < placed.size(); ++at) selected_[at] = placed[at].function;
}

void TopProfile::select(bool is_table) {
  if (request_.show != Show::kFunctions) check_calls();
  selected_ = sums_.functions();
  // What is found in a function does not depend on the order: patterns first leave less to sort.
  auto next = request_.restrictions.begin();
  const auto end = request_.restrictions.end();
  while (next != end && std::holds_alternative<Pattern>(*next)) restrict_to(*next++);
  sort(next == end && most_ > 0 ? most_ : selected_.size());
  for (; next != end; ++next) restrict_to(*next);
  left_ = selected_.size();
  if (most_ > 0 && left_ > most_) selected_.resize(most_);
  if (request_.show != Show::kFunctions) collect_calls();

  if (is_table) columns_ = table_columns_of(request_.show);
  for (const ProfileColumn column : record_columns_of(request_.show)) {
    if (std::ranges::find(columns_, column) == columns_.end()) columns_.push_back(column);
  }
  for (const ProfileColumn column : columns_) fields_.push_back(field_of(column));
  switch (request_.show) {
    case Show::kFunctions:
      type_ = {"top", "functions, added up", fields_};
      break;
    case Show::kCallers:
      type_ = {"callers", "calls of functions by their callers, added up", fields_};
      break;
    case Show::kCallees:
      type_ = {"callees", "calls by functions of their callees, added up", fields_};
      break;
  }
}

void TopProfile::collect_calls() {
  const bool is_of_callee = request_.show == Show::kCallers;
  constexpr std::uint32_t kNone = UINT32_MAX;
  std::vector<std::uint32_t> places(sums_.known_count(), kNone);
  for (std::size_t at = 0; at < selected_.size(); ++at) {
    places[selected_[at]->id] = static_cast<std::uint32_t>(at);
  }
  selected_calls_.resize(selected_.size());
  for (const Call& call : sums_.calls()) {
    const std::uint32_t place = places[(is_of_callee ? call.callee : call.caller)->id];
    if (place == kNone) continue;
    selected_calls_[place].push_back(&call);
    ++calls_shown_;
  }
  for (std::vector<const Call*>& calls : selected_calls_) {
    std::ranges::sort(calls, {}, [&](const Call* call) {
      return (is_of_callee ? call->caller : call->callee)->key;
    });
  }
}

std::vector<std::string> TopProfile::table_columns() const {
  std::vector<std::string> names;
  for (const ProfileColumn column : table_columns_of(request_.show))
    names.emplace_back(field_of(column).name);
  return names;
}

void TopProfile::show(const TakeRow& take) const {
  std::vector<Value> values;
  std::string text;
  const auto take_row = [&](const Row& row) {
    values.clear();
    for (const ProfileColumn column : columns_) values.push_back(value_of(column, row, text));
    take(values);
  };
  const ProfileCost none;
  for (std::size_t at = 0; at < selected_.size(); ++at) {
    const Function& function = *selected_[at];
    if (request_.show == Show::kFunctions) {
      take_row({.cost = &function.cost, .function = &function.key});
      continue;
    }
    for (const Call* const call : selected_calls_[at]) {
      take_row({.cost = &call->cost, .caller = &call->caller->key, .callee = &call->callee->key});
    }
    if (!selected_calls_[at].empty()) continue;
    if (request_.show == Show::kCallers) {
      take_row({.cost = &none, .callee = &function.key});
    } else {
      take_row({.cost = &none, .caller = &function.key});
    }
  }
}

std::vector<std::string> TopProfile::notes() const {
  const ProfileCost& total = sums_.total();
  const std::uint64_t calls = total.calls.value_or(0);
  const std::uint64_t primitive_calls = total.primitive_calls.value_or(calls);
  std::string sums = counted(calls, "function call");
  if (primitive_calls != calls) sums += " (" + counted(primitive_calls, "primitive call") + ")";
  std::vector<std::string> notes = {sums + " in " + seconds(total.tottime) + " seconds"};
  notes.insert(notes.end(), restriction_notes_.begin(), restriction_notes_.end());
  const bool shows_functions = request_.show == Show::kFunctions;
  if (untimed_calls_ > 0) {
    notes.push_back(std::to_string(untimed_calls_) + " of " +
                    counted(call_records_, "call record") +
                    " have no times: only cProfile takes them of callers");
  }
  if (!shows_functions && call_records_ < expected_calls_) {
    notes.push_back(std::to_string(expected_calls_ - call_records_) + " of " +
                    counted(expected_calls_, "call record") + " are not in the inputs");
  }
  std::string shown = counted(sums_.functions().size(), "function");
  if (records_ > sums_.functions().size()) {
    shown = counted(records_, "function record") + " add up to " + shown;
  }
  if (!shows_functions) {
    shown += ", " + counted(calls_shown_, request_.show == Show::kCallers ? "caller" : "callee") +
             " of " + std::to_string(selected_.size()) + " shown";
  } else if (selected_.size() < sums_.functions().size()) {
    shown += ", " + std::to_string(selected_.size()) + " shown";
  }
  if (selected_.size() < left_) shown += " (-n 0 shows all)";
  notes.push_back(std::move(shown));
  return notes;
}

}  // namespace tracebraid::analyzers
