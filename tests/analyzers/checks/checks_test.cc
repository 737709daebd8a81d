#include "analyzers/checks/checks.h"

#include <cstdint>
#include <filesystem>
#include <set>
#include <string>

#include <gtest/gtest.h>

namespace tracebraid::analyzers::checks {
namespace {

TEST(Checks, EachHasAFileOfItsNameAndSaysWhatItIs) {
  const auto folder =
      std::filesystem::path(TRACEBRAID_SAMPLES).parent_path() / "analyzers" / "checks";
  std::set<std::string_view> ids;
  for (const Check* const check : all_checks()) {
    const std::string id(check->id);
    EXPECT_TRUE(ids.insert(check->id).second) << id << " is there twice";
    EXPECT_TRUE(std::filesystem::exists(folder / (id + ".cc"))) << id;
    EXPECT_FALSE(check->title.empty()) << id;
    // Or it ends in an example.
    EXPECT_TRUE(check->explain.ends_with('.') || check->explain.find("\n\n  ") < SIZE_MAX) << id;
    EXPECT_FALSE(check->needs.empty()) << id;
    EXPECT_NE(check->make, nullptr) << id;
  }
  EXPECT_FALSE(ids.empty());
}

bool can(std::string_view needs, const Given& given) {
  Check check{};
  check.needs = needs;
  return can_be_made(check, given);
}

TEST(Checks, CanBeMadeWithTheInputsThatTheyNeed) {
  const Given log{.log = true};
  const Given capture{.capture = true};
  const Given both{.log = true, .capture = true};
  EXPECT_TRUE(can("log", log));
  EXPECT_FALSE(can("log", capture));
  EXPECT_TRUE(can("log with -T", log));
  EXPECT_TRUE(can("log; for data also the capture", log));
  EXPECT_FALSE(can("log and capture; of a stream also file records", log));
  EXPECT_FALSE(can("log and capture", capture));
  EXPECT_TRUE(can("log and capture", both));
  EXPECT_TRUE(can("log or capture", capture));
  EXPECT_TRUE(can("capture or log", capture));
  EXPECT_FALSE(can("log or capture", {.profile = true, .greenlets = true}));
  EXPECT_TRUE(can("profile", {.profile = true}));
  EXPECT_FALSE(can("greenlets", both));
  EXPECT_TRUE(can("anything", {}));
}

}  // namespace
}  // namespace tracebraid::analyzers::checks
