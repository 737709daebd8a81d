// Times for people.
#pragma once

#include <cstdint>
#include <string>

namespace tracebraid::analyzers {

// ns since 1970 as "07:09:30.208949", or "2026-11-23 07:09:30.208949" when `with_day`; UTC.
[[nodiscard]] std::string shown_time(std::int64_t ns, bool with_day = false);

}  // namespace tracebraid::analyzers
