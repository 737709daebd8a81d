// What tracebraid check writes for people: the findings, what was looked at, and which other inputs
// could tell more. Times are shown as UTC. The same findings as records are check.cc's.
#pragma once

#include "analyzers/checks/finding.h"
#include "analyzers/checks/story.h"
#include "formats/io/text_output.h"

namespace tracebraid::analyzers::checks {

// Of a story that has ended; findings below `least` are counted but not shown.
void write_report(const Story& story, Severity least, formats::io::TextOutput& out);

}  // namespace tracebraid::analyzers::checks
