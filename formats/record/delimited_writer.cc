// One record a line, one column a field: CSV (RFC 4180), TSV, and Zeek's ASCII log
// (https://docs.zeek.org/en/master/log-formats.html).

#include <array>
#include <ctime>
#include <string>

#include "formats/io/error.h"
#include "formats/record/value_text.h"
#include "formats/record/writers.h"

namespace tracebraid::formats::record {
namespace {

class DelimitedWriter : public Writer {
 protected:
  using Writer::Writer;

  void begin(const Declared& type) override {
    if (type.index > 0) {
      throw io::UsageError{"this form holds records of one type only",
                           "-f jsonl and -f msgpack hold several"};
    }
    line_.clear();
    head(type);
    block().append(line_);
  }

  void put(const Declared& type, std::span<const Value> values) override {
    line_.clear();
    for (const std::uint32_t column : type.columns) {
      if (column != type.columns.front() || !line_.empty()) line_ += delimiter();
      const Value& value = values[column];
      if (value.kind() == Kind::kText) {
        text(value.bytes());
      } else if (value.is_nil()) {
        line_ += missing();
      } else {
        append_plain(line_, value, yes(), no());
      }
    }
    line_ += '\n';
    block().append(line_);
  }

  virtual void head(const Declared& type) {
    for (const std::uint32_t column : type.columns) {
      if (!line_.empty()) line_ += delimiter();
      text(type.type->fields[column].name);
    }
    line_ += '\n';
  }
  virtual void text(std::string_view bytes) = 0;
  [[nodiscard]] virtual char delimiter() const { return '\t'; }
  [[nodiscard]] virtual std::string_view missing() const { return "-"; }
  [[nodiscard]] virtual std::string_view yes() const { return "true"; }
  [[nodiscard]] virtual std::string_view no() const { return "false"; }

  std::string line_;
};

class CsvWriter final : public DelimitedWriter {
 public:
  CsvWriter(io::Output& output, WriterOptions options)
      : DelimitedWriter(output, std::move(options)) {}

 private:
  void text(std::string_view bytes) override {
    if (bytes.find_first_of(",\"\r\n") == std::string_view::npos) {
      line_ += bytes;
      return;
    }
    line_ += '"';
    for (const char byte : bytes) {
      if (byte == '"') line_ += '"';
      line_ += byte;
    }
    line_ += '"';
  }
  [[nodiscard]] char delimiter() const override { return ','; }
  [[nodiscard]] std::string_view missing() const override { return ""; }
};

class TsvWriter final : public DelimitedWriter {
 public:
  TsvWriter(io::Output& output, WriterOptions options)
      : DelimitedWriter(output, std::move(options)) {}

 private:
  void text(std::string_view bytes) override {
    for (const char byte : bytes) {
      switch (byte) {
        case '\t':
          line_ += "\\t";
          break;
        case '\n':
          line_ += "\\n";
          break;
        case '\r':
          line_ += "\\r";
          break;
        case '\\':
          line_ += "\\\\";
          break;
        default:
          line_ += byte;
          break;
      }
    }
  }
};

class ZeekWriter final : public DelimitedWriter {
 public:
  ZeekWriter(io::Output& output, WriterOptions options)
      : DelimitedWriter(output, std::move(options)) {}

 private:
  static std::string_view type_of(const FieldInfo& field) {
    if (field.unit == "port") return "port";
    if (field.unit == "enum") return "enum";
    if (field.unit == "set") return "set[string]";
    switch (field.kind) {
      case Kind::kBool:
        return "bool";
      case Kind::kUint:
        return "count";
      case Kind::kInt:
        return "int";
      case Kind::kTime:
        return "time";
      case Kind::kDuration:
        return "interval";
      case Kind::kAddress:
        return "addr";
      case Kind::kText:
      case Kind::kNil:
        break;
    }
    return "string";
  }

  static std::string now() {
    const std::time_t time = std::time(nullptr);
    std::tm parts{};
    ::gmtime_r(&time, &parts);
    std::array<char, 32> text;
    return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%d-%H-%M-%S", &parts)};
  }

  void head(const Declared& type) override {
    line_ += "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\t";
    line_ += type.type->name == "flow" ? "conn" : type.type->name;
    line_ += "\n#open\t" + now() + "\n#fields";
    for (const std::uint32_t column : type.columns) {
      line_.append("\t").append(type.type->fields[column].name);
    }
    line_ += "\n#types";
    for (const std::uint32_t column : type.columns) {
      line_.append("\t").append(type_of(type.type->fields[column]));
    }
    line_ += '\n';
  }

  void end() override { block().append("#close\t" + now() + '\n'); }

  // What is not printable, the separator and a backslash as \xNN; so are texts that would read as
  // missing or empty.
  void text(std::string_view bytes) override {
    if (bytes == "-" || bytes == "(empty)") {
      append_hex(bytes[0]);
      bytes.remove_prefix(1);
    }
    for (const char byte : bytes) {
      if (byte < ' ' || byte > '~' || byte == '\\') {
        append_hex(byte);
      } else {
        line_ += byte;
      }
    }
  }

  void append_hex(char byte) {
    constexpr std::string_view kHex = "0123456789abcdef";
    const auto bits = static_cast<unsigned char>(byte);
    line_.append("\\x").append(1, kHex[bits >> 4U]).append(1, kHex[bits & 15U]);
  }

  [[nodiscard]] std::string_view yes() const override { return "T"; }
  [[nodiscard]] std::string_view no() const override { return "F"; }
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
