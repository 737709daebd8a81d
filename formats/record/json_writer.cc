// JSON Lines (https://jsonlines.org): one object a line, "type" first, null where a value is
// missing. Times and durations are numbers, decimal seconds with nine digits.

#include <string>
#include <vector>

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include "formats/io/text.h"
#include "formats/record/value_text.h"
#include "formats/record/writers.h"

namespace tracebraid::formats::record {
namespace {

class JsonWriter final : public Writer {
 public:
  JsonWriter(io::Output& output, WriterOptions options) : Writer(output, std::move(options)) {}

 private:
  void begin(const Declared& type) override {
    std::vector<std::string>& keys = keys_.emplace_back();
    std::string key = "{\"type\":\"" + std::string(type.type->name) + '"';
    for (const std::uint32_t column : type.columns) {
      key.append(",\"").append(type.type->fields[column].name).append("\":");
      keys.push_back(std::move(key));
      key.clear();
    }
  }

  void put(const Declared& type, std::span<const Value> values) override {
    line_.clear();
    const std::vector<std::string>& keys = keys_[type.index];
    for (std::size_t at = 0; at < keys.size(); ++at) {
      const Value& value = values[type.columns[at]];
      line_ += keys[at];
      switch (value.kind()) {
        case Kind::kNil:
          line_ += "null";
          break;
        case Kind::kText:
          string(value.bytes());
          break;
        case Kind::kAddress:
          line_ += '"';
          append_address(line_, value.bytes());
          line_ += '"';
          break;
        default:
          append_plain(line_, value);
          break;
      }
    }
    line_ += "}\n";
    block().append(line_);
  }

  void string(std::string_view text) {
    if (io::is_plain(text) && text.find_first_of("\"\\") == std::string_view::npos) {
      line_.append(1, '"').append(text).append(1, '"');
      return;
    }
    // Bytes that are no UTF-8 become U+FFFD: JSON has no way to write them.
    valid_.clear();
    io::append_valid_utf8(valid_, text);
    buffer_.Clear();
    rapidjson::Writer<rapidjson::StringBuffer> writer(buffer_);
    writer.String(valid_.data(), static_cast<rapidjson::SizeType>(valid_.size()));
    line_.append(buffer_.GetString(), buffer_.GetSize());
  }

  std::vector<std::vector<std::string>> keys_;  // by type; the first has the line's beginning
  std::string line_;
  std::string valid_;
  rapidjson::StringBuffer buffer_;
};

}  // namespace

std::unique_ptr<Writer> make_json_writer(io::Output& output, WriterOptions options) {
  return std::make_unique<JsonWriter>(output, std::move(options));
}

}  // namespace tracebraid::formats::record
