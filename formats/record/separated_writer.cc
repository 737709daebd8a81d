// CSV, TSV and Zeek's log: a line a record, values with a separator between.
#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>
#include <utility>

#include "formats/io/text.h"
#include "formats/record/text.h"
#include "formats/record/writers.h"

namespace tracebraid::formats::record {
namespace {

void append_plain(std::string& out, const Value& value) {
  std::array<char, kValueRoom> room;
  out.append(room.data(), put_plain(room.data(), value));
}

class SeparatedWriter : public OneTypeWriter {
 public:
  SeparatedWriter(std::string_view name, char separator, std::string_view line_end,
                  io::Output& output, WriterOptions options)
      : OneTypeWriter(name, output, std::move(options)),
        separator_(separator),
        line_end_(line_end) {}

  void write_values(const TypeInfo& type, std::span<const Value> values) final {
    const Layout& known = layout(type);
    line_.clear();
    for (std::size_t at = 0; at < known.columns.size(); ++at) {
      if (at > 0) line_.push_back(separator_);
      append_value(line_, value_at(values, known.columns[at]));
    }
    end_line();
  }

 protected:
  virtual void append_value(std::string& line, const Value& value) = 0;

  void begin(Layout& layout) override {
    line_.clear();
    append_names(layout);
    end_line();
  }

  void append_names(const Layout& layout) {
    for (std::size_t at = 0; at < layout.columns.size(); ++at) {
      if (at > 0) line_.push_back(separator_);
      append_value(line_, Value(layout.type->fields[layout.columns[at]].name));
    }
  }

  void end_line() {
    line_.append(line_end_);
    out_.append(line_);
  }

  std::string line_;  // reused

 private:
  char separator_;
  std::string_view line_end_;
};

// RFC 4180. A missing value is nothing, an empty text is "".
//
// A spreadsheet takes a cell for a formula that begins with = + - @, a tab or a line end (as
// OWASP's "CSV Injection" lists them; full-width forms of the four, too, where Japanese is
// written): names of hosts and functions may have been chosen to be one. csv_safe puts an
// apostrophe in front.
class CsvWriter final : public SeparatedWriter {
 public:
  CsvWriter(io::Output& output, WriterOptions options)
      : SeparatedWriter("CSV", ',', "\n", output, std::move(options)),
        is_terminal_(output.is_terminal()) {}

  [[nodiscard]] std::uint64_t formulas() const override { return formulas_; }

 private:
  void append_value(std::string& line, const Value& value) override {
    if (value.kind() != Kind::kText) {
      append_plain(line, value);
      return;
    }
    std::string_view text = value.bytes();
    if (is_terminal_) {  // where a line end would begin a line, quoted or not
      shown_.clear();
      io::append_escaped(shown_, text);
      text = shown_;
    }
    const bool is_formula = begins_formula(text);
    if (is_formula && !options_.csv_safe) ++formulas_;
    const std::string_view mark = is_formula && options_.csv_safe ? "'" : "";
    if (!text.empty() && std::ranges::none_of(text, needs_quotes)) {
      line.append(mark).append(text);
      return;
    }
    line.append("\"").append(mark);
    for (const char each : text) {
      if (each == '"') line.push_back('"');
      line.push_back(each);
    }
    line.push_back('"');
  }

  static bool needs_quotes(char each) {
    return each == ',' || each == '"' || each == '\r' || each == '\n';
  }

  static bool begins_formula(std::string_view text) {
    if (text.empty()) return false;
    switch (text[0]) {
      case '=':
      case '+':
      case '-':
      case '@':
      case '\t':
      case '\r':
      case '\n':
        return true;
      case '\xEF':
        return text.starts_with("＝") || text.starts_with("＋") || text.starts_with("－") ||
               text.starts_with("＠");
      default:
        return false;
    }
  }

  bool is_terminal_;
  std::uint64_t formulas_ = 0;
  std::string shown_;  // reused
};

// Tabs, line ends and backslashes are escaped with a backslash. A missing value is "-", the text
// that is a hyphen "\-".
class TsvWriter final : public SeparatedWriter {
 public:
  TsvWriter(io::Output& output, WriterOptions options)
      : SeparatedWriter("TSV", '\t', "\n", output, std::move(options)) {}

 private:
  void append_value(std::string& line, const Value& value) override {
    if (value.is_nil()) {
      line.push_back('-');
    } else if (value.kind() != Kind::kText) {
      append_plain(line, value);
    } else if (value.bytes() == "-") {
      line.append("\\-");
    } else {
      for (const char each : value.bytes()) append_char(line, each);
    }
  }

  static void append_char(std::string& line, char each) {
    constexpr std::string_view kSpecial = "\t\n\r\\";
    constexpr std::string_view kLetters = "tnr\\";
    const std::size_t at = kSpecial.find(each);
    if (at == std::string_view::npos) {
      line.push_back(each);
    } else {
      line.push_back('\\');
      line.push_back(kLetters[at]);
    }
  }
};

// Zeek's ASCII log (zeek/src/logging/writers/ascii/Ascii.cc), for zeek-cut and what else reads it.
// Times keep nine decimals.
class ZeekWriter final : public SeparatedWriter {
 public:
  ZeekWriter(io::Output& output, WriterOptions options)
      : SeparatedWriter("Zeek's log", '\t', "\n", output, std::move(options)) {}

  void finish() override {
    if (has_begun_) {
      line_ = "#close\t";
      append_now();
      end_line();
    }
    flush();
  }

 private:
  void begin(Layout& layout) override {
    has_begun_ = true;
    const std::string_view name = layout.type->name;
    line_ = "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\t";
    append_escaped(line_, name == "flow" ? "conn" : name);
    line_.append("\n#open\t");
    append_now();
    line_.append("\n#fields\t");
    append_names(layout);
    line_.append("\n#types");
    for (const std::size_t column : layout.columns) {
      line_.append("\t").append(type_name(layout.type->fields[column]));
    }
    end_line();
  }

  static std::string_view type_name(const FieldInfo& field) {
    constexpr std::array<std::string_view, kKindNames.size()> kTypes = {
        "string", "bool", "count", "int", "time", "interval", "string", "addr"};
    if (field.unit == "port") return "port";
    if (field.unit == "enum") return "enum";
    if (field.unit == "set") return "set[string]";
    return kTypes[static_cast<std::size_t>(field.kind)];
  }

  void append_now() {
    using std::chrono::system_clock;
    constexpr std::int64_t kNanoseconds = 1'000'000'000;
    const std::time_t seconds = options_.opened
                                    ? static_cast<std::time_t>(options_.opened->ns / kNanoseconds)
                                    : system_clock::to_time_t(system_clock::now());
    std::tm utc{};
    ::gmtime_r(&seconds, &utc);
    std::array<char, 64> text;
    line_.append(text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%d-%H-%M-%S", &utc));
  }

  void append_value(std::string& line, const Value& value) override {
    switch (value.kind()) {
      case Kind::kNil:
        line.push_back('-');
        break;
      case Kind::kBool:
        line.push_back(value.as_uint() != 0 ? 'T' : 'F');
        break;
      case Kind::kText:
        append_text(line, value.bytes());
        break;
      default:
        append_plain(line, value);
    }
  }

  // What would be taken for something else has its first byte escaped.
  static void append_text(std::string& line, std::string_view text) {
    if (text.empty()) {
      line.append("(empty)");
      return;
    }
    const bool is_special = text == "-" || text == "(empty)" || (line.empty() && text[0] == '#');
    if (is_special) {
      append_hex(line, text[0]);
      text.remove_prefix(1);
    }
    append_escaped(line, text);
  }

  static void append_escaped(std::string& line, std::string_view text) {
    while (!text.empty()) {
      const std::size_t length = utf8_length(text);
      const auto byte = static_cast<unsigned char>(text[0]);
      const bool is_hex = length == 0 || byte < 0x20 || byte == 0x7F || byte == '\\';
      if (is_hex) {
        append_hex(line, text[0]);
        text.remove_prefix(1);
      } else {
        line.append(text.substr(0, length));
        text.remove_prefix(length);
      }
    }
  }

  static void append_hex(std::string& line, char each) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    const auto byte = static_cast<unsigned char>(each);
    line.append("\\x");
    line.push_back(kDigits[byte >> 4]);
    line.push_back(kDigits[byte & 15U]);
  }

  bool has_begun_ = false;
};

}  // namespace

std::unique_ptr<Writer> make_csv_writer(io::Output& output, WriterOptions options) {
  return std::make_unique<CsvWriter>(output, std::move(options));
}
std::unique_ptr<Writer> make_tsv_writer(io::Output& output, WriterOptions options) {
  return std::make_unique<TsvWriter>(output, std::move(options));
}
std::unique_ptr<Writer> make_zeek_writer(io::Output& output, WriterOptions options) {
  return std::make_unique<ZeekWriter>(output, std::move(options));
}

}  // namespace tracebraid::formats::record
