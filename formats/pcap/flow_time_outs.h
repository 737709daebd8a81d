// When a flow ends because no packet comes. Whoever takes packets for a flow, and whoever asks
// afterwards whether two flows would have been one, goes by this.
//
// Definition: Zeek's scripts/base/init-bare.zeek (tcp_inactivity_timeout, tcp_attempt_delay,
// tcp_close_delay, …), scripts/base/protocols/conn/inactivity.zeek (login ports), and the timers of
// src/packet_analysis/protocol/tcp/TCPSessionAdapter.cc and src/analyzer/protocol/dns/DNS.cc.
#pragma once

#include <cstdint>

namespace tracebraid::formats::pcap {

// All in nanoseconds; the defaults are Zeek's.
struct TimeOuts {
  static constexpr std::int64_t kSecond = 1'000'000'000;
  std::int64_t tcp = 300 * kSecond;     // idle, once established
  std::int64_t udp = 60 * kSecond;      // idle; TCP before it is established too
  std::int64_t icmp = 60 * kSecond;     // idle
  std::int64_t other = 60 * kSecond;    // idle
  std::int64_t dns = 10 * kSecond;      // idle, UDP; looked at every so often; 0: as other UDP
  std::int64_t login = 3600 * kSecond;  // idle, TCP to port 21, 22, 23 or 513
  std::int64_t attempt = 5 * kSecond;   // a SYN without an answer
  std::int64_t close = 5 * kSecond;     // from the end of a connection, for late packets
  std::int64_t linger = 5 * kSecond;    // idle after one side's end
  std::int64_t active = 0;              // a flow that goes on is reported in parts; 0: it is not

  // No flow that goes on ends sooner, but those that linger.
  [[nodiscard]] std::int64_t shortest_idle() const;
};

// A server's port of UDP that is asked and answered at once: DNS, its multicast kinds, NetBIOS.
[[nodiscard]] constexpr bool is_dns_port(std::uint16_t port) {
  return port == 53 || port == 137 || port == 5353 || port == 5355;
}

// Of TCP, where people sit and think: FTP, SSH, Telnet, rlogin.
[[nodiscard]] constexpr bool is_login_port(std::uint16_t port) {
  return port == 21 || port == 22 || port == 23 || port == 513;
}

// What a flow's end depends on. It has not ended otherwise: of a connection that both sides have
// closed, or that was reset, packets are late ones until TimeOuts::close has passed.
struct IdleFlow {
  enum class Transport : std::uint8_t { kTcp, kUdp, kIcmp, kOther };
  Transport transport = Transport::kOther;
  std::uint16_t responder_port = 0;
  bool is_dns = false;  // UDP to a port of DNS that is taken for a server's
  // TCP:
  bool is_handshaking = false;  // no side is established
  bool is_unanswered = false;   // a SYN, or a lone SYN-ACK, is all there is
  bool is_void = false;         // no segment with its flags
  bool is_closing = false;      // ended in an order that Zeek waits for more after
  // When its first packet came, its last, the last before both sides had closed, and the one that
  // closed the first side (0: none has).
  std::int64_t created_ts = 0, last_ts = 0, counted_ts = 0, closing_ts = 0;
};

struct Deadline {
  enum class By : std::uint8_t { kIdle, kAttempt, kLinger };
  std::int64_t ts = 0;  // of the first packet that would begin another flow
  By by = By::kIdle;
};

// If no packet comes before.
[[nodiscard]] Deadline deadline(const IdleFlow& flow, const TimeOuts& time_outs);

}  // namespace tracebraid::formats::pcap
