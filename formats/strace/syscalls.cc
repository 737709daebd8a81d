#include "formats/strace/syscalls.h"

#include <array>
#include <cstring>

namespace tracebraid::formats::strace {
namespace {

using D = Direction;
using E = Effect;
using W = Wait;

constexpr SyscallRow kRows[] = {
    // Data.
    {.name = "read", .fd = 0, .direction = D::kIn, .wait = W::kData},
    {.name = "readv", .fd = 0, .direction = D::kIn, .wait = W::kData},
    {.name = "pread64", .fd = 0, .direction = D::kIn, .wait = W::kData},
    {.name = "pread", .fd = 0, .direction = D::kIn, .wait = W::kData},
    {.name = "preadv", .fd = 0, .direction = D::kIn, .wait = W::kData},
    {.name = "preadv2", .fd = 0, .direction = D::kIn, .wait = W::kData},
    {.name = "write", .fd = 0, .direction = D::kOut, .wait = W::kData},
    {.name = "writev", .fd = 0, .direction = D::kOut, .wait = W::kData},
    {.name = "pwrite64", .fd = 0, .direction = D::kOut, .wait = W::kData},
    {.name = "pwrite", .fd = 0, .direction = D::kOut, .wait = W::kData},
    {.name = "pwritev", .fd = 0, .direction = D::kOut, .wait = W::kData},
    {.name = "pwritev2", .fd = 0, .direction = D::kOut, .wait = W::kData},
    {.name = "sendfile", .fd = 0, .fd2 = 1, .direction = D::kBoth, .wait = W::kData},
    {.name = "sendfile64", .fd = 0, .fd2 = 1, .direction = D::kBoth, .wait = W::kData},
    {.name = "splice", .fd = 0, .fd2 = 2, .direction = D::kBoth, .wait = W::kData},
    {.name = "tee", .fd = 0, .fd2 = 1, .direction = D::kBoth, .wait = W::kData},
    {.name = "vmsplice", .fd = 0, .direction = D::kOut, .wait = W::kData},
    {.name = "copy_file_range", .fd = 0, .fd2 = 2, .direction = D::kBoth, .wait = W::kData},
    // Sockets.
    {.name = "socket", .effect = E::kSocket},
    {.name = "socketpair", .effect = E::kSocketpair},
    {.name = "bind", .fd = 0, .effect = E::kBind},
    {.name = "listen", .fd = 0, .effect = E::kListen},
    {.name = "connect", .fd = 0, .wait = W::kNet, .effect = E::kConnect},
    {.name = "accept", .fd = 0, .wait = W::kNet, .effect = E::kAccept},
    {.name = "accept4", .fd = 0, .wait = W::kNet, .effect = E::kAccept},
    {.name = "getsockname", .fd = 0, .effect = E::kGetsockname},
    {.name = "getpeername", .fd = 0, .effect = E::kGetpeername},
    {.name = "getsockopt", .fd = 0, .effect = E::kGetsockopt},
    {.name = "setsockopt", .fd = 0},
    {.name = "shutdown", .fd = 0},
    {.name = "recv", .fd = 0, .direction = D::kIn, .wait = W::kNet, .effect = E::kPeek},
    {.name = "recvfrom", .fd = 0, .direction = D::kIn, .wait = W::kNet, .effect = E::kReceiveFrom},
    {.name = "recvmsg",
     .fd = 0,
     .direction = D::kIn,
     .wait = W::kNet,
     .effect = E::kReceiveMessage},
    {.name = "recvmmsg", .fd = 0, .direction = D::kIn, .wait = W::kNet, .effect = E::kMessages},
    {.name = "recvmmsg_time64",
     .fd = 0,
     .direction = D::kIn,
     .wait = W::kNet,
     .effect = E::kMessages},
    {.name = "send", .fd = 0, .direction = D::kOut, .wait = W::kNet},
    {.name = "sendto", .fd = 0, .direction = D::kOut, .wait = W::kNet, .effect = E::kSendTo},
    {.name = "sendmsg", .fd = 0, .direction = D::kOut, .wait = W::kNet, .effect = E::kSendMessage},
    {.name = "sendmmsg", .fd = 0, .direction = D::kOut, .wait = W::kNet, .effect = E::kMessages},
    // Readiness.
    {.name = "epoll_create", .effect = E::kNew, .makes = "epoll"},
    {.name = "epoll_create1", .effect = E::kNew, .makes = "epoll"},
    {.name = "epoll_ctl", .fd = 0, .fd2 = 2},
    {.name = "epoll_wait", .fd = 0, .wait = W::kNet},
    {.name = "epoll_pwait", .fd = 0, .wait = W::kNet},
    {.name = "epoll_pwait2", .fd = 0, .wait = W::kNet},
    {.name = "poll", .wait = W::kNet},
    {.name = "ppoll", .wait = W::kNet},
    {.name = "ppoll_time64", .wait = W::kNet},
    {.name = "select", .wait = W::kNet},
    {.name = "_newselect", .wait = W::kNet},
    {.name = "pselect6", .wait = W::kNet},
    {.name = "pselect6_time64", .wait = W::kNet},
    {.name = "io_uring_setup", .effect = E::kNew, .makes = "io_uring"},
    {.name = "io_uring_enter", .fd = 0, .wait = W::kNet, .effect = E::kIoUring},
    {.name = "io_uring_register", .fd = 0, .effect = E::kIoUring},
    {.name = "io_getevents", .wait = W::kDisk},
    {.name = "eventfd", .effect = E::kNew, .makes = "eventfd"},
    {.name = "eventfd2", .effect = E::kNew, .makes = "eventfd"},
    {.name = "timerfd_create", .effect = E::kNew, .makes = "timerfd"},
    {.name = "timerfd_settime", .fd = 0},
    {.name = "timerfd_gettime", .fd = 0},
    {.name = "signalfd4", .effect = E::kNew, .makes = "signalfd"},
    {.name = "signalfd", .effect = E::kNew, .makes = "signalfd"},
    {.name = "inotify_init", .effect = E::kNew, .makes = "inotify"},
    {.name = "inotify_init1", .effect = E::kNew, .makes = "inotify"},
    {.name = "inotify_add_watch", .fd = 0, .path = 1},
    {.name = "inotify_rm_watch", .fd = 0},
    {.name = "fanotify_init", .effect = E::kNew, .makes = "anon"},
    {.name = "pidfd_open", .effect = E::kNew, .makes = "pidfd"},
    {.name = "pidfd_getfd", .fd = 0, .effect = E::kNew},
    {.name = "pidfd_send_signal", .fd = 0},
    {.name = "memfd_create", .effect = E::kNew, .makes = "memfd"},
    {.name = "memfd_secret", .effect = E::kNew, .makes = "memfd"},
    {.name = "userfaultfd", .effect = E::kNew, .makes = "anon"},
    {.name = "perf_event_open", .effect = E::kNew, .makes = "anon"},
    {.name = "bpf", .effect = E::kNone},
    {.name = "landlock_create_ruleset", .effect = E::kNew, .makes = "anon"},
    // Descriptors.
    {.name = "dup", .fd = 0, .effect = E::kDup},
    {.name = "dup2", .fd = 0, .fd2 = 1, .effect = E::kDup2},
    {.name = "dup3", .fd = 0, .fd2 = 1, .effect = E::kDup2},
    {.name = "fcntl", .fd = 0, .effect = E::kFcntl},
    {.name = "fcntl64", .fd = 0, .effect = E::kFcntl},
    {.name = "ioctl", .fd = 0, .effect = E::kIoctl},
    {.name = "close", .fd = 0, .effect = E::kClose},
    {.name = "close_range", .effect = E::kCloseRange},
    {.name = "pipe", .effect = E::kPipe},
    {.name = "pipe2", .effect = E::kPipe},
    {.name = "flock", .fd = 0, .wait = W::kLock},
    {.name = "fsync", .fd = 0, .wait = W::kDisk},
    {.name = "fdatasync", .fd = 0, .wait = W::kDisk},
    {.name = "sync_file_range", .fd = 0, .wait = W::kDisk},
    {.name = "syncfs", .fd = 0, .wait = W::kDisk},
    {.name = "sync", .wait = W::kDisk},
    {.name = "msync", .wait = W::kDisk},
    {.name = "fallocate", .fd = 0, .wait = W::kDisk},
    {.name = "ftruncate", .fd = 0, .wait = W::kDisk},
    {.name = "ftruncate64", .fd = 0, .wait = W::kDisk},
    {.name = "fadvise64", .fd = 0},
    {.name = "readahead", .fd = 0},
    {.name = "lseek", .fd = 0},
    {.name = "_llseek", .fd = 0},
    {.name = "fstat", .fd = 0},
    {.name = "fstat64", .fd = 0},
    {.name = "fstatfs", .fd = 0},
    {.name = "fstatfs64", .fd = 0},
    {.name = "fchmod", .fd = 0},
    {.name = "fchown", .fd = 0},
    {.name = "fchdir", .fd = 0},
    {.name = "fgetxattr", .fd = 0},
    {.name = "fsetxattr", .fd = 0},
    {.name = "flistxattr", .fd = 0},
    {.name = "getdents", .fd = 0, .wait = W::kDisk},
    {.name = "getdents64", .fd = 0, .wait = W::kDisk},
    {.name = "mmap", .fd = 4},
    {.name = "mmap2", .fd = 4},
    // Paths.
    {.name = "open", .path = 0, .effect = E::kOpen},
    {.name = "creat", .path = 0, .effect = E::kOpen},
    {.name = "openat", .fd = 0, .path = 1, .effect = E::kOpen},
    {.name = "openat2", .fd = 0, .path = 1, .effect = E::kOpen},
    {.name = "open_tree", .fd = 0, .path = 1, .effect = E::kOpen},
    {.name = "open_by_handle_at", .fd = 0, .effect = E::kNew, .makes = "file"},
    {.name = "stat", .path = 0},
    {.name = "stat64", .path = 0},
    {.name = "lstat", .path = 0},
    {.name = "lstat64", .path = 0},
    {.name = "newfstatat", .fd = 0, .path = 1},
    {.name = "fstatat64", .fd = 0, .path = 1},
    {.name = "statx", .fd = 0, .path = 1},
    {.name = "access", .path = 0},
    {.name = "faccessat", .fd = 0, .path = 1},
    {.name = "faccessat2", .fd = 0, .path = 1},
    {.name = "readlink", .path = 0},
    {.name = "readlinkat", .fd = 0, .path = 1},
    {.name = "unlink", .path = 0},
    {.name = "unlinkat", .fd = 0, .path = 1},
    {.name = "mkdir", .path = 0},
    {.name = "mkdirat", .fd = 0, .path = 1},
    {.name = "mknod", .path = 0},
    {.name = "mknodat", .fd = 0, .path = 1},
    {.name = "rmdir", .path = 0},
    {.name = "rename", .path = 0},
    {.name = "renameat", .fd = 0, .fd2 = 2, .path = 1},
    {.name = "renameat2", .fd = 0, .fd2 = 2, .path = 1},
    {.name = "link", .path = 0},
    {.name = "linkat", .fd = 0, .fd2 = 2, .path = 1},
    {.name = "symlink", .path = 1},
    {.name = "symlinkat", .fd = 1, .path = 2},
    {.name = "chdir", .path = 0},
    {.name = "chmod", .path = 0},
    {.name = "fchmodat", .fd = 0, .path = 1},
    {.name = "fchmodat2", .fd = 0, .path = 1},
    {.name = "chown", .path = 0},
    {.name = "lchown", .path = 0},
    {.name = "fchownat", .fd = 0, .path = 1},
    {.name = "utime", .path = 0},
    {.name = "utimes", .path = 0},
    {.name = "utimensat", .fd = 0, .path = 1},
    {.name = "futimesat", .fd = 0, .path = 1},
    {.name = "truncate", .path = 0},
    {.name = "truncate64", .path = 0},
    {.name = "statfs", .path = 0},
    {.name = "statfs64", .path = 0},
    {.name = "chroot", .path = 0},
    {.name = "mount", .path = 1},
    {.name = "umount2", .path = 0},
    {.name = "getxattr", .path = 0},
    {.name = "lgetxattr", .path = 0},
    {.name = "setxattr", .path = 0},
    {.name = "listxattr", .path = 0},
    {.name = "llistxattr", .path = 0},
    {.name = "execve", .path = 0, .effect = E::kExec},
    {.name = "execveat", .fd = 0, .path = 1, .effect = E::kExec},
    // Threads and processes.
    {.name = "clone", .effect = E::kClone},
    {.name = "clone2", .effect = E::kClone},
    {.name = "clone3", .effect = E::kClone},
    {.name = "fork", .effect = E::kClone},
    {.name = "vfork", .effect = E::kClone},
    {.name = "unshare", .effect = E::kUnshare},
    {.name = "exit", .effect = E::kExit},
    {.name = "exit_group", .effect = E::kExit},
    {.name = "set_tid_address", .effect = E::kOwnId},
    {.name = "gettid", .effect = E::kOwnId},
    {.name = "getpid", .effect = E::kProcessId},
    {.name = "wait4", .wait = W::kChild},
    {.name = "waitpid", .wait = W::kChild},
    {.name = "waitid", .wait = W::kChild},
    {.name = "futex", .wait = W::kLock},
    {.name = "futex_time64", .wait = W::kLock},
    {.name = "futex_wait", .wait = W::kLock},
    {.name = "futex_waitv", .wait = W::kLock},
    {.name = "semop", .wait = W::kLock},
    {.name = "semtimedop", .wait = W::kLock},
    {.name = "nanosleep", .wait = W::kTimer},
    {.name = "clock_nanosleep", .wait = W::kTimer},
    {.name = "clock_nanosleep_time64", .wait = W::kTimer},
    {.name = "pause", .wait = W::kTimer},
    {.name = "rt_sigsuspend", .wait = W::kTimer},
    {.name = "rt_sigtimedwait", .wait = W::kTimer},
    {.name = "restart_syscall", .wait = W::kNone},
    {.name = "mq_timedreceive", .fd = 0, .wait = W::kLock},
    {.name = "mq_timedsend", .fd = 0, .wait = W::kLock},
    {.name = "mq_open", .path = 0, .effect = E::kNew, .makes = "anon"},
    {.name = "msgrcv", .wait = W::kLock},
    {.name = "msgsnd", .wait = W::kLock},
};

// Open addressing; a quarter full.
constexpr std::size_t kSlots = 1024;
static_assert(std::size(kRows) * 4 <= kSlots);

constexpr std::uint64_t four_bytes(const char* at) {
  std::uint64_t bytes = 0;
  for (unsigned byte = 0; byte < 4; ++byte) {
    bytes |= static_cast<std::uint64_t>(static_cast<unsigned char>(at[byte])) << (byte * 8);
  }
  return bytes;
}

// Of the name's length, its first four bytes and its last four: names that share them differ in
// their middle only, and a few do.
constexpr std::size_t hash(std::string_view name) {
  std::uint64_t value = name.size();
  if (name.size() >= 4) {
    value += four_bytes(name.data()) << 32U ^ four_bytes(name.data() + name.size() - 4);
  } else {
    for (const char c : name) value = value << 8U | static_cast<unsigned char>(c);
  }
  return static_cast<std::size_t>(value * 0x9E3779B97F4A7C15U >> 54U);
}
static_assert(kSlots == 1U << (64U - 54U));

constexpr auto kTable = [] {
  std::array<std::uint16_t, kSlots> slots{};
  for (std::size_t row = 0; row < std::size(kRows); ++row) {
    std::size_t slot = hash(kRows[row].name);
    while (slots[slot] != 0) slot = (slot + 1) % kSlots;
    slots[slot] = static_cast<std::uint16_t>(row + 1);
  }
  return slots;
}();

// Without a call of memcmp(), for names are short.
bool is_same(std::string_view left, std::string_view right) {
  if (left.size() != right.size()) return false;
  const auto differ = [&]<typename Word>(Word, std::size_t at) {
    Word a;
    Word b;
    std::memcpy(&a, left.data() + at, sizeof a);
    std::memcpy(&b, right.data() + at, sizeof b);
    return a != b;
  };
  const std::size_t size = left.size();
  if (size < 4) return left == right;
  if (size < 8) {
    return !differ(std::uint32_t{}, 0) && !differ(std::uint32_t{}, size - 4);
  }
  for (std::size_t at = 0; at + 8 < size; at += 8) {
    if (differ(std::uint64_t{}, at)) return false;
  }
  return !differ(std::uint64_t{}, size - 8);
}

}  // namespace

const SyscallRow* find_syscall(std::string_view name) {
  for (std::size_t slot = hash(name); kTable[slot] != 0; slot = (slot + 1) % kSlots) {
    const SyscallRow& row = kRows[kTable[slot] - 1];
    if (is_same(row.name, name)) return &row;
  }
  return nullptr;
}

}  // namespace tracebraid::formats::strace
