// Captures are built byte by byte from the definitions; where libpcap reads the same, it is the
// second opinion. Set TRACEBRAID_CORPUS to compare with it on real captures, too.
#include "formats/pcap/capture_reader.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "formats/io/looks_like.h"
#include "formats/pcap/filter.h"
#include "formats/pcap/libpcap_reader.h"
#include "formats/pcap/link_type.h"
#include "formats/pcap/time_unit.h"

namespace tracebraid::formats::pcap {
namespace {

using namespace std::string_view_literals;

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kNoTime = Packet::kNoTime;

class Silent final : public io::Messages {
 public:
  void line(std::string_view) override {}
};

// A packet with what it points to.
struct Seen {
  std::string bytes;
  std::uint32_t length = 0;
  std::int64_t ts_ns = 0;
  std::uint32_t link_type = 0;
  std::uint32_t snaplen = 0;
  std::optional<std::uint32_t> id;
  std::string name;

  bool operator==(const Seen&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Seen& seen) {
  return out << "{" << seen.bytes.size() << " of " << seen.length << " at " << seen.ts_ns
             << ", link " << seen.link_type << ", snaplen " << seen.snaplen << ", id "
             << (seen.id ? static_cast<int>(*seen.id) : -1) << " " << seen.name << "}";
}

struct Outcome {
  std::vector<Seen> packets;
  std::string error;
  std::uint64_t counted = 0;
  bool damaged = false;
};

const std::vector<const io::Counter*> kCounters = {&kLengthBelowCaptured, &kFractionBeyondSecond,
                                                   &kTimeOutOfRange, &kUnknownInterface,
                                                   &kBadInterfaceOption};

void read_all(PacketSource& reader, std::vector<Seen>& into, std::size_t batch = 3) {
  std::vector<Packet> packets(batch);
  while (const std::size_t count = reader.read(packets)) {
    for (const Packet& each : std::span(packets).first(count)) {
      into.push_back({std::string(reinterpret_cast<const char*>(each.data), each.captured),
                      each.length, each.ts_ns, each.interface->link_type, each.interface->snaplen,
                      each.interface->id, each.interface->name});
    }
  }
}

Outcome read(std::string_view bytes, std::size_t piece = SIZE_MAX, std::size_t window = 16) {
  Silent messages;
  io::Diagnostics diagnostics(messages, "test");
  const auto source = io::memory_source("in", std::span(bytes.data(), bytes.size()), piece);
  CaptureReader reader(*source, diagnostics, window);
  Outcome outcome;
  try {
    read_all(reader, outcome.packets);
  } catch (const io::Error& error) {
    outcome.error = error.position + (error.position.empty() ? "" : ": ") + error.what;
  }
  for (const io::Counter* each : kCounters) outcome.counted += diagnostics.total(*each);
  outcome.damaged = diagnostics.damaged();
  return outcome;
}

// Whatever the pieces are, the same comes out.
Outcome read_in_pieces(std::string_view bytes) {
  const Outcome whole = read(bytes, SIZE_MAX, 1 << 20);
  for (const std::size_t piece : {1U, 2U, 3U, 7U, 65536U}) {
    const Outcome pieces = read(bytes, piece);
    EXPECT_EQ(pieces.packets, whole.packets) << piece;
    EXPECT_EQ(pieces.error, whole.error) << piece;
    EXPECT_EQ(pieces.counted, whole.counted) << piece;
  }
  return whole;
}

class Builder {
 public:
  explicit Builder(bool big_endian = false) : big_(big_endian) {}

  template <typename Number>
  Builder& number(Number value) {
    for (std::size_t i = 0; i < sizeof value; ++i) {
      const std::size_t shift = 8 * (big_ ? sizeof value - 1 - i : i);
      text_.push_back(static_cast<char>(static_cast<std::uint64_t>(value) >> shift));
    }
    return *this;
  }
  Builder& u16(std::uint32_t value) { return number(static_cast<std::uint16_t>(value)); }
  Builder& u32(std::uint32_t value) { return number(value); }
  Builder& u64(std::uint64_t value) { return number(value); }
  Builder& bytes(std::string_view value) {
    text_ += value;
    return *this;
  }
  Builder& padded(std::string_view value) {
    text_ += value;
    text_.append((4 - value.size() % 4) % 4, '\0');
    return *this;
  }

  // pcap
  Builder& file_header(std::uint32_t magic, std::uint32_t snaplen = 65535,
                       std::uint32_t link_type = 1, std::uint32_t minor = 4) {
    return u32(magic).u16(2).u16(minor).u32(0).u32(0).u32(snaplen).u32(link_type);
  }
  Builder& record(std::uint32_t seconds, std::uint32_t fraction, std::string_view packet,
                  std::uint32_t length, std::string_view more_head = "") {
    return u32(seconds)
        .u32(fraction)
        .u32(static_cast<std::uint32_t>(packet.size()))
        .u32(length)
        .bytes(more_head)
        .bytes(packet);
  }

  // pcapng
  Builder& block(std::uint32_t type, const std::function<void(Builder&)>& body) {
    Builder inside(big_);
    body(inside);
    const auto total = static_cast<std::uint32_t>(inside.text_.size() + 12);
    return u32(type).u32(total).bytes(inside.text_).u32(total);
  }
  Builder& section() {
    return block(0x0A0D0D0A, [](Builder& body) {
      body.u32(0x1A2B3C4D).u16(1).u16(0).u64(UINT64_MAX).option(4, "a test").option(0, "");
    });
  }
  Builder& option(std::uint32_t code, std::string_view value) {
    return u16(code).u16(static_cast<std::uint32_t>(value.size())).padded(value);
  }
  Builder& interface(
      std::uint32_t link_type, std::uint32_t snaplen,
      const std::function<void(Builder&)>& options = [](Builder&) {}) {
    return block(1, [&](Builder& body) {
      body.u16(link_type).u16(0).u32(snaplen);
      options(body);
    });
  }
  Builder& enhanced(std::uint32_t id, std::uint64_t ticks, std::string_view packet,
                    std::uint32_t length) {
    return block(6, [&](Builder& body) {
      body.u32(id)
          .u32(static_cast<std::uint32_t>(ticks >> 32))
          .u32(static_cast<std::uint32_t>(ticks));
      body.u32(static_cast<std::uint32_t>(packet.size())).u32(length).padded(packet);
      body.option(2, "\1\0\0\0"sv).option(0, "");
    });
  }
  Builder& simple(std::string_view packet, std::uint32_t length) {
    return block(3, [&](Builder& body) { body.u32(length).padded(packet); });
  }
  Builder& obsolete(std::uint32_t id, std::uint64_t ticks, std::string_view packet,
                    std::uint32_t length) {
    return block(2, [&](Builder& body) {
      body.u16(id)
          .u16(7)
          .u32(static_cast<std::uint32_t>(ticks >> 32))
          .u32(static_cast<std::uint32_t>(ticks));
      body.u32(static_cast<std::uint32_t>(packet.size())).u32(length).padded(packet);
    });
  }

  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  bool big_;
  std::string text_;
};

std::string small_pcap(bool big_endian = false) {
  return Builder(big_endian)
      .file_header(0xA1B2C3D4)
      .record(1688805163, 3000, "hello", 5)
      .record(1688805163, 999'999, "", 60)
      .record(1688805164, 0, "cut off", 1514)
      .text();
}

const std::vector<Seen> kSmallPcap = {
    {"hello", 5, 1688805163 * kSecond + 3'000'000, 1, 65535, std::nullopt, ""},
    {"", 60, 1688805163 * kSecond + 999'999'000, 1, 65535, std::nullopt, ""},
    {"cut off", 1514, 1688805164 * kSecond, 1, 65535, std::nullopt, ""},
};

// All kinds of blocks, two sections of different byte order.
std::string small_pcapng() {
  Builder little;
  little.section();
  little.interface(1, 65535, [](Builder& options) {
    options.option(2, "eth0").option(9, "\x09"sv).option(0, "");
  });
  little.interface(101, 0);
  little.enhanced(0, 1688805163'000'000'001, "abcde", 5);
  little.block(0x0BAD, [](Builder& body) { body.bytes("unknown to everyone."); });
  little.enhanced(1, 1688805163'000'002, "raw", 1500);
  little.simple("simple", 6);
  little.obsolete(1, 1688805163'000'003, "obsolete!", 9);
  little.block(5, [](Builder& body) { body.u32(0).u64(0); });  // interface statistics
  Builder big(true);
  big.section();
  big.interface(276, 4, [](Builder& options) {
    options.option(9, "\x8A"sv).option(14, "\0\0\0\0\0\0\0\x0A"sv).option(2, "any\0"sv);
  });
  big.enhanced(0, (100U << 10) + 512, "abcd", 99);
  big.simple("wxyz", 99);
  return little.text() + big.text();
}

const std::vector<Seen> kSmallPcapng = {
    {"abcde", 5, 1688805163 * kSecond + 1, 1, 65535, 0, "eth0"},
    {"raw", 1500, 1688805163 * kSecond + 2000, 101, 0, 1, ""},
    {"simple", 6, kNoTime, 1, 65535, 0, "eth0"},
    {"obsolete!", 9, 1688805163 * kSecond + 3000, 101, 0, 1, ""},
    {"abcd", 99, 110 * kSecond + kSecond / 2, 276, 4, 0, "any"},
    {"wxyz", 99, kNoTime, 276, 4, 0, "any"},
};

TEST(Capture, PcapInBothByteOrders) {
  for (const bool big_endian : {false, true}) {
    const Outcome outcome = read_in_pieces(small_pcap(big_endian));
    EXPECT_EQ(outcome.packets, kSmallPcap);
    EXPECT_EQ(outcome.error, "");
    EXPECT_EQ(outcome.counted, 0U);
  }
}

TEST(Capture, TheExampleOfTheHeader) {
  const std::string head = Builder().file_header(0xA1B2C3D4).text();
  const Outcome outcome =
      read(head + std::string("\x2b\x1f\xa9\x64\xb8\x0b\0\0\x2a\0\0\0\x2a\0\0\0"sv) +
           std::string(42, 'x'));
  ASSERT_EQ(outcome.packets.size(), 1U);
  EXPECT_EQ(outcome.packets[0].ts_ns, 1688805163'003'000'000);
  EXPECT_EQ(outcome.packets[0].length, 42U);
}

TEST(Capture, PcapWithNanoseconds) {
  for (const bool big_endian : {false, true}) {
    const Outcome outcome = read_in_pieces(Builder(big_endian)
                                               .file_header(0xA1B23C4D)
                                               .record(4'294'967'295, 999'999'999, "x", 1)
                                               .text());
    ASSERT_EQ(outcome.packets.size(), 1U);
    EXPECT_EQ(outcome.packets[0].ts_ns, 4'294'967'295'999'999'999);  // of the year 2106
  }
}

TEST(Capture, PcapWithLongRecordHeads) {
  const Outcome outcome = read_in_pieces(Builder()
                                             .file_header(0xA1B2CD34)
                                             .record(1, 2, "abc", 3, "12345678")
                                             .record(2, 2, "d", 1, "12345678")
                                             .text());
  ASSERT_EQ(outcome.packets.size(), 2U);
  EXPECT_EQ(outcome.packets[0].bytes, "abc");
  EXPECT_EQ(outcome.packets[1].bytes, "d");
}

TEST(Capture, LinkTypeWithoutFrameCheckSequence) {
  // 0x2 words of check sequence, told to be present.
  const std::string bytes =
      Builder().file_header(0xA1B2C3D4, 0, 0x24000071).record(1, 0, "x", 1).text();
  const Outcome outcome = read(bytes);
  ASSERT_EQ(outcome.packets.size(), 1U);
  EXPECT_EQ(outcome.packets[0].link_type, 0x71U);
  EXPECT_EQ(outcome.packets[0].snaplen, 0U);
}

TEST(Capture, LengthsOfOldVersions) {
  const auto with_version = [](std::uint32_t minor, std::uint32_t first, std::uint32_t second) {
    return read(Builder()
                    .file_header(0xA1B2C3D4, 65535, 1, minor)
                    .u32(1)
                    .u32(0)
                    .u32(first)
                    .u32(second)
                    .bytes("abc")
                    .text())
        .packets;
  };
  const std::vector<Seen> expected = {{"abc", 60, kSecond, 1, 65535, std::nullopt, ""}};
  EXPECT_EQ(with_version(4, 3, 60), expected);
  EXPECT_EQ(with_version(3, 3, 60), expected);
  EXPECT_EQ(with_version(3, 60, 3), expected);
  EXPECT_EQ(with_version(2, 60, 3), expected);
}

TEST(Capture, FilesOneAfterAnother) {
  const std::string nanoseconds =
      Builder(true).file_header(0xA1B23C4D, 96, 101).record(7, 8, "raw", 3).text();
  const Outcome outcome = read_in_pieces(small_pcap() + nanoseconds + small_pcap());
  ASSERT_EQ(outcome.error, "");
  ASSERT_EQ(outcome.packets.size(), 7U);
  EXPECT_EQ(outcome.packets[2], kSmallPcap[2]);
  EXPECT_EQ(outcome.packets[3], (Seen{"raw", 3, 7 * kSecond + 8, 101, 96, std::nullopt, ""}));
  EXPECT_EQ(outcome.packets[4], kSmallPcap[0]);
  EXPECT_EQ(read_in_pieces(small_pcapng() + small_pcapng()).packets.size(), 12U);
}

TEST(Capture, PcapngOfAllBlocksAndBothByteOrders) {
  const Outcome outcome = read_in_pieces(small_pcapng());
  EXPECT_EQ(outcome.packets, kSmallPcapng);
  EXPECT_EQ(outcome.error, "");
  EXPECT_EQ(outcome.counted, 0U);
}

TEST(Capture, NoPacketIsNoError) {
  EXPECT_EQ(read(Builder().file_header(0xA1B2C3D4).text()).error, "");
  EXPECT_EQ(read(Builder().section().text()).error, "");
}

TEST(Capture, UnitsOfTime) {
  const auto ns = [](unsigned resolution, std::uint64_t ticks, std::int64_t offset_s = 0) {
    return TimeUnit(static_cast<std::uint8_t>(resolution), offset_s).to_ns(ticks);
  };
  EXPECT_EQ(TimeUnit().to_ns(5), 5000);
  EXPECT_EQ(ns(0, 5), 5 * kSecond);
  EXPECT_EQ(ns(6, 5), 5000);
  EXPECT_EQ(ns(9, 4'600'000'000'000'000'000), 4'600'000'000'000'000'000);
  EXPECT_EQ(ns(9, 4'600'000'000'000'000'001), std::nullopt);
  EXPECT_EQ(ns(9, UINT64_MAX), std::nullopt);
  EXPECT_EQ(ns(6, 4'600'000'000'000'000), 4'600'000'000'000'000'000);
  EXPECT_EQ(ns(6, 4'600'000'000'000'001), std::nullopt);
  EXPECT_EQ(ns(12, 1999), 1);  // rounded down
  EXPECT_EQ(ns(28, UINT64_MAX), 1);
  EXPECT_EQ(ns(29, UINT64_MAX), 0);
  EXPECT_EQ(ns(127, UINT64_MAX), 0);
  EXPECT_EQ(ns(0x80, 5), 5 * kSecond);
  EXPECT_EQ(ns(0x80 | 10, 1), 976'562);  // 976562.5
  EXPECT_EQ(ns(0x80 | 32, 0x6553F100'80000000), 1'700'000'000'500'000'000);
  EXPECT_EQ(ns(0x80 | 64, UINT64_MAX), 999'999'999);
  EXPECT_EQ(ns(0xFF, UINT64_MAX), 0);
  EXPECT_EQ(ns(6, 1, 1'700'000'000), 1'700'000'000'000'001'000);
  EXPECT_EQ(ns(6, 1, -1), -999'999'000);
  EXPECT_EQ(ns(6, 0, INT64_MAX), std::nullopt);
  EXPECT_EQ(ns(6, 0, INT64_MIN), std::nullopt);
  EXPECT_EQ(ns(0, UINT64_MAX, INT64_MIN), std::nullopt);
  EXPECT_EQ(ns(0, std::uint64_t{1} << 63, INT64_MIN), 0);
  EXPECT_EQ(ns(9, 0, -4'600'000'000), -4'600'000'000'000'000'000);
  EXPECT_EQ(ns(9, 0, -4'600'000'001), std::nullopt);
}

TEST(Capture, TimeThatDoesNotFitIsNone) {
  const Outcome outcome =
      read_in_pieces(Builder().section().interface(1, 0).enhanced(0, UINT64_MAX, "x", 1).text());
  ASSERT_EQ(outcome.packets.size(), 1U);
  EXPECT_EQ(outcome.packets[0].ts_ns, kNoTime);
  EXPECT_EQ(outcome.counted, 1U);
}

TEST(Capture, OddRecordsAreCounted) {
  const Outcome outcome = read_in_pieces(Builder()
                                             .file_header(0xA1B2C3D4)
                                             .record(1, 0, "abc", 2)
                                             .record(1, 1'000'001, "abc", 3)
                                             .text());
  ASSERT_EQ(outcome.packets.size(), 2U);
  EXPECT_EQ(outcome.packets[0].length, 3U);
  EXPECT_EQ(outcome.packets[1].ts_ns, 2 * kSecond + 1000);
  EXPECT_EQ(outcome.counted, 2U);
  EXPECT_FALSE(outcome.damaged);
}

// A second has 1,000,000 parts, or 1,000,000,000.
TEST(Capture, FractionsAreLessThanASecond) {
  for (const auto& [magic, parts] :
       {std::pair{0xA1B2C3D4U, 1'000'000U}, {0xA1B23C4DU, 1'000'000'000U}}) {
    for (const std::uint32_t fraction : {parts - 1, parts}) {
      const Outcome outcome =
          read_in_pieces(Builder().file_header(magic).record(1, fraction, "abc", 3).text());
      EXPECT_EQ(outcome.counted, fraction == parts ? 1U : 0U) << fraction;
    }
  }
}

// if_tsoffset is eight octets in the section's order.
TEST(Capture, TimesOfAnInterfaceHaveAnOffset) {
  for (const bool is_big : {false, true}) {
    const Outcome outcome =
        read_in_pieces(Builder(is_big)
                           .section()
                           .interface(1, 0,
                                      [](Builder& body) {
                                        body.u16(14).u16(8).number(std::uint64_t{0x1'0000'0002});
                                      })
                           .enhanced(0, 1, "a", 1)
                           .text());
    EXPECT_EQ(outcome.packets.at(0).ts_ns, 0x1'0000'0002 * kSecond + 1000) << is_big;
    EXPECT_EQ(outcome.counted, 0U);
  }
}

TEST(Capture, PacketOfAnUnknownInterfaceIsSkipped) {
  const Outcome outcome = read_in_pieces(Builder()
                                             .section()
                                             .simple("before any", 10)
                                             .interface(1, 0)
                                             .enhanced(0, 1, "a", 1)
                                             .enhanced(1, 2, "b", 1)
                                             .obsolete(9, 2, "b", 1)
                                             .enhanced(0, 3, "c", 1)
                                             .section()
                                             .enhanced(0, 3, "d", 1)
                                             .text());
  ASSERT_EQ(outcome.packets.size(), 2U);
  EXPECT_EQ(outcome.packets[1].bytes, "c");
  EXPECT_EQ(outcome.counted, 4U);
  EXPECT_TRUE(outcome.damaged);
}

TEST(Capture, OddOptionsOfAnInterface) {
  const auto with_options = [](const std::function<void(Builder&)>& options) {
    return read_in_pieces(
        Builder().section().interface(1, 0, options).enhanced(0, 1, "a", 1).text());
  };
  const Outcome wrong_size = with_options([](Builder& body) { body.option(9, "ab"); });
  EXPECT_EQ(wrong_size.counted, 1U);
  EXPECT_EQ(wrong_size.packets.at(0).ts_ns, 1000);
  const Outcome too_long = with_options([](Builder& body) { body.u16(2).u16(5).u32(0); });
  EXPECT_EQ(too_long.counted, 1U);
  EXPECT_EQ(too_long.packets.size(), 1U);
  const Outcome after_end =
      with_options([](Builder& body) { body.option(0, "").option(9, "\x09"sv); });
  EXPECT_EQ(after_end.packets.at(0).ts_ns, 1000);
}

TEST(Capture, RefusesWhatIsNoCapture) {
  const auto error = [](std::string_view bytes) { return read_in_pieces(bytes).error; };
  EXPECT_EQ(error(""), "the file is empty");
  EXPECT_EQ(error("\xA1\xB2"), "not a pcap or pcapng capture");
  EXPECT_EQ(error("SQLite format 3\0 and so on"sv),
            "not a pcap or pcapng capture: looks like an SQLite database");
  EXPECT_EQ(error(std::string(5000, '\0')), "not a pcap or pcapng capture: looks like zero bytes");
  EXPECT_EQ(error("1700000000.000001 read(3, \"\", 1) = 0\n"),
            "not a pcap or pcapng capture: looks like text");
  EXPECT_EQ(error(Builder().u32(0xA1B2C3D4).u16(3).u16(0).u64(0).u64(0).text()),
            "byte 0: pcap version 3.0 is not supported");
  EXPECT_EQ(io::looks_like(small_pcap()), "a pcap capture");
  EXPECT_EQ(io::looks_like(small_pcapng()), "a pcapng capture");
}

TEST(Capture, DamageIsNamedAfterThePacketsBefore) {
  const auto check = [](const std::string& bytes, std::size_t packets, std::string_view error) {
    const Outcome outcome = read_in_pieces(bytes);
    EXPECT_EQ(outcome.packets.size(), packets);
    EXPECT_EQ(outcome.error, error);
  };
  const std::string start = small_pcap();  // 84 bytes
  ASSERT_EQ(start.size(), 84U);
  check(start.substr(0, 83), 2, "byte 83: the capture ends in the middle of a packet");
  check(start + "1234", 3, "byte 88: the capture ends in the middle of a packet");
  check(start.substr(0, 20), 0, "byte 20: the capture ends in the middle of the file header");
  check(start + std::string(4096, '\0'), 3,
        "byte 84: zero bytes where a packet is due: the capture was cut short here");
  check(start + Builder().u32(1).u32(0).u32(262145).u32(262145).text(), 3,
        "byte 84: the record claims 262145 captured bytes, more than the 262144 that are possible");

  const std::string begin = Builder().section().interface(1, 0).enhanced(0, 1, "abc", 3).text();
  const std::string at = "byte " + std::to_string(begin.size()) + ": ";
  check(begin + std::string(64, '\0'), 1,
        at + "zero bytes where a packet is due: the capture was cut short here");
  check(begin + Builder().u32(6).u32(16).u64(0).text(), 1,
        at + "block with a bad total length, 16");
  check(begin + Builder().u32(77).u32(14).u64(0).text(), 1,
        at + "block with a bad total length, 14");
  check(begin + Builder().u32(3).u32(16).u32(0).u32(20).text(), 1,
        at + "block with two total lengths: 16 at its beginning, 20 at its end");
  check(begin + Builder().u32(6).u32(0x7FFFFFFC).u64(0).text(), 1,
        at + "block with a total length of 2147483644, too much for a packet");
  check(begin + Builder().simple("abc", 5).text(), 1,
        at + "the block claims 5 captured bytes and has room for 4");
  check(begin + Builder().u32(0x0A0D0D0A).u32(28).u32(1).text(), 1,
        at + "section header without byte-order magic");
}

TEST(Capture, TheSnapLengthBoundsWhatMayBeClaimed) {
  const auto one = [](std::uint32_t snaplen, std::uint32_t captured) {
    return read(Builder()
                    .file_header(0xA1B2C3D4, snaplen)
                    .record(1, 0, std::string(captured, 'x'), captured)
                    .text());
  };
  EXPECT_EQ(one(96, 262144).packets.size(), 1U);
  EXPECT_EQ(one(300'000, 300'000).packets.size(), 1U);
  EXPECT_NE(one(300'000, 300'001).error, "");
  EXPECT_NE(one(UINT32_MAX, (16U << 20) + 1).error, "");
}

TEST(Capture, LargeUnknownBlocksTakeNoMemory) {
  const std::string bytes =
      Builder()
          .section()
          .interface(1, 0)
          .block(10, [](Builder& body) { body.bytes(std::string(3'000'000, 'k')); })
          .enhanced(0, 1, "a", 1)
          .text();
  EXPECT_EQ(read(bytes, 65536).packets.size(), 1U);
}

TEST(Capture, CutAtEveryByte) {
  for (const std::string& bytes : {small_pcap(), small_pcap(true), small_pcapng()}) {
    const std::vector<Seen> all = read(bytes).packets;
    std::size_t before = 0;
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      // A copy, so that AddressSanitizer sees what is read behind the end.
      const std::string cut = bytes.substr(0, size);
      const Outcome outcome = read(cut, 5);
      ASSERT_LE(outcome.packets.size(), all.size());
      EXPECT_TRUE(std::equal(outcome.packets.begin(), outcome.packets.end(), all.begin()));
      EXPECT_GE(outcome.packets.size(), before);
      before = outcome.packets.size();
    }
  }
}

TEST(Capture, EveryByteChanged) {
  for (const std::string& bytes : {small_pcap(), small_pcap(true), small_pcapng()}) {
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      for (int value = 0; value < 256; ++value) {
        std::string changed = bytes;
        changed[at] = static_cast<char>(value);
        const Outcome outcome = read(changed);
        ASSERT_LE(outcome.packets.size(), 8U);
        for (const Seen& each : outcome.packets) ASSERT_GE(each.length, each.bytes.size());
      }
    }
  }
}

// Hands out what it is given, and counts how often it is asked.
class Pipe final : public io::Source {
 public:
  explicit Pipe(std::vector<std::string> pieces) : pieces_(std::move(pieces)) {}
  std::size_t read(std::span<char> into) override {
    if (asked_ == pieces_.size()) return 0;
    return pieces_[asked_++].copy(into.data(), into.size());
  }
  [[nodiscard]] const std::string& name() const override { return name_; }
  [[nodiscard]] std::size_t asked() const { return asked_; }

 private:
  std::vector<std::string> pieces_;
  std::size_t asked_ = 0;
  std::string name_ = "pipe";
};

TEST(Capture, WaitsForTheFirstPacketOnly) {
  for (const std::string& bytes : {small_pcap(), small_pcapng()}) {
    const std::size_t half = bytes.size() - 3;  // in the middle of the last packet
    const std::size_t in_all = read(bytes).packets.size();
    Pipe pipe({bytes.substr(0, half), bytes.substr(half)});
    Silent messages;
    io::Diagnostics diagnostics(messages, "test");
    CaptureReader reader(pipe, diagnostics);
    std::array<Packet, 64> packets;
    std::size_t seen = 0;
    while (seen < in_all - 1) {
      seen += reader.read(packets);
      EXPECT_EQ(pipe.asked(), 1U);
    }
    EXPECT_EQ(reader.read(packets), 1U);
    EXPECT_EQ(pipe.asked(), 2U);
    EXPECT_EQ(reader.read(packets), 0U);
  }
}

// --- the second opinion ---

Outcome read_with_libpcap(io::Source& source) {
  Outcome outcome;
  try {
    const auto reader = open_with_libpcap(source);
    read_all(*reader, outcome.packets);
  } catch (const io::Error& error) {
    outcome.error = error.what;
  }
  return outcome;
}

// What libpcap cannot tell is taken from it: the interface, a missing time; what it cuts is cut.
void expect_same(const std::vector<Seen>& own, const std::vector<Seen>& other) {
  const std::size_t both = std::min(own.size(), other.size());
  for (std::size_t i = 0; i < both; ++i) {
    EXPECT_EQ(own[i].bytes.substr(0, other[i].bytes.size()), other[i].bytes) << "packet " << i;
    EXPECT_TRUE(own[i].bytes.size() == other[i].bytes.size() ||
                other[i].bytes.size() == other[i].snaplen)
        << "packet " << i << ": " << own[i] << " and " << other[i];
    EXPECT_EQ(own[i].length, other[i].length) << "packet " << i;
    // Some writers put a DLT_ value into the file.
    EXPECT_EQ(link_type_of_dlt(dlt_of_link_type(own[i].link_type)), other[i].link_type)
        << "packet " << i;
    if (own[i].ts_ns == kNoTime) continue;
    // libpcap takes the seconds and fractions of pcap as signed.
    const std::int64_t difference = own[i].ts_ns - other[i].ts_ns;
    EXPECT_TRUE(difference == 0 || difference == (std::int64_t{1} << 32) ||
                difference == (std::int64_t{1} << 32) * 1000 ||
                difference == (std::int64_t{1} << 32) * kSecond)
        << "packet " << i << ": " << own[i] << " and " << other[i];
  }
}

TEST(CaptureAndLibpcap, AgreeOnWhatIsBuiltHere) {
  std::vector<std::string> files = {small_pcap(), small_pcap(true)};
  for (const std::uint32_t magic : {0xA1B2C3D4U, 0xA1B23C4DU}) {
    for (const std::uint32_t link_type : {1U, 101U, 113U, 276U, 0x24000001U}) {
      Builder builder(link_type == 101);
      builder.file_header(magic, 262144, link_type);
      for (std::uint32_t i = 0; i < 50; ++i) {
        builder.record(1'700'000'000 + i, i * 19'999, std::string(i * 31 % 200, 'p'), i * 31);
      }
      files.push_back(builder.text());
    }
  }
  for (const std::string_view resolution :
       {"\x00"sv, "\x03"sv, "\x06"sv, "\x09"sv, "\x0C"sv, "\x94"sv}) {
    Builder builder(resolution[0] == 6);
    builder.section().interface(1, 262144, [&](Builder& options) {
      options.option(9, resolution).option(14, "\0\0\0\0\0\0\0\0"sv).option(0, "");
    });
    for (std::uint32_t i = 0; i < 50; ++i) {
      builder.enhanced(0, 1'700'000'000 + i * 19'999, std::string(i * 31 % 200, 'p'), i * 31);
    }
    builder.simple("simple", 6).obsolete(0, 77, "obsolete", 8);
    files.push_back(builder.text());
  }
  for (std::size_t i = 0; i < files.size(); ++i) {
    SCOPED_TRACE(i);
    const auto source = io::memory_source("in", std::span(files[i].data(), files[i].size()));
    const Outcome own = read(files[i]);
    const Outcome other = read_with_libpcap(*source);
    EXPECT_EQ(own.error, "");
    EXPECT_EQ(other.error, "");
    EXPECT_EQ(own.packets.size(), other.packets.size());
    expect_same(own.packets, other.packets);
  }
}

TEST(CaptureAndLibpcap, AgreeOnTheCorpus) {
  const char* const corpus = std::getenv("TRACEBRAID_CORPUS");
  if (corpus == nullptr) GTEST_SKIP() << "TRACEBRAID_CORPUS is not set";
  std::size_t compared = 0;
  std::size_t packets = 0;
  for (const char* const folder : {"tcpdump", "made", "zeek/traces"}) {
    const std::filesystem::path root = std::filesystem::path(corpus) / folder;
    if (!std::filesystem::is_directory(root)) continue;
    for (const auto& each : std::filesystem::recursive_directory_iterator(root)) {
      const std::string extension = each.path().extension();
      if (!each.is_regular_file() || extension == ".tsv" || extension == ".txt") continue;
      SCOPED_TRACE(each.path().string());
      Silent messages;
      io::Diagnostics diagnostics(messages, "test");
      Outcome own;
      try {
        const auto source = io::open_source(each.path());
        CaptureReader reader(*source, diagnostics);
        read_all(reader, own.packets, 256);
      } catch (const io::Error& error) {
        own.error = error.position + ": " + error.what;
      }
      const auto source = io::open_source(each.path());
      const Outcome other = read_with_libpcap(*source);
      expect_same(own.packets, other.packets);
      // Never less than libpcap.
      EXPECT_GE(own.packets.size(), other.packets.size()) << own.error;
      if (other.error.empty()) {
        EXPECT_EQ(own.error, "");
        EXPECT_EQ(own.packets.size(), other.packets.size());
      } else {
        std::cout << each.path().filename().string() << ": libpcap, after " << other.packets.size()
                  << " packets: " << other.error << "; here, after " << own.packets.size() << ": "
                  << (own.error.empty() ? "no error" : own.error) << '\n';
      }
      ++compared;
      packets += own.packets.size();
    }
  }
  std::cout << compared << " captures, " << packets << " packets\n";
  EXPECT_GT(compared, 0U);
}

// --- filters ---

std::string udp_over_ipv4(std::uint16_t port) {
  Builder packet(true);
  packet.u16(0x4500).u16(28).u32(0).u16(0x4011).u16(0).u32(0x0A000001).u32(0x0A000002);
  packet.u16(40000).u16(port).u16(8).u16(0);
  return packet.text();
}

bool matches(PacketFilter& filter, std::uint32_t link_type, const std::string& bytes) {
  Interface interface;
  interface.link_type = link_type;
  Packet packet;
  packet.data = reinterpret_cast<const unsigned char*>(bytes.data());
  packet.captured = packet.length = static_cast<std::uint32_t>(bytes.size());
  packet.interface = &interface;
  return filter.matches(packet);
}

TEST(PacketFilter, IsCompiledForEveryLinkType) {
  constexpr std::uint32_t kEthernet = 1;
  constexpr std::uint32_t kRaw = 101;
  PacketFilter filter("udp dst port 53 and host 10.0.0.2");
  const std::string ethernet = std::string("\1\2\3\4\5\6\1\2\3\4\5\7\x08\x00"sv);
  for (int round = 0; round < 2; ++round) {
    EXPECT_TRUE(matches(filter, kEthernet, ethernet + udp_over_ipv4(53)));
    EXPECT_FALSE(matches(filter, kEthernet, ethernet + udp_over_ipv4(54)));
    EXPECT_TRUE(matches(filter, kRaw, udp_over_ipv4(53)));
    EXPECT_FALSE(matches(filter, kRaw, udp_over_ipv4(54)));
  }
  EXPECT_FALSE(matches(filter, kEthernet, ethernet));  // cut
  PacketFilter all("");
  EXPECT_TRUE(matches(all, kEthernet, ethernet));
}

TEST(PacketFilter, BadExpressionsAreUsageErrors) {
  const auto error = [](const std::string& expression) {
    try {
      const PacketFilter filter(expression);
    } catch (const io::UsageError& usage) {
      return usage.what;
    }
    return std::string();
  };
  EXPECT_NE(error("tcp prot 80").find("syntax error"), std::string::npos) << error("tcp prot 80");
  EXPECT_NE(error("port 70000"), "");
  EXPECT_EQ(error("inbound"), "");  // not of Ethernet, but of Linux's cooked captures
  EXPECT_EQ(error("wlan type mgt subtype beacon"), "");  // of 802.11
  PacketFilter wireless("wlan type mgt subtype beacon");
  EXPECT_THROW((void)matches(wireless, 1, udp_over_ipv4(1)), io::UsageError);
}

}  // namespace
}  // namespace tracebraid::formats::pcap
