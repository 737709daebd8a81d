#include "formats/callgrind/writer.h"

#include <charconv>
#include <cstring>
#include <utility>

#include "formats/io/saturate.h"

namespace tracebraid::formats::callgrind {
namespace {

using io::saturated_sum;

constexpr std::size_t kNumberSize = 20;  // the digits of 2^64 - 1
// Copies a Line with its unused rest, which is faster than copying by its size.
template <typename Line>
char* put_line(char* at, const Line& line) {
  std::memcpy(at, line.text.data(), line.text.size());
  return at + line.size;
}

// Everything of a block but the names and the costs of further events: at most eight short lines.
constexpr std::size_t kBlockRoom = 512;

char* put_text(char* at, std::string_view text) {
  std::memcpy(at, text.data(), text.size());
  return at + text.size();
}

char* put_number(char* at, std::uint64_t number) {
  return std::to_chars(at, at + kNumberSize, number).ptr;
}

// `(7)` for number 6: readers take the numbers from 1.
char* put_compressed(char* at, std::string_view key, std::uint32_t number) {
  at = put_text(at, key);
  at = put_number(at, std::uint64_t{number} + 1);
  *at++ = ')';
  return at;
}

// True the first time for each number.
bool is_first(std::vector<bool>& seen, std::uint32_t number) {
  if (number >= seen.size()) seen.resize(number + std::size_t{1});
  const bool is_new = !seen[number];
  seen[number] = true;
  return is_new;
}

template <typename Entries>
auto& grown(Entries& entries, std::uint32_t number) {
  if (number >= entries.size()) entries.resize(number + std::size_t{1});
  return entries[number];
}

}  // namespace

void Writer::write_header(const Header& header) {
  std::string text = "# callgrind format\nversion: 1\ncreator: " + header.creator + "\n";
  if (!header.command.empty()) text.append("cmd: ").append(header.command).append("\n");
  for (const std::string& each : header.descriptions) {
    text.append("desc: ").append(each).append("\n");
  }
  text.append("positions: line\n");
  std::string columns;
  std::size_t count = 0;
  for (const Header::Event& event : header.events) {
    text.append("event: ").append(event.name);
    if (event.formula.empty()) {
      columns.append(" ").append(event.name);
      ++count;
    } else {
      text.append(" = ").append(event.formula);
    }
    text.append(" : ").append(event.long_name).append("\n");
  }
  text.append("events:").append(columns).append("\n");
  out_.append(text);
  more_totals_.assign(count - 1, 0);
  formatter_.set_more_events(count - 1);
}

void Writer::name(FunctionNumber function) {
  Function& used = functions_[function];
  used.is_used = true;
  const auto add_name = [this](std::string& text, auto append) {
    name_.clear();
    append(name_);
    text.append(name_);
    return static_cast<std::uint32_t>(name_.size());
  };
  const std::uint32_t size = add_name(
      batch_.function_text, [&](std::string& name) { names_.append_function(function, name); });
  batch_.functions.push_back({{function, size}, used.file, used.object});
  if (is_first(named_files_, used.file)) {
    batch_.files.push_back({used.file, add_name(batch_.file_text, [&](std::string& name) {
                              names_.append_file(used.file, name);
                            })});
  }
  if (is_first(named_objects_, used.object)) {
    batch_.objects.push_back({used.object, add_name(batch_.object_text, [&](std::string& name) {
                                names_.append_object(used.object, name);
                              })});
  }
}

void Writer::self(FunctionNumber function, std::uint32_t line, std::uint64_t cost,
                  std::span<const std::uint64_t> more) {
  use(function);
  functions_[function].has_self = true;
  total_ = saturated_sum(total_, cost);
  for (std::size_t at = 0; at < more.size(); ++at) {
    more_totals_[at] = saturated_sum(more_totals_[at], more[at]);
  }
  add({.function = function, .callee = 0, .line = line, .callee_line = 0, .calls = 0, .cost = cost},
      more);
}

void Writer::call(FunctionNumber caller, std::uint32_t caller_line, FunctionNumber callee,
                  std::uint32_t callee_line, std::uint64_t calls, std::uint64_t cost,
                  std::span<const std::uint64_t> more) {
  use(caller);
  use(callee);
  add({.function = caller,
       .callee = callee,
       .line = caller_line,
       .callee_line = callee_line,
       .calls = calls,
       .cost = cost},
      more);
}

std::uint64_t Writer::finish() {
  std::uint64_t without_self = 0;
  for (std::size_t number = 0; number < functions_.size(); ++number) {
    if (!functions_[number].is_used || functions_[number].has_self) continue;
    self(static_cast<FunctionNumber>(number), functions_[number].line, 0);
    ++without_self;
  }
  flush();
  std::string totals = "\ntotals: " + std::to_string(total_);
  for (const std::uint64_t total : more_totals_) totals.append(" ").append(std::to_string(total));
  out_.append(totals.append("\n"));
  return without_self;
}

void Formatter::set_more_events(std::size_t count) {
  more_events_ = count;
  room_ = kBlockRoom + count * (kNumberSize + 1);
}

void Formatter::write(Batch& batch) {
  batch_ = &batch;
  take_names(batch);
  // A caller can be anyone: its entry in a table of megabytes is fetched well before.
  constexpr std::size_t kAhead = 24;
  for (std::size_t index = 0; index < batch.costs.size(); ++index) {
    const Batch::Cost& cost = batch.costs[index];
    if (index + kAhead < batch.costs.size()) {
      __builtin_prefetch(&functions_[batch.costs[index + kAhead].function]);
    }
    const std::uint64_t* const more = batch.more_costs.data() + index * more_events_;
    char* const begin = out_.room(room_);
    char* const end = cost.calls == 0 ? put_self(begin, cost, more) : put_call(begin, cost, more);
    out_.used(static_cast<std::size_t>(end - out_.room(0)));
  }
  batch.costs.clear();
  batch.more_costs.clear();
  batch.functions.clear();
  batch.files.clear();
  batch.objects.clear();
  batch.function_text.clear();
  batch.file_text.clear();
  batch.object_text.clear();
}

void Formatter::take_names(const Batch& batch) {
  std::size_t at = 0;
  for (const Batch::Placed& placed : batch.functions) {
    grown(functions_, placed.name.number) = {placed.file, placed.object, placed.name.size,
                                             static_cast<std::uint32_t>(at)};
    at += placed.name.size;
  }
  const auto take = [](Named& named, const std::vector<Batch::Name>& names) {
    std::size_t start = 0;
    for (const Batch::Name& name : names) {
      if (name.number >= named.is_pending.size()) {
        named.is_pending.resize(name.number + std::size_t{1});
        named.names.resize(name.number + std::size_t{1});
        named.starts.resize(name.number + std::size_t{1});
      }
      named.is_pending[name.number] = true;
      named.names[name.number] = name;
      named.starts[name.number] = start;
      start += name.size;
    }
  };
  take(files_, batch.files);
  take(objects_, batch.objects);
}

// A name may be longer than a block: it goes out by itself.
char* Formatter::put_name(char* at, std::string_view name) {
  *at++ = ' ';
  out_.used(static_cast<std::size_t>(at - out_.room(0)));
  out_.append(name);
  return out_.room(room_);
}

char* Formatter::put_function(char* at, std::string_view key, FunctionNumber function) {
  at = put_compressed(at, key, function);
  Function& named = functions_[function];
  if (named.name_size != 0) {
    const std::string_view names(batch_->function_text);
    at = put_name(at, names.substr(named.name_at, std::exchange(named.name_size, 0)));
  }
  *at++ = '\n';
  return at;
}

char* Formatter::put_named(char* at, std::string_view key, Named& named, std::uint32_t number,
                           const std::string& text) {
  at = put_compressed(at, key, number);
  if (named.is_pending[number]) {
    named.is_pending[number] = false;
    at =
        put_name(at, std::string_view(text).substr(named.starts[number], named.names[number].size));
  }
  *at++ = '\n';
  return at;
}

char* Formatter::enter(char* at, FunctionNumber function) {
  if (function == current_function_) return at;
  current_function_ = function;
  const FileNumber file = functions_[function].file;
  const ObjectNumber object = functions_[function].object;
  if (object != current_object_) {
    current_object_ = object;
    at = put_object(at, "ob=(", object);
  }
  if (file != current_file_) {
    current_file_ = file;
    at = put_file(at, "fl=(", file);
  }
  return put_function(at, "fn=(", function);
}

char* Formatter::put_costs(char* at, std::uint32_t line, std::uint64_t cost,
                           const std::uint64_t* more) {
  at = put_number(at, line);
  *at++ = ' ';
  at = put_number(at, cost);
  for (std::size_t index = 0; index < more_events_; ++index) {
    *at++ = ' ';
    at = put_number(at, more[index]);
  }
  *at++ = '\n';
  return at;
}

char* Formatter::put_self(char* at, const Batch::Cost& cost, const std::uint64_t* more) {
  if (cost.function != current_function_) *at++ = '\n';
  at = enter(at, cost.function);
  return put_costs(at, cost.line, cost.cost, more);
}

char* Formatter::put_call(char* at, const Batch::Cost& cost, const std::uint64_t* more) {
  at = enter(at, cost.function);
  if (cost.callee != prepared_callee_) prepare_callee(cost.callee);
  const Function& callee = functions_[cost.callee];
  // Left out, both mean the caller's own.
  if (callee.object != current_object_) {
    at = !objects_.is_pending[callee.object] ? put_line(at, callee_object_)
                                             : put_object(at, "cob=(", callee.object);
  }
  if (callee.file != current_file_) {
    at = !files_.is_pending[callee.file] ? put_line(at, callee_file_)
                                         : put_file(at, "cfl=(", callee.file);
  }
  at = callee.name_size == 0 ? put_line(at, callee_function_)
                             : put_function(at, "cfn=(", cost.callee);
  at = put_text(at, "calls=");
  at = put_number(at, cost.calls);
  *at++ = ' ';
  at = put_number(at, cost.callee_line);
  *at++ = '\n';
  return put_costs(at, cost.line, cost.cost, more);
}

void Formatter::prepare_callee(FunctionNumber callee) {
  const auto prepare = [](Line& line, std::string_view key, std::uint32_t number) {
    char* const end = put_compressed(line.text.data(), key, number);
    *end = '\n';
    line.size = static_cast<std::size_t>(end + 1 - line.text.data());
  };
  prepare(callee_object_, "cob=(", functions_[callee].object);
  prepare(callee_file_, "cfl=(", functions_[callee].file);
  prepare(callee_function_, "cfn=(", callee);
  prepared_callee_ = callee;
}

}  // namespace tracebraid::formats::callgrind
