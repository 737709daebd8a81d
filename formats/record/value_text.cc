#include "formats/record/value_text.h"

#include <array>
#include <charconv>

#include <arpa/inet.h>
#include <sys/socket.h>

namespace tracebraid::formats::record {
namespace {

template <typename Number>
void append_number(std::string& out, Number number) {
  std::array<char, 24> digits;
  const auto result = std::to_chars(digits.data(), digits.data() + digits.size(), number);
  out.append(digits.data(), result.ptr);
}

}  // namespace

void append_seconds(std::string& out, std::int64_t ns) {
  constexpr std::uint64_t kSecond = 1'000'000'000;
  const bool is_negative = ns < 0;
  const std::uint64_t size =
      is_negative ? ~static_cast<std::uint64_t>(ns) + 1 : static_cast<std::uint64_t>(ns);
  if (is_negative) out += '-';
  append_number(out, size / kSecond);
  std::array<char, 10> fraction;
  fraction[0] = '.';
  std::uint64_t rest = size % kSecond;
  for (std::size_t digit = 9; digit > 0; --digit) {
    fraction[digit] = static_cast<char>('0' + rest % 10);
    rest /= 10;
  }
  out.append(fraction.data(), fraction.size());
}

void append_address(std::string& out, std::string_view bytes) {
  if (bytes.size() == 4) {
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      if (at > 0) out += '.';
      append_number(out, static_cast<unsigned>(static_cast<unsigned char>(bytes[at])));
    }
    return;
  }
  std::array<char, INET6_ADDRSTRLEN> text;
  if (::inet_ntop(AF_INET6, bytes.data(), text.data(), text.size()) != nullptr) out += text.data();
}

void append_plain(std::string& out, const Value& value, std::string_view yes, std::string_view no) {
  switch (value.kind()) {
    case Kind::kBool:
      out += value.as_uint() != 0 ? yes : no;
      break;
    case Kind::kUint:
      append_number(out, value.as_uint());
      break;
    case Kind::kInt:
      append_number(out, value.as_int());
      break;
    case Kind::kTime:
    case Kind::kDuration:
      append_seconds(out, value.as_int());
      break;
    case Kind::kAddress:
      append_address(out, value.bytes());
      break;
    case Kind::kText:
    case Kind::kNil:
      break;
  }
}

}  // namespace tracebraid::formats::record
