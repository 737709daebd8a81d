#include "converters/pcap/dns_tally.h"

#include <algorithm>
#include <string_view>

#include "formats/record/dns.h"

namespace tracebraid::converters::pcap {

void DnsTally::add(std::span<const std::uint8_t> message, std::int64_t ts_ns) {
  constexpr std::size_t kHeader = 12;
  if (message.size() < kHeader) return;
  const auto id = static_cast<std::uint16_t>(message[0] << 8U | message[1]);
  const bool is_answer = (message[2] & 0x80U) != 0;
  const auto known = std::find_if(open_.begin(), open_.end(),
                                  [&](const Open& one) { return one.is_open && one.id == id; });
  if (!is_answer) {
    if (known != open_.end()) return;
    open_[next_++ % kMostOpen] = {ts_ns, id, true};
    ++queries_;
    return;
  }
  if (known == open_.end()) return;
  known->is_open = false;
  ++answers_;
  ++rcodes_[message[3] & 0x0FU];
  longest_ = std::max(longest_, ts_ns - known->ts);
}

void DnsTally::start_part() {
  rcodes_ = {};
  queries_ = answers_ = 0;
  longest_ = -1;
}

std::string DnsTally::rcodes() const {
  using formats::record::kDnsRcodes;
  std::string text;
  for (std::size_t code = 0; code < rcodes_.size(); ++code) {
    if (rcodes_[code] == 0) continue;
    if (!text.empty()) text += ", ";
    text +=
        code < kDnsRcodes.size() ? std::string(kDnsRcodes[code]) : "RCODE" + std::to_string(code);
    text += ' ';
    text += std::to_string(rcodes_[code]);
  }
  return text;
}

}  // namespace tracebraid::converters::pcap
