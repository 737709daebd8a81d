// The columns of what tracebraid top shows of profiles, and the names that pstats sorts by.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analyzers/top/profile_request.h"
#include "analyzers/top/profile_sums.h"
#include "formats/record/schema.h"

namespace tracebraid::analyzers {

enum class ProfileColumn : std::uint8_t {
  kName,
  kFile,
  kLine,
  kStandardName,  // for sorting only
  kNcalls,
  kCalls,
  kPrimitiveCalls,
  kTottime,
  kPercallTottime,
  kCumtime,
  kPercallCumtime,
  kCallerName,
  kCallerFile,
  kCallerLine,
  kCalleeName,
  kCalleeFile,
  kCalleeLine,
};

[[nodiscard]] const formats::record::FieldInfo& field_of(ProfileColumn column);
// What records have, and what a table shows when nobody asks for columns.
[[nodiscard]] std::vector<ProfileColumn> record_columns_of(ProfileRequest::Show show);
[[nodiscard]] std::vector<ProfileColumn> table_columns_of(ProfileRequest::Show show);

struct ProfileSortKey {
  std::string_view name;
  std::array<ProfileColumn, 3> columns;
  std::size_t count = 1;
};
// Null for what neither pstats nor the records have. pstats' names may be cut where they are clear.
[[nodiscard]] const ProfileSortKey* find_sort_key(std::string_view name);
// All names, with commas between.
[[nodiscard]] std::string profile_sort_keys();

// The column that pstats or the records call so: cumtime for "cumulative". Empty when it is none.
[[nodiscard]] std::string_view profile_column(std::string_view name);

// To the nearest nanosecond; missing where there was no call.
[[nodiscard]] formats::record::Value time_per_call(
    const std::optional<formats::record::Duration>& time,
    const std::optional<std::uint64_t>& calls);

// One row: a function alone, or one end of calls with the other, which may be missing.
struct ProfileRow {
  const ProfileCost* cost = nullptr;
  const FunctionKey* function = nullptr;
  const FunctionKey* caller = nullptr;
  const FunctionKey* callee = nullptr;
};
// `text` outlives the value.
[[nodiscard]] formats::record::Value value_of(ProfileColumn column, const ProfileRow& row,
                                              std::string& text);

// Numbers by size, the largest first, and missing ones last; texts and lines the other way round.
[[nodiscard]] std::strong_ordering compare(ProfileColumn column, const ProfileSums::Function& left,
                                           const ProfileSums::Function& right);

}  // namespace tracebraid::analyzers
