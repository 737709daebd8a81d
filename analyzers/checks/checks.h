// The checks. Each is one file, whose name is its id, and one row in checks.list:
//
//   class EagainLoop final : public Detector { … };    in an unnamed namespace
//
//   extern constinit const Check kEagainLoop = {
//       .id = "eagain_loop",
//       .title = "…",
//       .explain = "…",
//       .needs = "log",
//       .make = &make_detector<EagainLoop>,
//   };
//
// --list, --explain, --only and --without know it by its row.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "analyzers/checks/detector.h"

namespace tracebraid::analyzers::checks {

struct Check {
  std::string_view id;
  std::string_view title;    // half a line
  std::string_view explain;  // paragraphs: what is looked for, the limits, what to do
  std::string_view needs;    // "log", "capture", "log and capture"
  std::unique_ptr<Detector> (*make)(Scene& scene);
};

template <typename D>
std::unique_ptr<Detector> make_detector(Scene& scene) {
  return std::make_unique<D>(scene);
}

// In the order of checks.list.
[[nodiscard]] std::span<const Check* const> all_checks();

}  // namespace tracebraid::analyzers::checks
