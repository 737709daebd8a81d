#include "analyzers/input/kinds.h"

#include <initializer_list>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "converters/inputs.h"
#include "formats/record/call.h"
#include "formats/record/file.h"
#include "formats/record/flow.h"
#include "formats/record/function.h"
#include "formats/record/switch.h"
#include "formats/record/symbol.h"
#include "formats/record/syscall.h"

namespace tracebraid::analyzers {
namespace {

namespace record = formats::record;

InputKinds kinds_of(std::initializer_list<std::string_view> heads) {
  InputKinds kinds;
  for (const std::string_view head : heads) {
    const converters::InputKind* const kind = converters::recognize(head);
    EXPECT_NE(kind, nullptr) << head;
    if (kind != nullptr) kinds.add(*kind);
  }
  return kinds;
}

constexpr std::string_view kPerfMap = "7f7e44b2e016 b py::handle:/srv/app.py\n";
constexpr std::string_view kLog = "7 1795417770.000000 close(3) = 0 <0.000041>\n";
constexpr std::string_view kSwitches = "1795417770.177280 7 7 switch 0x7fab109293b0\n";
constexpr std::string_view kStream = "{\"type\":\"syscall\"}\n";
constexpr std::string_view kProfile("{(\x03\0\0\0", 6);
constexpr std::string_view kCapture(
    "\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\x04\0\x01\0\0\0", 24);

TEST(InputKinds, GiveWhatTheirInputsHave) {
  EXPECT_TRUE(kinds_of({kPerfMap}).give<record::Symbol>());
  EXPECT_FALSE(kinds_of({kPerfMap}).give<record::Function>());
  EXPECT_TRUE(kinds_of({kProfile}).give<record::Function>());
  EXPECT_TRUE(kinds_of({kProfile}).give<record::Call>());
  EXPECT_FALSE(kinds_of({kProfile}).give<record::Symbol>());
  EXPECT_TRUE(kinds_of({kCapture}).give<record::Flow>());
  EXPECT_TRUE(kinds_of({kCapture}).give<record::Segment>());
  EXPECT_FALSE(kinds_of({kCapture}).give<record::Syscall>());
  EXPECT_TRUE(kinds_of({kLog}).give<record::Syscall>());
  EXPECT_TRUE(kinds_of({kLog}).give<record::File>());
  EXPECT_TRUE(kinds_of({kSwitches}).give<record::Switch>());
  EXPECT_FALSE(kinds_of({kSwitches}).give<record::Syscall>());
}

TEST(InputKinds, OfStreamsAnyRecordMayCome) {
  const InputKinds kinds = kinds_of({kStream});
  EXPECT_TRUE(kinds.has_streams());
  EXPECT_FALSE(kinds.give<record::Syscall>());
  EXPECT_TRUE(kinds.may_give<record::Syscall>());
  EXPECT_TRUE(kinds.may_give<record::Symbol>());
  EXPECT_FALSE(kinds_of({kLog}).has_streams());
  EXPECT_FALSE(kinds_of({kLog}).may_give<record::Symbol>());
}

// Such as those of a run of several inputs, among them each that has a bit of its own.
TEST(InputKinds, AddUp) {
  InputKinds all = kinds_of({kLog});
  all.add(kinds_of({kPerfMap}));
  all.add(kinds_of({kProfile, kCapture}));
  EXPECT_TRUE(all.give<record::Syscall>());
  EXPECT_TRUE(all.give<record::Symbol>());
  EXPECT_TRUE(all.give<record::Call>());
  EXPECT_TRUE(all.give<record::Flow>());
  EXPECT_FALSE(all.give<record::Switch>());
  EXPECT_FALSE(all.has_streams());
  all.add(kinds_of({kStream}));
  EXPECT_TRUE(all.has_streams());
}

TEST(InputKinds, OfNoInputGiveNothing) {
  EXPECT_FALSE(InputKinds().may_give<record::Syscall>());
}

// Each has a bit of its own, which one of the others does not have.
TEST(InputKinds, AreToldApart) {
  const auto all = converters::input_kinds();
  ASSERT_GE(all.size(), 6U);
  for (const converters::InputKind* const kind : all) {
    InputKinds others;
    for (const converters::InputKind* const other : all) {
      if (other != kind && !InputKinds::is_stream(other)) others.add(*other);
    }
    EXPECT_FALSE(others.has_streams());
    EXPECT_EQ(others.give<record::Symbol>(), kind != converters::recognize(kPerfMap));
    EXPECT_EQ(others.give<record::Switch>(), kind != converters::recognize(kSwitches));
  }
}

TEST(InputKinds, ManualsAndErrorsNameEveryKind) {
  const std::string_view manual = converters::described_inputs();
  const std::string error = converters::no_known_input();
  for (const converters::InputKind* const kind : converters::input_kinds()) {
    EXPECT_NE(manual.find(kind->plural), std::string_view::npos) << kind->name;
    EXPECT_NE(error.find(kind->described), std::string::npos) << kind->name;
  }
}

}  // namespace
}  // namespace tracebraid::analyzers
