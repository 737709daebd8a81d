// Addresses of sockets as strace prints them: in arguments, and behind descriptors with -yy.
//
//   {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("127.0.0.1")}
//   {sa_family=0x2, sin_port="\x00\x50", sin_addr="\x7f\x00\x00\x01"}          (-X raw)
//   TCP:[127.0.0.1:34415->127.0.0.1:43478]   UNIX-STREAM:[74137->74133,"/tmp/s.sock"]
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "formats/record/value.h"

namespace tracebraid::formats::strace {

enum class Family : std::uint8_t { kNone, kUnspecified, kInternet, kUnix, kNetlink, kOther };

struct SocketAddress {
  Family family = Family::kNone;
  record::Address host;  // an IPv4 address mapped into IPv6 is given as IPv4
  std::optional<std::uint16_t> port;
  std::string path;  // of a unix socket; an abstract one begins with @

  // 0.0.0.0 and ::, which stand for every address of the machine.
  [[nodiscard]] bool is_any() const;
};

// kNone when `text` is no address (a pointer, NULL).
[[nodiscard]] SocketAddress parse_address(std::string_view text);

// The usual form of an IPv4 address at the front of `text`, without looking for its end
// first; false when it is anything else, which parse_address() may understand.
[[nodiscard]] bool parse_usual_address(std::string_view text, SocketAddress& address);

// What -y and -yy print behind a descriptor.
struct DescriptorText {
  std::string_view kind;   // as record::Syscall::kind; empty: not understood
  std::string_view proto;  // tcp, udp, …, or empty
  SocketAddress local, peer;
  std::string path;  // of a file, bound unix socket
};

// `text` is without the "<" and ">".
[[nodiscard]] DescriptorText parse_descriptor_text(std::string_view text);

}  // namespace tracebraid::formats::strace
