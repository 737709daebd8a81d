// One story once: findings that differ in numbers alone.
#pragma once

#include <vector>

#include "analyzers/checks/finding.h"

namespace tracebraid::analyzers::checks {

// Four or more of one check and severity whose summaries are the same but for their numbers (ports,
// processes, descriptors, counts) become the first of them, with what they all counted, until when
// they lasted, and how many more there are. The order stays.
[[nodiscard]] std::vector<Finding> told_once(std::vector<Finding> findings);

}  // namespace tracebraid::analyzers::checks
