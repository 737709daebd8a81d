#include "converters/perfmap/perf_map.h"

#include <charconv>
#include <memory>
#include <string>
#include <utility>

#include "converters/input.h"
#include "formats/io/lines.h"

namespace tracebraid::converters::perfmap {
namespace {

namespace io = formats::io;
namespace record = formats::record;

constexpr io::Counter kDamaged = {"damaged_line", io::Severity::kDamage,
                                  "lines that are no symbols: START SIZE NAME"};
constexpr io::Counter kCut = {"cut_line", io::Severity::kDamage, "the map ends inside of a line"};

// A hexadecimal number and the blank behind it.
bool take_hex(std::string_view& text, std::uint64_t& number) {
  constexpr int kHex = 16;
  if (text.starts_with("0x")) text.remove_prefix(2);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, kHex);
  if (error != std::errc{}) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  if (!text.starts_with(' ')) return false;
  text.remove_prefix(1);
  return true;
}

bool parse(std::string_view line, record::Symbol& symbol) {
  if (!take_hex(line, symbol.start) || !take_hex(line, symbol.size) || line.empty()) return false;
  symbol.name = line;
  return true;
}

}  // namespace

bool looks_like_perf_map(std::string_view head) {
  record::Symbol symbol;
  const std::string_view line = head.substr(0, head.find('\n'));
  // A number, a number and a word are also other things; addresses are long, code is short.
  constexpr std::uint64_t kLeastStart = 0x1000;
  constexpr std::uint64_t kMostSize = std::uint64_t{1} << 32U;
  return parse(line, symbol) && symbol.start >= kLeastStart && symbol.size > 0 &&
         symbol.size < kMostSize && symbol.name.find('(') == std::string_view::npos;
}

std::optional<std::uint64_t> process_of(std::string_view path) {
  constexpr std::string_view kPrefix = "perf-";
  const std::size_t at = path.rfind(kPrefix);
  if (at == std::string_view::npos) return std::nullopt;
  path.remove_prefix(at + kPrefix.size());
  std::uint64_t pid = 0;
  const auto [end, error] = std::from_chars(path.data(), path.data() + path.size(), pid);
  if (error != std::errc{} || !std::string_view(end, path.data() + path.size()).starts_with(".map"))
    return std::nullopt;
  return pid;
}

void PerfMap::read(io::Source& source, std::optional<std::uint64_t> pid, std::string_view name) {
  io::LineReader lines(source);
  record::Symbol symbol;
  symbol.pid = pid;
  symbol.input = name;
  while (lines.next()) {
    ++symbol.line;
    if (lines.has_end() && parse(lines.line(), symbol)) {
      sink_.symbol(symbol);
    } else if (!lines.line().empty()) {
      diagnostics_.count(lines.has_end() ? kDamaged : kCut, "line " + std::to_string(symbol.line),
                         io::quoted(lines.line(), 60));
    }
  }
}

namespace {

class Input final : public InputReader, public SymbolSink {
 public:
  Input(InputSink& sink, io::Diagnostics& diagnostics) : sink_(sink), map_(*this, diagnostics) {}
  void read(std::unique_ptr<io::Rewound> source, const InputFile& file) override {
    map_.read(*source, process_of(file.path), file.name);
  }
  void symbol(const record::Symbol& record) override { sink_.put(record::AnyRecord(record)); }

 private:
  InputSink& sink_;
  PerfMap map_;
};

constexpr const record::TypeInfo* kTypes[] = {&record::kTypeInfo<record::Symbol>};

}  // namespace

extern constinit const InputKind kInput = {
    .name = "perf map",
    .described = "a perf map",
    .plural = "perf maps (perf-PID.map of python -X perf)",
    .is_timeless = true,
    .rank = 4,
    .types = kTypes,
    .recognize = looks_like_perf_map,
    .prepare = without_options<Input>,
};

}  // namespace tracebraid::converters::perfmap
