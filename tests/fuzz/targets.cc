#include "tests/fuzz/targets.h"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "converters/cprof/callgrind_conversion.h"
#include "converters/cprof/profile_reader.h"
#include "formats/io/cursor.h"
#include "formats/io/output.h"
#include "formats/io/source.h"
#include "formats/marshal/reader.h"
#include "formats/pcap/capture_reader.h"

namespace tracebraid::tests {
namespace {

namespace io = formats::io;
namespace cprof = converters::cprof;

class NoMessages final : public io::Messages {
 public:
  void line(std::string_view text) override {
    // A message is one line, whatever the input holds.
    if (text.find('\n') != std::string_view::npos) std::abort();
  }
};

}  // namespace

void fuzz_marshal(std::span<const char> input) {
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{1} << 16}) {
    const auto source = io::memory_source("input", input, piece);
    io::Cursor cursor(*source, 16);
    formats::marshal::StringTable strings;
    formats::marshal::Reader reader(cursor, strings);
    try {
      while (cursor.ensure(1)) reader.skip(reader.next());
    } catch (const io::Error&) {
    }
  }
}

std::string fuzz_capture(std::span<const char> input, std::size_t piece) {
  NoMessages messages;
  io::Diagnostics diagnostics(messages, "fuzz");
  const auto source = io::memory_source("input", input, piece);
  formats::pcap::CaptureReader reader(*source, diagnostics, 16);
  std::array<formats::pcap::Packet, 5> packets;
  std::string text;
  try {
    while (const std::size_t count = reader.read(packets)) {
      for (std::size_t i = 0; i < count; ++i) {
        const formats::pcap::Packet& each = packets[i];
        if (each.length < each.captured || each.interface == nullptr) std::abort();
        // Touches every byte; a view that no longer holds is seen by AddressSanitizer.
        unsigned sum = 0;
        for (std::uint32_t at = 0; at < each.captured; ++at) sum = sum * 31 + each.data[at];
        text += std::to_string(each.ts_ns) + ' ' + std::to_string(each.captured) + ' ' +
                std::to_string(each.length) + ' ' + std::to_string(sum) + ' ' +
                std::to_string(each.interface->link_type) + '\n';
      }
    }
  } catch (const io::Error& error) {
    text += error.position + ": " + error.what;
  }
  diagnostics.summarize();
  return text;
}

std::string fuzz_cprof2callgrind(std::span<const char> input, std::size_t piece) {
  NoMessages messages;
  io::Diagnostics diagnostics(messages, "fuzz");
  const auto source = io::memory_source("input", input, piece);
  io::Cursor cursor(*source, 16);
  formats::marshal::StringTable strings;
  cprof::FunctionTable functions;
  std::string text;
  const auto output = io::memory_output(text);
  io::BlockWriter block(*output);
  const cprof::ConversionOptions options;
  cprof::CallgrindConversion conversion(options, strings, functions, block, diagnostics);
  cprof::ProfileReader reader(strings, functions, diagnostics);
  try {
    reader.read(cursor, conversion);
  } catch (const io::Error&) {
  }
  conversion.finish();
  block.flush();
  const bool has_control = std::any_of(text.begin(), text.end(), [](char each) {
    const auto byte = static_cast<unsigned char>(each);
    return (byte < 0x20 && byte != '\n') || byte == 0x7F;
  });
  if (has_control || !text.starts_with("# callgrind format\n") ||
      text.find("\ntotals: ") == std::string::npos) {
    std::abort();
  }
  diagnostics.summarize();
  return text;
}

}  // namespace tracebraid::tests
