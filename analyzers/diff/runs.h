// Which inputs of a side are one run.
//
// A folder is a run, with all its files that are inputs; if it has none, each of its folders that
// has some. Of files, the first of each kind (profile,
// log, capture, …) are the first run, the second of each kind the second, and so on; the logs of
// one strace -ff count as one. A word `,` ends a run: what stands between two of them is one.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "analyzers/input/inputs.h"

namespace tracebraid::analyzers::diff {

struct Run {
  std::vector<std::string> paths;
  std::vector<std::string> profiles;  // those of them that are known to be profiles
  std::string name;                   // for people: the folder, or the inputs
  // Kinds of the inputs; what cannot be opened twice is taken for records.
  InputKinds kinds;
};

// `is_one`: all inputs are one run. Files of folders that are nothing known are left out, and noted
// in `context`. Throws io::UsageError for a folder without inputs, or a side without any.
[[nodiscard]] std::vector<Run> runs_of(std::span<const std::string> words, bool is_one,
                                       formats::cli::Context& context);

}  // namespace tracebraid::analyzers::diff
