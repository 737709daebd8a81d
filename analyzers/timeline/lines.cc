#include "analyzers/timeline/lines.h"

#include <fmt/format.h>

#include "analyzers/util/shown.h"
#include "analyzers/util/shown_time.h"

namespace tracebraid::analyzers::timeline {
namespace {

constexpr std::size_t kGap = 12;  // columns of the time since the line before

}  // namespace

std::string shown_seconds(std::int64_t ns) {
  return fmt::format("{:.6f}", static_cast<double>(ns) / 1e9);
}

void Lines::add(std::int64_t ts, std::uint64_t key, std::string_view who, std::string_view text) {
  if (folds_) {
    if (fold_.is_folding()) {
      if (fold_.takes(key, ts)) {
        ++folded_;
        last_ts_ = ts;
        return;
      }
      end_fold();
    }
    fold_.shown(key);
  }
  line_.clear();
  if (has_times_) append_times(ts);
  ++shown_;
  put(who, text);
}

void Lines::finish() {
  end_fold();
  out_.flush();
}

void Lines::append_times(std::int64_t ts) {
  line_.append(shown_time(ts)).append(" ");
  std::string gap;
  if (shown_ > 0) gap.append("+").append(shown_seconds(ts - last_ts_));
  if (gap.size() < kGap) line_.append(kGap - gap.size(), ' ');
  line_.append(gap);
  last_ts_ = ts;
}

void Lines::end_fold() {
  const Fold::Folded folded = fold_.end();
  if (folded.lines == 0) return;
  std::string text = fmt::format("… {} more", shown_count(folded.lines));
  if (folded.period > 1) text += fmt::format(" of the {} above in turn", folded.period);
  if (const std::int64_t lasted = folded.last_ts - folded.first_ts; lasted > 0) {
    const double rate = static_cast<double>(folded.lines) * 1e9 / static_cast<double>(lasted);
    text += fmt::format(" in {} s ({}/s)", shown_seconds(lasted),
                        shown_count(static_cast<std::uint64_t>(rate)));
  }
  // Below the text of the others.
  constexpr std::size_t kTimes = std::string_view("04:18:01.245681 ").size() + kGap;
  line_.assign(has_times_ ? kTimes : 0, ' ');
  put("", text);
}

// Behind the times in line_. By hand: fmt's widths count characters, which made every run a tenth
// slower.
void Lines::put(std::string_view who, std::string_view text) {
  constexpr std::size_t kWho = 12;
  line_.append("  ").append(who);
  if (who.size() < kWho) line_.append(kWho - who.size(), ' ');
  line_.append("  ").append(text);
  out_.line(line_);
}

}  // namespace tracebraid::analyzers::timeline
