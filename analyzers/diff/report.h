// What differs, as text for people.
#pragma once

#include <cstddef>
#include <vector>

#include "analyzers/diff/comparisons.h"
#include "analyzers/diff/runs.h"
#include "formats/io/text_output.h"

namespace tracebraid::analyzers::diff {

struct ReportOptions {
  std::size_t most = 10;  // rows of a table
  bool with_all = false;  // also what is the same, and what may be noise
};

void write_report(Comparisons& comparisons, const std::vector<Run>& a, const std::vector<Run>& b,
                  const ReportOptions& options, formats::io::TextOutput& out);

}  // namespace tracebraid::analyzers::diff
