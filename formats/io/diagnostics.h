// Named counters of everything odd that was met in an input. A reader counts and goes on; the first
// few are shown where they happened, the rest as a number at the end: nothing is dropped silently.
// Notes, which need no action, are one line each at the end.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "formats/io/error.h"

namespace tracebraid::formats::io {

enum class Severity : std::uint8_t {
  kNote,     // true and harmless; the exit status stays 0
  kWarning,  // a value was repaired; the exit status stays 0
  kDamage,   // something of the input is missing in the output; the exit status is 1
};

// One kind of oddity. Defined once, as a constant beside the reader that meets it; its address is
// its identity.
struct Counter {
  std::string_view name;  // snake_case, stable: for tests and machines
  Severity severity;
  std::string_view meaning;  // what was met and what was done: "time is not a number; taken as 0"
};

class Diagnostics {
 public:
  // Shows at most `shown_each` single occurrences of every counter.
  Diagnostics(Messages& messages, std::string program, std::uint64_t shown_each = 3)
      : messages_(messages), program_(std::move(program)), shown_each_(shown_each) {}

  // Sets what later counts are about: the input as the user named it.
  void set_input(std::string name) { input_ = std::move(name); }

  // `position` as in Error; `detail` may quote the value, already escaped.
  void count(const Counter& counter, std::string_view position, std::string_view detail = {});

  // Shows an error and remembers that the exit status is 1.
  void report(const Error& error);

  // A line `program: text` that counts nothing.
  void note(std::string_view text);

  // Shows a line that another Diagnostics made, as it is; `damaged` when that one saw damage.
  void pass_on(std::string_view line) { messages_.line(line); }
  void add_damage(bool damaged) { damaged_ = damaged_ || damaged; }

  // Shows the notes, and the totals of counters that had more occurrences than were shown; then
  // all counters start anew.
  void summarize();

  [[nodiscard]] std::uint64_t total(const Counter& counter) const;
  [[nodiscard]] const std::string& program() const { return program_; }
  [[nodiscard]] bool damaged() const { return damaged_; }

 private:
  struct Total {
    const Counter* counter;
    std::uint64_t count;
    std::string first;  // a note's line, kept for the end
  };

  Messages& messages_;
  std::string program_;
  std::string input_;
  std::uint64_t shown_each_;
  std::vector<Total> totals_;
  bool damaged_ = false;
};

}  // namespace tracebraid::formats::io
