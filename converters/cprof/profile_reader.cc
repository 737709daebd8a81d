#include "converters/cprof/profile_reader.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "formats/io/looks_like.h"

namespace tracebraid::converters::cprof {
namespace {

namespace io = formats::io;
namespace marshal = formats::marshal;
using marshal::Kind;

constexpr std::uint64_t kMaxNanoseconds = std::numeric_limits<std::uint64_t>::max();

}  // namespace

void ProfileReader::read(io::Cursor& cursor, EntryHandler& handler) {
  input_ = cursor.name();
  entries_ = 0;
  shared_numbers_.clear();
  shared_values_.clear();
  shared_callers_.clear();
  form_known_ = false;
  counted_ = false;
  held_.clear();
  held_callers_.clear();

  refuse_what_is_no_profile(cursor);
  marshal::Reader reader(cursor, strings_);
  Watcher watcher(handler);
  reader.set_watcher(&watcher);
  has_last_entry_ = false;
  try {
    read_entries(reader, handler);
    hand_over(handler);
  } catch (io::Error& error) {
    if (error.input != input_) throw;  // the handler's own
    hand_over(handler);
    if (entries_ > 0)
      error.what.append(" (after " + std::to_string(entries_) + " complete entries)");
    decide_form(counted_ ? DumpForm::kCounted : DumpForm::kTimed, handler);
    throw;
  }
  decide_form(counted_ ? DumpForm::kCounted : DumpForm::kTimed, handler);
  if (entries_ == 0) diagnostics_.count(kEmptyProfile, {});
  if (cursor.ensure(1)) {
    diagnostics_.count(kTrailingData, io::byte_position(cursor.offset()));
  }
}

void ProfileReader::refuse_what_is_no_profile(io::Cursor& cursor) {
  constexpr std::size_t kLook = 512;
  const bool has_look = cursor.ensure(kLook);
  const std::string_view head(cursor.data(), has_look ? kLook : cursor.available());
  if (head.empty()) {
    throw io::Error{cursor.name(), "", "the file is empty",
                    "did the profiled program end normally?"};
  }
  const auto code_at = [&](std::size_t at) { return static_cast<unsigned char>(head[at]) & 0x7F; };
  const bool is_dict = code_at(0) == '{' && static_cast<unsigned char>(head[0]) != 0x7F;
  // The first key, or the end of an empty dict; JSON begins with a brace, too.
  const bool has_key =
      head.size() > 1 && (code_at(1) == '(' || code_at(1) == ')' || head[1] == '0');
  if (is_dict && (head.size() == 1 || has_key)) return;

  const std::string_view likeness = io::looks_like(head);
  if (!likeness.empty()) {
    throw io::Error{
        cursor.name(), "", "not a profile: looks like " + std::string(likeness),
        "write one with python -m cProfile -o FILE SCRIPT, or Profile.dump_stats(FILE)"};
  }
  // Any other marshalled object is named; damage and foreign bytes fail here.
  marshal::Reader reader(cursor, strings_);
  try {
    const Object object = reader.next();
    throw io::Error{cursor.name(), "byte 0",
                    "not a profile: a marshalled dict is needed, not " +
                        std::string(marshal::describe(object.kind))};
  } catch (io::Error& error) {
    if (!error.what.starts_with("not a profile")) error.what = "not a profile: " + error.what;
    throw;
  }
}

void ProfileReader::read_entries(marshal::Reader& reader, EntryHandler& handler) {
  const Object dict = reader.next();
  for (;;) {
    reader.look_ahead();
    const std::uint64_t start = reader.offset();
    const Object head = reader.next();
    if (head.kind == Kind::kNull) break;
    const Key key = read_key(reader, head, start);
    if (key.is_marker) {
      hand_over(handler);
      reader.skip(reader.next());
      if (!form_known_) decide_form(DumpForm::kSampled, handler);
      continue;
    }
    Entry entry = read_value(reader);
    entry.function = key.is_known ? key.id : functions_.intern(key.function);
    handler.expect(entry.function);
    // The entry before is handed over only now that what is known of it has been fetched.
    hand_over(handler);
    ++entries_;
    last_entry_ = entry;
    std::swap(last_callers_, callers_);
    has_last_entry_ = true;
  }
  reader.close(dict);
}

void ProfileReader::hand_over(EntryHandler& handler) {
  if (!has_last_entry_) return;
  has_last_entry_ = false;
  last_entry_.callers = last_callers_;
  if (!form_known_) note_form(last_entry_, handler);
  if (form_known_) {
    handler.on_entry(last_entry_);
  } else {
    hold(last_entry_);
  }
}

ProfileReader::Key ProfileReader::read_key(marshal::Reader& reader, const Object& head,
                                           std::uint64_t start) {
  if (head.kind != Kind::kTuple) {
    fail(start, "a function (file, line, name)", head);
  }
  if (head.is_reference) {
    if (head.role == kMarker) return {.is_marker = true};
    if (head.role != kKey) reader.fail(start, "reference to a tuple that is no function");
    return {.is_known = true, .id = head.note};
  }
  if (head.size == 1) {
    const Object only = reader.next();
    if (only.kind != Kind::kString || strings_.text(only.string) != "__sampled__") {
      reader.fail(start, "a function (file, line, name) is needed here, not a tuple of 1");
    }
    reader.close(head, kMarker);
    return {.is_marker = true};
  }
  if (head.size != 3) {
    fail_tuple(start, "a function (file, line, name) is", head);
  }
  Function function{};
  function.file = read_label(reader);
  const std::uint64_t line_start = reader.offset();
  const Object line = reader.next();
  if (line.kind != Kind::kInteger) fail(line_start, "a line", line);
  constexpr std::int64_t kMaxLine = std::numeric_limits<std::int32_t>::max();
  if (line.integer < 0 || line.integer > kMaxLine) {
    diagnostics_.count(kHugeCount, io::byte_position(line_start));
  }
  function.line = static_cast<std::int32_t>(std::clamp<std::int64_t>(line.integer, 0, kMaxLine));
  function.name = read_label(reader);
  if (head.slot == marshal::kNoSlot) {
    functions_.prefetch(function);
    return {.function = function};
  }
  const FunctionId id = functions_.intern(function);
  reader.close(head, kKey, id);
  return {.is_known = true, .id = id};
}

// A file or name: a string, or in the profile module's pseudo functions a code object, which gets
// the text that Python shows for it, without the address.
StringId ProfileReader::read_label(marshal::Reader& reader) {
  const std::uint64_t start = reader.offset();
  const Object object = reader.next();
  if (object.kind == Kind::kString) return object.string;
  if (object.kind != Kind::kCode) fail(start, "a name", object);
  if (object.is_reference) {
    if (object.role != kCodeLabel) reader.fail(start, "reference to a code object that is no name");
    return object.note;
  }
  const marshal::Code code = reader.read_code(object);
  std::string label = "<code object ";
  label.append(strings_.text(code.name)).append(", file \"").append(strings_.text(code.file));
  label.append("\", line ").append(std::to_string(code.first_line)).append(">");
  const StringId id = strings_.intern(label);
  reader.close(object, kCodeLabel, id);
  return id;
}

Entry ProfileReader::read_value(marshal::Reader& reader) {
  const std::uint64_t start = reader.offset();
  const Object head = reader.next();
  if (head.kind == Kind::kTuple && head.is_reference && head.role == kValue) {
    const HeldEntry& held = shared_values_[head.note];
    const auto first = shared_callers_.begin() + static_cast<std::ptrdiff_t>(held.first_caller);
    callers_.assign(first, first + static_cast<std::ptrdiff_t>(held.caller_count));
    Entry entry = held.entry;
    entry.callers = callers_;
    return entry;
  }
  if (head.kind != Kind::kTuple || head.is_reference || head.size != 5) {
    reader.fail(start, "an entry (cc, nc, tt, ct, callers) is needed here");
  }
  Entry entry{};
  std::uint64_t at = reader.offset();
  const std::int64_t first = to_count(reader.next(), at);
  at = reader.offset();
  const std::int64_t second = to_count(reader.next(), at);
  entry.calls = std::max(first, second);
  entry.primitive_calls = std::min(first, second);
  at = reader.offset();
  entry.self_ns = to_nanoseconds(reader.next(), at);
  at = reader.offset();
  entry.inclusive_ns = to_nanoseconds(reader.next(), at);
  at = reader.offset();
  read_callers(reader, reader.next(), at);
  entry.callers = callers_;
  if (head.slot != marshal::kNoSlot) {
    reader.close(head, kValue, static_cast<std::uint32_t>(shared_values_.size()));
    shared_values_.push_back({entry, shared_callers_.size(), callers_.size()});
    shared_callers_.insert(shared_callers_.end(), callers_.begin(), callers_.end());
  }
  return entry;
}

void ProfileReader::read_callers(marshal::Reader& reader, const Object& head, std::uint64_t start) {
  callers_.clear();
  if (head.kind != Kind::kDict && head.kind != Kind::kFrozenDict) {
    fail(start, "a dict of callers", head);
  }
  if (head.is_reference) {
    if (head.role != kCallers) reader.fail(start, "reference to a dict that holds no callers");
    const HeldEntry& held = shared_values_[head.note];
    const auto first = shared_callers_.begin() + static_cast<std::ptrdiff_t>(held.first_caller);
    callers_.assign(first, first + static_cast<std::ptrdiff_t>(held.caller_count));
    return;
  }
  for (;;) {
    reader.look_ahead();
    const std::uint64_t key_start = reader.offset();
    const Object key_head = reader.next();
    if (key_head.kind == Kind::kNull) break;
    const Key key = read_key(reader, key_head, key_start);
    if (key.is_marker) reader.fail(key_start, "a marker where a caller belongs");
    callers_.push_back(read_caller_value(reader));
    callers_.back().function = key.is_known ? key.id : functions_.intern(key.function);
  }
  if (head.slot != marshal::kNoSlot) {
    reader.close(head, kCallers, static_cast<std::uint32_t>(shared_values_.size()));
    shared_values_.push_back({{}, shared_callers_.size(), callers_.size()});
    shared_callers_.insert(shared_callers_.end(), callers_.begin(), callers_.end());
  }
}

Caller ProfileReader::read_caller_value(marshal::Reader& reader) {
  const std::uint64_t start = reader.offset();
  const Object head = reader.next();
  Caller caller{};
  if (head.kind != Kind::kTuple) {
    caller.calls = to_count(head, start);
    caller.primitive_calls = caller.calls;
    return caller;
  }
  if (head.is_reference) {
    if (head.role != kNumbers) reader.fail(start, "reference to a tuple that holds no numbers");
    return shared_numbers_[head.note];
  }
  if (head.size == 0 || head.size % 4 != 0) {
    fail_tuple(start, "a caller's numbers (nc, cc, tt, ct) are", head);
  }
  caller.has_times = true;
  for (std::uint32_t group = 0; group < head.size; group += 4) {
    std::uint64_t at = reader.offset();
    const std::int64_t first = to_count(reader.next(), at);
    at = reader.offset();
    const std::int64_t second = to_count(reader.next(), at);
    caller.calls = saturated_sum(caller.calls, std::max(first, second));
    caller.primitive_calls = saturated_sum(caller.primitive_calls, std::min(first, second));
    at = reader.offset();
    caller.self_ns = saturated_sum(caller.self_ns, to_nanoseconds(reader.next(), at));
    at = reader.offset();
    caller.inclusive_ns = saturated_sum(caller.inclusive_ns, to_nanoseconds(reader.next(), at));
  }
  if (head.slot != marshal::kNoSlot) {
    reader.close(head, kNumbers, static_cast<std::uint32_t>(shared_numbers_.size()));
    shared_numbers_.push_back(caller);
  }
  return caller;
}

void ProfileReader::fail(std::uint64_t start, const char* needed, const Object& met) const {
  throw io::Error{
      input_, io::byte_position(start),
      std::string(needed) + " is needed here, not " + std::string(marshal::describe(met.kind))};
}

void ProfileReader::fail_tuple(std::uint64_t start, const char* needed, const Object& met) const {
  throw io::Error{input_, io::byte_position(start),
                  std::string(needed) + " needed here, not a tuple of " + std::to_string(met.size)};
}

std::int64_t ProfileReader::to_count(const Object& number, std::uint64_t start) {
  if (number.kind == Kind::kInteger) [[likely]] {
    if (number.saturated) diagnostics_.count(kHugeCount, io::byte_position(start));
    if (number.integer >= 0) return number.integer;
    diagnostics_.count(kUnknownCount, io::byte_position(start));
    return -1;
  }
  if (number.kind == Kind::kTrue || number.kind == Kind::kFalse) {
    return number.kind == Kind::kTrue ? 1 : 0;
  }
  if (number.kind == Kind::kFloat && number.number >= 0 && number.number < 9e15) {
    return std::llround(number.number);
  }
  fail(start, "a number of calls", number);
}

std::uint64_t ProfileReader::to_nanoseconds(const Object& number, std::uint64_t start) {
  if (number.kind == Kind::kFloat) [[likely]] {
    constexpr double kTooLarge = 18446744073.709551615;
    if (number.number >= 0 && number.number < kTooLarge) [[likely]] {
      return nanoseconds(number.number);
    }
    if (std::isnan(number.number)) return odd_time(kNanTime, start);
    if (std::isinf(number.number)) return odd_time(kInfiniteTime, start);
    return odd_time(number.number < 0 ? kNegativeTime : kHugeTime, start);
  }
  if (number.kind == Kind::kInteger) {
    constexpr std::uint64_t kBillion = 1'000'000'000;
    if (number.integer < 0) return odd_time(kNegativeTime, start);
    const auto seconds = static_cast<std::uint64_t>(number.integer);
    if (seconds > kMaxNanoseconds / kBillion) return odd_time(kHugeTime, start);
    return seconds * kBillion;
  }
  fail(start, "a time", number);
}

std::uint64_t ProfileReader::odd_time(const Counter& counter, std::uint64_t start) {
  diagnostics_.count(counter, io::byte_position(start));
  return &counter == &kHugeTime ? kMaxNanoseconds : 0;
}

void ProfileReader::note_form(const Entry& entry, EntryHandler& handler) {
  const bool timed = std::any_of(entry.callers.begin(), entry.callers.end(),
                                 [](const Caller& caller) { return caller.has_times; });
  if (timed) {
    decide_form(DumpForm::kTimed, handler);
    return;
  }
  if (!entry.callers.empty()) counted_ = true;
  const Function& function = functions_[entry.function];
  if (function.line == 0 && strings_.text(function.file) == "profile") {
    decide_form(DumpForm::kCounted, handler);
  }
}

void ProfileReader::hold(const Entry& entry) {
  held_.push_back({entry, held_callers_.size(), entry.callers.size()});
  held_callers_.insert(held_callers_.end(), entry.callers.begin(), entry.callers.end());
}

void ProfileReader::decide_form(DumpForm form, EntryHandler& handler) {
  if (form_known_) return;
  form_known_ = true;
  handler.on_dump(form);
  for (HeldEntry& held : held_) {
    held.entry.callers = std::span(held_callers_).subspan(held.first_caller, held.caller_count);
    handler.on_entry(held.entry);
  }
  held_ = {};
  held_callers_ = {};
}

}  // namespace tracebraid::converters::cprof
