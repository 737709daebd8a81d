#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

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
    const Texts& texts = texts_[known.number];
    out_.append(texts.begin);
    const std::size_t count = known.columns.size();
    for (std::size_t at = 0; at < count;) {
      const Value value = value_at(values, known.columns[at]);
      if (!value.is_nil()) {
        put(known.keys[at], value);
        ++at;
        continue;
      }
      // Neighbours without values are one copy.
      const std::size_t first = texts.nulls_at[at];
      do ++at;
      while (at < count && value_at(values, known.columns[at]).is_nil());
      out_.append(std::string_view(texts.nulls).substr(first, texts.nulls_at[at] - first));
    }
    out_.append("}\n");
  }

  void flush() override { out_.flush(); }
  void finish() override { flush(); }

 private:
  static constexpr std::size_t kShortKey = 256;
  static constexpr std::size_t kShortText = 4096;
  static constexpr std::size_t kRoom = kShortKey + kShortText * kMostJson + kValueRoom;

  struct Texts {
    std::string begin;                  // {"type":"syscall"
    std::string nulls;                  // ,"ts":null,"duration":null …
    std::vector<std::size_t> nulls_at;  // where each column's begins, and the end
  };

  Layout& layout(const TypeInfo& type) {
    if (Layout* const known = layouts_.last(type)) return *known;
    if (Layout* const known = layouts_.find(type)) return *known;
    Layout& layout = layouts_.add(type);
    Texts& texts = texts_.emplace_back();
    texts.begin = "{\"type\":\"";
    append_json_text(texts.begin, type.name);
    texts.begin.push_back('"');
    for (const std::size_t column : layout.columns) {
      std::string key = ",\"";
      append_json_text(key, type.fields[column].name);
      key.append("\":");
      texts.nulls_at.push_back(texts.nulls.size());
      texts.nulls.append(key).append("null");
      layout.keys.push_back(std::move(key));
    }
    texts.nulls_at.push_back(texts.nulls.size());
    return layout;
  }

  void put(std::string_view key, const Value& value) {
    if (key.size() > kShortKey) {
      out_.append(key);
      key = {};
    }
    char* const start = out_.room(kRoom);
    char* at = start + key.copy(start, key.size());
    switch (value.kind()) {
      case Kind::kText:
        put_text(start, at, value.bytes());
        return;
      case Kind::kAddress:
        *at++ = '"';
        at = put_address(at, value.bytes());
        *at++ = '"';
        break;
      default:
        at = put_plain(at, value);
    }
    out_.used(static_cast<std::size_t>(at - start));
  }

  void put_text(char* start, char* at, std::string_view text) {
    *at++ = '"';
    if (text.size() <= kShortText) {
      at = put_json_text(at, text);
      *at++ = '"';
      out_.used(static_cast<std::size_t>(at - start));
    } else {
      out_.used(static_cast<std::size_t>(at - start));
      append_json_text(out_, text);
      out_.append("\"");
    }
  }

  io::BlockWriter out_;
  Layouts layouts_;
  std::vector<Texts> texts_;  // by Layout::number
};

}  // namespace

std::unique_ptr<Writer> make_json_lines_writer(io::Output& output, WriterOptions options) {
  return std::make_unique<JsonLinesWriter>(output, std::move(options));
}

}  // namespace tracebraid::formats::record
