// Which detectors are shown a call (detector.h says the rules), and the names of calls, each once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "analyzers/checks/calls.h"
#include "analyzers/util/bit_set.h"
#include "analyzers/util/names.h"

namespace tracebraid::analyzers::checks {

struct CallEvent;
struct Interest;

class Audience {
 public:
  // All of them before the first name_of().
  void add(std::size_t detector, const Interest& interest);
  // Stays where it is.
  [[nodiscard]] CallName& name_of(std::string_view call);
  // Numbers of detectors.
  [[nodiscard]] BitSet of(const CallEvent& event) const;

 private:
  WordTable<CallName> names_;
  BitSet of_all_, of_polls_, of_sends_, of_failing_, of_pending_, of_datagrams_;
  std::vector<std::pair<std::int64_t, std::size_t>> of_long_;  // from so many ns on, ascending
  std::vector<std::pair<std::string_view, std::size_t>> of_name_;
};

}  // namespace tracebraid::analyzers::checks
