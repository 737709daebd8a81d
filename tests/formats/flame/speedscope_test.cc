#include "formats/flame/speedscope.h"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace tracebraid::formats::flame {
namespace {

using Frames = std::vector<std::string_view>;

// https://www.speedscope.app/file-format-schema.json: endValue is the sum of the weights.
TEST(Speedscope, HasEachFrameOnceAndTheSumOfItsWeights) {
  Speedscope profile("nanoseconds");
  profile.add("one", Frames{"main", "work"}, 5);
  profile.add("two", Frames{"main"}, 7);
  profile.add("one", Frames{"main", "rest"}, 11);
  std::string text;
  const auto output = io::memory_output(text);
  profile.write(*output, "app", "test 1");
  const auto has = [&](std::string_view part) {
    EXPECT_NE(text.find(part), std::string::npos) << part << " in " << text;
  };
  has(R"("shared":{"frames":[{"name":"main"},{"name":"work"},{"name":"rest"}]})");
  has(R"("name":"one","unit":"nanoseconds","startValue":0,"endValue":16,)"
      R"("samples":[[0,1],[0,2]],"weights":[5,11])");
  has(R"("name":"two","unit":"nanoseconds","startValue":0,"endValue":7,"samples":[[0]],"weights":[7])");
  EXPECT_TRUE(text.ends_with(R"("name":"app","exporter":"test 1"})")) << text;
}

}  // namespace
}  // namespace tracebraid::formats::flame
