#include "analyzers/diff/columns.h"

#include <algorithm>

#include <range/v3/view/zip.hpp>

#include "formats/io/text.h"

namespace tracebraid::analyzers::diff {

using formats::io::width_of;

void Table::append_to(std::string& text, std::string_view indent) const {
  std::vector<std::size_t> widths;
  for (const Row& row : rows_) {
    widths.resize(std::max(widths.size(), row.cells.size()));
    for (auto&& [width, cell] : ranges::views::zip(widths, row.cells)) {
      width = std::max(width, width_of(cell));
    }
  }
  for (const Row& row : rows_) {
    std::string line(row.cells.empty() ? row.line : indent);
    const std::string* const last = row.cells.empty() ? nullptr : &row.cells.back();
    for (const auto& [width, cell] : ranges::views::zip(widths, row.cells)) {
      if (width == 0) continue;
      if (&cell == last) {
        line.append(cell);
      } else {
        line.append(width - width_of(cell), ' ').append(cell).append("  ");
      }
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text.append(line).append("\n");
  }
}

void append_wrapped(std::string& out, std::string_view text, std::size_t indent) {
  constexpr std::size_t kWidth = 100;
  std::size_t column = 0;
  bool is_first = true;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    const std::size_t width = width_of(word);
    if (!is_first && column + 1 + width > kWidth) {
      out.append("\n").append(indent, ' ');
      column = indent;
    } else if (!is_first) {
      out.push_back(' ');
      ++column;
    }
    out.append(word);
    column += width;
    is_first = false;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  out.push_back('\n');
}

}  // namespace tracebraid::analyzers::diff
