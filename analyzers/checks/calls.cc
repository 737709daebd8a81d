#include "analyzers/checks/calls.h"

#include <algorithm>

#include "formats/io/digits.h"

namespace tracebraid::analyzers::checks {
namespace {

using formats::io::leading_number;

constexpr std::string_view kPolls[] = {"epoll_wait", "epoll_pwait", "epoll_pwait2", "poll",
                                       "ppoll",      "select",      "pselect6",     "_newselect"};
constexpr std::string_view kSleeps[] = {"clock_nanosleep", "nanosleep"};
constexpr std::string_view kAsides[] = {"mmap",         "munmap",  "mremap",
                                        "brk",          "madvise", "clock_gettime",
                                        "gettimeofday", "getpid",  "gettid"};
// Large mappings take a while to go: none of memory's.
constexpr std::string_view kNeverWait[] = {"getpid",
                                           "gettid",
                                           "getppid",
                                           "getuid",
                                           "geteuid",
                                           "getgid",
                                           "getegid",
                                           "getpgrp",
                                           "getsid",
                                           "clock_gettime",
                                           "gettimeofday",
                                           "time",
                                           "rt_sigprocmask",
                                           "rt_sigaction",
                                           "sigaltstack",
                                           "getsockname",
                                           "getpeername",
                                           "getsockopt",
                                           "setsockopt",
                                           "epoll_ctl",
                                           "epoll_create1",
                                           "epoll_create",
                                           "eventfd2",
                                           "timerfd_create",
                                           "timerfd_settime",
                                           "pipe",
                                           "pipe2",
                                           "dup",
                                           "dup2",
                                           "dup3",
                                           "socket",
                                           "socketpair",
                                           "lseek",
                                           "umask",
                                           "rseq",
                                           "prctl",
                                           "arch_prctl",
                                           "prlimit64",
                                           "getrlimit",
                                           "set_robust_list",
                                           "uname",
                                           "sysinfo",
                                           "getrusage",
                                           "set_tid_address"};
constexpr std::string_view kSends[] = {"sendto", "send",     "write",    "sendmsg",
                                       "writev", "sendmmsg", "pwritev2", "sendfile"};
constexpr std::string_view kAccepts[] = {"accept4", "accept"};

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

}  // namespace

bool is_one_of(std::string_view text, std::span<const std::string_view> texts) {
  return std::ranges::find(texts, text) != texts.end();
}

CallName::CallName(std::string_view name)
    : text(name),
      is_poll(is_one_of(name, kPolls)),
      is_sleep(is_one_of(name, kSleeps)),
      is_aside(is_one_of(name, kAsides)),
      never_waits(is_one_of(name, kNeverWait)),
      sends(is_one_of(name, kSends)),
      receives(is_one_of(name, kReceives)),
      accepts(is_one_of(name, kAccepts)),
      is_epoll_ctl(name == "epoll_ctl") {}

bool is_again(std::string_view error) {
  return error == "EAGAIN" || error == "EWOULDBLOCK";
}

bool is_interruption(std::string_view error) {
  return error == "EINTR" || error.starts_with("ERESTART");
}

std::string_view quoted_path(std::string_view args) {
  const std::size_t begin = args.find('"');
  if (begin == std::string_view::npos) return {};
  const std::size_t end = args.find('"', begin + 1);
  return end == std::string_view::npos ? std::string_view()
                                       : args.substr(begin + 1, end - begin - 1);
}

bool is_of_several(const formats::record::Syscall& call) {
  if (call.syscall.starts_with("epoll")) return true;
  if (call.syscall.ends_with("poll")) {
    return call.args.find("}, {fd=") != std::string_view::npos;
  }
  // select(8, [3 5], …); with -y [3<pipe:[7]> 5<pipe:[8]>].
  constexpr std::size_t kNone = std::string_view::npos;
  const std::size_t at = call.args.find('[');
  if (at == kNone) return false;
  const std::string_view sets = call.args.substr(at, call.args.find("], ", at) - at);
  const std::size_t space = sets.find(' ');
  return (space != kNone && sets.find('<') > space) || sets.find("> ") != kNone;
}

std::optional<std::int64_t> poll_timeout(const formats::record::Syscall& call) {
  constexpr std::int64_t kMillisecond = 1'000'000;
  constexpr std::int64_t kSecond = 1'000'000'000;
  const bool is_in_ms =
      call.syscall == "epoll_wait" || call.syscall == "poll" || call.syscall == "epoll_pwait";
  if (is_in_ms) {
    const auto ms = leading_number<std::int64_t>(
        argument_from_end(call.args, call.syscall == "epoll_pwait" ? 2 : 0));
    constexpr std::int64_t kMost = 1'000'000'000;
    if (!ms || *ms < 0 || *ms > kMost) return std::nullopt;
    return *ms * kMillisecond;
  }
  // {tv_sec=0, tv_nsec=5000}
  constexpr std::string_view kSeconds = "{tv_sec=";
  const std::size_t at = call.args.rfind(kSeconds);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view text = call.args.substr(at);
  const auto seconds = leading_number<std::int64_t>(text.substr(kSeconds.size()));
  const std::size_t part = text.find("sec=", kSeconds.size());
  if (!seconds || part == std::string_view::npos) return std::nullopt;
  const auto fraction = leading_number<std::int64_t>(text.substr(part + 4));
  constexpr std::int64_t kMost = 1'000'000;
  if (!fraction || *seconds < 0 || *seconds > kMost) return std::nullopt;
  return *seconds * kSecond + *fraction * (text[part - 1] == 'n' ? 1 : 1000);
}

}  // namespace tracebraid::analyzers::checks
