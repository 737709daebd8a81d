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
namespace {

namespace io = formats::io;

// Reads `head` again in front of what follows.
class Rewound final : public io::Source {
 public:
  Rewound(std::unique_ptr<io::Source> rest, std::string head)
      : rest_(std::move(rest)), head_(std::move(head)) {}

  std::size_t read(std::span<char> into) override {
    if (at_ < head_.size()) {
      const std::size_t count = std::min(into.size(), head_.size() - at_);
      std::copy_n(head_.data() + at_, count, into.data());
      at_ += count;
      return count;
    }
    return rest_->read(into);
  }
  [[nodiscard]] const std::string& name() const override { return rest_->name(); }

 private:
  std::unique_ptr<io::Source> rest_;
  std::string head_;
  std::size_t at_ = 0;
};

}  // namespace

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
  // Most of the lines have to be strace's; the last one may be cut.
  std::size_t good = 0;
  std::size_t bad = 0;
  formats::strace::Line line;
  std::string plain;
  bool is_table = false;
  while (!head.empty() && good + bad < 50) {
    const std::size_t end = head.find('\n');
    std::string_view text = head.substr(0, end);
    if (text.ends_with('\r')) text.remove_suffix(1);
    formats::strace::remove_colors(text, plain);
    formats::strace::parse_line(plain, line);
    if (line.body == formats::strace::Body::kTable) is_table = true;
    if (line.body == formats::strace::Body::kForeign ||
        line.body == formats::strace::Body::kDamaged) {
      if (!is_table && end != std::string_view::npos) ++bad;
    } else if (line.body != formats::strace::Body::kEmpty) {
      if (end != std::string_view::npos || good == 0) ++good;
    }
    if (end == std::string_view::npos) break;
    head.remove_prefix(end + 1);
  }
  return good > 0 && good >= bad;
}

void read_logs(const std::vector<std::string>& paths, StraceLog& log,
               formats::cli::Context& context) {
  std::vector<StraceLog::ThreadFile> together;
  std::vector<std::unique_ptr<io::Source>> sources;
  const bool may_be_threads =
      paths.size() > 1 &&
      std::ranges::all_of(paths, [](const std::string& path) { return thread_of_path(path) != 0; });
  for (const std::string& path : paths) {
    const std::string name = path == "-" ? "standard input" : path;
    context.diagnostics.set_input(name);
    try {
      std::unique_ptr<io::Source> source = io::open_source(path, context.progress);
      std::string head(std::size_t{64} * 1024, '\0');
      const std::size_t count = source->read(std::span(head.data(), head.size()));
      head.resize(count);
      const bool has_end = count == 0 || head.find('\n') != std::string::npos;
      if (has_end && count > 0 && !looks_like_log(head)) {
        throw io::Error{name, "line 1", "not an strace log: " + io::quoted(head.substr(0, head.find('\n')), 60),
                        "strace -f -ttt -T -yy -o FILE writes one"};
      }
      bool has_pid = true;
      if (may_be_threads) {
        formats::strace::Line line;
        formats::strace::parse_line(std::string_view(head).substr(0, head.find('\n')), line);
        has_pid = line.prefix.pid != 0;
      }
      auto rewound = std::make_unique<Rewound>(std::move(source), std::move(head));
      if (!has_pid) {
        together.push_back({rewound.get(), name, thread_of_path(path), modified(path)});
        sources.push_back(std::move(rewound));
        continue;
      }
      log.read(*rewound, paths.size() > 1 ? name : std::string(), modified(path));
    } catch (const io::Error& error) {
      context.diagnostics.report(error);
    }
  }
  if (together.empty()) return;
  try {
    log.read_together(together);
  } catch (const io::Error& error) {
    context.diagnostics.report(error);
  }
}

formats::record::Time parse_start(std::string_view text) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  const auto fail = [&]() -> formats::record::Time {
    throw io::UsageError{"--start: not a time: " + io::quoted(text),
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
