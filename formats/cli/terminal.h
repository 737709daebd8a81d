// What a person sees: standard error with messages, and while a long run goes on a line of
// progress; and how wide standard output is.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "formats/io/error.h"
#include "formats/io/source.h"

namespace tracebraid::formats::cli {

// Columns of the terminal that standard output is; 0: it is none, or cannot tell.
[[nodiscard]] std::size_t output_width();

class Terminal final : public io::Messages, public io::ReadObserver {
 public:
  explicit Terminal(std::string_view program);
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  ~Terminal() override { erase(); }

  // The only way in which anything from an input reaches standard error: names of files, quotes and
  // all else in `text` are escaped here (io::append_escaped).
  void line(std::string_view text) override;

  // Shows progress only when standard error is a terminal, from half a second on, and ten times a
  // second at most; the line goes away before a message and at the end.
  void on_read(std::uint64_t bytes_read, std::uint64_t bytes_total) override;

 private:
  void erase();

  std::string_view program_;
  bool is_terminal_;
  bool drawn_ = false;
  std::chrono::steady_clock::time_point next_draw_;
};

}  // namespace tracebraid::formats::cli
