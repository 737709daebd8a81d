// Showing a callgrind profile in KCachegrind.
#pragma once

#include <optional>
#include <string>

namespace tracebraid::converters::cprof {

// kcachegrind or qcachegrind, whichever is in PATH.
[[nodiscard]] std::optional<std::string> find_viewer();

// Shows `profile` and waits until the viewer is closed. KCachegrind opens every file beside
// `profile` whose name begins like it, and adds them up: where there is one, it is given a link in
// a folder of its own. Throws Error.
void view(const std::string& viewer, const std::string& profile);

}  // namespace tracebraid::converters::cprof
