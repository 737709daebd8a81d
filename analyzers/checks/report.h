// What tracebraid check writes for people: the findings, what was looked at, and which other inputs
// could tell more. Times are shown as UTC. The same findings as records are check.cc's.
#pragma once

#include <string>

#include "analyzers/checks/finding.h"
#include "analyzers/checks/story.h"

namespace tracebraid::analyzers::checks {

// The whole text, with a line feed at its end. Of a story that has ended; findings below `least`
// are counted but not shown.
[[nodiscard]] std::string report_text(const Story& story, Severity least);

}  // namespace tracebraid::analyzers::checks
