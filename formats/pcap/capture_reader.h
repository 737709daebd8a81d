// Capture files: pcap and pcapng, told by content, as a stream of packets.
//
// Definitions: draft-ietf-opsawg-pcap and draft-ietf-opsawg-pcapng; for what the drafts leave out,
// libpcap's sf-pcap.c and sf-pcapng.c at 1.10.3.
//
// pcap is a header of 24 bytes and records, all in the byte order of the machine that wrote it:
//
//   u32 magic  u16 major  u16 minor  i32 zone, unused  u32 unused  u32 snaplen  u32 link type
//   u32 seconds  u32 microseconds  u32 captured  u32 length  the captured bytes     (each record)
//
// Magic a1b2c3d4 means microseconds, a1b23c4d nanoseconds, a1b2cd34 records with eight more bytes
// of head (Linux of the nineties). The upper half of the link type tells of frame check sequences.
// E.g. `2b1fa964 b80b0000 2a000000 2a000000` is 42 bytes at 1688805163.003000, all captured.
//
// pcapng is a series of blocks, padded to four bytes:
//
//   u32 type  u32 total length, of all the block  the body  u32 total length, again
//
// Section headers (0a0d0d0a) set the byte order of what follows and make all interfaces forgotten;
// interface descriptions (1) give link type, snaplen, and the unit and offset of times; enhanced
// packets (6), simple packets (3, without time) and obsolete packets (2) hold what was captured.
// Other blocks are skipped.
//
// Captures one after another (`cat a.pcap b.pcap`) are read as one. Before version 2.4 of pcap the
// two lengths of a record came the other way round, too; that is understood.
//
// Not supported: pcap of AIX, DG/UX and Navtel, whose magic is pcap's own or a variant of it;
// pcapng's decryption secrets, name resolution and comments.
//
// Memory: the window, or the largest packet where that is more (at most kMostCaptured), and some
// hundred bytes for each interface.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/io/cursor.h"
#include "formats/io/diagnostics.h"
#include "formats/io/source.h"
#include "formats/pcap/packet.h"
#include "formats/pcap/time_unit.h"

namespace tracebraid::formats::pcap {

inline constexpr io::Counter kLengthBelowCaptured{
    "length_below_captured", io::Severity::kWarning,
    "packet is shorter on the wire than what was captured of it; the captured length is taken"};
inline constexpr io::Counter kFractionBeyondSecond{
    "fraction_beyond_second", io::Severity::kWarning,
    "time has a fraction of a second or more; it is added to the seconds"};
inline constexpr io::Counter kTimeOutOfRange{
    "time_out_of_range", io::Severity::kWarning,
    "time is before 1677 or after 2262; the packet has none"};
inline constexpr io::Counter kUnknownInterface{
    "unknown_interface", io::Severity::kDamage,
    "packet of an interface that the file does not describe; skipped"};
inline constexpr io::Counter kBadInterfaceOption{
    "bad_interface_option", io::Severity::kWarning,
    "option of an interface has a wrong size; ignored"};

class CaptureReader final : public PacketSource {
 public:
  // What may be claimed as captured: the snaplen, or this where the snaplen is less …
  static constexpr std::uint32_t kAlwaysAllowed = 262144;
  // … and never more than this.
  static constexpr std::uint32_t kMostCaptured = 16U << 20;

  // From the page cache, packets of 60 and of 551 bytes on average (tests/bench/read_capture.cc):
  // 10.8 and 44 ns a packet, of which the kernel's copying is 7.8 and 31; 256 KiB 11.7 and 55;
  // 4 MiB 11.2 and 46. pcap_next_ex: 41 and 119.
  static constexpr std::size_t kWindow = std::size_t{1} << 20;

  // `source` is decompressed already. Both must outlive the reader. Nothing is read before the
  // first read().
  CaptureReader(io::Source& source, io::Diagnostics& diagnostics, std::size_t window = kWindow)
      : cursor_(source, window), diagnostics_(diagnostics) {}

  // Packets are views into the window. Only looks for more input when it holds no whole packet, so
  // a batch may be short at any time.
  [[nodiscard]] std::size_t read(std::span<Packet> packets) override;

 private:
  enum class Format : std::uint8_t { kUnknown, kPcap, kPcapng };
  enum class Lengths : std::uint8_t { kCapturedFirst, kCapturedLast, kLesserIsCaptured };

  struct RecordHead {
    std::uint32_t seconds;
    std::uint32_t fraction;
    std::uint32_t captured;
    std::uint32_t length;
  };

  // What the packets of a pcapng interface are read with.
  struct Use {
    const Interface* interface;
    std::uint32_t most_captured;
    TimeUnit unit;
  };

  void recognise();

  // pcap. take_…() reads packets from the window without touching the input, and stops where
  // anything is unusual; prepare_…() finds out what it is: it reads on, counts and skips, or
  // throws, and returns false at the end of the input.
  template <bool kSwapped>
  std::size_t take_records(std::span<Packet> packets);
  template <bool kSwapped>
  [[nodiscard]] RecordHead record_head(const char* at) const;
  bool prepare_record();
  void read_file_header();

  // pcapng
  template <bool kSwapped>
  std::size_t take_blocks(std::span<Packet> packets);
  bool prepare_block();
  void section_header();
  void interface_description(std::uint32_t total);
  void prepare_packet(std::uint32_t total);
  void prepare_simple_packet(std::uint32_t total);
  void need_block(std::uint32_t total, std::uint32_t least, const char* kind);
  void check_total(std::uint32_t total, std::uint32_t least) const;
  void check_trailer(std::uint32_t total, std::uint32_t trailer) const;
  void skip_block(std::uint32_t total);

  [[nodiscard]] std::uint32_t u32(std::size_t ahead) const;
  [[nodiscard]] std::uint16_t u16(std::size_t ahead) const;
  [[gnu::cold]] void count(const io::Counter& counter, const char* at,
                           std::string_view detail = {});
  [[noreturn, gnu::cold]] void fail(std::string what) const;
  [[noreturn, gnu::cold]] void fail_at_end(const char* inside) const;

  io::Cursor cursor_;
  io::Diagnostics& diagnostics_;
  std::deque<Interface> interfaces_;  // of the whole input: packets point to them
  Format format_ = Format::kUnknown;
  bool swapped_ = false;

  // pcap
  Lengths lengths_ = Lengths::kCapturedFirst;
  std::uint32_t record_head_bytes_ = 16;
  std::uint32_t fraction_ns_ = 1000;  // what a record's fraction counts
  std::uint32_t most_captured_ = kAlwaysAllowed;

  // pcapng
  std::vector<Use> section_;  // by interface id
};

}  // namespace tracebraid::formats::pcap
