#include <utility>

#include "formats/record/text.h"
#include "formats/record/writers.h"

namespace tracebraid::formats::record {
namespace {

class JsonLinesWriter final : public Writer {
 public:
  JsonLinesWriter(io::Output& output, WriterOptions options)
      : out_(output), layouts_(std::move(options.fields)) {}

  // A type without records leaves no trace.
  void declare(const TypeInfo& type) override { (void)layout(type); }

  void write_values(const TypeInfo& type, std::span<const Value> values) override {
    const Layout& known = layout(type);
    out_.append(begins_[known.number]);
    for (std::size_t at = 0; at < known.columns.size(); ++at) {
      put(known.keys[at], value_at(values, known.columns[at]));
    }
    out_.append("}\n");
  }

  void flush() override { out_.flush(); }
  void finish() override { flush(); }

 private:
  static constexpr std::size_t kShortKey = 256;

  Layout& layout(const TypeInfo& type) {
    if (Layout* const known = layouts_.last(type)) return *known;
    if (Layout* const known = layouts_.find(type)) return *known;
    Layout& layout = layouts_.add(type);
    std::string begin = "{\"type\":\"";
    append_json_text(begin, type.name);
    begins_.push_back(begin + '"');
    for (const std::size_t column : layout.columns) {
      std::string key = ",\"";
      append_json_text(key, type.fields[column].name);
      layout.keys.push_back(key + "\":");
    }
    return layout;
  }

  void put(std::string_view key, const Value& value) {
    if (key.size() > kShortKey) {
      out_.append(key);
      key = {};
    }
    char* const start = out_.room(kShortKey + kValueRoom);
    char* at = start + key.copy(start, key.size());
    switch (value.kind()) {
      case Kind::kNil:
        at += std::string_view("null").copy(at, 4);
        break;
      case Kind::kAddress:
        *at++ = '"';
        at = put_address(at, value.bytes());
        *at++ = '"';
        break;
      case Kind::kText:
        *at++ = '"';
        break;
      default:
        at = put_plain(at, value);
    }
    out_.used(static_cast<std::size_t>(at - start));
    if (value.kind() != Kind::kText) return;
    append_json_text(out_, value.bytes());
    out_.append("\"");
  }

  io::BlockWriter out_;
  Layouts layouts_;
  std::vector<std::string> begins_;  // by Layout::number
};

}  // namespace

std::unique_ptr<Writer> make_json_lines_writer(io::Output& output, WriterOptions options) {
  return std::make_unique<JsonLinesWriter>(output, std::move(options));
}

}  // namespace tracebraid::formats::record
