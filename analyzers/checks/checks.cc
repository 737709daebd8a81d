#include "analyzers/checks/checks.h"

#include <algorithm>
#include <charconv>

#include "analyzers/util/shown.h"
#include "formats/io/error.h"

namespace tracebraid::analyzers::checks {

namespace {

constexpr const Check* kChecks[] = {
    &kErrorLoop,       &kBusyPoll,        &kLoopStall,       &kBlockingCall,   &kBadDescriptor,
    &kDoubleClose,     &kFdLeak,          &kCloseWait,       &kPeerNotReading, &kConnectFailed,
    &kConnectionReset, &kBacklogOverflow, &kRetransmissions, &kUnreadData,     &kPartialWrite,
    &kSlowDns,         &kSlowCall,        &kInterruptedLoop, &kTinyWrites,     &kCollectedSocket,
    &kKilled,
};

}  // namespace

bool serves(const HostPort& local, const HostPort& server) {
  return local.port == server.port &&
         (is_any(local.host) || is_any(server.host) || local.host == server.host);
}

std::span<const Check* const> all_checks() {
  return kChecks;
}

namespace {

constexpr std::string_view kPollNames[] = {"epoll_wait", "epoll_pwait", "epoll_pwait2",
                                           "poll",       "ppoll",       "select",
                                           "pselect6",   "_newselect"};
constexpr std::string_view kSendNames[] = {"sendto", "send",     "write",    "sendmsg",
                                           "writev", "sendmmsg", "pwritev2", "sendfile"};

}  // namespace

CallName::CallName(std::string_view name)
    : text(name),
      is_poll(checks::is_poll(name)),
      is_sleep(checks::is_sleep(name)),
      is_aside(checks::is_aside(name)),
      sends(std::ranges::find(kSendNames, name) != std::end(kSendNames)),
      accepts(name == "accept4" || name == "accept") {}

bool is_poll(std::string_view call) {
  return std::ranges::find(kPollNames, call) != std::end(kPollNames);
}

bool is_sleep(std::string_view call) {
  return call == "clock_nanosleep" || call == "nanosleep";
}

namespace {

// The argument that is the `from_end`-th from the end, 0 the last. Sets have no ", " inside.
std::string_view argument_from_end(std::string_view args, int from_end) {
  std::size_t end = args.size();
  for (;; --from_end) {
    const std::size_t comma = end == 0 ? std::string_view::npos : args.rfind(", ", end - 1);
    const std::size_t begin = comma == std::string_view::npos ? 0 : comma + 2;
    if (from_end == 0) return args.substr(begin, end - begin);
    if (comma == std::string_view::npos) return {};
    end = comma;
  }
}

std::optional<std::int64_t> number_at(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  return number;
}

}  // namespace

std::optional<std::int64_t> poll_timeout(const formats::record::Syscall& call) {
  constexpr std::int64_t kMillisecond = 1'000'000;
  constexpr std::int64_t kSecond = 1'000'000'000;
  const bool is_in_ms =
      call.syscall == "epoll_wait" || call.syscall == "poll" || call.syscall == "epoll_pwait";
  if (is_in_ms) {
    const auto ms = number_at(argument_from_end(call.args, call.syscall == "epoll_pwait" ? 2 : 0));
    constexpr std::int64_t kMost = 1'000'000'000;
    if (!ms || *ms < 0 || *ms > kMost) return std::nullopt;
    return *ms * kMillisecond;
  }
  // {tv_sec=0, tv_nsec=5000}
  constexpr std::string_view kSeconds = "{tv_sec=";
  const std::size_t at = call.args.rfind(kSeconds);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view text = call.args.substr(at);
  const auto seconds = number_at(text.substr(kSeconds.size()));
  const std::size_t part = text.find("sec=", kSeconds.size());
  if (!seconds || part == std::string_view::npos) return std::nullopt;
  const auto fraction = number_at(text.substr(part + 4));
  constexpr std::int64_t kMost = 1'000'000;
  if (!fraction || *seconds < 0 || *seconds > kMost) return std::nullopt;
  return *seconds * kSecond + *fraction * (text[part - 1] == 'n' ? 1 : 1000);
}

bool is_aside(std::string_view call) {
  return call == "mmap" || call == "munmap" || call == "mremap" || call == "brk" ||
         call == "madvise" || call == "clock_gettime" || call == "gettimeofday" ||
         call == "getpid" || call == "gettid";
}

std::optional<std::int64_t> end_of(const SocketLife& life, const Scene& scene) {
  if (!life.is_closed) return std::nullopt;
  return life.end_ts.value_or(scene.last_ts());
}

std::string shown_fd(std::int64_t fd, const SocketLife* socket) {
  std::string text = std::to_string(fd);
  if (socket != nullptr) text += " (" + socket->shown() + ")";
  return text;
}

std::string shown_rate(std::uint64_t count, const std::optional<std::int64_t>& first,
                       const std::optional<std::int64_t>& last) {
  if (!first || !last || *last <= *first) return {};
  std::string text = " in " + shown_duration(*last - *first);
  constexpr std::int64_t kLeast = 1'000'000;
  if (*last - *first >= kLeast && count > 1) {
    const double rate = static_cast<double>(count) * 1e9 / static_cast<double>(*last - *first);
    if (rate >= 1) text += " (" + shown_count(static_cast<std::uint64_t>(rate)) + "/s)";
  }
  return text;
}

void Quote::set(const formats::record::Syscall& call) {
  constexpr std::size_t kShown = 120;
  input.assign(call.input);
  syscall.assign(call.syscall);
  args.assign(call.args.substr(0, kShown));
  result.assign(call.result_text.substr(0, kShown));
  error.assign(call.error);
  line = call.line;
  ns = call.duration ? call.duration->ns : -1;
}

void DescriptorNote::set(const formats::record::Syscall& call, const SocketLife* socket) {
  if (socket != nullptr) {
    kind.assign(socket->kind);
    path.assign(socket->path);
    local = socket->local;
    peer = socket->peer;
    is_listener = socket->is_listener;
    return;
  }
  kind.assign(call.kind);
  path.assign(call.path);
  local = {};
  peer = {};
  is_listener = false;
}

std::string DescriptorNote::shown() const {
  if (local.port || peer.port || is_listener || kind == "unix") {
    return shown_socket(kind, path, local, peer, is_listener);
  }
  std::string text = kind.empty() ? std::string("descriptor") : kind;
  constexpr std::size_t kShown = 60;
  if (!path.empty()) text += " " + formats::io::quoted(path, kShown);
  return text;
}

void CallNote::set(const CallEvent& event) {
  call_.set(event.call);
  has_socket_ = event.socket != nullptr;
  if (has_socket_) what_.set(event.call, event.socket);
  ts_ = event.begin;
  fd_ = event.call.fd;
  pid_ = event.thread.pid;
  tid_ = event.thread.tid;
  file_.reset();
  uid_.clear();
  greenlet_.assign(event.thread.greenlet);
  if (!has_socket_) return;
  file_ = event.socket->file;
  if (event.socket->wire) uid_.assign(event.socket->wire->uid);
}

Finding CallNote::finding(const Scene& scene, bool with_call) const {
  Finding finding;
  finding.ts = finding.last_ts = ts_;
  if (pid_ != 0) finding.pid = pid_;
  if (tid_ != 0) finding.tid = tid_;
  finding.fd = fd_;
  finding.file = file_;
  if (has_socket_) finding.socket = what_.shown();
  finding.uid = uid_;
  finding.greenlet = greenlet_;
  if (with_call) finding.evidence.push_back(scene.evidence(call_));
  return finding;
}

void set_call(Finding& finding, const CallEvent& event) {
  finding.ts = finding.last_ts = event.begin;
  if (event.thread.pid != 0) finding.pid = event.thread.pid;
  if (event.thread.tid != 0) finding.tid = event.thread.tid;
  finding.fd = event.call.fd;
  finding.greenlet = event.thread.greenlet;
  if (event.socket == nullptr) return;
  finding.file = event.socket->file;
  finding.socket = event.socket->shown();
  if (event.socket->wire) finding.uid = event.socket->wire->uid;
}

}  // namespace tracebraid::analyzers::checks
