#include "analyzers/checks/checks.h"

namespace tracebraid::analyzers::checks {

#define TRACEBRAID_CHECK(check) extern const Check check;
#include "analyzers/checks/checks.list"
#undef TRACEBRAID_CHECK

namespace {

#define TRACEBRAID_CHECK(check) &check,
constexpr const Check* kChecks[] = {
#include "analyzers/checks/checks.list"
};
#undef TRACEBRAID_CHECK

}  // namespace

std::span<const Check* const> all_checks() {
  return kChecks;
}

}  // namespace tracebraid::analyzers::checks
