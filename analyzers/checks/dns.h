// What is asked of name servers, and what comes of it: from the bytes that calls sent to port 53
// and received, as strace quotes them (the first 32, unless -s), or from a capture's flows.
//
// A look-up is what one question of a program becomes: a resolver appends its search domains one by
// one until a name is known, and asks for A and AAAA each. They are told by their first label,
// which is the same, and by their order.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tracebraid::formats::record {
struct Syscall;
}

namespace tracebraid::analyzers::checks {

// The beginning of a DNS message (RFC 1035, 4.1.1).
struct DnsMessage {
  std::uint16_t id = 0;
  bool is_answer = false;
  std::uint8_t rcode = 0;
  std::uint32_t answers = 0;
  std::string name;        // of the first question, as far as it is there: "redis.ns.svc.cluste"
  std::uint16_t type = 0;  // 0: not there
};

inline constexpr std::uint8_t kServerFailure = 2;
inline constexpr std::uint8_t kNameError = 3;
inline constexpr std::uint8_t kRefusedQuery = 5;

// Nothing when it is too short for a header.
[[nodiscard]] std::optional<DnsMessage> dns_message(std::string_view bytes);

// All messages that a call sent or received: sendto, recvfrom, read and write have one, sendmsg,
// sendmmsg and their like those of their iov_base.
[[nodiscard]] std::vector<DnsMessage> dns_messages(const formats::record::Syscall& call);

// Of a question in a call of `bytes`: what is cut is another name when the message has another
// size.
[[nodiscard]] std::string question_of(const DnsMessage& message, std::uint64_t bytes);

// Questions of one asker (a thread, a client's host) in their order, put together to look-ups.
class LookUps {
 public:
  // What came of one look-up.
  struct Done {
    std::string name;  // that was asked for first
    std::string last;
    std::uint64_t names = 0, queries = 0, unknown = 0;  // unknown: answers of NXDOMAIN
  };
  // The look-up that ended before it, if one did.
  std::optional<Done> query(std::string_view name, std::uint64_t count = 1);
  void answer(std::uint8_t rcode, std::uint64_t count = 1);
  // What is under way ends.
  std::optional<Done> end();

 private:
  std::optional<Done> open_;
  bool is_answered_ = false, is_known_ = false;
};

// Of all askers of a server.
struct SearchSum {
  std::uint64_t look_ups = 0, queries = 0, unknown = 0;  // of those that asked for several names
  LookUps::Done worst;
  void add(const std::optional<LookUps::Done>& done);
};

}  // namespace tracebraid::analyzers::checks
