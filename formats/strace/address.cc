#include "formats/strace/address.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <arpa/inet.h>

#include "formats/strace/digits.h"
#include "formats/strace/line.h"

namespace tracebraid::formats::strace {
namespace {

// What follows `key` in `text`, or nothing.
std::string_view after(std::string_view text, std::string_view key) {
  const std::size_t at = text.find(key);
  return at == std::string_view::npos ? std::string_view{} : text.substr(at + key.size());
}

// A decimal up to `most` at the front of `text`, which loses it; false for anything else, and for
// noughts in front, which inet_pton() does not take.
bool take_number(std::string_view& text, std::uint32_t most, std::uint32_t& number) {
  const char* const begin = text.data();
  const char* const end = take_digits(begin, begin + text.size(), 6, number);
  const auto length = static_cast<std::size_t>(end - begin);
  if (length == 0 || number > most || (text[0] == '0' && length > 1)) return false;
  text.remove_prefix(length);
  return true;
}

bool take(std::string_view& text, std::string_view word) {
  if (!text.starts_with(word)) return false;
  text.remove_prefix(word.size());
  return true;
}

// "127.0.0.1" at the front of `text`, which loses it.
bool take_ipv4(std::string_view& text, record::Address& host) {
  std::uint32_t number = 0;
  for (std::size_t byte = 0; byte < 4; ++byte) {
    if ((byte > 0 && !take(text, ".")) || !take_number(text, 255, number)) return false;
    host.bytes[byte] = static_cast<std::uint8_t>(number);
  }
  host.size = 4;
  return true;
}

// IPv4 and IPv6 as text; size 0 when it is neither.
record::Address host_of(std::string_view text) {
  record::Address host;
  if (std::string_view rest = text; take_ipv4(rest, host) && rest.empty()) return host;
  host = {};
  std::array<char, INET6_ADDRSTRLEN + 1> name{};
  if (text.empty() || text.size() >= name.size()) return host;
  std::memcpy(name.data(), text.data(), text.size());
  if (text.find(':') == std::string_view::npos) {
    if (::inet_pton(AF_INET, name.data(), host.bytes.data()) == 1) host.size = 4;
  } else if (::inet_pton(AF_INET6, name.data(), host.bytes.data()) == 1) {
    host.size = 16;
  }
  return host;
}

void unmap(record::Address& host) {
  constexpr std::array<std::uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (host.size != 16 || !std::equal(kMapped.begin(), kMapped.end(), host.bytes.begin())) return;
  std::copy(host.bytes.begin() + 12, host.bytes.end(), host.bytes.begin());
  std::fill(host.bytes.begin() + 4, host.bytes.end(), std::uint8_t{0});
  host.size = 4;
}

std::string_view inside_quotes(std::string_view text) {
  const std::string_view quoted = quoted_string(text);
  return quoted.size() < 2 ? std::string_view{} : quoted.substr(1, quoted.size() - 2);
}

std::string unescaped(std::string_view text) {
  std::string out;
  append_unescaped(out, text);
  return out;
}

void set_raw_host(std::string_view text, record::Address& host, std::size_t size) {
  const std::string bytes = unescaped(inside_quotes(text));
  if (bytes.size() != size) return;
  std::copy(bytes.begin(), bytes.end(), host.bytes.begin());
  host.size = static_cast<std::uint8_t>(size);
}

// "htons(80)", or "\x00\x50" in network byte order.
std::optional<std::uint16_t> printed_port(std::string_view text) {
  if (text.starts_with("htons(")) return leading_number<std::uint16_t>(text.substr(6));
  const std::string bytes = unescaped(inside_quotes(text));
  if (bytes.size() != 2) return std::nullopt;
  return static_cast<std::uint16_t>(static_cast<unsigned char>(bytes[0]) * 256 +
                                    static_cast<unsigned char>(bytes[1]));
}

// "127.0.0.1:34415", "[::1]:44539".
SocketAddress printed_pair(std::string_view text) {
  SocketAddress address;
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return address;
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  address.host = host_of(host);
  if (address.host.size == 0) return address;
  unmap(address.host);
  address.family = Family::kInternet;
  address.port = leading_number<std::uint16_t>(text.substr(colon + 1));
  return address;
}

struct Named {
  std::string_view name;
  std::string_view kind;
  std::string_view proto;
};

// Longer names first where one begins like another.
constexpr Named kSockets[] = {
    {"TCP", "tcp", "tcp"},      {"UDPLITE", "udp", "udplite"}, {"UDP", "udp", "udp"},
    {"UNIX", "unix", ""},       {"NETLINK", "netlink", ""},    {"RAW", "socket", ""},
    {"PING", "socket", "icmp"}, {"SCTP", "socket", "sctp"},    {"DCCP", "socket", "dccp"},
    {"L2TP/IP", "socket", ""},  {"PACKET", "socket", ""},      {"MPTCP", "tcp", "tcp"},
};

constexpr Named kAnonymous[] = {
    {"[eventpoll]", "epoll", ""},   {"[eventfd]", "eventfd", ""}, {"[timerfd]", "timerfd", ""},
    {"[signalfd]", "signalfd", ""}, {"inotify", "inotify", ""},   {"[pidfd]", "pidfd", ""},
    {"[io_uring]", "io_uring", ""},
};

}  // namespace

bool SocketAddress::is_any() const {
  return host.size != 0 && std::all_of(host.bytes.begin(), host.bytes.begin() + host.size,
                                       [](std::uint8_t byte) { return byte == 0; });
}

SocketAddress parse_address(std::string_view text) {
  SocketAddress address;
  const std::string_view family = after(text, "sa_family=");
  if (family.empty()) return address;
  const auto is_family = [&](std::string_view name, std::string_view number) {
    return (family.starts_with(name) &&
            (family.size() == name.size() || family[name.size()] == ',' ||
             family[name.size()] == '}')) ||
           (family.starts_with(number) &&
            (family.size() == number.size() || family.substr(number.size()).starts_with(',') ||
             family.substr(number.size()).starts_with(' ')));
  };
  address.family = Family::kOther;
  if (is_family("AF_INET", "0x2")) {
    address.family = Family::kInternet;
    address.port = printed_port(after(family, "sin_port="));
    const std::string_view host = after(family, "sin_addr=");
    if (host.starts_with("inet_addr(")) {
      address.host = host_of(inside_quotes(host.substr(10)));
    } else {
      set_raw_host(host, address.host, 4);
    }
  } else if (is_family("AF_INET6", "0xa")) {
    address.family = Family::kInternet;
    address.port = printed_port(after(family, "sin6_port="));
    const std::string_view host = after(family, "inet_pton(AF_INET6, ");
    if (!host.empty()) {
      address.host = host_of(inside_quotes(host));
    } else {
      set_raw_host(after(family, "sin6_addr="), address.host, 16);
    }
    unmap(address.host);
  } else if (is_family("AF_UNIX", "0x1") || is_family("AF_LOCAL", "0x1")) {
    address.family = Family::kUnix;
    std::string_view path = after(family, "sun_path=");
    if (path.starts_with('@')) {
      address.path = "@";
      path.remove_prefix(1);
    }
    append_unescaped(address.path, inside_quotes(path));
  } else if (is_family("AF_NETLINK", "0x10")) {
    address.family = Family::kNetlink;
  } else if (is_family("AF_UNSPEC", "0") || is_family("AF_UNSPEC", "0x0")) {
    address.family = Family::kUnspecified;
  }
  return address;
}

bool parse_usual_address(std::string_view text, SocketAddress& address) {
  std::uint32_t port = 0;
  record::Address host;
  if (!take(text, "{sa_family=AF_INET, sin_port=htons(") || !take_number(text, 65535, port) ||
      !take(text, "), sin_addr=inet_addr(\"") || !take_ipv4(text, host) || !take(text, "\")}") ||
      !(text.empty() || text[0] == ',')) {
    return false;
  }
  address.family = Family::kInternet;
  address.host = host;
  address.port = static_cast<std::uint16_t>(port);
  return true;
}

DescriptorText parse_descriptor_text(std::string_view text) {
  DescriptorText result;
  if (text.empty()) return result;
  if (text[0] == '/') {
    result.kind = "file";
    // "/dev/null<char 1:3>", and " [security context]" are not part of the path.
    const std::size_t less = text.find('<');
    append_unescaped(result.path, text.substr(0, less));
    if (result.path.starts_with("/memfd:")) result.kind = "memfd";
    return result;
  }
  if (text.starts_with("anon_inode:")) {
    result.kind = "anon";
    for (const Named& row : kAnonymous) {
      if (text.substr(11) == row.name) result.kind = row.kind;
    }
    return result;
  }
  const std::size_t bracket = text.find(":[");
  if (bracket != std::string_view::npos && text.ends_with(']')) {
    const std::string_view name = text.substr(0, bracket);
    const std::string_view inside = text.substr(bracket + 2, text.size() - bracket - 3);
    if (name == "pipe") {
      result.kind = "pipe";
      return result;
    }
    if (name == "socket") {
      result.kind = "socket";
      return result;
    }
    for (const Named& row : kSockets) {
      if (!name.starts_with(row.name)) continue;
      result.kind = row.kind;
      result.proto = row.proto;
      result.is_ipv6 = name.ends_with("v6");
      if (row.kind == "unix") {
        const std::size_t quote = inside.find('"');
        if (quote != std::string_view::npos) {
          if (quote > 0 && inside[quote - 1] == '@') result.path = "@";
          append_unescaped(result.path, inside_quotes(inside.substr(quote)));
        }
      } else if (row.kind != "netlink") {
        const std::size_t arrow = inside.find("->");
        result.local = printed_pair(inside.substr(0, arrow));
        if (arrow != std::string_view::npos) result.peer = printed_pair(inside.substr(arrow + 2));
      }
      return result;
    }
    if (name == "signalfd") result.kind = "signalfd";
    return result;
  }
  if (text.starts_with("{eventfd")) {
    result.kind = "eventfd";
  } else if (text.starts_with("pid:")) {
    result.kind = "pidfd";
  } else if (text.starts_with("\\x")) {
    // -xx: the whole text as hexadecimal escapes.
    const std::string plain = unescaped(text);
    if (!plain.starts_with("\\x")) {
      DescriptorText inner = parse_descriptor_text(plain);
      return inner;
    }
  }
  return result;
}

}  // namespace tracebraid::formats::strace
