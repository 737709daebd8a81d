#include "analyzers/timeline/lines.h"

#include <iterator>

#include <fmt/format.h>

#include "analyzers/util/shown.h"
#include "analyzers/util/shown_time.h"

namespace tracebraid::analyzers::timeline {
namespace {

// To that many characters.
void cut(std::string& line, std::size_t width) {
  std::size_t characters = 0;
  std::size_t last = 0;
  for (std::size_t at = 0; at < line.size(); ++at) {
    if ((static_cast<unsigned char>(line[at]) & 0xc0U) == 0x80) continue;
    if (++characters == width) last = at;
    if (characters > width) {
      line.resize(last);
      line.append("…");
      return;
    }
  }
}

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
  line_ = shown_time(ts);
  const std::string gap = shown_ == 0 ? std::string() : "+" + shown_seconds(ts - last_ts_);
  fmt::format_to(std::back_inserter(line_), " {:>12}", gap);
  last_ts_ = ts;
}

void Lines::end_fold() {
  const Fold::Folded folded = fold_.end();
  if (folded.lines == 0) return;
  std::string text = fmt::format("… {} more", shown_count(folded.lines));
  const auto append = std::back_inserter(text);
  if (folded.period > 1) fmt::format_to(append, " of the {} above in turn", folded.period);
  if (const std::int64_t lasted = folded.last_ts - folded.first_ts; lasted > 0) {
    const double rate = static_cast<double>(folded.lines) * 1e9 / static_cast<double>(lasted);
    fmt::format_to(append, " in {} s ({}/s)", shown_seconds(lasted),
                   shown_count(static_cast<std::uint64_t>(rate)));
  }
  // Below the text of the others.
  constexpr std::size_t kTimes = std::string_view("04:18:01.245681").size() + 1 + 12;
  line_.assign(has_times_ ? kTimes : 0, ' ');
  put("", text);
}

// Behind the times in line_.
void Lines::put(std::string_view who, std::string_view text) {
  fmt::format_to(std::back_inserter(line_), "  {:<12}  {}", who, text);
  if (width_ > 0) cut(line_, width_);
  line_.append("\n");
  out_.append(line_);
}

}  // namespace tracebraid::analyzers::timeline
