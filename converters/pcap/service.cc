#include "converters/pcap/service.h"

#include <algorithm>
#include <array>
#include <optional>

namespace tracebraid::converters::pcap {
namespace {

using Bytes = std::span<const unsigned char>;

std::string_view text_of(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Reads numbers in network order. Once asked for more than there is, it gives zeros and is not ok.
class Reader {
 public:
  explicit Reader(Bytes bytes) : left_(bytes) {}

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] std::size_t left() const { return left_.size(); }

  std::uint32_t number(std::size_t bytes) {
    std::uint32_t value = 0;
    for (const unsigned char each : take(bytes)) value = value << 8 | each;
    return value;
  }

  Bytes take(std::size_t bytes) {
    if (bytes > left_.size()) {
      ok_ = false;
      bytes = 0;
      left_ = {};
    }
    const Bytes taken = left_.first(bytes);
    left_ = left_.subspan(bytes);
    return taken;
  }

  // As much as there is of the next `bytes`.
  Reader part(std::size_t bytes) { return Reader(take(std::min(bytes, left_.size()))); }

 private:
  Bytes left_;
  bool ok_ = true;
};

struct Ports {
  std::uint16_t sender;
  std::uint16_t receiver;

  [[nodiscard]] bool have(std::uint16_t port) const { return sender == port || receiver == port; }
};

bool is_digit(char each) {
  return each >= '0' && each <= '9';
}
bool is_visible(char each) {
  return each > ' ' && each <= '~';
}
char lower(char each) {
  return each >= 'A' && each <= 'Z' ? static_cast<char>(each + 32) : each;
}

// Cuts a number of 1 to `most_digits` digits off the front.
bool cut_number(std::string_view& text, std::size_t most_digits) {
  std::size_t digits = 0;
  while (digits < text.size() && is_digit(text[digits])) ++digits;
  text.remove_prefix(digits);
  return digits > 0 && digits <= most_digits;
}

bool cut_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

// --- HTTP

// https://www.iana.org/assignments/http-methods; the last three are UPnP's.
constexpr std::array<std::string_view, 43> kHttpMethods = {"GET",
                                                           "POST",
                                                           "HEAD",
                                                           "PUT",
                                                           "DELETE",
                                                           "OPTIONS",
                                                           "PATCH",
                                                           "CONNECT",
                                                           "TRACE",
                                                           "PROPFIND",
                                                           "PROPPATCH",
                                                           "REPORT",
                                                           "MKCOL",
                                                           "COPY",
                                                           "MOVE",
                                                           "LOCK",
                                                           "UNLOCK",
                                                           "SEARCH",
                                                           "ACL",
                                                           "BASELINE-CONTROL",
                                                           "BIND",
                                                           "CHECKIN",
                                                           "CHECKOUT",
                                                           "LABEL",
                                                           "LINK",
                                                           "MERGE",
                                                           "MKACTIVITY",
                                                           "MKCALENDAR",
                                                           "MKREDIRECTREF",
                                                           "MKWORKSPACE",
                                                           "ORDERPATCH",
                                                           "PRI",
                                                           "QUERY",
                                                           "REBIND",
                                                           "UNBIND",
                                                           "UNCHECKOUT",
                                                           "UNLINK",
                                                           "UPDATE",
                                                           "UPDATEREDIRECTREF",
                                                           "VERSION-CONTROL",
                                                           "NOTIFY",
                                                           "SUBSCRIBE",
                                                           "UNSUBSCRIBE"};
constexpr std::size_t kLongestMethod = 17;

// The value of the Host line among `lines`, if its end is there. The first is the request's rest.
std::string_view http_host(std::string_view lines) {
  constexpr std::string_view kName = "host:";
  while (true) {
    const std::size_t end = lines.find('\n');
    if (end == std::string_view::npos) return {};
    std::string_view line = lines.substr(0, end);
    lines.remove_prefix(end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) return {};  // the end of the header
    if (line.size() < kName.size() ||
        !std::equal(kName.begin(), kName.end(), line.begin(),
                    [](char want, char have) { return want == lower(have); })) {
      continue;
    }
    line.remove_prefix(kName.size());
    const std::size_t first = line.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    return line.substr(first, line.find_last_not_of(" \t") - first + 1);
  }
}

bool is_http(std::string_view text, Service& service) {
  constexpr std::string_view kVersion = " HTTP/";
  if (text.starts_with("HTTP/1.")) {
    if (text.size() > 7 && !is_digit(text[7])) return false;
    service.name = "http";
    return true;
  }
  const std::size_t method = text.substr(0, kLongestMethod + 1).find(' ');
  if (method == std::string_view::npos || std::find(kHttpMethods.begin(), kHttpMethods.end(),
                                                    text.substr(0, method)) == kHttpMethods.end()) {
    return false;
  }
  const auto ends_target = [](char each) {
    return static_cast<unsigned char>(each) <= ' ' || each == 0x7F;
  };
  const auto target = text.begin() + static_cast<std::ptrdiff_t>(method) + 1;
  const auto end = std::find_if(target, text.end(), ends_target);
  if (target == end) return false;
  const std::string_view line = text.substr(0, static_cast<std::size_t>(end - text.begin()));
  const std::string_view rest = text.substr(line.size());
  if (!rest.starts_with(kVersion)) {
    // A target longer than the segment or the snaplen ("OPTIONS *" might yet become RTSP), or
    // HTTP/0.9, which health checks still speak.
    const bool is_simple =
        text.starts_with("GET ") && (rest.starts_with('\n') || rest.starts_with("\r\n"));
    if (*target != '/' || !(is_simple || kVersion.starts_with(rest))) return false;
  }
  service.name = "http";
  if (line != "PRI *") {  // HTTP/2's preface asks for nothing
    service.query = line;
    service.host = http_host(rest);
  }
  return true;
}

// --- TLS

bool is_tls(Bytes payload, Service& service) {
  Reader record(payload);
  const std::uint32_t type = record.number(1);
  const std::uint32_t version = record.number(2);
  const std::uint32_t length = record.number(2);
  if (type != 22 || version < 0x0300 || version > 0x0304 || length < 6 || length > 1U << 14) {
    return false;
  }
  Reader hello = record.part(length);
  const std::uint32_t message = hello.number(1);
  const std::uint32_t message_length = hello.number(3);
  const std::uint32_t hello_version = hello.number(2);
  if (!hello.ok() || (message != 1 && message != 2) || message_length < 38 ||
      message_length > 1U << 16 || hello_version < 0x0300 || hello_version > 0x0304) {
    return false;
  }
  service.name = "ssl";
  if (message == 2) return true;
  hello.take(32);               // random
  hello.take(hello.number(1));  // session id
  hello.take(hello.number(2));  // cipher suites
  hello.take(hello.number(1));  // compression methods
  Reader extensions = hello.part(hello.number(2));
  while (extensions.ok() && extensions.left() > 0) {
    const std::uint32_t kind = extensions.number(2);
    const std::uint32_t bytes = extensions.number(2);
    if (kind != 0) {
      extensions.take(bytes);
      continue;
    }
    Reader names = extensions.part(bytes);
    names.number(2);  // length of the list, of which there is only ever one
    if (names.number(1) == 0) service.host = text_of(names.take(names.number(2)));
    break;
  }
  return true;
}

// --- DNS

struct DnsName {
  enum class State : std::uint8_t { kWhole, kCut, kBad };
  State state = State::kBad;
  std::size_t next = 0;        // behind the name
  std::string_view text = {};  // in the scratch space
  bool is_host_name = true;    // letters, digits, '-' and '_' only, and at least one
};

class DnsText {
 public:
  explicit DnsText(std::span<char> out) : out_(out) {}

  void add_dot() { add("."); }
  void add_byte(unsigned char byte) {
    const char each = lower(static_cast<char>(byte));
    if (each == '.' || each == '\\') {
      add({std::array{'\\', each}.data(), 2});
    } else if (is_visible(each)) {
      add({&each, 1});
    } else {
      const auto digit = [](int value) { return static_cast<char>('0' + value); };
      add({std::array{'\\', digit(byte / 100), digit(byte / 10 % 10), digit(byte % 10)}.data(), 4});
    }
  }
  [[nodiscard]] std::string_view text() const { return {out_.data(), size_}; }

 private:
  // All or nothing, and nothing behind a gap.
  void add(std::string_view text) {
    if (text.size() > out_.size() - size_) {
      out_ = out_.first(size_);
      return;
    }
    std::copy(text.begin(), text.end(), out_.begin() + static_cast<std::ptrdiff_t>(size_));
    size_ += text.size();
  }

  std::span<char> out_;
  std::size_t size_ = 0;
};

// The name of the first question. Nothing comes before it that a compression pointer could mean
// (RFC 1035, 4.1.4), so a pointer in it makes it bad.
DnsName read_dns_name(Bytes message, std::size_t at, std::span<char> scratch) {
  constexpr std::size_t kMostBytes = 255;
  constexpr std::size_t kMostLabel = 63;
  const std::size_t begin = at;
  DnsText text(scratch);
  DnsName name;
  for (; at < message.size() && message[at] != 0; at += 1 + message[at]) {
    const std::size_t length = message[at];
    if (length > kMostLabel || at - begin + 1 + length + 1 > kMostBytes) return name;
    if (length >= message.size() - at) {
      name.state = DnsName::State::kCut;
      return name;
    }
    if (at > begin) text.add_dot();
    for (const unsigned char each : message.subspan(at + 1, length)) {
      text.add_byte(each);
      const char small = lower(static_cast<char>(each));
      const bool is_letter = small >= 'a' && small <= 'z';
      if (!is_letter && !is_digit(small) && small != '-' && small != '_') name.is_host_name = false;
    }
  }
  if (at >= message.size()) {
    name.state = DnsName::State::kCut;
    return name;
  }
  if (at == begin) {
    text.add_dot();
    name.is_host_name = false;
  }
  name.state = DnsName::State::kWhole;
  name.next = at + 1;
  name.text = text.text();
  return name;
}

bool is_common_dns_type(std::uint32_t type) {
  switch (type) {
    case 1:    // A
    case 2:    // NS
    case 5:    // CNAME
    case 6:    // SOA
    case 12:   // PTR
    case 15:   // MX
    case 16:   // TXT
    case 28:   // AAAA
    case 33:   // SRV
    case 35:   // NAPTR
    case 43:   // DS
    case 48:   // DNSKEY
    case 64:   // SVCB
    case 65:   // HTTPS
    case 255:  // any
      return true;
    default:
      return false;
  }
}

// `length`: of the whole message, where the transport says it.
bool is_dns(Bytes message, std::optional<std::size_t> length, Ports ports, std::span<char> scratch,
            Service& service) {
  constexpr std::size_t kHeader = 12;
  constexpr std::uint32_t kMostRecords = 65535 / 11;  // a record has 11 bytes at least
  if (message.size() < kHeader) return false;
  Reader header(message);
  header.number(2);
  const std::uint32_t flags = header.number(2);
  const std::uint32_t questions = header.number(2);
  const std::uint32_t answers = header.number(2);
  const std::uint32_t authorities = header.number(2);
  const std::uint32_t additional = header.number(2);
  const std::uint32_t records = answers + authorities + additional;
  const std::uint32_t opcode = flags >> 11 & 15;
  const std::uint32_t error = flags & 15;
  const bool is_response = (flags & 0x8000) != 0;
  if ((flags & 0x40) != 0) return false;  // reserved

  const bool is_multicast = ports.have(5353);
  if (is_multicast || ports.have(53) || ports.have(5355) || ports.have(137)) {
    if (opcode == 3 || opcode > 6 || questions > (is_multicast ? 255 : 1) ||
        records > kMostRecords) {
      return false;
    }
    if (!is_response && opcode == 0 && answers > 0 && !is_multicast) return false;
    if (questions == 0) {
      // A refusal may leave out what was asked; stateful operations (RFC 8490) count nothing.
      if (records == 0 && opcode != 6 && !(is_response && error != 0)) return false;
      service.name = "dns";
      return true;
    }
    const DnsName name = read_dns_name(message, kHeader, scratch);
    if (name.state == DnsName::State::kBad) return false;
    if (name.state == DnsName::State::kWhole) {
      Reader question(message.subspan(name.next));
      const std::uint32_t type = question.number(2);
      const std::uint32_t net = question.number(2) & 0x7FFF;  // mDNS: the top bit asks for unicast
      const bool is_net = net == 1 || net == 3 || net == 4 || net == 254 || net == 255;
      if (question.ok() && (type == 0 || !is_net)) return false;
      service.query = name.text;
    }
    service.name = "dns";
    return true;
  }

  // Elsewhere only what is usual: one common question, all of it there, in a header that agrees.
  if (opcode != 0 || questions != 1 || additional > 2 || records > 256) return false;
  if (is_response ? error > 5 : (flags & 0x068F) != 0 || answers + authorities > 0) return false;
  const DnsName name = read_dns_name(message, kHeader, scratch);
  if (name.state != DnsName::State::kWhole || !name.is_host_name) return false;
  Reader question(message.subspan(name.next));
  const std::uint32_t type = question.number(2);
  const std::uint32_t net = question.number(2);
  if (!question.ok() || !is_common_dns_type(type) || net != 1) return false;
  const std::size_t end = message.size() - question.left();
  if (records == 0 ? question.left() > 0 || (length && *length != end)
                   : length && *length < end + std::size_t{11} * records) {
    return false;
  }
  // A query's additional record is nearly always OPT, of the root.
  if (!is_response && question.left() >= 3 && question.number(3) != 41) return false;
  service.name = "dns";
  service.query = name.text;
  return true;
}

bool is_dns_over_tcp(Bytes payload, Ports ports, std::span<char> scratch, Service& service) {
  if (payload.size() < 2) return false;
  const std::size_t length = static_cast<std::size_t>(payload[0]) << 8 | payload[1];
  const Bytes message = payload.subspan(2, std::min(length, payload.size() - 2));
  return is_dns(message, length, ports, scratch, service);
}

// --- Others over TCP

bool is_postgresql_startup(Bytes payload) {
  Reader message(payload);
  const std::uint32_t length = message.number(4);
  const std::uint32_t code = message.number(4);
  if (!message.ok()) return false;
  switch (code) {
    case 80877103:  // SSLRequest
    case 80877104:  // GSSENCRequest
      return length == 8;
    case 80877102:  // CancelRequest: process, and a key of 4 bytes, or up to 256 since 3.2
      return length >= 16 && length <= 268;
    case 0x30000:  // StartupMessage of 3.0 and of 3.2, at most 10,000 bytes (pqcomm.h)
    case 0x30002: {
      if (length < 9 || length > 10000) return false;
      const std::uint32_t first = message.number(1);  // of a parameter's name; 0: no parameters
      return !message.ok() || first == 0 || (first > ' ' && first <= '~');
    }
    default:
      return false;
  }
}

bool is_postgresql_authentication(Bytes payload) {
  Reader message(payload);
  const std::uint32_t type = message.number(1);
  const std::uint32_t length = message.number(4);
  const std::uint32_t code = message.number(4);
  if (!message.ok() || type != 'R') return false;
  switch (code) {
    case 0:  // ok
    case 2:  // Kerberos
    case 3:  // clear text
    case 7:  // GSSAPI
    case 9:  // SSPI
      return length == 8;
    case 5:  // MD5, with its salt
      return length == 12;
    case 10: {  // SASL, with the names of its mechanisms
      const std::uint32_t first = message.number(1);
      return message.ok() && length > 10 && length < 1024 && first >= 'A' && first <= 'Z';
    }
    default:
      return false;
  }
}

bool is_postgresql_error(Bytes payload) {
  Reader message(payload);
  const std::uint32_t type = message.number(1);
  const std::uint32_t length = message.number(4);
  if (type != 'E' || length < 12 || length > 1U << 16) return false;
  const std::string_view severity = text_of(message.take(7));
  using namespace std::string_view_literals;
  return severity == "SFATAL\0"sv || severity == "SERROR\0"sv || severity == "SPANIC\0"sv;
}

bool is_mysql(Bytes payload, Ports ports) {
  constexpr std::size_t kMostVersion = 64;
  if (payload.size() < 7 || payload[1] > 2 || payload[2] != 0 || payload[3] != 0) return false;
  const std::size_t length = static_cast<std::size_t>(payload[1]) << 8 | payload[0];
  const Bytes packet = payload.subspan(4, std::min(length, payload.size() - 4));
  if (packet.size() < 3) return false;
  if (packet[0] == 0xFF) {  // a refusal, such as 1040, "Too many connections"
    const int code = packet[2] << 8 | packet[1];
    return ports.sender == 3306 && code >= 1000 && code < 2000 && length > 3;
  }
  if (packet[0] != 10) return false;
  const std::string_view version = text_of(packet.subspan(1)).substr(0, kMostVersion);
  const std::size_t end = version.find('\0');
  if (end == std::string_view::npos || end < 3 || !is_digit(version[0]) ||
      !std::all_of(version.begin(), version.begin() + static_cast<std::ptrdiff_t>(end),
                   [](char each) { return each == ' ' || is_visible(each); })) {
    return false;
  }
  // Then the thread, 8 bytes of the challenge, a zero, and 2 bytes of capabilities at least.
  const std::size_t zero = 1 + end + 1 + 4 + 8;
  return length >= zero + 3 && (packet.size() <= zero || packet[zero] == 0);
}

// An array, which every command is, of a bulk string: *2\r\n$4\r\nLLEN\r\n…
bool is_redis_array(std::string_view text) {
  return cut_prefix(text, "*") && cut_number(text, 7) && cut_prefix(text, "\r\n$") &&
         cut_number(text, 9) && text.starts_with("\r\n");
}

bool is_amqp(Bytes payload) {
  if (payload.size() < 8 || !text_of(payload).starts_with("AMQP")) return false;
  // Protocol (TLS is 2, SASL 3) and version; 0-8 wrote 1 1 8 0, 0-10 writes 1 1 0 10.
  return std::all_of(payload.begin() + 4, payload.begin() + 8,
                     [](unsigned char each) { return each <= 10; });
}

bool is_memcached_text(std::string_view text, Ports ports) {
  // Behind the command: a key, numbers, and perhaps "noreply". `get` has any number of keys.
  struct Command {
    std::string_view name;
    int numbers;
  };
  static constexpr std::array<Command, 12> kCommands = {{{"get", 0},
                                                         {"gets", 0},
                                                         {"set", 3},
                                                         {"add", 3},
                                                         {"incr", 1},
                                                         {"decr", 1},
                                                         {"cas", 4},
                                                         {"append", 3},
                                                         {"prepend", 3},
                                                         {"replace", 3},
                                                         {"touch", 1},
                                                         {"delete", 0}}};
  constexpr std::size_t kLongestCommand = 7;
  constexpr std::size_t kLongestKey = 250;
  if (ports.have(11211) && (text.starts_with("stats\r\n") || text.starts_with("version\r\n"))) {
    return true;
  }
  const std::size_t blank = text.substr(0, kLongestCommand + 1).find(' ');
  if (blank == std::string_view::npos) return false;
  const std::string_view name = text.substr(0, blank);
  const auto command = std::find_if(kCommands.begin(), kCommands.end(),
                                    [&](const Command& each) { return each.name == name; });
  if (command == kCommands.end()) return false;
  text.remove_prefix(blank);
  bool has_more_keys = name.starts_with("get");
  do {
    if (!cut_prefix(text, " ")) return false;
    const auto key_end = std::find_if(text.begin(), text.end(), [](char each) {
      return static_cast<unsigned char>(each) <= ' ' || each == 0x7F;
    });
    const auto key = static_cast<std::size_t>(key_end - text.begin());
    if (key == 0 || key > kLongestKey) return false;
    text.remove_prefix(key);
    has_more_keys = has_more_keys && text.starts_with(' ');
  } while (has_more_keys);
  for (int number = 0; number < command->numbers; ++number) {
    if (!cut_prefix(text, " ")) return false;
    if (number == 1) cut_prefix(text, "-");  // an expiry in the past
    if (!cut_number(text, 20)) return false;
  }
  if (!name.starts_with("get")) cut_prefix(text, " noreply");
  return text.starts_with("\r\n");
}

bool is_memcached_binary(Bytes payload) {
  Reader request(payload);
  const std::uint32_t magic = request.number(1);
  const std::uint32_t opcode = request.number(1);
  const std::uint32_t key = request.number(2);
  const std::uint32_t extras = request.number(1);
  const std::uint32_t type = request.number(1);
  const std::uint32_t bucket = request.number(2);
  const std::uint32_t body = request.number(4);
  request.take(12);  // opaque, compare-and-swap
  return request.ok() && magic == 0x80 && opcode <= 0x24 && key <= 250 &&
         (extras == 0 || extras == 4 || extras == 8 || extras == 20) && type == 0 &&
         bucket <= 1024 && body >= key + extras && body <= 1U << 27;
}

bool is_mqtt_connect(Bytes payload) {
  using namespace std::string_view_literals;
  Reader packet(payload);
  if (packet.number(1) != 0x10) return false;
  std::uint32_t length = 0;
  for (unsigned shift = 0;; shift += 7) {
    if (shift > 21) return false;
    const std::uint32_t byte = packet.number(1);
    length |= (byte & 0x7F) << shift;
    if ((byte & 0x80) == 0) break;
  }
  const std::string_view name = "\0\4MQTT"sv;
  const Bytes found = packet.take(name.size());
  const std::uint32_t level = packet.number(1) & 0x7F;  // the top bit is a bridge's
  return packet.ok() && text_of(found) == name && level >= 4 && level <= 5 && length >= 12;
}

// A server's "220 " or "220-" and its words.
std::string_view greeting(std::string_view text, Ports ports) {
  if (text.size() < 4 || (text[3] != ' ' && text[3] != '-') || !text.starts_with("220")) return {};
  if (ports.sender == 21) return "ftp";
  if (ports.sender == 25 || ports.sender == 587) return "smtp";
  const std::string_view line = text.substr(0, std::min(text.find('\n'), std::size_t{512}));
  const std::size_t ftp = line.find("FTP");
  const std::size_t smtp = line.find("SMTP");
  if (ftp == smtp) return {};  // neither
  return ftp < smtp ? "ftp" : "smtp";
}

void detect_tcp(Bytes payload, Ports ports, std::span<char> scratch, Service& service) {
  const std::string_view text = text_of(payload);
  switch (payload[0]) {
    case 0x00:
      if (is_postgresql_startup(payload)) {
        service.name = "postgresql";
      } else {
        is_dns_over_tcp(payload, ports, scratch, service);
      }
      break;
    case 0x10:
      if (is_mqtt_connect(payload)) service.name = "mqtt";
      break;
    case 0x16:
      is_tls(payload, service);
      break;
    case 0x80:
      if (is_memcached_binary(payload)) service.name = "memcached";
      break;
    case '*':
      if (is_redis_array(text)) service.name = "redis";
      break;
    case '2':
      service.name = greeting(text, ports);
      break;
    case 'A':
      if (is_amqp(payload)) {
        service.name = "amqp";
      } else {
        is_http(text, service);
      }
      break;
    case 'E':
      if (text.starts_with("EHLO ")) {
        service.name = "smtp";
      } else if (is_postgresql_error(payload)) {
        service.name = "postgresql";
      }
      break;
    case 'H':
      if (text.starts_with("HELO ")) {
        service.name = "smtp";
      } else {
        is_http(text, service);
      }
      break;
    case 'P':
      // IRC's PING has an argument.
      if (text.starts_with("PING\r\n")) {
        service.name = "redis";
      } else {
        is_http(text, service);
      }
      break;
    case 'R':
      if (is_postgresql_authentication(payload)) {
        service.name = "postgresql";
      } else {
        is_http(text, service);
      }
      break;
    case 'S':
      if (text.starts_with("SSH-") && (text.size() == 4 || is_digit(text[4]))) {
        service.name = "ssh";
      } else {
        is_http(text, service);
      }
      break;
    case 'U':
      // POP3 and IRC have a USER too.
      if (ports.receiver == 21 && text.starts_with("USER ")) {
        service.name = "ftp";
      } else {
        is_http(text, service);
      }
      break;
    case 'B':
    case 'C':
    case 'D':
    case 'G':
    case 'L':
    case 'M':
    case 'N':
    case 'O':
    case 'Q':
    case 'T':
    case 'V':
      is_http(text, service);
      break;
    case 'a':
    case 'c':
    case 'd':
    case 'g':
    case 'i':
    case 'p':
    case 'r':
    case 's':
    case 't':
    case 'v':
      if (is_memcached_text(text, ports)) service.name = "memcached";
      break;
    default:
      // The length of a DNS message. One of 4,096 bytes or more may begin as another protocol does,
      // and is not looked for.
      is_dns_over_tcp(payload, ports, scratch, service);
      break;
  }
  // The first byte is the low one of a length.
  if (service.name.empty() && is_mysql(payload, ports)) service.name = "mysql";
}

// --- UDP

bool is_quic(Bytes payload) {
  constexpr std::size_t kMostId = 20;
  // A long header and its fixed bit. That bit may be "greased" (RFC 9287), but only once both know.
  if ((payload[0] & 0xC0) != 0xC0) return false;
  Reader packet(payload.subspan(1));
  const std::uint32_t version = packet.number(4);
  const bool is_draft = version > 0xFF000000 && version <= 0xFF000022;  // up to draft 34
  const bool is_known = version == 1 || version == 0x6B3343CF || is_draft;
  const std::uint32_t to = packet.number(1);
  packet.take(to);
  const std::uint32_t from = packet.number(1);
  return packet.ok() && is_known && to <= kMostId && from <= kMostId;
}

bool is_ntp(Bytes payload) {
  if (payload.size() < 48) return false;
  const int version = payload[0] >> 3 & 7;
  const int mode = payload[0] & 7;
  return version >= 1 && version <= 4 && mode >= 1 && mode <= 5;
}

}  // namespace

Service detect_service(Transport transport, bool is_from_originator, std::uint16_t originator_port,
                       std::uint16_t responder_port, std::span<const unsigned char> payload,
                       std::span<char> scratch) {
  Service service;
  if (payload.empty()) return service;
  const Ports ports = is_from_originator ? Ports{originator_port, responder_port}
                                         : Ports{responder_port, originator_port};
  if (transport == Transport::kTcp) {
    detect_tcp(payload, ports, scratch, service);
  } else if (is_quic(payload)) {
    service.name = "quic";
  } else if (ports.have(123)) {
    if (is_ntp(payload)) service.name = "ntp";
  } else {
    is_dns(payload, std::nullopt, ports, scratch, service);
  }
  return service;
}

}  // namespace tracebraid::converters::pcap
