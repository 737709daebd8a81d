#include "analyzers/diff/collector.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "formats/record/any_record.h"
#include "formats/record/call.h"
#include "formats/record/function.h"

namespace tracebraid::analyzers::diff {
namespace {

namespace record = formats::record;

// A profile whose texts are gone when it has been read, as those of a dump are.
class Profile {
 public:
  // Functions of these names, each called once by the next one.
  explicit Profile(const std::vector<std::string>& names) : names_(names) {}

  void show(RecordVisitor& visitor) {
    for (std::size_t at = 0; at < names_.size(); ++at) {
      record::Function function;
      function.file = file_;
      function.line = 7;
      function.name = names_[at];
      function.calls = function.primitive_calls = 1;
      visitor.visit(record::AnyRecord(function));
      record::Call call;
      call.caller_file = call.callee_file = file_;
      call.caller_line = call.callee_line = 7;
      call.caller_name = names_[(at + 1) % names_.size()];
      call.callee_name = names_[at];
      call.calls = 1;
      visitor.visit(record::AnyRecord(call));
    }
    visitor.at_end();
    for (std::string& name : names_) std::ranges::fill(name, '?');
    std::ranges::fill(file_, '?');
  }

 private:
  std::string file_ = "/srv/shop.py";
  std::vector<std::string> names_;
};

std::vector<std::string> names_of(const Collector& collector) {
  std::vector<std::string> names;
  for (FunctionMatch::Number at = 0; at < collector.functions().size(); ++at) {
    names.emplace_back(collector.texts().text(collector.functions().name(at)));
  }
  std::ranges::sort(names);
  return names;
}

// Some calls wait until their places are near: their texts are looked at before they go.
TEST(Collector, KeepsNoTextsBeyondTheEndOfAProfile) {
  Collector collector(1, true);
  collector.begin_run(0, kA, {});
  for (const std::vector<std::string>& names :
       {std::vector<std::string>{"basket", "catalog"}, {"basket", "order", "stock"}}) {
    collector.let_texts_stay(true);
    Profile(names).show(collector);
  }
  collector.end_run();
  EXPECT_EQ(names_of(collector), (std::vector<std::string>{"basket", "catalog", "order", "stock"}));
  ASSERT_EQ(collector.profiles().size(), 1U);
  EXPECT_EQ(collector.profiles()[0].calls.size(), 5U);
}

// The same where a profile broke off: a call came whose functions did not.
TEST(Collector, KnowsFunctionsThatCallsAloneTell) {
  Collector collector(1, true);
  collector.begin_run(0, kA, {});
  collector.let_texts_stay(true);
  std::string text = "caller";
  record::Call call;
  call.caller_file = call.callee_file = "/srv/shop.py";
  call.caller_name = text;
  call.callee_name = "callee";
  call.calls = 3;
  collector.visit(record::AnyRecord(call));
  collector.at_end();
  std::ranges::fill(text, '?');
  collector.end_run();
  EXPECT_EQ(names_of(collector), (std::vector<std::string>{"callee", "caller"}));
}

}  // namespace
}  // namespace tracebraid::analyzers::diff
