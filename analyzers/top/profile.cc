#include "analyzers/top/profile.h"

#include <algorithm>
#include <compare>
#include <utility>

#include <fmt/format.h>

#include "formats/cli/record_output.h"
#include "formats/io/error.h"
#include "formats/record/arena.h"
#include "formats/record/text.h"

namespace tracebraid::analyzers {

namespace cli = formats::cli;
namespace io = formats::io;
namespace record = formats::record;
using enum ProfileColumn;
using record::AnyRecord;
using record::Duration;
using record::FieldInfo;
using record::TypeInfo;
using record::Value;
using Show = ProfileRequest::Show;

namespace {

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

// With nine digits behind the point.
std::string seconds(const std::optional<Duration>& time) {
  std::string text;
  record::append_shown(text, Value(time.value_or(Duration{})));
  return text;
}

std::string counted(std::uint64_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

}  // namespace

TopProfile::TopProfile(const ProfileRequest& request, std::size_t most)
    : request_(request), most_(most), sums_(request.strip_folders) {
  for (const std::string_view name : cli::split_list(request.sort)) {
    const ProfileSortKey* const key = find_sort_key(name);
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
    restriction_notes_.push_back(fmt::format("list reduced from {} to {} due to restriction <{}>",
                                             before, selected_.size(), shown(restriction)));
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
  const auto take_row = [&](const ProfileRow& row) {
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
  const std::string primitive =
      primitive_calls == calls ? ""
                               : fmt::format(" ({})", counted(primitive_calls, "primitive call"));
  std::vector<std::string> notes = {fmt::format(
      "{}{} in {} seconds", counted(calls, "function call"), primitive, seconds(total.tottime))};
  notes.insert(notes.end(), restriction_notes_.begin(), restriction_notes_.end());
  if (untimed_calls_ > 0) {
    notes.push_back(fmt::format("{} of {} have no times: only cProfile takes them of callers",
                                untimed_calls_, counted(call_records_, "call record")));
  }
  if (request_.show != Show::kFunctions && call_records_ < expected_calls_) {
    notes.push_back(fmt::format("{} of {} are not in the inputs", expected_calls_ - call_records_,
                                counted(expected_calls_, "call record")));
  }
  notes.push_back(shown_note());
  return notes;
}

// How many functions, or callers of how many, are shown.
std::string TopProfile::shown_note() const {
  const std::size_t functions = sums_.functions().size();
  std::string note = counted(functions, "function");
  if (records_ > functions) {
    note = fmt::format("{} add up to {}", counted(records_, "function record"), note);
  }
  if (request_.show != Show::kFunctions) {
    const std::string_view what = request_.show == Show::kCallers ? "caller" : "callee";
    note += fmt::format(", {} of {} shown", counted(calls_shown_, what), selected_.size());
  } else if (selected_.size() < functions) {
    note += fmt::format(", {} shown", selected_.size());
  }
  if (selected_.size() < left_) note += " (-n 0 shows all)";
  return note;
}

}  // namespace tracebraid::analyzers
