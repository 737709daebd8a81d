#include "converters/greenlet/switch_log.h"

#include <charconv>
#include <memory>
#include <optional>
#include <utility>

#include "converters/input.h"
#include "formats/io/farthest.h"
#include "formats/io/lines.h"
#include "formats/record/text.h"

namespace tracebraid::converters::greenlet {
namespace {

namespace io = formats::io;
namespace record = formats::record;

constexpr io::Counter kDamaged = {"damaged_line", io::Severity::kDamage,
                                  "lines that are neither switches nor bpftrace's messages"};
constexpr io::Counter kCut = {"cut_line", io::Severity::kDamage, "the log ends inside of a line"};
constexpr io::Counter kLost = {"lost_events", io::Severity::kWarning,
                               "bpftrace lost events: switches are missing there"};
constexpr io::Counter kBackwards = {"time_goes_backwards", io::Severity::kNote,
                                    "switches earlier than the line before them"};

struct Parsed {
  std::int64_t ts;
  std::uint64_t pid, tid;
  std::string_view greenlet;
};

bool take_number(std::string_view& text, std::uint64_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end == text.data()) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

bool take_blank(std::string_view& text) {
  if (!text.starts_with(' ')) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<Parsed> parse(std::string_view line) {
  Parsed parsed{};
  const std::size_t blank = line.find(' ');
  if (blank == std::string_view::npos || line.find('.') > blank) return std::nullopt;
  if (line[0] < '0' || line[0] > '9' || !record::parse_seconds(line.substr(0, blank), parsed.ts) ||
      io::is_too_far(parsed.ts)) {
    return std::nullopt;
  }
  line.remove_prefix(blank + 1);
  if (!take_number(line, parsed.pid) || !take_blank(line) || !take_number(line, parsed.tid)) {
    return std::nullopt;
  }
  constexpr std::string_view kWord = " switch 0x";
  if (!line.starts_with(kWord)) return std::nullopt;
  parsed.greenlet = line.substr(kWord.size() - 2);
  constexpr std::size_t kMost = 18;
  if (parsed.greenlet.size() < 3 || parsed.greenlet.size() > kMost ||
      parsed.greenlet.find_first_not_of("0123456789abcdefABCDEF", 2) != std::string_view::npos) {
    return std::nullopt;
  }
  return parsed;
}

// "Lost 12 events": their number.
std::optional<std::uint64_t> parse_lost(std::string_view line) {
  constexpr std::string_view kLostWord = "Lost ";
  if (!line.starts_with(kLostWord)) return std::nullopt;
  line.remove_prefix(kLostWord.size());
  std::uint64_t number = 0;
  if (!take_number(line, number) || !line.starts_with(" event")) return std::nullopt;
  return number;
}

bool is_message(std::string_view line) {
  return line.empty() || line.starts_with("Attaching ") || line.starts_with("@") ||
         line.starts_with("WARNING: ");
}

}  // namespace

bool looks_like_switches(std::string_view head) {
  // With nothing but bpftrace's first message it is a log in which nothing has happened.
  constexpr std::string_view kAttaching = "Attaching ";
  bool has_begun = false;
  while (!head.empty()) {
    const std::size_t end = head.find('\n');
    std::string_view line = head.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!is_message(line) && !parse_lost(line)) return parse(line).has_value();
    has_begun |= line.starts_with(kAttaching) && line.ends_with("...");
    if (end == std::string_view::npos) break;
    head.remove_prefix(end + 1);
  }
  return has_begun;
}

void SwitchLog::read(io::Source& source, std::string_view name) {
  io::LineReader lines(source);
  std::uint64_t number = 0;
  while (lines.next()) take(lines.line(), ++number, lines.has_end(), name);
}

void SwitchLog::take(std::string_view line, std::uint64_t number, bool is_whole,
                     std::string_view input) {
  const std::string position = "line " + std::to_string(number);
  // The last digits of a cut address are missing, and nobody sees it.
  const std::optional<Parsed> parsed = parse(line);
  if (parsed && !is_whole) {
    diagnostics_.count(kCut, position);
    return;
  }
  if (!parsed) {
    if (const auto lost = parse_lost(line)) {
      lost_ += *lost;
      diagnostics_.count(kLost, position, std::to_string(*lost));
      for (auto& [tid, last] : last_) last.is_certain = false;
    } else if (!is_message(line)) {
      diagnostics_.count(is_whole ? kDamaged : kCut, position, io::quoted(line, 60));
    }
    return;
  }
  if (parsed->ts < last_ts_) diagnostics_.count(kBackwards, position);
  last_ts_ = parsed->ts;
  Last& last = last_[parsed->tid];
  record::Switch record;
  record.ts = {parsed->ts};
  record.pid = parsed->pid;
  record.tid = parsed->tid;
  record.greenlet = parsed->greenlet;
  if (!last.greenlet.empty() && last.is_certain) {
    record.from = last.greenlet;
    if (parsed->ts >= last.ts) record.ran = record::Duration{parsed->ts - last.ts};
  }
  record.line = number;
  record.input = input;
  ++switches_;
  sink_.switched(record);
  last.greenlet.assign(parsed->greenlet);
  last.ts = parsed->ts;
  last.is_certain = true;
}

namespace {

class Input final : public InputReader, public SwitchSink {
 public:
  Input(InputSink& sink, io::Diagnostics& diagnostics) : sink_(sink), log_(*this, diagnostics) {}
  void read(std::unique_ptr<io::Rewound> source, const InputFile& file) override {
    log_.read(*flushing(std::move(source), sink_), file.name);
  }
  void switched(const record::Switch& record) override { sink_.put(record::AnyRecord(record)); }

 private:
  InputSink& sink_;
  SwitchLog log_;
};

constexpr const record::TypeInfo* kTypes[] = {&record::kTypeInfo<record::Switch>};

}  // namespace

extern constinit const InputKind kInput = {
    .name = "switch log",
    .described = "greenlet switches",
    .plural = "bpftrace's logs of greenlet switches",
    .rank = 1,
    .types = kTypes,
    .recognize = looks_like_switches,
    .prepare = without_options<Input>,
};

}  // namespace tracebraid::converters::greenlet
