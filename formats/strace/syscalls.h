// What is known of single system calls: which arguments are descriptors, what is moved, what is
// waited for, and what becomes of descriptors and processes.
//
// Source: Linux's man pages, section 2, and strace's names and order of arguments.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tracebraid::formats::strace {

enum class Direction : std::uint8_t { kNone, kIn, kOut, kBoth };

enum class Wait : std::uint8_t {
  kNone,
  kNet,  // for peers, and for readiness
  kTimer,
  kLock,
  kChild,
  kDisk,
  kData,  // for data of a descriptor: by its kind one of the above
};

enum class Effect : std::uint8_t {
  kNone,
  kOpen,  // returns a descriptor of a file
  kSocket,
  kSocketpair,
  kBind,
  kListen,
  kConnect,
  kAccept,
  kGetsockname,
  kGetpeername,
  kGetsockopt,
  kReceiveFrom,  // an argument is filled with the sender's address
  kSendTo,       // an argument is the receiver's address
  kSendMessage,
  kReceiveMessage,
  kMessages,  // sendmmsg, recvmmsg: what is returned counts messages
  kDup,       // returns a second descriptor of the same
  kDup2,
  kFcntl,
  kIoctl,
  kClose,
  kCloseRange,
  kPipe,
  kNew,  // returns a descriptor of kind Row::makes
  kClone,
  kExec,
  kExit,
  kUnshare,
  kIoUring,
  kOwnId,  // returns the thread's id: set_tid_address, gettid
  kProcessId,
  kPeek,  // recv and its kind may leave data where it is (MSG_PEEK)
};
inline constexpr std::size_t kEffects = static_cast<std::size_t>(Effect::kPeek) + 1;

struct SyscallRow {
  std::string_view name;
  std::int8_t fd = -1;    // argument that is a descriptor; -1: none
  std::int8_t fd2 = -1;   // a second one
  std::int8_t path = -1;  // argument that is a path
  Direction direction = Direction::kNone;
  Wait wait = Wait::kNone;
  Effect effect = Effect::kNone;
  std::string_view makes = {};  // Effect::kNew: kind of the new descriptor
};

// Null for a call of which nothing is known.
[[nodiscard]] const SyscallRow* find_syscall(std::string_view name);

}  // namespace tracebraid::formats::strace
