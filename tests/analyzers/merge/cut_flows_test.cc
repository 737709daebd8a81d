// A capture that is cut in two, and whose pieces are converted apart, has the flows of the whole:
// FlowParts takes a flow for the continuation of another one exactly when the converter, reading
// both as one, would have.
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "analyzers/merge/flow_parts.h"
#include "tests/converters/pcap/packets.h"

namespace tracebraid::analyzers {
namespace {

using namespace tests;
using formats::record::AnyRecord;
using formats::record::Flow;

// Between packets, before the gap.
constexpr std::int64_t kShortestStep = kMillisecond;
constexpr std::int64_t kLongestStep = 3 * kSecond;

struct Frame {
  std::string bytes;
  std::uint32_t length;  // on the wire
};

struct Conversation {
  std::string name;
  std::vector<Frame> before = {}, after = {};  // the cut
  std::int64_t longest_step = kLongestStep;
};

Frame whole(std::string bytes) {
  const auto length = static_cast<std::uint32_t>(bytes.size());
  return {std::move(bytes), length};
}

// "c S 0", "s SA 0 1", "c PA 1 1 5": the side, flags, sequence and acknowledgement numbers as the
// other counts them, bytes.
struct Word {
  bool is_client;
  std::string_view flags;
  std::uint32_t seq;
  std::uint32_t ack = 0;
  std::size_t bytes = 0;
};

Frame segment(const Word& word, std::uint16_t port, std::uint16_t id) {
  constexpr std::string_view kFlags = "FSRPA";
  std::uint8_t flags = 0;
  for (const char each : word.flags) {
    flags = static_cast<std::uint8_t>(flags | 1U << kFlags.find(each));
  }
  const std::uint32_t isns[] = {1000, 5'000'000};
  const Hosts hosts = word.is_client ? hosts4() : hosts4().turned();
  return whole(ipv4(hosts, 6,
                    tcp(hosts,
                        {.source = word.is_client ? std::uint16_t{40000} : port,
                         .destination = word.is_client ? port : std::uint16_t{40000},
                         .seq = isns[word.is_client ? 0 : 1] + word.seq,
                         .ack = (flags & 0x10U) != 0 ? isns[word.is_client ? 1 : 0] + word.ack : 0,
                         .flags = flags},
                        std::string(word.bytes, 'x')),
                    {.id = id}));
}

Conversation tcp_talk(std::string_view name, std::uint16_t port, const std::vector<Word>& before,
                      const std::vector<Word>& after) {
  Conversation all;
  all.name = std::string(name) + " at port " + std::to_string(port);
  std::uint16_t id = 0;
  for (const Word& word : before) all.before.push_back(segment(word, port, ++id));
  for (const Word& word : after) all.after.push_back(segment(word, port, ++id));
  return all;
}

std::vector<Conversation> conversations() {
  constexpr bool kC = true;
  constexpr bool kS = false;
  struct Row {
    std::string_view name;
    std::vector<Word> before, after;
    std::int64_t longest_step = kLongestStep;
  };
  const Row rows[] = {
      {"asking", {{kC, "S", 0}}, {{kC, "S", 0}}},
      {"asking twice", {{kC, "S", 0}, {kC, "S", 0}}, {{kC, "S", 0}}},
      {"asking, then answered", {{kC, "S", 0}}, {{kS, "SA", 0, 1}}},
      {"a lone answer", {{kS, "SA", 0, 1}}, {{kS, "SA", 0, 1}}},
      {"a lone answer, then more", {{kS, "SA", 0, 1}}, {{kC, "A", 1, 1}}},
      {"half open", {{kC, "S", 0}, {kS, "SA", 0, 1}}, {{kC, "A", 1, 1}}},
      {"open", {{kC, "S", 0}, {kS, "SA", 0, 1}, {kC, "A", 1, 1}}, {{kC, "PA", 1, 1, 5}}},
      {"open, one side seen", {{kC, "S", 0}, {kC, "A", 1, 1}}, {{kC, "PA", 1, 1, 5}}},
      {"in the middle", {{kC, "PA", 1, 1, 5}, {kS, "A", 1, 6}}, {{kC, "PA", 6, 1, 5}}},
      {"in the middle, one side seen", {{kS, "PA", 1, 1, 5}}, {{kS, "PA", 6, 1, 5}}},
      {"one side closed",
       {{kC, "S", 0}, {kS, "SA", 0, 1}, {kC, "A", 1, 1}, {kC, "FA", 1, 1}, {kS, "A", 1, 2}},
       {{kS, "PA", 1, 2, 5}}},
      {"one side closed, one side seen", {{kC, "S", 0}, {kC, "FA", 1, 1}}, {{kC, "A", 2, 2}}},
      {"closed",
       {{kC, "S", 0}, {kS, "SA", 0, 1}, {kC, "A", 1, 1}, {kC, "FA", 1, 1}, {kS, "FA", 1, 2}},
       {{kC, "A", 2, 2}}},
      {"reset",
       {{kC, "S", 0}, {kS, "SA", 0, 1}, {kC, "A", 1, 1}, {kC, "R", 1}},
       {{kS, "PA", 1, 1, 5}}},
      {"refused", {{kC, "S", 0}, {kS, "RA", 0, 1}}, {{kS, "RA", 0, 1}}},
      {"closed, then reset by the same side",
       {{kC, "S", 0}, {kS, "SA", 0, 1}, {kC, "A", 1, 1}, {kC, "FA", 1, 1}, {kC, "R", 2}},
       {{kS, "PA", 1, 2, 5}},
       // When the FIN came, no record tells; it is taken to have come just before the RST.
       kShortestStep},
  };
  constexpr std::uint16_t kTcpPorts[] = {80, 22, 12345};
  constexpr std::uint16_t kUdpPorts[] = {53, 137, 5353, 5355, 2000};
  std::vector<Conversation> all;
  for (const Row& row : rows) {
    for (const std::uint16_t port : kTcpPorts) {
      all.push_back(tcp_talk(row.name, port, row.before, row.after));
      all.back().longest_step = row.longest_step;
    }
  }
  // Of a datagram that is cut behind the ports nothing is known but those.
  const auto cut = [](Frame frame) {
    frame.bytes.resize(20 + 8);
    return frame;
  };
  const Frame short_one = cut(segment({kC, "PA", 1, 1, 5}, 12345, 1));
  all.push_back({.name = "TCP without its flags", .before = {short_one}, .after = {short_one}});
  const Hosts hosts = hosts4();
  for (const std::uint16_t port : kUdpPorts) {
    const Frame query = whole(ipv4(hosts, 17, udp(hosts, 1000, port, "ask")));
    const Frame answer = whole(ipv4(hosts.turned(), 17, udp(hosts.turned(), port, 1000, "told")));
    const std::string name = "UDP to port " + std::to_string(port);
    all.push_back({.name = name, .before = {query}, .after = {query}});
    all.push_back({.name = name + ", answered", .before = {query, answer}, .after = {query}});
    all.push_back({.name = name + ", the answer cut off", .before = {query}, .after = {answer}});
  }
  const Frame echo = whole(ipv4(hosts, 1, icmp4(8, 0, "abcd")));
  all.push_back({.name = "ICMP", .before = {echo}, .after = {echo}});
  const Frame ospf = whole(ipv4(hosts, 89, "ospf"));
  all.push_back({.name = "another protocol", .before = {ospf}, .after = {ospf}});
  return all;
}

void take(Capture& capture, const std::vector<Frame>& frames, std::int64_t begin,
          std::int64_t step) {
  for (std::size_t at = 0; at < frames.size(); ++at) {
    static_cast<void>(capture.add(begin + static_cast<std::int64_t>(at) * step, frames[at].bytes,
                                  kLinkRaw, frames[at].length));
  }
}

Capture::TableOptions table_options() {
  Capture::TableOptions options;
  // Those of the names, too, as pcapflows has them.
  for (const std::size_t port : {137U, 5353U, 5355U}) options.server_ports.udp.set(port);
  return options;
}

// How many packets each flow has, when the second piece begins `gap` behind the first one's end.
struct Flows {
  std::vector<std::uint64_t> of_whole, of_pieces;
};

Flows flows_of(const Conversation& talk, std::int64_t step, std::int64_t gap) {
  const std::int64_t end = kStart + static_cast<std::int64_t>(talk.before.size() - 1) * step;
  Flows flows;
  const auto packets = [](const Flow& flow) { return flow.orig_pkts + flow.resp_pkts; };
  Capture whole_capture(table_options());
  take(whole_capture, talk.before, kStart, step);
  take(whole_capture, talk.after, end + gap, step);
  for (const Flow& flow : whole_capture.finish()) flows.of_whole.push_back(packets(flow));

  Capture first(table_options());
  Capture second(table_options());
  take(first, talk.before, kStart, step);
  take(second, talk.after, end + gap, step);
  std::vector<Flow> pieces = first.finish();
  for (const Flow& flow : second.finish()) pieces.push_back(flow);
  FlowParts parts(
      100, [&](const AnyRecord& any) { flows.of_pieces.push_back(packets(*any.as<Flow>())); });
  for (const Flow& flow : pieces) parts.add(AnyRecord(flow));
  parts.finish();
  return flows;
}

TEST(CutFlows, AreJoinedExactlyWhenTheWholeHasOne) {
  std::mt19937_64 random(20261123);
  std::uint64_t joined = 0;
  std::uint64_t apart = 0;
  for (const Conversation& talk : conversations()) {
    for (const std::int64_t step : {kShortestStep, kLongestStep}) {
      if (step > talk.longest_step) continue;
      std::vector<std::int64_t> gaps;
      for (const std::int64_t seconds : {1, 5, 8, 9, 10, 11, 59, 60, 300, 3600}) {
        for (const std::int64_t off : {-1, 0, 1}) gaps.push_back(seconds * kSecond + off);
      }
      // From half a second to three hours, each size as often as another.
      std::uniform_real_distribution<double> sizes(-0.7, 9.3);
      for (int draw = 0; draw < 60; ++draw) {
        gaps.push_back(static_cast<std::int64_t>(std::exp(sizes(random)) * 1e9));
      }
      for (const std::int64_t gap : gaps) {
        const Flows flows = flows_of(talk, step, gap);
        (flows.of_whole.size() == 1 ? joined : apart) += 1;
        EXPECT_EQ(flows.of_pieces, flows.of_whole)
            << talk.name << ", a packet every " << step << " ns, then nothing for " << gap;
      }
    }
  }
  EXPECT_GT(joined, 1000U);
  EXPECT_GT(apart, 1000U);
}

}  // namespace
}  // namespace tracebraid::analyzers
