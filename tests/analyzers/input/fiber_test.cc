#include "analyzers/input/fiber.h"

#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace tracebraid::analyzers {
namespace {

TEST(Fiber, GoesOnWhereItPaused) {
  std::vector<int> seen;
  Fiber* inside = nullptr;
  Fiber fiber([&] {
    for (int at = 0; at < 6; at += 2) {
      seen.push_back(at);
      inside->pause();
    }
  });
  inside = &fiber;
  EXPECT_FALSE(fiber.has_begun());
  for (int at = 1; !fiber.is_over(); at += 2) {
    fiber.go_on();
    seen.push_back(at);
  }
  EXPECT_EQ(seen, std::vector<int>({0, 1, 2, 3, 4, 5, 7}));
}

// One may pause while it handles an exception, and others come and go meanwhile, in another order
// than their handlers were entered.
TEST(Fiber, EachHandlesItsOwnExceptions) {
  std::vector<std::string> seen;
  std::vector<Fiber*> inside(2);
  const auto work = [&](std::size_t number) {
    try {
      throw std::runtime_error("of " + std::to_string(number));
    } catch (const std::runtime_error&) {
      inside[number]->pause();
      try {
        throw;
      } catch (const std::runtime_error& error) {
        seen.emplace_back(error.what());
      }
    }
  };
  Fiber first([&] { work(0); });
  Fiber second([&] { work(1); });
  inside = {&first, &second};
  first.go_on();
  second.go_on();
  try {
    throw std::runtime_error("outside");
  } catch (const std::runtime_error&) {
    first.go_on();
    try {
      throw;
    } catch (const std::runtime_error& error) {
      seen.emplace_back(error.what());
    }
  }
  second.go_on();
  EXPECT_TRUE(first.is_over() && second.is_over());
  EXPECT_EQ(seen, std::vector<std::string>({"of 0", "outside", "of 1"}));
}

}  // namespace
}  // namespace tracebraid::analyzers
