// What system calls are for, by their names and arguments.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "analyzers/util/bit_set.h"
#include "formats/record/syscall.h"

namespace tracebraid::analyzers::checks {

[[nodiscard]] bool is_one_of(std::string_view text, std::span<const std::string_view> texts);

inline constexpr std::string_view kReceives[] = {"recvfrom", "recv", "recvmsg", "read", "readv"};
inline constexpr std::string_view kForks[] = {"clone", "clone3", "fork", "vfork"};

// The name of a system call; every name is one object (audience.h).
struct CallName {
  explicit CallName(std::string_view name);
  std::string text;
  bool is_poll;      // waits for events: poll, select, epoll_wait and their like
  bool is_sleep;     // nanosleep, clock_nanosleep
  bool is_aside;     // memory, clocks and the like: any code makes such calls, at any time
  bool never_waits;  // for nobody and nothing: who took long had no processor
  bool sends;        // on sockets
  bool receives;     // kReceives
  bool accepts;      // accept, accept4
  bool is_epoll_ctl;
  std::size_t number = 0;  // from 0, in the order of their coming
  BitSet seen_by;          // numbers of the detectors that see all calls of the name
};

// EAGAIN, and its other name.
[[nodiscard]] bool is_again(std::string_view error);

// A signal broke into the call: the program is told (EINTR), or the kernel begins it anew.
[[nodiscard]] bool is_interruption(std::string_view error);

// "a/b.py" in: openat(AT_FDCWD, "a/b.py", O_RDONLY). Empty: none.
[[nodiscard]] std::string_view quoted_path(std::string_view args);

// Whether a poll watches several descriptors, as an event loop's does. One alone is how a socket
// with a time-out is waited for, and how a server that does one thing after the other accepts.
[[nodiscard]] bool is_of_several(const formats::record::Syscall& poll);

// How long a poll was to wait at most; nothing: for ever, or not known.
[[nodiscard]] std::optional<std::int64_t> poll_timeout(const formats::record::Syscall& call);

}  // namespace tracebraid::analyzers::checks
