#include "formats/io/diagnostics.h"

#include <algorithm>

namespace tracebraid::formats::io {

void Diagnostics::count(const Counter& counter, std::string_view position,
                        std::string_view detail) {
  auto total = std::find_if(totals_.begin(), totals_.end(),
                            [&](const Total& each) { return each.counter == &counter; });
  if (total == totals_.end()) total = totals_.insert(totals_.end(), Total{&counter, 0, {}});
  ++total->count;
  if (counter.severity == Severity::kDamage) damaged_ = true;
  const bool is_note = counter.severity == Severity::kNote;
  if (total->count > (is_note ? 1 : shown_each_)) return;

  std::string text = program_;
  for (std::string_view part : {std::string_view(input_), position, counter.meaning, detail}) {
    if (!part.empty()) text.append(": ").append(part);
  }
  if (is_note) {
    total->first = std::move(text);
  } else {
    messages_.line(text);
  }
}

void Diagnostics::report(const Error& error) {
  damaged_ = true;
  std::string text = program_;
  for (const std::string& part : {error.input, error.position, error.what}) {
    if (!part.empty()) text.append(": ").append(part);
  }
  messages_.line(text);
  if (!error.hint.empty()) messages_.line(program_ + ": hint: " + error.hint);
}

void Diagnostics::note(std::string_view text) {
  messages_.line(program_ + ": " + std::string(text));
}

void Diagnostics::summarize() {
  for (const Total& total : totals_) {
    if (total.counter->severity == Severity::kNote) {
      messages_.line(total.first +
                     (total.count > 1 ? " (" + std::to_string(total.count) + " in all)" : ""));
    } else if (total.count > shown_each_) {
      messages_.line(program_ + ": " + std::to_string(total.count) +
                     " in all: " + std::string(total.counter->meaning));
    }
  }
  totals_.clear();
}

std::uint64_t Diagnostics::total(const Counter& counter) const {
  for (const Total& each : totals_) {
    if (each.counter == &counter) return each.count;
  }
  return 0;
}

}  // namespace tracebraid::formats::io
