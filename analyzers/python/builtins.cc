#include "analyzers/python/builtins.h"

#include <algorithm>
#include <initializer_list>

namespace tracebraid::analyzers {
namespace {

constexpr BuiltinCall kCalls[] = {
    // Sockets.
    {"accept", "<method '_accept' of '_socket.socket' objects>"},
    {"accept4", "<method '_accept' of '_socket.socket' objects>"},
    {"bind", "<method 'bind' of '_socket.socket' objects>"},
    {"connect", "<method 'connect' of '_socket.socket' objects>"},
    {"connect", "<method 'connect_ex' of '_socket.socket' objects>"},
    {"connect", "<built-in method _socket.getaddrinfo>", Target::kAny, 0, 4},
    {"getpeername", "<method 'getpeername' of '_socket.socket' objects>"},
    {"getsockname", "<method 'getsockname' of '_socket.socket' objects>"},
    {"getsockname", "<method '_accept' of '_socket.socket' objects>"},
    {"getsockopt", "<method 'getsockopt' of '_socket.socket' objects>"},
    {"getsockopt", "<method 'connect' of '_socket.socket' objects>", Target::kAny, 0, 1},
    {"ioctl", "<method 'setblocking' of '_socket.socket' objects>", Target::kSocket},
    {"ioctl", "<method 'settimeout' of '_socket.socket' objects>", Target::kSocket},
    {"listen", "<method 'listen' of '_socket.socket' objects>"},
    {"recvfrom", "<method 'recv' of '_socket.socket' objects>"},
    {"recvfrom", "<method 'recv_into' of '_socket.socket' objects>"},
    {"recvfrom", "<method 'recvfrom' of '_socket.socket' objects>"},
    {"recvfrom", "<method 'recvfrom_into' of '_socket.socket' objects>"},
    {"recvfrom", "<built-in method _socket.getaddrinfo>", Target::kAny, 0, 4},
    {"recvmsg", "<method 'recvmsg' of '_socket.socket' objects>"},
    {"recvmsg", "<method 'recvmsg_into' of '_socket.socket' objects>"},
    {"sendmsg", "<method 'sendmsg' of '_socket.socket' objects>"},
    {"sendto", "<method 'send' of '_socket.socket' objects>"},
    {"sendto", "<method 'sendall' of '_socket.socket' objects>", Target::kAny, 1, 0},
    {"sendto", "<method 'sendto' of '_socket.socket' objects>"},
    {"setsockopt", "<method 'setsockopt' of '_socket.socket' objects>"},
    {"shutdown", "<method 'shutdown' of '_socket.socket' objects>"},
    {"socketpair", "<built-in method _socket.socketpair>"},
    {"read", "<method 'read' of '_ssl._SSLSocket' objects>", Target::kSocket, 2, 0},
    {"read", "<method 'do_handshake' of '_ssl._SSLSocket' objects>", Target::kSocket, 4, 0},
    {"write", "<method 'write' of '_ssl._SSLSocket' objects>", Target::kSocket, 1, 0},
    {"write", "<method 'do_handshake' of '_ssl._SSLSocket' objects>", Target::kSocket, 2, 0},
    // Waiting.
    {"clock_nanosleep", "<built-in method time.sleep>"},
    {"nanosleep", "<built-in method time.sleep>"},
    {"epoll_ctl", "<method 'register' of 'select.epoll' objects>"},
    {"epoll_ctl", "<method 'unregister' of 'select.epoll' objects>"},
    {"epoll_ctl", "<method 'modify' of 'select.epoll' objects>"},
    {"epoll_wait", "<method 'poll' of 'select.epoll' objects>"},
    {"poll", "<method 'poll' of 'select.poll' objects>"},
    {"poll", "<method 'recv' of '_socket.socket' objects>", Target::kAny, 0, 1},
    {"poll", "<method 'recv_into' of '_socket.socket' objects>", Target::kAny, 0, 1},
    {"poll", "<method '_accept' of '_socket.socket' objects>", Target::kAny, 0, 1},
    {"poll", "<method 'connect' of '_socket.socket' objects>", Target::kAny, 0, 1},
    {"poll", "<method 'send' of '_socket.socket' objects>", Target::kAny, 0, 1},
    {"poll", "<method 'sendall' of '_socket.socket' objects>", Target::kAny, 0, 0},
    {"poll", "<built-in method _socket.getaddrinfo>", Target::kAny, 0, 4},
    {"pselect6", "<built-in method select.select>"},
    {"pselect6", "<built-in method time.sleep>"},
    {"select", "<built-in method select.select>"},
    {"select", "<built-in method time.sleep>"},
    {"futex", "<method 'acquire' of '_thread.lock' objects>", Target::kAny, 0, 2},
    {"futex", "<method '__enter__' of '_thread.lock' objects>", Target::kAny, 0, 2},
    {"futex", "<built-in method _thread.start_new_thread>", Target::kAny, 1, 3},
    {"futex", "<built-in method _thread.start_joinable_thread>", Target::kAny, 1, 3},
    {"rt_sigtimedwait", "<built-in method _signal.sigtimedwait>"},
    {"wait4", "<built-in method posix.waitpid>"},
    {"wait4", "<built-in method posix.system>"},
    // Descriptors and files.
    {"close", "<method 'close' of '_socket.socket' objects>", Target::kSocket},
    {"close", "<function *socket.close at 0x*>", Target::kSocket},
    {"close", "<method 'close' of 'select.epoll' objects>", Target::kOther},
    {"close", "<method 'close' of '_io.TextIOWrapper' objects>", Target::kOther},
    {"close", "<method 'close' of '_io.BufferedReader' objects>", Target::kOther},
    {"close", "<method 'close' of '_io.BufferedWriter' objects>", Target::kOther},
    {"close", "<method 'close' of '_io.FileIO' objects>", Target::kOther},
    {"close", "<method '__exit__' of '_io._IOBase' objects>", Target::kOther},
    {"close", "<built-in method posix.listdir>", Target::kOther},
    {"dup3", "<built-in method posix.dup2>"},
    {"fcntl", "<built-in method fcntl.fcntl>"},
    {"fcntl", "<built-in method fcntl.lockf>"},
    {"fcntl", "<built-in method posix.dup>"},
    {"flock", "<built-in method fcntl.flock>"},
    {"getdents64", "<built-in method posix.listdir>", Target::kAny, 2, 0},
    {"getdents64", "<built-in method posix.scandir>", Target::kAny, 2, 0},
    {"ioctl", "<built-in method fcntl.ioctl>"},
    {"ioctl", "<built-in method io.open>", Target::kOther, 1, 2},
    {"ioctl", "<built-in method _io.open>", Target::kOther, 1, 2},
    {"ioctl", "<built-in method io.open_code>", Target::kOther, 1, 2},
    {"ioctl", "<built-in method _io.open_code>", Target::kOther, 1, 2},
    {"ioctl", "<built-in method posix.isatty>", Target::kOther},
    {"ioctl", "<built-in method posix.get_terminal_size>", Target::kOther},
    {"lseek", "<built-in method io.open>", Target::kAny, 1, 2},
    {"lseek", "<built-in method _io.open>", Target::kAny, 1, 2},
    {"lseek", "<built-in method io.open_code>", Target::kAny, 1, 2},
    {"lseek", "<built-in method _io.open_code>", Target::kAny, 1, 2},
    {"lseek", "<method 'read' of '_io.BufferedReader' objects>", Target::kAny, 0, 1},
    {"newfstatat", "<built-in method posix.stat>", Target::kNone},
    {"newfstatat", "<built-in method posix.lstat>", Target::kNone},
    {"newfstatat", "<built-in method posix.fstat>", Target::kOther},
    {"newfstatat", "<built-in method io.open>", Target::kOther},
    {"newfstatat", "<built-in method _io.open>", Target::kOther},
    {"newfstatat", "<built-in method io.open_code>", Target::kOther},
    {"newfstatat", "<built-in method _io.open_code>", Target::kOther},
    {"newfstatat", "<built-in method posix.listdir>", Target::kOther},
    {"newfstatat", "<built-in method posix.scandir>", Target::kOther},
    {"newfstatat", "<method 'read' of '_io.BufferedReader' objects>", Target::kOther, 0, 1},
    {"fstat", "<built-in method io.open>"},
    {"fstat", "<built-in method _io.open>"},
    {"fstat", "<built-in method io.open_code>"},
    {"fstat", "<built-in method _io.open_code>"},
    {"openat", "<built-in method io.open>"},
    {"openat", "<built-in method _io.open>"},
    {"openat", "<built-in method io.open_code>"},
    {"openat", "<built-in method _io.open_code>"},
    {"openat", "<built-in method posix.open>"},
    {"openat", "<built-in method posix.listdir>"},
    {"openat", "<built-in method posix.scandir>"},
    {"openat", "<built-in method _socket.getaddrinfo>", Target::kAny, 0, 4},
    {"openat", "<built-in method _imp.create_dynamic>", Target::kAny, 1, 8},
    {"pipe2", "<built-in method posix.pipe>"},
    {"pread64", "<built-in method posix.pread>"},
    {"pwrite64", "<built-in method posix.pwrite>"},
    {"read", "<method 'read' of '_io.TextIOWrapper' objects>", Target::kOther, 1, 0},
    {"read", "<method 'readline' of '_io.TextIOWrapper' objects>", Target::kOther, 0, 1},
    {"read", "<method 'read' of '_io.BufferedReader' objects>", Target::kOther, 2, 0},
    {"read", "<method 'readline' of '_io.BufferedReader' objects>", Target::kOther, 0, 1},
    {"read", "<method 'read' of '_io.FileIO' objects>", Target::kOther},
    {"read", "<method 'readinto' of '_io.FileIO' objects>", Target::kOther},
    {"read", "<method 'readall' of '_io.FileIO' objects>", Target::kOther, 2, 0},
    {"write", "<method 'flush' of '_io.TextIOWrapper' objects>", Target::kOther, 0, 1},
    {"write", "<method 'write' of '_io.TextIOWrapper' objects>", Target::kOther, 0, 1},
    {"write", "<method 'write' of '_io.BufferedWriter' objects>", Target::kOther, 0, 1},
    {"write", "<method 'flush' of '_io.BufferedWriter' objects>", Target::kOther, 0, 1},
    {"write", "<method 'write' of '_io.FileIO' objects>", Target::kOther},
    {"write", "<built-in method builtins.print>", Target::kOther, 0, 1},
    // Paths.
    {"rename", "<built-in method posix.replace>"},
    {"statfs", "<built-in method posix.statvfs>"},
    {"unlink", "<built-in method posix.remove>"},
    {"utimensat", "<built-in method posix.utime>"},
    // Processes and the rest.
    {"clone", "<built-in method posix.fork>"},
    {"clone3", "<built-in method _thread.start_new_thread>"},
    {"clone3", "<built-in method _thread.start_joinable_thread>"},
    {"clone", "<built-in method _thread.start_new_thread>"},
    {"eventfd2", "<built-in method posix.eventfd>"},
    {"getrandom", "<built-in method posix.urandom>"},
    {"getrusage", "<built-in method resource.getrusage>"},
    {"rt_sigaction", "<built-in method _signal.signal>"},
    {"setitimer", "<built-in method _signal.setitimer>"},
    {"uname", "<built-in method _socket.gethostname>"},
    {"vfork", "<built-in method _posixsubprocess.fork_exec>"},
};

// A C function whose name does not follow the rule of its family.
struct Exception {
  std::string_view symbol;
  std::initializer_list<std::string_view> builtins;  // none: no entry of a profile
};

const Exception kExceptions[] = {
    {"sock_accept", {"<method '_accept' of '_socket.socket' objects>"}},
    {"sock_close",
     {"<method 'close' of '_socket.socket' objects>", "<function *socket.close at 0x*>"}},
    {"sock_initobj", {}},
    {"sock_initobj_impl", {}},
    {"sock_finalize", {}},
    {"sock_dealloc", {}},
    {"select_epoll", {}},
    {"select_select", {"<built-in method select.select>"}},
    {"select_select_impl", {"<built-in method select.select>"}},
    {"select_poll", {}},
    {"_io_open", {"<built-in method _io.open>", "<built-in method io.open>"}},
    {"_io_open_code", {"<built-in method _io.open_code>", "<built-in method io.open_code>"}},
    {"_textiowrapper_readline", {"<method 'readline' of '_io.TextIOWrapper' objects>"}},
    {"iobase_exit", {"<method '__exit__' of '_io._IOBase' objects>"}},
    {"thread_PyThread_start_new_thread", {"<built-in method _thread.start_new_thread>"}},
    {"thread_PyThread_start_joinable_thread", {"<built-in method _thread.start_joinable_thread>"}},
    {"lock_PyThread_acquire_lock",
     {"<method 'acquire' of '_thread.lock' objects>",
      "<method '__enter__' of '_thread.lock' objects>"}},
    {"lock_PyThread_release_lock",
     {"<method 'release' of '_thread.lock' objects>",
      "<method '__exit__' of '_thread.lock' objects>"}},
    {"rlock_acquire", {"<method 'acquire' of '_thread.RLock' objects>"}},
    {"rlock_release", {"<method 'release' of '_thread.RLock' objects>"}},
    {"subprocess_fork_exec", {"<built-in method _posixsubprocess.fork_exec>"}},
    {"new_mmap_object", {}},
};

// Families of C functions: what is behind the prefix (and before the suffix) is the Python name.
struct Family {
  std::string_view prefix;
  std::string_view before, behind;  // the name of the built-in function around that
};

constexpr Family kFamilies[] = {
    {"sock_", "<method '", "' of '_socket.socket' objects>"},
    {"socket_", "<built-in method _socket.", ">"},
    {"_ssl__SSLSocket_", "<method '", "' of '_ssl._SSLSocket' objects>"},
    {"select_epoll_", "<method '", "' of 'select.epoll' objects>"},
    {"select_poll_", "<method '", "' of 'select.poll' objects>"},
    {"os_", "<built-in method posix.", ">"},
    {"posix_", "<built-in method posix.", ">"},
    {"thread_", "<built-in method _thread.", ">"},
    {"time_", "<built-in method time.", ">"},
    {"fcntl_", "<built-in method fcntl.", ">"},
    {"signal_", "<built-in method _signal.", ">"},
    {"resource_", "<built-in method resource.", ">"},
    {"builtin_", "<built-in method builtins.", ">"},
    {"_imp_", "<built-in method _imp.", ">"},
    {"_io_TextIOWrapper_", "<method '", "' of '_io.TextIOWrapper' objects>"},
    {"_io__Buffered_", "<method '", "' of '_io.BufferedReader' objects>"},
    {"_io__Buffered_", "<method '", "' of '_io.BufferedWriter' objects>"},
    {"_io__Buffered_", "<method '", "' of '_io.BufferedRandom' objects>"},
    {"_io_BufferedWriter_", "<method '", "' of '_io.BufferedWriter' objects>"},
    {"_io_FileIO_", "<method '", "' of '_io.FileIO' objects>"},
    {"_io__IOBase_", "<method '", "' of '_io._IOBase' objects>"},
    {"mmap_", "<method '", "' of 'mmap.mmap' objects>"},
    {"pysqlite_connection_", "<method '", "' of 'sqlite3.Connection' objects>"},
    {"pysqlite_cursor_", "<method '", "' of 'sqlite3.Cursor' objects>"},
};

bool starts_with_any(std::string_view text, std::initializer_list<std::string_view> starts) {
  return std::ranges::any_of(starts,
                             [&](std::string_view start) { return text.starts_with(start); });
}

bool is_any(std::string_view text, std::initializer_list<std::string_view> all) {
  return std::ranges::find(all, text) != all.end();
}

}  // namespace

std::span<const BuiltinCall> builtin_calls() {
  return kCalls;
}

std::string builtin_of_os(std::string_view syscall) {
  return "<built-in method posix." + std::string(syscall) + ">";
}

bool usually_issues(std::string_view builtin, std::string_view syscall) {
  return builtin == builtin_of_os(syscall) ||
         std::ranges::any_of(kCalls, [&](const BuiltinCall& row) {
           return row.syscall == syscall && row.usual > 0 && is_builtin_named(row.builtin, builtin);
         });
}

bool is_builtin_named(std::string_view pattern, std::string_view name) {
  const std::size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == name;
  if (!name.starts_with(pattern.substr(0, star))) return false;
  const std::string_view rest = pattern.substr(star + 1);
  for (std::size_t at = star; at <= name.size(); ++at) {
    if (is_builtin_named(rest, name.substr(at))) return true;
  }
  return false;
}

std::vector<std::string> builtins_of(std::string_view symbol) {
  for (const Exception& exception : kExceptions) {
    if (exception.symbol == symbol) return {exception.builtins.begin(), exception.builtins.end()};
  }
  std::vector<std::string> names;
  for (const Family& family : kFamilies) {
    if (!symbol.starts_with(family.prefix)) continue;
    std::string_view word = symbol.substr(family.prefix.size());
    for (const std::string_view suffix : {"_impl", "_method"}) {
      if (word.ends_with(suffix)) word.remove_suffix(suffix.size());
    }
    if (word.empty()) continue;
    names.push_back(std::string(family.before).append(word).append(family.behind));
  }
  return names;
}

PythonFrame python_frame(std::string_view symbol) {
  if (is_any(symbol, {"_PyEval_EvalFrameDefault", "_PyEval_EvalFrame", "PyEval_EvalFrameEx",
                      "_PyEval_Vector"})) {
    return PythonFrame::kEval;
  }
  if (starts_with_any(symbol, {"cfunction_",
                               "method_vectorcall_",
                               "_PyObject_",
                               "PyObject_Call",
                               "PyObject_Vectorcall",
                               "_PyFunction_",
                               "_PyCFunction_",
                               "PyCFunction_",
                               "_PyMethodDef_",
                               "_Py_Dealloc",
                               "object_vacall",
                               "slot_",
                               "type_call",
                               "vectorcall_",
                               "wrap_",
                               "wrapper",
                               "callmethod",
                               "call_function",
                               "method_call",
                               "function_code_fastcall",
                               "PyVectorcall_",
                               "tuple_dealloc",
                               "list_dealloc",
                               "dict_dealloc",
                               "subtype_dealloc",
                               "frame_dealloc",
                               "cell_dealloc",
                               "gen_",
                               "_PyGen_",
                               "free_keys_object",
                               "PyObject_CallFinalizer",
                               "py_trampoline_evaluator"})) {
    return PythonFrame::kDispatch;
  }
  return PythonFrame::kOther;
}

bool is_static_symbol(std::string_view symbol) {
  return starts_with_any(symbol,
                         {"cfunction_vectorcall_", "method_vectorcall_", "sock_", "cfunction_call",
                          "object_vacall", "take_gil", "builtin_", "pymain_"});
}

}  // namespace tracebraid::analyzers
