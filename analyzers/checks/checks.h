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
  // "log", "log and capture", "log or capture", "anything": without that it finds nothing. The
  // inputs are log, capture, profile and greenlets. Behind ";" or " with ": what else helps.
  std::string_view needs;
  std::unique_ptr<Detector> (*make)(Scene& scene);
};

template <typename D>
std::unique_ptr<Detector> make_detector(Scene& scene) {
  return std::make_unique<D>(scene);
}

// Inputs that tell something.
struct Given {
  bool log = false, capture = false, profile = false, greenlets = false;
};
[[nodiscard]] bool can_be_made(const Check& check, const Given& given);

// In the order of checks.list.
[[nodiscard]] std::span<const Check* const> all_checks();

}  // namespace tracebraid::analyzers::checks
