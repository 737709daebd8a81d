#include "formats/pcap/capture_reader.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "formats/io/looks_like.h"

namespace tracebraid::formats::pcap {
namespace {

constexpr std::uint32_t kMicroseconds = 0xA1B2C3D4;
constexpr std::uint32_t kNanoseconds = 0xA1B23C4D;
constexpr std::uint32_t kLongRecordHeads = 0xA1B2CD34;
constexpr std::size_t kMagicBytes = 4;
constexpr std::size_t kFileHeaderBytes = 24;
constexpr std::size_t kRecordHeadBytes = 16;

constexpr std::uint32_t kSectionHeader = 0x0A0D0D0A;
constexpr std::uint32_t kInterfaceDescription = 1;
constexpr std::uint32_t kObsoletePacket = 2;
constexpr std::uint32_t kSimplePacket = 3;
constexpr std::uint32_t kEnhancedPacket = 6;
constexpr std::uint32_t kByteOrderMagic = 0x1A2B3C4D;

// Bytes of a block without its variable parts.
constexpr std::uint32_t kAnyBlockBytes = 12;
constexpr std::uint32_t kSectionBytes = 28;
constexpr std::uint32_t kInterfaceBytes = 20;
constexpr std::uint32_t kPacketBytes = 32;  // enhanced and obsolete
constexpr std::uint32_t kSimpleBytes = 16;
// What must be in the window as a whole: a packet with its options, an interface with its options.
constexpr std::uint32_t kMostBlockBytes = CaptureReader::kMostCaptured + (1U << 20);

constexpr std::int64_t kSecond = 1'000'000'000;

std::uint32_t swap_bytes(std::uint32_t value) {
  return __builtin_bswap32(value);
}
std::uint16_t swap_bytes(std::uint16_t value) {
  return __builtin_bswap16(value);
}

template <typename Number, bool kSwapped>
Number load(const char* at) {
  Number value;
  std::memcpy(&value, at, sizeof value);
  return kSwapped ? swap_bytes(value) : value;
}

struct Magic {
  std::uint32_t value = 0;  // 0: none of pcap's
  bool swapped = false;
};

Magic pcap_magic(const char* at) {
  const auto as_is = load<std::uint32_t, false>(at);
  for (const std::uint32_t each : {kMicroseconds, kNanoseconds, kLongRecordHeads}) {
    if (as_is == each) return {each, false};
    if (swap_bytes(as_is) == each) return {each, true};
  }
  return {};
}

// Another file's header (magic, version 2.n, no time zone, no accuracy) where a record is due. As a
// record it would hold nothing, of the year 2055 or 2083.
bool begins_capture(const char* at) {
  const Magic magic = pcap_magic(at);
  if (magic.value == 0) return false;
  const auto major = load<std::uint16_t, false>(at + 4);
  const auto swapped_major = load<std::uint16_t, true>(at + 4);
  return (magic.swapped ? swapped_major : major) == 2 &&
         std::all_of(at + 8, at + kRecordHeadBytes, [](char each) { return each == 0; });
}

bool is_padding(const char* at) {
  return std::all_of(at, at + kRecordHeadBytes, [](char each) { return each == 0; });
}

std::uint32_t most_captured(std::uint32_t snaplen) {
  return std::clamp(snaplen, CaptureReader::kAlwaysAllowed, CaptureReader::kMostCaptured);
}

std::string claims(std::string_view what, std::uint32_t captured) {
  return std::string(what) + " claims " + std::to_string(captured) + " captured bytes";
}

constexpr char kPaddingText[] = "zero bytes where a packet is due: the capture was cut short here";

}  // namespace

std::size_t CaptureReader::read(std::span<Packet> packets) {
  if (packets.empty()) return 0;
  if (format_ == Format::kUnknown) recognise();
  for (;;) {
    const bool is_pcap = format_ == Format::kPcap;
    const std::size_t taken =
        is_pcap ? (swapped_ ? take_records<true>(packets) : take_records<false>(packets))
                : (swapped_ ? take_blocks<true>(packets) : take_blocks<false>(packets));
    if (taken > 0) return taken;
    if (!(is_pcap ? prepare_record() : prepare_block())) return 0;
  }
}

void CaptureReader::recognise() {
  constexpr std::size_t kEnoughToName = 300;
  if (!cursor_.ensure(1)) throw io::Error{cursor_.name(), "", "the file is empty"};
  if (cursor_.ensure(kMagicBytes)) {
    if (pcap_magic(cursor_.data()).value != 0) {
      read_file_header();
      format_ = Format::kPcap;
      return;
    }
    if (cursor_.load<std::uint32_t>() == kSectionHeader) {
      format_ = Format::kPcapng;
      return;
    }
  }
  (void)cursor_.ensure(kEnoughToName);
  const std::string_view head(cursor_.data(), cursor_.available());
  std::string_view likeness = io::looks_like(head);
  if (std::all_of(head.begin(), head.end(), [](char each) { return each == 0; })) {
    likeness = "zero bytes";
  }
  throw io::Error{cursor_.name(), "",
                  "not a pcap or pcapng capture" +
                      (likeness.empty() ? "" : ": looks like " + std::string(likeness))};
}

// --- pcap ---

void CaptureReader::read_file_header() {
  if (!cursor_.ensure(kFileHeaderBytes)) fail_at_end("the file header");
  const Magic magic = pcap_magic(cursor_.data());
  swapped_ = magic.swapped;
  const std::uint16_t major = u16(4);
  const std::uint16_t minor = u16(6);
  if (major != 2 || minor > 4) {
    fail("pcap version " + std::to_string(major) + "." + std::to_string(minor) +
         " is not supported");
  }
  lengths_ = minor == 4   ? Lengths::kCapturedFirst
             : minor == 3 ? Lengths::kLesserIsCaptured
                          : Lengths::kCapturedLast;
  record_head_bytes_ = kRecordHeadBytes + (magic.value == kLongRecordHeads ? 8 : 0);
  fraction_ns_ = magic.value == kNanoseconds ? 1 : 1000;
  const std::uint32_t snaplen = u32(16);
  most_captured_ = most_captured(snaplen);
  interfaces_.push_back({.link_type = u32(20) & 0xFFFF, .snaplen = snaplen, .id = std::nullopt});
  cursor_.advance(kFileHeaderBytes);
}

template <bool kSwapped>
CaptureReader::RecordHead CaptureReader::record_head(const char* at) const {
  RecordHead head{load<std::uint32_t, kSwapped>(at), load<std::uint32_t, kSwapped>(at + 4),
                  load<std::uint32_t, kSwapped>(at + 8), load<std::uint32_t, kSwapped>(at + 12)};
  if (lengths_ != Lengths::kCapturedFirst) [[unlikely]] {
    if (lengths_ == Lengths::kCapturedLast || head.captured > head.length) {
      std::swap(head.captured, head.length);
    }
  }
  return head;
}

template <bool kSwapped>
std::size_t CaptureReader::take_records(std::span<Packet> packets) {
  const char* at = cursor_.data();
  const char* const end = at + cursor_.available();
  const Interface* const interface = &interfaces_.back();
  const std::size_t head_bytes = record_head_bytes_;
  const std::uint32_t most = most_captured_;
  const std::uint32_t fraction_ns = fraction_ns_;
  const auto fractions = static_cast<std::uint32_t>(kSecond) / fraction_ns;

  std::size_t taken = 0;
  for (; taken < packets.size(); ++taken) {
    const auto left = static_cast<std::size_t>(end - at);
    if (left < head_bytes) break;
    const RecordHead head = record_head<kSwapped>(at);
    if (head.captured > most || left - head_bytes < head.captured) break;
    if (head.captured == 0 && (is_padding(at) || begins_capture(at))) [[unlikely]]
      break;
    if (head.fraction >= fractions) [[unlikely]]
      count(kFractionBeyondSecond, at);
    if (head.length < head.captured) [[unlikely]]
      count(kLengthBelowCaptured, at);
    Packet& packet = packets[taken];
    packet.data = reinterpret_cast<const unsigned char*>(at + head_bytes);
    packet.captured = head.captured;
    packet.length = std::max(head.length, head.captured);
    // At most 2^32 s and 2^32 us: fits.
    packet.ts_ns = std::int64_t{head.seconds} * kSecond + std::int64_t{head.fraction} * fraction_ns;
    packet.interface = interface;
    at += head_bytes + head.captured;
  }
  cursor_.advance(static_cast<std::size_t>(at - cursor_.data()));
  return taken;
}

bool CaptureReader::prepare_record() {
  if (!cursor_.ensure(record_head_bytes_)) {
    if (cursor_.available() == 0) return false;
    fail_at_end("a packet");
  }
  if (begins_capture(cursor_.data())) {
    read_file_header();
    return true;
  }
  if (is_padding(cursor_.data())) fail(kPaddingText);
  const RecordHead head =
      swapped_ ? record_head<true>(cursor_.data()) : record_head<false>(cursor_.data());
  if (head.captured > most_captured_) {
    fail(claims("the record", head.captured) + ", more than the " + std::to_string(most_captured_) +
         " that are possible");
  }
  if (!cursor_.ensure(record_head_bytes_ + head.captured)) fail_at_end("a packet");
  return true;
}

// --- pcapng ---

template <bool kSwapped>
std::size_t CaptureReader::take_blocks(std::span<Packet> packets) {
  const char* at = cursor_.data();
  const char* const end = at + cursor_.available();
  const std::span<const Use> section(section_);

  std::size_t taken = 0;
  for (; taken < packets.size(); ++taken) {
    const auto left = static_cast<std::size_t>(end - at);
    if (left < kSimpleBytes) break;
    const auto type = load<std::uint32_t, kSwapped>(at);
    const auto total = load<std::uint32_t, kSwapped>(at + 4);
    if (total > left || total % 4 != 0) break;
    Packet& packet = packets[taken];
    if (type == kEnhancedPacket || type == kObsoletePacket) {
      if (total < kPacketBytes) break;
      const std::uint32_t id = type == kEnhancedPacket ? load<std::uint32_t, kSwapped>(at + 8)
                                                       : load<std::uint16_t, kSwapped>(at + 8);
      if (id >= section.size()) break;
      const Use& use = section[id];
      const auto captured = load<std::uint32_t, kSwapped>(at + 20);
      if (captured > use.most_captured || captured > total - kPacketBytes) break;
      if (load<std::uint32_t, kSwapped>(at + total - 4) != total) break;
      const auto high = load<std::uint32_t, kSwapped>(at + 12);
      const auto low = load<std::uint32_t, kSwapped>(at + 16);
      const auto ts_ns = use.unit.to_ns(std::uint64_t{high} << 32 | low);
      if (!ts_ns) [[unlikely]]
        count(kTimeOutOfRange, at);
      const auto length = load<std::uint32_t, kSwapped>(at + 24);
      if (length < captured) [[unlikely]]
        count(kLengthBelowCaptured, at);
      packet.data = reinterpret_cast<const unsigned char*>(at + 28);
      packet.captured = captured;
      packet.length = std::max(length, captured);
      packet.ts_ns = ts_ns.value_or(Packet::kNoTime);
      packet.interface = use.interface;
    } else if (type == kSimplePacket) {
      if (total < kSimpleBytes || section.empty()) break;
      const Use& use = section[0];
      const auto length = load<std::uint32_t, kSwapped>(at + 8);
      const std::uint32_t snaplen = use.interface->snaplen;
      const std::uint32_t captured = snaplen == 0 ? length : std::min(snaplen, length);
      if (captured > use.most_captured || captured > total - kSimpleBytes) break;
      if (load<std::uint32_t, kSwapped>(at + total - 4) != total) break;
      packet.data = reinterpret_cast<const unsigned char*>(at + 12);
      packet.captured = captured;
      packet.length = length;
      packet.ts_ns = Packet::kNoTime;
      packet.interface = use.interface;
    } else {
      break;
    }
    at += total;
  }
  cursor_.advance(static_cast<std::size_t>(at - cursor_.data()));
  return taken;
}

bool CaptureReader::prepare_block() {
  if (!cursor_.ensure(kAnyBlockBytes)) {
    if (cursor_.available() == 0) return false;
    fail_at_end("a block");
  }
  const std::uint32_t type = u32(0);
  if (type == kSectionHeader) {
    section_header();
    return true;
  }
  const std::uint32_t total = u32(4);
  if (type == 0 && total == 0) fail(kPaddingText);
  switch (type) {
    case kInterfaceDescription:
      interface_description(total);
      break;
    case kObsoletePacket:
    case kEnhancedPacket:
      prepare_packet(total);
      break;
    case kSimplePacket:
      prepare_simple_packet(total);
      break;
    default:
      check_total(total, kAnyBlockBytes);
      skip_block(total);
  }
  return true;
}

void CaptureReader::section_header() {
  const auto order = cursor_.load<std::uint32_t>(8);
  if (order != kByteOrderMagic && swap_bytes(order) != kByteOrderMagic) {
    fail("section header without byte-order magic");
  }
  swapped_ = order != kByteOrderMagic;
  section_.clear();
  const std::uint32_t total = u32(4);
  check_total(total, kSectionBytes);
  if (!cursor_.ensure(kSectionBytes)) fail_at_end("a section header");
  if (u16(12) != 1) {
    fail("pcapng version " + std::to_string(u16(12)) + "." + std::to_string(u16(14)) +
         " is not supported");
  }
  skip_block(total);
}

void CaptureReader::interface_description(std::uint32_t total) {
  constexpr std::uint16_t kEnd = 0;
  constexpr std::uint16_t kName = 2;
  constexpr std::uint16_t kTimeResolution = 9;
  constexpr std::uint16_t kTimeOffset = 14;
  constexpr std::uint8_t kDefaultResolution = 6;

  need_block(total, kInterfaceBytes, "an interface description");
  Interface interface;
  interface.link_type = u16(8);
  interface.snaplen = u32(12);
  interface.id = static_cast<std::uint32_t>(section_.size());
  std::uint8_t resolution = kDefaultResolution;
  std::int64_t offset_s = 0;
  for (std::size_t at = 16; at + 4 <= total - 4;) {
    const std::uint16_t code = u16(at);
    const std::uint16_t size = u16(at + 2);
    at += 4;
    if (code == kEnd) break;
    if (size > total - 4 - at) {
      count(kBadInterfaceOption, cursor_.data(), "it is longer than its block");
      break;
    }
    if (code == kName) {
      // Writers of C strings may count the zero.
      interface.name.assign(cursor_.data() + at, strnlen(cursor_.data() + at, size));
    } else if (code == kTimeResolution && size == 1) {
      resolution = cursor_.peek(at);
    } else if (code == kTimeOffset && size == 8) {
      const std::uint64_t first = u32(at);
      const std::uint64_t second = u32(at + 4);
      offset_s = static_cast<std::int64_t>(swapped_ ? first << 32 | second : second << 32 | first);
    } else if (code == kTimeResolution || code == kTimeOffset) {
      count(kBadInterfaceOption, cursor_.data(),
            code == kTimeResolution ? "if_tsresol" : "if_tsoffset");
    }
    at += (size + 3U) & ~3U;
  }
  interfaces_.push_back(std::move(interface));
  section_.push_back({&interfaces_.back(), most_captured(interfaces_.back().snaplen),
                      TimeUnit(resolution, offset_s)});
  cursor_.advance(total);
}

// Afterwards the packet is one that take_blocks() takes, or has been skipped.
void CaptureReader::prepare_packet(std::uint32_t total) {
  need_block(total, kPacketBytes, "a packet");
  const std::uint32_t id = u32(0) == kEnhancedPacket ? u32(8) : u16(8);
  if (id >= section_.size()) {
    count(kUnknownInterface, cursor_.data(), "number " + std::to_string(id));
    cursor_.advance(total);
    return;
  }
  const std::uint32_t captured = u32(20);
  if (captured > section_[id].most_captured) {
    fail(claims("the block", captured) + ", more than the " +
         std::to_string(section_[id].most_captured) + " that are possible");
  }
  if (captured > total - kPacketBytes) {
    fail(claims("the block", captured) + " and has room for " +
         std::to_string(total - kPacketBytes));
  }
}

void CaptureReader::prepare_simple_packet(std::uint32_t total) {
  need_block(total, kSimpleBytes, "a packet");
  if (section_.empty()) {
    count(kUnknownInterface, cursor_.data(), "number 0");
    cursor_.advance(total);
    return;
  }
  const std::uint32_t snaplen = section_[0].interface->snaplen;
  const std::uint32_t captured = snaplen == 0 ? u32(8) : std::min(snaplen, u32(8));
  if (captured > section_[0].most_captured || captured > total - kSimpleBytes) {
    fail(claims("the block", captured) + " and has room for " +
         std::to_string(total - kSimpleBytes));
  }
}

// Makes the whole block readable.
void CaptureReader::need_block(std::uint32_t total, std::uint32_t least, const char* kind) {
  check_total(total, least);
  if (total > kMostBlockBytes) {
    fail("block with a total length of " + std::to_string(total) + ", too much for " + kind);
  }
  if (!cursor_.ensure(total)) fail_at_end(kind);
  check_trailer(total, u32(total - 4));
}

void CaptureReader::check_total(std::uint32_t total, std::uint32_t least) const {
  if (total < least || total % 4 != 0) {
    fail("block with a bad total length, " + std::to_string(total));
  }
}

void CaptureReader::check_trailer(std::uint32_t total, std::uint32_t trailer) const {
  if (trailer != total) {
    fail("block with two total lengths: " + std::to_string(total) + " at its beginning, " +
         std::to_string(trailer) + " at its end");
  }
}

// In pieces, since it may be larger than what is kept in memory.
void CaptureReader::skip_block(std::uint32_t total) {
  std::size_t left = total - 4;
  while (left > 0) {
    if (!cursor_.ensure(1)) fail_at_end("a block");
    const std::size_t step = std::min(left, cursor_.available());
    cursor_.advance(step);
    left -= step;
  }
  if (!cursor_.ensure(4)) fail_at_end("a block");
  check_trailer(total, u32(0));
  cursor_.advance(4);
}

// --- both ---

std::uint32_t CaptureReader::u32(std::size_t ahead) const {
  const char* const at = cursor_.data() + ahead;
  return swapped_ ? load<std::uint32_t, true>(at) : load<std::uint32_t, false>(at);
}

std::uint16_t CaptureReader::u16(std::size_t ahead) const {
  const char* const at = cursor_.data() + ahead;
  return swapped_ ? load<std::uint16_t, true>(at) : load<std::uint16_t, false>(at);
}

void CaptureReader::count(const io::Counter& counter, const char* at, std::string_view detail) {
  const auto ahead = static_cast<std::uint64_t>(at - cursor_.data());
  diagnostics_.count(counter, io::byte_position(cursor_.offset() + ahead), detail);
}

void CaptureReader::fail(std::string what) const {
  throw io::Error{cursor_.name(), io::byte_position(cursor_.offset()), std::move(what)};
}

void CaptureReader::fail_at_end(const char* inside) const {
  throw io::Error{cursor_.name(), io::byte_position(cursor_.offset() + cursor_.available()),
                  std::string("the capture ends in the middle of ") + inside};
}

}  // namespace tracebraid::formats::pcap
