// make_strace_log [options] SAMPLE OUT: a large strace log (-f -ttt -T -yy -o), made of a small
// real one, and the truth about it.
//   8293  1795470330.053880 getsockname(3<TCP:[20]>, {…}, [16]) = 0 <0.000085>
//   PID   begin             call                                    result, duration
// One process forks, --open children live at a time. Each makes the sample's calls, with the
// sample's pauses (but for long ones) and durations, each up to a half longer, ends, and is waited
// for. Every child has a number of its own, which comes again after 32,000 others.
// As strace does it, a line is written when a call begins; when another process' event comes before
// its end, the line is broken off (<unfinished ...>), and goes on (<... NAME resumed>) at its end.
// What a call gets from the kernel, strace writes at its end: for those of the calls that get
// something, all behind the first argument.
// Kept, because the speed and memory of readers depend on it: the length of lines, the share of
// calls in two halves, live processes and descriptors, numbers of processes that come again.
//
// The truth is counted where lines are written; stderr gets it as one JSON object. The bytes depend
// on the sample and the arguments only.

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <queue>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr std::uint64_t kStartUs = 1'700'000'000ULL * 1'000'000;
constexpr std::uint32_t kParent = 999;
constexpr std::uint32_t kFirstPid = 1000;
constexpr std::uint32_t kPids = 32'000;
constexpr std::uint32_t kMostOpen = 10'000;
constexpr std::size_t kBlock = 1U << 20;  // bytes per write

// splitmix64 (Steele, Lea, Flood, 2014).
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    std::uint64_t x = state_ += 0x9e3779b97f4a7c15U;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
    return x ^ (x >> 31);
  }
  // From value to one and a half of it.
  std::uint64_t longer(std::uint64_t value) {
    return value + ((next() >> 32) * (value / 2 + 1) >> 32);
  }

 private:
  std::uint64_t state_;
};

struct Line {
  std::uint64_t pause_us = 0;  // since the line before began
  std::uint64_t duration_us = 0;
  bool is_call = false, never_returns = false;
  std::string name;
  std::string given;   // NAME( and what strace writes when the call begins
  std::string result;  // the rest, without <duration>; the whole line if it is no call
  bool is_error = false;
};

constexpr std::array<std::string_view, 8> kWithOutput = {
    "read", "recvfrom", "newfstatat", "getsockname", "accept4", "epoll_wait", "ioctl", "pread64"};

// Where the first argument ends, a descriptor with all that -yy says of it: at the comma.
std::size_t first_argument(std::string_view text, std::size_t at) {
  bool quoted = false;
  int depth = 0;
  for (; at < text.size(); ++at) {
    if (text[at] == '\\') {
      ++at;
    } else if (text[at] == '"') {
      quoted = !quoted;
    } else if (!quoted && (text[at] == '<' || text[at] == '[')) {
      ++depth;
    } else if (!quoted && (text[at] == ']' || (text[at] == '>' && text[at - 1] != '-'))) {
      --depth;
    } else if (!quoted && depth == 0 && text[at] == ',') {
      return at;
    }
  }
  return std::string_view::npos;
}

std::uint64_t microseconds(std::string_view text) {
  const std::size_t point = text.find('.');
  std::uint64_t seconds = 0, rest = 0;
  std::from_chars(text.data(), text.data() + point, seconds);
  std::from_chars(text.data() + point + 1, text.data() + text.size(), rest);
  return seconds * 1'000'000 + rest;
}

// Of a log of -f -ttt -T; empty when it is none. Its last line, the end of the process, is left
// out.
std::vector<Line> read_sample(const char* path) {
  std::ifstream file(path, std::ios::binary);
  std::vector<Line> lines;
  std::uint64_t before_us = 0;
  for (std::string text; std::getline(file, text);) {
    const std::size_t stamp = text.find_first_not_of(' ', text.find(' '));
    const std::size_t body = text.find(' ', stamp);
    if (body == std::string::npos || text.find('.', stamp) > body) return {};
    const std::uint64_t now_us = microseconds(std::string_view(text).substr(stamp, body - stamp));
    std::string_view rest = std::string_view(text).substr(body + 1);
    if (rest.starts_with("+++")) continue;
    Line line;
    line.pause_us = before_us == 0 ? 0 : now_us - before_us;
    before_us = now_us;
    const std::size_t open = rest.find('(');
    if (rest.starts_with("---") || open == std::string_view::npos) {
      line.result = rest;
      lines.push_back(line);
      continue;
    }
    line.is_call = true;
    line.name = rest.substr(0, open);
    if (rest.ends_with('>')) {
      const std::size_t duration = rest.rfind(" <");
      line.duration_us = microseconds(rest.substr(duration + 2, rest.size() - duration - 3));
      rest = rest.substr(0, duration);
    }
    line.never_returns = rest.ends_with("= ?");
    line.is_error = rest.find(" = -1 ") != std::string_view::npos;
    std::size_t split = rest.rfind(')', rest.rfind(" = "));
    if (std::ranges::find(kWithOutput, line.name) != kWithOutput.end()) {
      const std::size_t comma = first_argument(rest, open + 1);
      if (comma != std::string_view::npos) split = comma + 2;
    }
    line.given = rest.substr(0, split);
    line.result = rest.substr(split);
    lines.push_back(line);
  }
  return lines;
}

struct Process {
  std::uint32_t pid = 0;
  std::size_t next = 0;  // line of the sample
  bool in_call = false;
  std::uint64_t begun_us = 0, duration_us = 0;
};

struct Event {
  std::uint64_t at_us = 0, order = 0;
  std::uint32_t slot = 0;
  bool operator>(const Event& other) const {
    return at_us != other.at_us ? at_us > other.at_us : order > other.order;
  }
};

class Log {
 public:
  Log(std::FILE* out, std::vector<Line> sample, std::uint64_t seed)
      : out_(out), sample_(std::move(sample)), random_(seed) {}

  bool write(std::uint64_t lines, std::uint32_t open) {
    processes_.resize(open);
    for (std::uint32_t slot = 0; slot < open; ++slot) {
      start(slot, kStartUs + random_.longer(2'000'000) - 2'000'000);
    }
    while (lines_ < lines && !events_.empty()) {
      const Event event = events_.top();
      events_.pop();
      step(event);
    }
    while (!events_.empty()) {  // end the calls that have begun
      const Event event = events_.top();
      events_.pop();
      if (processes_[event.slot].in_call) finish_call(event);
    }
    break_off();
    return flush();
  }

  void print_sums() const {
    std::fprintf(stderr,
                 "{\"lines\":%llu,\"bytes\":%llu,\"calls\":%llu,\"errors\":%llu,\"split\":%llu,"
                 "\"noreturn\":%llu,\"signals\":%llu,\"processes\":%llu}\n",
                 number(lines_), number(bytes_), number(calls_), number(errors_), number(split_),
                 number(never_), number(signals_), number(forked_));
  }

 private:
  static unsigned long long number(std::uint64_t value) { return value; }

  void start(std::uint32_t slot, std::uint64_t at_us) {
    Process& process = processes_[slot];
    process = {kFirstPid + static_cast<std::uint32_t>(begun_ % kPids), 0, false, 0, 0};
    ++begun_;
    schedule(slot, at_us);
  }

  void schedule(std::uint32_t slot, std::uint64_t at_us) {
    events_.push({std::max(at_us, now_us_ + 1), ++order_, slot});
  }

  void step(const Event& event) {
    Process& process = processes_[event.slot];
    if (process.in_call) return finish_call(event);
    now_us_ = event.at_us;
    if (process.next == 0) {  // the parent's fork
      begin_line(kParent, now_us_);
      text_ +=
          "clone(child_stack=NULL, flags=CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID|SIGCHLD, "
          "child_tidptr=0x7f5b7d2d9a10) = ";
      text_ += std::to_string(process.pid);
      end_line(160);
      ++calls_;
      ++forked_;
    }
    if (process.next == sample_.size()) return end_process(event.slot);
    const Line& line = sample_[process.next];
    begin_line(process.pid, now_us_);
    if (!line.is_call) {
      text_ += line.result;
      end_line();
      ++signals_;
      return go_on(event.slot);
    }
    text_ += line.given;
    process.begun_us = now_us_;
    process.duration_us = random_.longer(line.duration_us);
    process.in_call = true;
    open_slot_ = static_cast<int>(event.slot);
    schedule(event.slot, now_us_ + process.duration_us);
  }

  void finish_call(const Event& event) {
    Process& process = processes_[event.slot];
    const Line& line = sample_[process.next];
    now_us_ = event.at_us;
    process.in_call = false;
    if (open_slot_ == static_cast<int>(event.slot)) {
      open_slot_ = -1;
      text_ += line.result;
    } else {
      begin_line(process.pid, now_us_);
      text_ += "<... ";
      text_ += line.name;
      text_ += " resumed>";
      text_ += line.result;
      ++split_;
    }
    if (line.never_returns) {
      ++never_;
      end_line();
    } else {
      ++calls_;
      errors_ += line.is_error;
      end_line(now_us_ - process.begun_us);
    }
    go_on(event.slot);
  }

  // To the next line: so long after the beginning of this one as in the sample, and not before its
  // end.
  void go_on(std::uint32_t slot) {
    Process& process = processes_[slot];
    ++process.next;
    const std::uint64_t pause =
        process.next < sample_.size() ? sample_[process.next].pause_us : 200;
    schedule(slot, std::max(now_us_, process.begun_us) + random_.longer(pause % 50'000));
  }

  void end_process(std::uint32_t slot) {
    const std::string pid = std::to_string(processes_[slot].pid);
    begin_line(processes_[slot].pid, now_us_);
    text_ += "+++ exited with 0 +++";
    end_line();
    begin_line(kParent, ++now_us_);
    text_ += "--- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=" + pid +
             ", si_uid=0, si_status=0, si_utime=0, si_stime=0} ---";
    end_line();
    ++signals_;
    begin_line(kParent, ++now_us_);
    text_ += "wait4(-1, [{WIFEXITED(s) && WEXITSTATUS(s) == 0}], WNOHANG, NULL) = " + pid;
    end_line(9);
    ++calls_;
    start(slot, now_us_ + 500);
  }

  void break_off() {
    if (open_slot_ < 0) return;
    text_ += " <unfinished ...>";
    open_slot_ = -1;
    end_line();
  }

  void begin_line(std::uint32_t pid, std::uint64_t at_us) {
    break_off();
    std::array<char, 48> head{};
    const int size = std::snprintf(head.data(), head.size(), "%-5u %llu.%06llu ", pid,
                                   number(at_us / 1'000'000), number(at_us % 1'000'000));
    text_.append(head.data(), static_cast<std::size_t>(size));
  }

  void end_line(std::uint64_t duration_us) {
    std::array<char, 48> tail{};
    const int size =
        std::snprintf(tail.data(), tail.size(), " <%llu.%06llu>", number(duration_us / 1'000'000),
                      number(duration_us % 1'000'000));
    text_.append(tail.data(), static_cast<std::size_t>(size));
    end_line();
  }

  void end_line() {
    text_ += '\n';
    ++lines_;
    if (text_.size() >= kBlock) flush();
  }

  bool flush() {
    bytes_ += text_.size();
    good_ = good_ && std::fwrite(text_.data(), 1, text_.size(), out_) == text_.size();
    text_.clear();
    return good_ && std::fflush(out_) == 0;
  }

  std::FILE* out_;
  std::vector<Line> sample_;
  Random random_;
  std::vector<Process> processes_;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  std::string text_;
  int open_slot_ = -1;  // whose call the unended line is of
  bool good_ = true;
  std::uint64_t now_us_ = kStartUs, order_ = 0, lines_ = 0, bytes_ = 0, calls_ = 0, errors_ = 0;
  std::uint64_t split_ = 0, never_ = 0, signals_ = 0, begun_ = 0, forked_ = 0;
};

int usage() {
  std::fputs(
      "usage: make_strace_log [--lines N] [--open PROCESSES] [--seed S] SAMPLE OUT\n"
      "N is 4400000, PROCESSES 6 (at most 10000); SAMPLE a log of -f -ttt -T, OUT - is stdout.\n",
      stderr);
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t lines = 4'400'000, open = 6, seed = 1;
  const std::map<std::string_view, std::uint64_t*> options = {
      {"--lines", &lines}, {"--open", &open}, {"--seed", &seed}};
  std::vector<const char*> paths;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    const auto option = options.find(word);
    if (option != options.end() && i + 1 < argc) {
      const char* const text = argv[++i];
      const auto [stop, error] = std::from_chars(text, std::strchr(text, '\0'), *option->second);
      if (error != std::errc() || *stop != '\0') return usage();
    } else if (word[0] != '-' || word == "-") {
      paths.push_back(argv[i]);
    } else {
      return usage();
    }
  }
  if (paths.size() != 2 || open < 1 || open > kMostOpen) return usage();
  std::vector<Line> sample = read_sample(paths[0]);
  if (sample.empty()) {
    std::fprintf(stderr, "make_strace_log: %s: no log of -f -ttt -T\n", paths[0]);
    return 1;
  }
  const bool is_stdout = paths[1] == std::string_view("-");
  std::FILE* const out = is_stdout ? stdout : std::fopen(paths[1], "wb");
  if (out != nullptr) {
    std::setvbuf(out, nullptr, _IONBF, 0);  // written in blocks as it is
    Log log(out, std::move(sample), seed);
    if (log.write(lines, static_cast<std::uint32_t>(open)) && std::fclose(out) == 0) {
      log.print_sums();
      return 0;
    }
  }
  std::fprintf(stderr, "make_strace_log: %s: %s\n", paths[1], std::strerror(errno));
  return 1;
}
