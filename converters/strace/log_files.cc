#include "converters/strace/log_files.h"

#include <algorithm>
#include <charconv>
#include <ctime>
#include <memory>

#include <sys/stat.h>
#include <unistd.h>

#include "formats/io/error.h"
#include "formats/io/source.h"

namespace tracebraid::converters::strace {
namespace io = formats::io;

std::uint32_t thread_of_path(std::string_view path) {
  const std::size_t point = path.rfind('.');
  if (point == std::string_view::npos || point + 1 == path.size()) return 0;
  std::uint32_t tid = 0;
  const auto [end, error] =
      std::from_chars(path.data() + point + 1, path.data() + path.size(), tid);
  return error == std::errc{} && end == path.data() + path.size() ? tid : 0;
}

std::optional<std::int64_t> modified(const std::string& path) {
  struct stat status {};
  const int result = path == "-" ? ::fstat(STDIN_FILENO, &status) : ::stat(path.c_str(), &status);
  if (result != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  return static_cast<std::int64_t>(status.st_mtim.tv_sec);
}

bool looks_like_log(std::string_view head) {
  formats::strace::Line line;
  std::string plain;
  while (!head.empty()) {
    const std::size_t end = std::min(head.find('\n'), head.size());
    std::string_view text = head.substr(0, end);
    if (text.ends_with('\r')) text.remove_suffix(1);
    formats::strace::remove_colors(text, plain);
    formats::strace::parse_line(plain, line);
    // One suffices: what is around it may be damaged, or the program's output.
    if (line.body != formats::strace::Body::kForeign &&
        line.body != formats::strace::Body::kDamaged &&
        line.body != formats::strace::Body::kEmpty) {
      return true;
    }
    head.remove_prefix(std::min(end + 1, head.size()));
  }
  return false;
}

void LogFiles::add(const std::string& path, std::unique_ptr<io::Rewound> source, bool is_only) {
  const std::string name = source->name();
  const std::uint32_t tid = is_only ? 0 : thread_of_path(path);
  if (tid != 0) {
    formats::strace::Line line;
    formats::strace::parse_line(source->head().substr(0, source->head().find('\n')), line);
    if (line.prefix.pid == 0) {
      together_.push_back({source.get(), name, tid, modified(path)});
      sources_.push_back(std::move(source));
      return;
    }
  }
  log_.read(*source, is_only ? std::string() : name, modified(path));
}

void LogFiles::finish() {
  try {
    if (!together_.empty()) log_.read_together(together_);
  } catch (const io::Error& error) {
    diagnostics_.report(error);
  }
  log_.finish();
}

formats::record::Time parse_time(std::string_view text, std::string_view option) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  const auto fail = [&]() -> formats::record::Time {
    throw io::UsageError{"--" + std::string(option) + ": not a time: " + io::quoted(text),
                         "seconds since 1970, or '2026-11-23 08:00:00'"};
  };
  std::string_view rest = text;
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), seconds);
  if (error != std::errc{} || seconds < 0) return fail();
  rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
  if (rest.starts_with('-')) {
    const std::optional<CalendarDay> day = parse_day(text.substr(0, 10));
    if (!day || text.size() < 19 || (text[10] != ' ' && text[10] != 'T')) return fail();
    std::tm time{};
    const std::string clock(text.substr(11, 8));
    const char* const behind = ::strptime(clock.c_str(), "%H:%M:%S", &time);
    if (behind == nullptr || *behind != '\0') return fail();
    time.tm_year = day->year - 1900;
    time.tm_mon = day->month - 1;
    time.tm_mday = day->day;
    time.tm_isdst = -1;
    seconds = static_cast<std::int64_t>(std::mktime(&time));
    rest = text.substr(19);
  }
  if (seconds > 9'000'000'000) return fail();
  std::int64_t fraction = 0;
  if (rest.starts_with('.')) {
    std::int64_t unit = kSecond;
    rest.remove_prefix(1);
    while (!rest.empty() && rest[0] >= '0' && rest[0] <= '9') {
      unit /= 10;
      fraction += (rest[0] - '0') * unit;
      rest.remove_prefix(1);
    }
  }
  if (!rest.empty()) return fail();
  return {seconds * kSecond + fraction};
}

}  // namespace tracebraid::converters::strace
