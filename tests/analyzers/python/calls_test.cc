#include "analyzers/python/calls.h"

#include <cstdint>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace tracebraid::analyzers {
namespace {

namespace record = formats::record;

constexpr std::string_view kAccept = "<method '_accept' of '_socket.socket' objects>";

class Profile {
 public:
  void function(std::string_view name, std::uint64_t calls, std::string_view file = "/srv/a/app.py",
                std::uint32_t line = 9) {
    record::Function function;
    function.name = name;
    function.file = file;
    function.line = line;
    function.calls = calls;
    calls_.add(function);
  }
  void call(std::string_view caller, std::string_view callee, std::uint64_t calls,
            bool is_builtin = false) {
    record::Call call;
    call.caller_name = caller;
    call.callee_name = callee;
    call.caller_file = "/srv/a/app.py";
    call.callee_file = is_builtin ? "~" : "/srv/a/app.py";
    call.caller_line = 9;
    call.callee_line = is_builtin ? 0 : 9;
    call.calls = calls;
    calls_.add(call);
  }
  // A built-in function that accept4 is made by, called by accept, which a loop calls.
  explicit Profile(std::uint64_t calls) {
    function(kAccept, calls, "~", 0);
    function("accept", calls);
    function("loop", 1);
    call("accept", kAccept, calls, true);
    call("loop", "accept", calls);
  }
  [[nodiscard]] std::string callers(std::uint64_t count) const {
    return calls_.callers("accept4", count);
  }

 private:
  PythonCalls calls_;
};

constexpr std::string_view kChain = "loop (a/app.py:9) → accept (a/app.py:9)";

// The numbers fit but for a tenth and two.
TEST(PythonCalls, NameFunctionsThatWereCalledAboutSoOften) {
  for (const auto& [calls, count, is_told] : {std::tuple{100U, 100U, true},
                                              {112U, 100U, true},
                                              {113U, 100U, false},
                                              {88U, 100U, true},
                                              {87U, 100U, false},
                                              {10U, 10U, true},
                                              {9U, 9U, false}}) {
    EXPECT_EQ(Profile(calls).callers(count), is_told ? kChain : "") << calls << " " << count;
  }
}

// The one with the loop is the last: it was not called so often itself.
TEST(PythonCalls, TheChainEndsWithTheLoop) {
  Profile profile(100);
  profile.function("main", 1);
  profile.call("main", "loop", 100);
  EXPECT_EQ(profile.callers(100), kChain);
  Profile longer(100);
  longer.function("loop", 99);  // 100 in all
  longer.call("main", "loop", 100);
  longer.function("main", 1);
  EXPECT_EQ(longer.callers(100), "main (a/app.py:9) → " + std::string(kChain));
}

// With greenlets, cProfile may take the one that ran before for the caller.
TEST(PythonCalls, OfGreenletsOnlyWhatWasCalledSoOftenIsSure) {
  Profile profile(100);
  profile.function("<method 'switch' of 'greenlet.greenlet' objects>", 5, "~", 0);
  EXPECT_EQ(profile.callers(100), "accept (a/app.py:9)");
}

TEST(PythonCalls, OtherCallsAreOthers) {
  record::Function none;
  none.name = kAccept;
  PythonCalls calls;
  calls.add(none);
  EXPECT_TRUE(calls.empty());
  EXPECT_EQ(calls.callers("accept4", 100), "");
  Profile profile(100);
  EXPECT_EQ(profile.callers(500), "");
}

}  // namespace
}  // namespace tracebraid::analyzers
