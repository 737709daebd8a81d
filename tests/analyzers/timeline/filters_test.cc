#include "analyzers/timeline/filters.h"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "analyzers/sockets/life.h"
#include "formats/cli/program.h"
#include "formats/record/flow.h"
#include "formats/record/switch.h"

namespace tracebraid::analyzers::timeline {
namespace {

namespace cli = formats::cli;
namespace record = formats::record;

constexpr cli::Option kOptions[] = {
    {0, "pid", cli::Argument::kText, "", "", ""},   {0, "tid", cli::Argument::kText, "", "", ""},
    {0, "fd", cli::Argument::kText, "", "", ""},    {0, "file", cli::Argument::kText, "", "", ""},
    {0, "flow", cli::Argument::kText, "", "", ""},  {0, "errors", cli::Argument::kNone, "", "", ""},
    {0, "since", cli::Argument::kText, "", "", ""}, {0, "until", cli::Argument::kText, "", "", ""}};

Filters filters(const std::vector<std::string>& words) {
  return Filters(cli::parse(kOptions, words));
}

record::Syscall call() {
  record::Syscall call;
  call.ts = record::Time{1'000'000'000};
  call.syscall = "accept4";
  call.pid = 5;
  call.tid = 7;
  call.fd = 3;
  call.file = 30;
  call.new_file = 40;
  call.result = 4;
  return call;
}

bool wants(const std::vector<std::string>& words, const record::Syscall& of = call()) {
  return filters(words).want(of, nullptr);
}

TEST(Filters, OfCallsEachNumberMustBeOneOfThose) {
  EXPECT_TRUE(wants({}));
  for (const auto& [option, own, other] :
       {std::tuple{"--pid", "5", "6"}, {"--tid", "7", "5"}, {"--file", "30", "3"}}) {
    EXPECT_TRUE(wants({option, own})) << option;
    EXPECT_TRUE(wants({option, std::string("99,") + own})) << option;
    EXPECT_FALSE(wants({option, other})) << option;
  }
  EXPECT_FALSE(wants({"--pid", "5", "--tid", "5"}));
}

// The descriptor that it is about, or that it gave.
TEST(Filters, OfCallsThatMakeADescriptorItIsTheirsToo) {
  EXPECT_TRUE(wants({"--fd", "3"}));
  EXPECT_TRUE(wants({"--fd", "4"}));
  EXPECT_FALSE(wants({"--fd", "5"}));
  EXPECT_TRUE(wants({"--file", "40"}));
  record::Syscall counts = call();
  counts.new_file.reset();  // 4 bytes, no descriptor
  EXPECT_FALSE(wants({"--fd", "4"}, counts));
  // -1 is one that programs name; a call of no descriptor has none.
  record::Syscall none = call();
  none.fd = -1;
  EXPECT_TRUE(wants({"--fd=-1"}, none));
  none.fd.reset();
  none.new_file.reset();
  EXPECT_FALSE(wants({"--fd=-1"}, none));
}

TEST(Filters, ErrorsAreWhatFailed) {
  record::Syscall failed = call();
  failed.error = "EBADF";
  EXPECT_TRUE(wants({"--errors"}, failed));
  EXPECT_FALSE(wants({"--errors"}));
  record::Segment segment;
  EXPECT_FALSE(filters({"--errors"}).want(segment));
  segment.is_rexmit = true;
  EXPECT_TRUE(filters({"--errors"}).want(segment));
  record::Flow flow;
  flow.conn_state = "SF";
  EXPECT_FALSE(filters({"--errors"}).want(flow));
  flow.conn_state = "S0";
  EXPECT_TRUE(filters({"--errors"}).want(flow));
  record::Process process;
  process.event = "exit";
  EXPECT_FALSE(filters({"--errors"}).want(process));
  process.event = "killed";
  EXPECT_TRUE(filters({"--errors"}).want(process));
  EXPECT_FALSE(filters({"--errors"}).want(record::Switch()));
}

// Who asks for threads or descriptors sees no wire; who asks for flows sees no threads.
TEST(Filters, TheWireIsOfNoThread) {
  record::Segment segment;
  segment.uid = "Cabc";
  record::Flow flow;
  flow.uid = "Cabc";
  record::Signal signal;
  signal.pid = 5;
  signal.tid = 7;
  record::Switch change;
  change.pid = 5;
  change.tid = 7;
  for (const auto& words :
       {std::vector<std::string>{"--pid", "5"}, {"--tid", "7"}, {"--fd", "3"}, {"--file", "30"}}) {
    EXPECT_FALSE(filters(words).want(segment)) << words[0];
    EXPECT_FALSE(filters(words).want(flow)) << words[0];
    const bool is_of_thread = words[0] == "--pid" || words[0] == "--tid";
    EXPECT_EQ(filters(words).want(signal), is_of_thread) << words[0];
    EXPECT_EQ(filters(words).want(change), is_of_thread) << words[0];
  }
  EXPECT_TRUE(filters({}).want(segment));
  EXPECT_TRUE(filters({"--flow", "Cx,Cab"}).want(segment));
  EXPECT_TRUE(filters({"--flow", "Cabc"}).want(flow));
  EXPECT_FALSE(filters({"--flow", "Cabcd"}).want(flow));
  EXPECT_FALSE(filters({"--flow", "Cabc"}).want(signal));
  EXPECT_FALSE(filters({"--flow", "Cabc"}).want(call(), nullptr));
}

TEST(Filters, TimesAreInside) {
  for (const auto& [since, is_wanted] : {std::pair{"1", true}, {"1.000000001", false}}) {
    EXPECT_EQ(wants({"--since", since}), is_wanted) << since;
  }
  record::Syscall timeless = call();
  timeless.ts.reset();
  EXPECT_TRUE(wants({}, timeless));
  EXPECT_FALSE(wants({"--since", "1"}, timeless));
}

}  // namespace
}  // namespace tracebraid::analyzers::timeline
