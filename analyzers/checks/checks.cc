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

bool can_be_made(const Check& check, const Given& given) {
  std::string_view needs = check.needs.substr(0, check.needs.find(';'));
  needs = needs.substr(0, needs.find(" with "));
  constexpr std::string_view kOr = " or ";
  const auto has = [&](std::string_view name) {
    return name == "log"         ? given.log
           : name == "capture"   ? given.capture
           : name == "profile"   ? given.profile
           : name == "greenlets" ? given.greenlets
                                 : true;
  };
  if (needs.find(kOr) == std::string_view::npos) {
    constexpr std::string_view kAnd = " and ";
    const std::size_t at = needs.find(kAnd);
    return has(needs.substr(0, at)) &&
           (at == std::string_view::npos || has(needs.substr(at + kAnd.size())));
  }
  for (;;) {
    const std::size_t at = needs.find(kOr);
    if (has(needs.substr(0, at))) return true;
    if (at == std::string_view::npos) return false;
    needs.remove_prefix(at + kOr.size());
  }
}

std::span<const Check* const> all_checks() {
  return kChecks;
}

}  // namespace tracebraid::analyzers::checks
