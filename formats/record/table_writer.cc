// Columns for the eye: a head, texts to the left, numbers to the right, - where a value is missing.

#include <algorithm>
#include <string>
#include <vector>

#include "formats/io/error.h"
#include "formats/io/text.h"
#include "formats/record/value_text.h"
#include "formats/record/writers.h"

namespace tracebraid::formats::record {
namespace {

// Memory: the first kKept rows are kept to find out how wide columns must be.
class TableWriter final : public Writer {
 public:
  TableWriter(io::Output& output, WriterOptions options) : Writer(output, std::move(options)) {}

  void flush() override {
    show_kept();
    Writer::flush();
  }

 private:
  static constexpr std::size_t kKept = 200;
  static constexpr std::size_t kWidest = 48;

  void begin(const Declared& type) override {
    if (type.index > 0) {
      throw io::UsageError{"a table holds records of one type only",
                           "-f jsonl and -f msgpack hold several"};
    }
    std::vector<std::string> names;
    for (const std::uint32_t column : type.columns) {
      const FieldInfo& field = type.type->fields[column];
      names.emplace_back(field.name);
      widths_.push_back(field.name.size());
      const bool is_text = field.kind == Kind::kText || field.kind == Kind::kAddress;
      to_the_left_.push_back(is_text);
    }
    kept_.push_back(std::move(names));
  }

  void put(const Declared& type, std::span<const Value> values) override {
    std::vector<std::string> row;
    for (std::size_t at = 0; at < type.columns.size(); ++at) {
      std::string& cell = row.emplace_back();
      const Value& value = values[type.columns[at]];
      if (value.kind() == Kind::kText) {
        io::append_escaped(cell, value.bytes());
        if (cell.size() > kWidest) {
          std::size_t cut = kWidest - 1;
          while (cut > 0 && (static_cast<unsigned char>(cell[cut]) & 0xC0U) == 0x80U) --cut;
          cell.resize(cut);
          cell += "…";
        }
      } else if (value.is_nil()) {
        cell = "-";
      } else {
        append_plain(cell, value, "yes", "no");
      }
      if (!has_shown_) widths_[at] = std::max(widths_[at], width(cell));
    }
    if (has_shown_) {
      show(row);
      return;
    }
    kept_.push_back(std::move(row));
    if (kept_.size() > kKept) show_kept();
  }

  // Nothing but the head is no reason to decide on widths.
  void show_kept() {
    if (has_shown_ || kept_.size() < 2) return;
    has_shown_ = true;
    for (const std::vector<std::string>& row : kept_) show(row);
    kept_.clear();
  }

  void end() override {
    if (has_shown_) return;
    has_shown_ = true;
    for (const std::vector<std::string>& row : kept_) show(row);
    kept_.clear();
  }

  static std::size_t width(std::string_view cell) {
    return static_cast<std::size_t>(std::count_if(cell.begin(), cell.end(), [](char byte) {
      return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U;
    }));
  }

  void show(const std::vector<std::string>& row) {
    std::string line;
    for (std::size_t at = 0; at < row.size(); ++at) {
      if (at > 0) line += "  ";
      const std::size_t wide = width(row[at]);
      const std::size_t blanks = widths_[at] > wide ? widths_[at] - wide : 0;
      if (!to_the_left_[at]) line.append(blanks, ' ');
      line += row[at];
      if (to_the_left_[at] && at + 1 < row.size()) line.append(blanks, ' ');
    }
    line += '\n';
    block().append(line);
  }

  std::vector<std::size_t> widths_;
  std::vector<bool> to_the_left_;
  std::vector<std::vector<std::string>> kept_;
  bool has_shown_ = false;
};

}  // namespace

std::unique_ptr<Writer> make_table_writer(io::Output& output, WriterOptions options) {
  return std::make_unique<TableWriter>(output, std::move(options));
}

}  // namespace tracebraid::formats::record
