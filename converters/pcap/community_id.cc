#include "converters/pcap/community_id.h"

#include <cstddef>

#include <nettle/base64.h>
#include <nettle/sha1.h>

namespace tracebraid::converters::pcap {

std::string_view community_id(const FlowKey& key, std::uint16_t port_a, std::uint16_t port_b,
                              std::uint16_t seed, std::array<char, 31>& into) {
  std::array<std::uint8_t, 2 + 2 * 16 + 2 + 4> text{};
  std::size_t size = 0;
  const auto put = [&](std::uint64_t value, unsigned bytes) {
    while (bytes-- > 0) text[size++] = static_cast<std::uint8_t>(value >> (8 * bytes));
  };
  const auto put_address = [&](const HostAddress& address) {
    if (key.is_ipv6) put(address.high, 8);
    put(address.low, key.is_ipv6 ? 8 : 4);
  };
  put(seed, 2);
  put_address(key.a);
  put_address(key.b);
  put(key.protocol, 1);
  put(0, 1);
  switch (key.protocol) {
    case kProtocolTcp:
    case kProtocolUdp:
    case kProtocolSctp:
    case kProtocolIcmp:
    case kProtocolIcmp6:
      put(port_a, 2);
      put(port_b, 2);
      break;
    default:
      break;
  }
  sha1_ctx context;
  sha1_init(&context);
  sha1_update(&context, size, text.data());
  std::array<std::uint8_t, SHA1_DIGEST_SIZE> digest;
  sha1_digest(&context, digest.size(), digest.data());
  into[0] = '1';
  into[1] = ':';
  base64_encode_raw(into.data() + 2, digest.size(), digest.data());
  return {into.data(), 2 + BASE64_ENCODE_RAW_LENGTH(SHA1_DIGEST_SIZE)};
}

}  // namespace tracebraid::converters::pcap
