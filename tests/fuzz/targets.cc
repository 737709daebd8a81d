#include "tests/fuzz/targets.h"

#include <algorithm>
#include <cstdlib>

#include "converters/cprof/callgrind_conversion.h"
#include "converters/cprof/profile_reader.h"
#include "formats/io/cursor.h"
#include "formats/io/output.h"
#include "formats/io/source.h"
#include "formats/marshal/reader.h"

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
