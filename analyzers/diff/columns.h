// Text for people in columns and lines.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "formats/io/text_output.h"

namespace tracebraid::analyzers::diff {

// Rows of texts; all columns but the last are as wide as they need, and set to the right.
class Table {
 public:
  void add(std::vector<std::string> cells) { rows_.push_back({std::move(cells), {}}); }
  // Between rows, in no column.
  void add_line(std::string line) { rows_.push_back({{}, std::move(line)}); }

  void write_to(formats::io::TextOutput& out, std::string_view indent) const;

 private:
  struct Row {
    std::vector<std::string> cells;
    std::string line;  // where there are no cells
  };

  std::vector<Row> rows_;
};

// Words of `text` in lines of at most 100 columns, all but the first behind `indent`.
void write_wrapped(formats::io::TextOutput& out, std::string_view text, std::size_t indent);

}  // namespace tracebraid::analyzers::diff
