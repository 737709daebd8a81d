// Lines of the timeline for people: columns, and what repeats folded.
//
//   04:18:01.280608    +0.000107  7337 g2       switch to g2
//   04:18:01.280702    +0.000094  7337 g2       accept4(-1 closed, 0x7ffe010c7050, [16], …) = EBADF
//   04:18:01.280756    +0.000054  7337 g2       accept4(-1 closed, 0x7ffe010c7050, [16], …) = EBADF
//                                               … 1,294 more in 0.038873 s (33,287/s)
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "analyzers/timeline/fold.h"
#include "formats/io/output.h"
#include "formats/io/text_output.h"

namespace tracebraid::analyzers::timeline {

// "0.000123": seconds with six decimals.
[[nodiscard]] std::string shown_seconds(std::int64_t ns);

class Lines {
 public:
  // `width`: longer lines are cut; 0: none is.
  Lines(formats::io::Output& output, bool folds, std::size_t width)
      : out_(output, width), folds_(folds) {}

  // From now on with times. Without, order stands for them.
  void show_times() { has_times_ = true; }

  // `key` is equal for lines that are folded together.
  void add(std::int64_t ts, std::uint64_t key, std::string_view who, std::string_view text);

  void flush() { out_.flush(); }
  void finish();

  [[nodiscard]] std::uint64_t shown() const { return shown_; }
  [[nodiscard]] std::uint64_t folded() const { return folded_; }

 private:
  void end_fold();
  void append_times(std::int64_t ts);
  void put(std::string_view who, std::string_view text);

  formats::io::TextOutput out_;
  bool folds_;
  bool has_times_ = false;
  Fold fold_;
  std::string line_;
  std::uint64_t shown_ = 0, folded_ = 0;
  std::int64_t last_ts_ = 0;  // of the line before, shown or folded
};

}  // namespace tracebraid::analyzers::timeline
