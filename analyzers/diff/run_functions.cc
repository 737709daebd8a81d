#include "analyzers/diff/run_functions.h"

#include <algorithm>

#include "analyzers/diff/numbers.h"
#include "analyzers/util/mix.h"

namespace tracebraid::analyzers::diff {

namespace record = formats::record;

void RunFunctions::let_texts_stay(bool stay) {
  for (std::size_t at = 0; at < std::min(waiting_count_, waiting_.size()); ++at) {
    const std::size_t first = waiting_count_ < waiting_.size() ? 0 : waiting_count_;
    find_ends(waiting_[(first + at) % waiting_.size()]);
  }
  waiting_count_ = 0;
  texts_stay_ = stay;
  known_ = {};
  known_count_ = 0;
  if (stay) grow();
}

std::size_t RunFunctions::home(const char* file, const char* name, std::uint32_t line) const {
  const auto address = [](const char* text) { return reinterpret_cast<std::uintptr_t>(text); };
  return mixed(mixed(address(file), address(name)), line) & (known_.size() - 1);
}

std::size_t RunFunctions::place(const char* file, const char* name, std::uint32_t line) const {
  std::size_t at = home(file, name, line);
  while (known_[at].name != nullptr &&
         (known_[at].name != name || known_[at].line != line || known_[at].file != file)) {
    at = (at + 1) & (known_.size() - 1);
  }
  return at;
}

void RunFunctions::grow() {
  constexpr std::size_t kLeast = 1024;
  std::vector<Known> old(known_.empty() ? kLeast : known_.size() * 2);
  old.swap(known_);
  for (const Known& each : old) {
    if (each.name != nullptr) known_[place(each.file, each.name, each.line)] = each;
  }
}

std::uint32_t RunFunctions::find(std::string_view file, std::uint32_t line, std::string_view name) {
  // Of an empty text the address says nothing.
  if (!texts_stay_ || name.empty() || file.empty()) return find_by_texts(file, line, name);
  const std::size_t at = place(file.data(), name.data(), line);
  if (known_[at].name != nullptr) return known_[at].id;
  const std::uint32_t id = find_by_texts(file, line, name);
  known_[at] = {file.data(), name.data(), line, id};
  if (++known_count_ * 2 > known_.size()) grow();
  return id;
}

std::uint32_t RunFunctions::find_by_texts(std::string_view file, std::uint32_t line,
                                          std::string_view name) {
  if (functions_.empty() || file != last_file_) {
    last_file_ = file;
    last_path_ = texts_.number_of(file.empty() ? "~" : file);
  }
  const TextNumber number = texts_.number_of(stable_name(name, name_room_));
  const std::uint64_t hash = mixed(mixed(last_path_, number), line);
  const Function* const known = by_key_.find(hash, [&](const Function& each) {
    return each.path == last_path_ && each.name == number && each.line == line;
  });
  if (known != nullptr) return known->id;
  Function& added = functions_.emplace_back();
  added.path = last_path_;
  added.name = number;
  added.line = line;
  added.id = static_cast<std::uint32_t>(functions_.size() - 1);
  by_key_.insert(hash, &added);
  return added.id;
}

void RunFunctions::add(const record::Function& function) {
  // A sampled function has a record for each line that ran.
  Function& known =
      functions_[find(function.file, function.sampled ? 0 : function.line, function.name)];
  known.is_told = true;
  if (function.calls) {
    known.sum.calls = saturated_sum(known.sum.calls, *function.calls);
    known.sum.primitive_calls = saturated_sum(known.sum.primitive_calls,
                                              function.primitive_calls.value_or(*function.calls));
  } else {
    lacks_calls_ = true;
  }
  known.sum.self_ns = saturated_sum(known.sum.self_ns, positive(function.tottime));
  known.sum.inclusive_ns = saturated_sum(known.sum.inclusive_ns, positive(function.cumtime));
}

void RunFunctions::add(const record::Call& call) {
  if (!texts_stay_) return find_ends(call);
  const std::uint32_t line = call.sampled ? 0 : call.caller_line;
  __builtin_prefetch(&known_[home(call.caller_file.data(), call.caller_name.data(), line)]);
  record::Call& oldest = waiting_[waiting_count_ % waiting_.size()];
  if (waiting_count_++ >= waiting_.size()) find_ends(oldest);
  oldest = call;
}

void RunFunctions::find_ends(const record::Call& call) {
  const std::uint32_t callee =
      find(call.callee_file, call.sampled ? 0 : call.callee_line, call.callee_name);
  const std::uint32_t caller =
      find(call.caller_file, call.sampled ? 0 : call.caller_line, call.caller_name);
  calls_.push_back({caller, callee, call.calls.value_or(0),
                    call.cumtime ? positive(*call.cumtime) : CallSum::kUntimed});
}

}  // namespace tracebraid::analyzers::diff
