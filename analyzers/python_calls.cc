#include "analyzers/python_calls.h"

#include <algorithm>

namespace tracebraid::analyzers {
namespace {

// Found by tracing each with strace -k in CPython 3.11 to 3.13.
constexpr BuiltinRow kBuiltins[] = {
    {"accept4", "<method '_accept' of '_socket.socket' objects>"},
    {"accept", "<method '_accept' of '_socket.socket' objects>"},
    {"bind", "<method 'bind' of '_socket.socket' objects>"},
    {"clock_nanosleep", "<built-in method time.sleep>"},
    {"close", "<method 'close' of '_socket.socket' objects>"},
    {"close", "<built-in method posix.close>"},
    {"connect", "<method 'connect' of '_socket.socket' objects>"},
    {"connect", "<method 'connect_ex' of '_socket.socket' objects>"},
    {"epoll_ctl", "<method 'register' of 'select.epoll' objects>"},
    {"epoll_ctl", "<method 'unregister' of 'select.epoll' objects>"},
    {"epoll_ctl", "<method 'modify' of 'select.epoll' objects>"},
    {"epoll_wait", "<method 'poll' of 'select.epoll' objects>"},
    {"fdatasync", "<built-in method posix.fdatasync>"},
    {"fsync", "<built-in method posix.fsync>"},
    {"getpeername", "<method 'getpeername' of '_socket.socket' objects>"},
    {"getsockname", "<method 'getsockname' of '_socket.socket' objects>"},
    {"nanosleep", "<built-in method time.sleep>"},
    {"openat", "<built-in method io.open>"},
    {"openat", "<built-in method _io.open>"},
    {"openat", "<built-in method posix.open>"},
    {"poll", "<method 'poll' of 'select.poll' objects>"},
    {"pselect6", "<built-in method select.select>"},
    {"pselect6", "<built-in method time.sleep>"},
    {"read", "<built-in method posix.read>"},
    {"read", "<method 'read' of '_ssl._SSLSocket' objects>"},
    {"recvfrom", "<method 'recv' of '_socket.socket' objects>"},
    {"recvfrom", "<method 'recv_into' of '_socket.socket' objects>"},
    {"recvfrom", "<method 'recvfrom' of '_socket.socket' objects>"},
    {"recvfrom", "<method 'recvfrom_into' of '_socket.socket' objects>"},
    {"recvmsg", "<method 'recvmsg' of '_socket.socket' objects>"},
    {"select", "<built-in method select.select>"},
    {"select", "<built-in method time.sleep>"},
    {"sendfile", "<built-in method posix.sendfile>"},
    {"sendmsg", "<method 'sendmsg' of '_socket.socket' objects>"},
    {"sendto", "<method 'send' of '_socket.socket' objects>"},
    {"sendto", "<method 'sendall' of '_socket.socket' objects>"},
    {"sendto", "<method 'sendto' of '_socket.socket' objects>"},
    {"shutdown", "<method 'shutdown' of '_socket.socket' objects>"},
    {"wait4", "<built-in method posix.waitpid>"},
    {"write", "<built-in method posix.write>"},
    {"write", "<method 'write' of '_ssl._SSLSocket' objects>"},
};

// The last two parts of a path tell a file as people call it.
std::string_view tail(std::string_view path) {
  std::size_t at = path.rfind('/');
  if (at != std::string_view::npos && at > 0) at = path.rfind('/', at - 1);
  return at == std::string_view::npos ? path : path.substr(at + 1);
}

// About as often: other calls of a few came before and after.
bool is_about(std::uint64_t calls, std::uint64_t count) {
  constexpr std::uint64_t kTenth = 10;
  const std::uint64_t slack = count / kTenth + 2;
  return calls + slack >= count && calls <= count + slack;
}

}  // namespace

void PythonCalls::add(const formats::record::Function& function) {
  if (!function.calls) return;
  functions_[{std::string(function.file), std::string(function.name), function.line}] +=
      *function.calls;
  if (function.name.find("greenlet") != std::string_view::npos) has_greenlets_ = true;
}

void PythonCalls::add(const formats::record::Call& call) {
  if (!call.calls || *call.calls == 0) return;
  const auto from = functions_
                        .try_emplace(Key{std::string(call.caller_file),
                                         std::string(call.caller_name), call.caller_line},
                                     0)
                        .first;
  callers_[{std::string(call.callee_file), std::string(call.callee_name), call.callee_line}]
      .push_back({&from->first, *call.calls});
}

std::string PythonCalls::callers(std::string_view syscall, std::uint64_t count) const {
  constexpr std::uint64_t kFew = 10;
  if (count < kFew) return {};
  const Key* at = nullptr;
  for (const BuiltinRow& row : kBuiltins) {
    if (row.syscall != syscall) continue;
    for (const auto& [key, calls] : functions_) {
      if (key.name == row.builtin && is_about(calls, count)) at = &key;
    }
  }
  if (at == nullptr) return {};
  std::string text;
  constexpr int kMost = 4;
  for (int depth = 0; depth < kMost; ++depth) {
    const auto callers = callers_.find(*at);
    if (callers == callers_.end()) break;
    const Key* next = nullptr;
    for (const Caller& caller : callers->second) {
      if (is_about(caller.calls, count)) next = caller.from;
    }
    if (next == nullptr || next == at) break;
    // Greenlets make cProfile take the one that ran before for the caller: only a function that was
    // itself called so often is sure to be in the chain.
    const auto calls = functions_.find(*next);
    const bool is_often = calls != functions_.end() && is_about(calls->second, count);
    if (!is_often && has_greenlets_) break;
    std::string shown =
        next->name + " (" + std::string(tail(next->file)) + ":" + std::to_string(next->line) + ")";
    text = text.empty() ? shown : shown + " → " + text;
    at = next;
    if (!is_often) break;  // the one with the loop
  }
  return text;
}

}  // namespace tracebraid::analyzers
