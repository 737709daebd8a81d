#include "analyzers/diff/columns.h"

#include <algorithm>

#include <range/v3/view/zip.hpp>

#include "formats/io/text.h"

namespace tracebraid::analyzers::diff {

namespace io = formats::io;
using formats::io::width_of;

// Columns count what is shown, so texts are escaped before.
void Table::write_to(io::TextOutput& out, std::string_view indent) const {
  std::vector<std::vector<std::string>> shown;
  std::vector<std::size_t> widths;
  for (const Row& row : rows_) {
    std::vector<std::string>& cells = shown.emplace_back();
    for (const std::string& cell : row.cells) cells.push_back(io::escaped(cell));
    widths.resize(std::max(widths.size(), cells.size()));
    for (auto&& [width, cell] : ranges::views::zip(widths, cells)) {
      width = std::max(width, width_of(cell));
    }
  }
  for (const auto& [row, cells] : ranges::views::zip(rows_, shown)) {
    std::string line(cells.empty() ? row.line : indent);
    const std::string* const last = cells.empty() ? nullptr : &cells.back();
    for (const auto& [width, cell] : ranges::views::zip(widths, cells)) {
      if (width == 0) continue;
      if (&cell == last) {
        line.append(cell);
      } else {
        line.append(width - width_of(cell), ' ').append(cell).append("  ");
      }
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out.line(line);
  }
}

void write_wrapped(io::TextOutput& out, std::string_view text, std::size_t indent) {
  constexpr std::size_t kWidth = 100;
  const std::string shown = io::escaped(text);
  std::string_view rest = shown;
  std::string line;
  std::size_t column = 0;
  bool is_first = true;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(' '), rest.size());
    const std::string_view word = rest.substr(0, end);
    const std::size_t width = width_of(word);
    if (!is_first && column + 1 + width > kWidth) {
      out.line(line);
      line.assign(indent, ' ');
      column = indent;
    } else if (!is_first) {
      line.push_back(' ');
      ++column;
    }
    line.append(word);
    column += width;
    is_first = false;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  out.line(line);
}

}  // namespace tracebraid::analyzers::diff
