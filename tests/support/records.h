// Flow records as a capture of a web server gives them, all fields filled but those of tunnels.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "formats/record/flow.h"

namespace tracebraid::tests {

// A thousand different ones, over and over.
class Flows {
 public:
  Flows() : flows_(kCount), uids_(kCount), ids_(kCount) {
    std::uint64_t random = 88172645463325252ULL;  // xorshift64 (Marsaglia, 2003)
    const auto next = [&](std::uint64_t below) {
      random ^= random << 13;
      random ^= random >> 7;
      random ^= random << 17;
      return random % below;
    };
    const auto ns = [&](std::uint64_t below) {
      return formats::record::Duration{static_cast<std::int64_t>(next(below))};
    };
    for (std::size_t at = 0; at < kCount; ++at) {
      using formats::record::Time;
      formats::record::Flow& flow = flows_[at];
      uids_[at] = "C" + std::to_string(next(UINT64_MAX));
      ids_[at] = "1:" + std::string(27, static_cast<char>('A' + next(26))) + "=";
      const std::int64_t start =
          1'700'000'000'000'000'000 + static_cast<std::int64_t>(at * 1'234'567 + next(1'000'000));
      const auto after = [&](std::uint64_t below) {
        return Time{start + static_cast<std::int64_t>(next(below))};
      };
      flow.ts = {start};
      flow.uid = uids_[at];
      flow.orig_h.size = flow.resp_h.size = at % 4 == 0 ? 16 : 4;
      for (auto& byte : flow.orig_h.bytes) byte = static_cast<std::uint8_t>(next(256));
      for (auto& byte : flow.resp_h.bytes) byte = static_cast<std::uint8_t>(next(256));
      flow.orig_p = static_cast<std::uint16_t>(32768 + next(28000));
      flow.resp_p = 443;
      flow.proto = "tcp";
      flow.service = at % 3 == 0 ? "http" : "ssl";
      flow.duration = ns(5'000'000'000);
      flow.orig_bytes = next(5000);
      flow.resp_bytes = next(500'000);
      flow.conn_state = "SF";
      flow.history = "ShADadFf";
      flow.orig_pkts = next(100);
      flow.orig_ip_bytes = next(10'000);
      flow.resp_pkts = next(300);
      flow.resp_ip_bytes = next(500'000);
      flow.ip_proto = 6;
      flow.last_ts = after(6'000'000'000);
      flow.end_reason = "closed";
      flow.closed_by = "orig";
      flow.community_id = ids_[at];
      flow.host = "shop.example.org";
      flow.query = at % 3 == 0 ? "GET /catalog?page=3" : "";
      flow.orig_payload_bytes = next(5000);
      flow.resp_payload_bytes = next(500'000);
      flow.orig_uniq_bytes = next(5000);
      flow.resp_uniq_bytes = next(500'000);
      for (auto* each :
           {&flow.orig_first_ts, &flow.orig_last_ts, &flow.resp_first_ts, &flow.resp_last_ts,
            &flow.orig_first_data, &flow.orig_last_data, &flow.resp_first_data,
            &flow.resp_last_data, &flow.syn_ts, &flow.synack_ts, &flow.handshake_ack_ts}) {
        *each = after(5'000'000'000);
      }
      for (auto* each :
           {&flow.synack_rtt, &flow.ack_rtt, &flow.handshake_rtt, &flow.response_latency,
            &flow.orig_rtt_min, &flow.orig_rtt_avg, &flow.orig_rtt_max, &flow.resp_rtt_min,
            &flow.resp_rtt_avg, &flow.resp_rtt_max, &flow.max_idle}) {
        *each = ns(50'000'000);
      }
      flow.orig_rtt_samples = next(40);
      flow.resp_rtt_samples = next(200);
      flow.resp_rexmit_pkts = next(3);
      flow.resp_rexmit_bytes = next(3) * 1448;
      flow.orig_dupacks = next(4);
      flow.orig_tcp_flags = "APSF";
      flow.resp_tcp_flags = "APSF";
      flow.orig_mss = flow.resp_mss = std::uint16_t{1460};
      flow.orig_ttl = std::uint8_t{64};
      flow.resp_ttl = std::uint8_t{57};
      flow.if_id = 0U;
      flow.if_name = "eth0";
    }
  }

  [[nodiscard]] const formats::record::Flow& operator[](std::uint64_t at) const {
    return flows_[at % kCount];
  }

 private:
  static constexpr std::size_t kCount = 1000;
  std::vector<formats::record::Flow> flows_;
  std::vector<std::string> uids_;
  std::vector<std::string> ids_;
};

}  // namespace tracebraid::tests
