// A table for a terminal: columns as wide as the first rows need.
#include <algorithm>
#include <array>
#include <utility>

#include "formats/io/text.h"
#include "formats/record/text.h"
#include "formats/record/writers.h"

namespace tracebraid::formats::record {
namespace {

constexpr std::string_view kEllipsis = "…";
constexpr std::size_t kWidest = 48;  // of a text column
constexpr std::size_t kClock = 18;   // HH:MM:SS.nnnnnnnnn

// UTC; the day is left out.
void append_clock(std::string& out, std::int64_t ns) {
  constexpr std::int64_t kNanoseconds = 1'000'000'000;
  constexpr std::int64_t kDay = 86'400;
  std::int64_t seconds = ns / kNanoseconds;
  std::int64_t rest = ns % kNanoseconds;
  if (rest < 0) {
    rest += kNanoseconds;
    --seconds;
  }
  const std::int64_t of_day = ((seconds % kDay) + kDay) % kDay;
  const auto two = [&](std::int64_t value) {
    out.push_back(static_cast<char>('0' + value / 10));
    out.push_back(static_cast<char>('0' + value % 10));
  };
  two(of_day / 3600);
  out.push_back(':');
  two(of_day / 60 % 60);
  out.push_back(':');
  two(of_day % 60);
  std::array<char, kValueRoom> room;
  char* const end = put_seconds(room.data(), rest);
  out.append(room.data() + 1, end);  // without the zero in front of the point
}

class TableWriter final : public OneTypeWriter {
 public:
  TableWriter(io::Output& output, WriterOptions options)
      : OneTypeWriter("a table", output, std::move(options)) {}

  void write_values(const TypeInfo& type, std::span<const Value> values) override {
    const Layout& known = layout(type);
    if (is_waiting_) {
      for (const std::size_t column : known.columns) {
        append_cell(waiting_, value_at(values, column));
        ends_.push_back(waiting_.size());
      }
      if (++rows_waiting_ >= options_.widths_from) show_waiting();
      return;
    }
    line_.clear();
    for (std::size_t at = 0; at < widths_.size(); ++at) {
      cell_.clear();
      append_cell(cell_, value_at(values, known.columns[at]));
      append_padded(at, cell_);
    }
    end_line();
  }

  void flush() override {
    if (is_waiting_ && !headings_.empty()) show_waiting();
    out_.flush();
  }

 private:
  void begin(Layout& layout) override {
    for (const std::size_t column : layout.columns) {
      const FieldInfo& field = layout.type->fields[column];
      std::string& heading = headings_.emplace_back();
      io::append_escaped(heading, field.name);
      const bool is_number =
          field.kind == Kind::kUint || field.kind == Kind::kInt || field.kind == Kind::kDuration;
      is_right_.push_back(is_number);
      is_word_.push_back(field.unit == "enum");
      const std::size_t least = field.kind == Kind::kTime ? kClock : 0;
      widths_.push_back(std::max(io::width_of(heading), least));
    }
  }

  static void append_cell(std::string& out, const Value& value) {
    if (value.kind() == Kind::kTime) {
      append_clock(out, value.as_int());
    } else {
      append_shown(out, value);
    }
  }

  void show_waiting() {
    is_waiting_ = false;
    const std::size_t columns = widths_.size();
    const auto cell = [&](std::size_t at) {
      const std::size_t start = at == 0 ? 0 : ends_[at - 1];
      return std::string_view(waiting_).substr(start, ends_[at] - start);
    };
    for (std::size_t at = 0; at < ends_.size(); ++at) {
      std::size_t& width = widths_[at % columns];
      width = std::max(width, std::min(io::width_of(cell(at)), kWidest));
    }
    line_.clear();
    for (std::size_t at = 0; at < columns; ++at) append_padded(at, headings_[at]);
    end_line();
    for (std::size_t row = 0; row < rows_waiting_; ++row) {
      line_.clear();
      for (std::size_t at = 0; at < columns; ++at) append_padded(at, cell(row * columns + at));
      end_line();
    }
    waiting_ = {};
    ends_ = {};
  }

  // A number or a word out of a few is shown whole even where it is wider than its column; other
  // text is cut.
  void append_padded(std::size_t at, std::string_view text) {
    const std::size_t width = io::width_of(text);
    const std::size_t padding = widths_[at] > width ? widths_[at] - width : 0;
    if (at > 0) line_.append("  ");
    if (is_right_[at]) line_.append(padding, ' ');
    if (width > widths_[at] && !is_right_[at] && !is_word_[at]) {
      line_.append(io::front_of(text, widths_[at] - 1)).append(kEllipsis);
    } else {
      line_.append(text);
    }
    if (!is_right_[at]) line_.append(padding, ' ');
  }

  void end_line() {
    while (line_.ends_with(' ')) line_.pop_back();
    if (options_.width > 0 && io::width_of(line_) > options_.width) {
      line_.resize(io::front_of(line_, options_.width - 1).size());
      line_.append(kEllipsis);
    }
    line_.push_back('\n');
    out_.append(line_);
  }

  std::vector<std::string> headings_;
  std::vector<bool> is_right_;
  std::vector<bool> is_word_;
  std::vector<std::size_t> widths_;
  bool is_waiting_ = true;  // for rows to choose widths by
  std::string waiting_;     // their cells
  std::vector<std::size_t> ends_;
  std::size_t rows_waiting_ = 0;
  std::string line_;  // reused
  std::string cell_;  // reused
};

}  // namespace

std::unique_ptr<Writer> make_table_writer(io::Output& output, WriterOptions options) {
  return std::make_unique<TableWriter>(output, std::move(options));
}

}  // namespace tracebraid::formats::record
