#include "formats/cli/terminal.h"

#include <cstdio>
#include <string>

#include <sys/ioctl.h>
#include <unistd.h>

#include "formats/io/text.h"

namespace tracebraid::formats::cli {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// One write per line, so that the lines of several programs in a pipeline do not mix.
void put(std::string_view text) {
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace

std::size_t output_width() {
  winsize window{};
  return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0 ? window.ws_col : 0;
}

Terminal::Terminal(std::string_view program)
    : program_(program),
      is_terminal_(::isatty(STDERR_FILENO) == 1),
      next_draw_(steady_clock::now() + milliseconds(500)) {}

void Terminal::line(std::string_view text) {
  erase();
  put(io::escaped(text).append("\n"));
}

void Terminal::on_read(std::uint64_t bytes_read, std::uint64_t bytes_total) {
  if (!is_terminal_) return;
  const steady_clock::time_point now = steady_clock::now();
  if (now < next_draw_) return;
  next_draw_ = now + milliseconds(100);
  constexpr double kMegabyte = 1e6;
  char text[160];
  const double read_mb = static_cast<double>(bytes_read) / kMegabyte;
  const int length =
      bytes_total > 0 ? std::snprintf(text, sizeof text, "\r\033[K%.*s: %.0f of %.0f MB (%.0f %%)",
                                      static_cast<int>(program_.size()), program_.data(), read_mb,
                                      static_cast<double>(bytes_total) / kMegabyte,
                                      100.0 * static_cast<double>(bytes_read) /
                                          static_cast<double>(bytes_total))
                      : std::snprintf(text, sizeof text, "\r\033[K%.*s: %.0f MB",
                                      static_cast<int>(program_.size()), program_.data(), read_mb);
  if (length > 0) put({text, static_cast<std::size_t>(length)});
  drawn_ = true;
}

void Terminal::erase() {
  if (drawn_) put("\r\033[K");
  drawn_ = false;
}

}  // namespace tracebraid::formats::cli
