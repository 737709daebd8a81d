#include "formats/callgrind/writer.h"

#include <charconv>
#include <cstring>
#include <limits>

namespace tracebraid::formats::callgrind {
namespace {

constexpr std::size_t kNumberSize = 20;  // the digits of 2^64 - 1
// Copies a Line with its unused rest, which is faster than copying by its size.
template <typename Line>
char* put_line(char* at, const Line& line) {
  std::memcpy(at, line.text.data(), line.text.size());
  return at + line.size;
}

// Everything of a block but the names: at most eight short lines.
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

bool define(std::vector<bool>& defined, std::uint32_t number) {
  if (number >= defined.size()) defined.resize(number + std::size_t{1});
  const bool is_new = !defined[number];
  defined[number] = true;
  return is_new;
}

}  // namespace

void Writer::write_header(const Header& header) {
  std::string text = "# callgrind format\nversion: 1\ncreator: " + header.creator + "\n";
  if (!header.command.empty()) text.append("cmd: ").append(header.command).append("\n");
  for (const std::string& each : header.descriptions) {
    text.append("desc: ").append(each).append("\n");
  }
  text.append("positions: line\nevent: ").append(header.event).append(" : ");
  text.append(header.event_long_name).append("\nevents: ").append(header.event).append("\n");
  out_.append(text);
}

// A name may be longer than a block: it goes out by itself.
char* Writer::put_name(char* at, const std::string& name) {
  *at++ = ' ';
  char* const begin = out_.room(0);
  out_.used(static_cast<std::size_t>(at - begin));
  out_.append(name);
  return out_.room(kBlockRoom);
}

char* Writer::put_function(char* at, std::string_view key, FunctionNumber function) {
  at = put_compressed(at, key, function);
  if (!functions_[function].is_defined) {
    functions_[function].is_defined = true;
    name_.clear();
    names_.append_function(function, name_);
    at = put_name(at, name_);
  }
  *at++ = '\n';
  return at;
}

char* Writer::put_file(char* at, std::string_view key, FileNumber file) {
  at = put_compressed(at, key, file);
  if (define(defined_files_, file)) {
    name_.clear();
    names_.append_file(file, name_);
    at = put_name(at, name_);
  }
  *at++ = '\n';
  return at;
}

char* Writer::put_object(char* at, std::string_view key, ObjectNumber object) {
  at = put_compressed(at, key, object);
  if (define(defined_objects_, object)) {
    name_.clear();
    names_.append_object(object, name_);
    at = put_name(at, name_);
  }
  *at++ = '\n';
  return at;
}

char* Writer::enter(char* at, FunctionNumber function) {
  if (function == current_function_) return at;
  current_function_ = function;
  const Function placed = functions_[function];
  if (placed.object != current_object_) {
    current_object_ = placed.object;
    at = put_object(at, "ob=(", placed.object);
  }
  if (placed.file != current_file_) {
    current_file_ = placed.file;
    at = put_file(at, "fl=(", placed.file);
  }
  return put_function(at, "fn=(", function);
}

void Writer::self(FunctionNumber function, std::uint32_t line, std::uint64_t cost) {
  char* at = out_.room(kBlockRoom);
  if (function != current_function_) *at++ = '\n';
  at = enter(at, function);
  at = put_number(at, line);
  *at++ = ' ';
  at = put_number(at, cost);
  *at++ = '\n';
  out_.used(static_cast<std::size_t>(at - out_.room(0)));
  functions_[function].has_self = true;
  total_ = cost > std::numeric_limits<std::uint64_t>::max() - total_
               ? std::numeric_limits<std::uint64_t>::max()
               : total_ + cost;
}

void Writer::call(FunctionNumber caller, std::uint32_t caller_line, FunctionNumber callee,
                  std::uint32_t callee_line, std::uint64_t calls, std::uint64_t cost) {
  char* at = enter(out_.room(kBlockRoom), caller);
  const Function target = functions_[callee];
  if (callee == prepared_callee_) {
    if (target.object != current_object_) at = put_line(at, callee_object_);
    if (target.file != current_file_) at = put_line(at, callee_file_);
    at = put_line(at, callee_function_);
  } else {
    // Left out, both mean the caller's own.
    if (target.object != current_object_) at = put_object(at, "cob=(", target.object);
    if (target.file != current_file_) at = put_file(at, "cfl=(", target.file);
    at = put_function(at, "cfn=(", callee);
    // Entered before, it has its object and file defined.
    if (target.has_self) prepare_callee(callee);
  }
  at = put_text(at, "calls=");
  at = put_number(at, calls);
  *at++ = ' ';
  at = put_number(at, callee_line);
  *at++ = '\n';
  at = put_number(at, caller_line);
  *at++ = ' ';
  at = put_number(at, cost);
  *at++ = '\n';
  out_.used(static_cast<std::size_t>(at - out_.room(0)));
}

void Writer::prepare_callee(FunctionNumber callee) {
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

std::uint64_t Writer::finish() {
  std::uint64_t without_self = 0;
  for (std::size_t number = 0; number < functions_.size(); ++number) {
    if (!functions_[number].is_defined || functions_[number].has_self) continue;
    self(static_cast<FunctionNumber>(number), functions_[number].line, 0);
    ++without_self;
  }
  out_.append("\ntotals: " + std::to_string(total_) + "\n");
  return without_self;
}

}  // namespace tracebraid::formats::callgrind
