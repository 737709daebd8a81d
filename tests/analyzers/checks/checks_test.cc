#include "analyzers/checks/checks.h"

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
    EXPECT_TRUE(check->explain.ends_with('.')) << id;
    EXPECT_FALSE(check->needs.empty()) << id;
    EXPECT_NE(check->make, nullptr) << id;
  }
  EXPECT_FALSE(ids.empty());
}

}  // namespace
}  // namespace tracebraid::analyzers::checks
