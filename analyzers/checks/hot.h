// Which built-in functions wait.
#pragma once

#include <string_view>

namespace tracebraid::analyzers::checks {

// "<built-in method time.sleep>", "<method 'acquire' of '_thread.lock' objects>".
[[nodiscard]] inline bool waits(std::string_view builtin) {
  constexpr std::string_view kWaiting[] = {
      "time.sleep>",
      "select.select>",
      "posix.waitpid>",
      "posix.wait4>",
      "posix.waitid>",
      "_signal.sigwait>",
      "_signal.pause>",
      "'poll' of 'select.",
      "'control' of 'select.kqueue'",
      "'acquire' of '_thread.",
      "'__enter__' of '_thread.lock'",
      "_queue.SimpleQueue",
      "'_accept' of '_socket.socket'",
      "'accept' of '_socket.socket'",
      "'connect' of '_socket.socket'",
      "'recv' of '_socket.socket'",
      "'recv_into' of '_socket.socket'",
      "'recvfrom' of '_socket.socket'",
      "'do_handshake' of '_ssl._SSLSocket'",
      "'read' of '_ssl._SSLSocket'",
      "_socket.getaddrinfo>",
      "_socket.gethostbyname>",
      "_socket.gethostbyaddr>",
  };
  for (const std::string_view one : kWaiting) {
    if (builtin.find(one) != std::string_view::npos) return true;
  }
  return false;
}

}  // namespace tracebraid::analyzers::checks
