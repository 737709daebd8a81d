#include "formats/callgrind/writer.h"

#include <string>

#include <gtest/gtest.h>

namespace tracebraid::formats::callgrind {
namespace {

class FixedNames final : public Names {
 public:
  void append_function(FunctionNumber function, std::string& out) override {
    out += "f" + std::to_string(function) + std::string(function == 9 ? long_name : 0, 'x');
  }
  void append_file(FileNumber file, std::string& out) override {
    out += "/" + std::to_string(file);
  }
  void append_object(ObjectNumber object, std::string& out) override {
    out += "o" + std::to_string(object);
  }
  std::size_t long_name = 0;
};

class CallgrindWriter : public ::testing::Test {
 protected:
  std::string text_;
  std::unique_ptr<io::Output> output_ = io::memory_output(text_);
  io::BlockWriter block_{*output_};
  FixedNames names_;
  Writer writer_{block_, names_};
};

// The example of writer.h, from callgrind's format specification.
TEST_F(CallgrindWriter, WritesTheDialect) {
  writer_.write_header({.creator = "me 1",
                        .command = "x",
                        .descriptions = {"d"},
                        .events = {{"ns", "Nanoseconds", ""}}});
  writer_.place(0, 0, 10, 0);
  writer_.place(1, 1, 0, 1);
  writer_.self(0, 10, 6300);
  writer_.call(0, 10, 1, 0, 10, 2354);
  writer_.call(0, 10, 0, 10, 2, 0);
  EXPECT_EQ(writer_.finish(), 1U);
  block_.flush();
  EXPECT_EQ(text_,
            "# callgrind format\nversion: 1\ncreator: me 1\ncmd: x\ndesc: d\npositions: line\n"
            "event: ns : Nanoseconds\nevents: ns\n"
            "\nob=(1) o0\nfl=(1) /0\nfn=(1) f0\n10 6300\n"
            "cob=(2) o1\ncfl=(2) /1\ncfn=(2) f1\ncalls=10 0\n10 2354\n"
            "cfn=(1)\ncalls=2 10\n10 0\n"
            "\nob=(2)\nfl=(2)\nfn=(2)\n0 0\n"
            "\ntotals: 6300\n");
}

// Every cost has all columns; a derived event has none.
TEST_F(CallgrindWriter, WritesSeveralEvents) {
  writer_.write_header({.creator = "me 1",
                        .command = "",
                        .descriptions = {},
                        .events = {{"Time", "Python time", ""},
                                   {"In", "Received", ""},
                                   {"Out", "Sent", ""},
                                   {"Bytes", "Moved", "In + Out"}}});
  writer_.place(0, 0, 10, 0);
  writer_.place(1, 0, 20, 0);
  writer_.self(0, 10, 7);
  const std::uint64_t self[] = {1, 2};
  writer_.self(1, 20, 5, self);
  const std::uint64_t call[] = {3};
  writer_.call(0, 10, 1, 20, 4, 5, call);
  EXPECT_EQ(writer_.finish(), 0U);
  block_.flush();
  EXPECT_EQ(text_,
            "# callgrind format\nversion: 1\ncreator: me 1\npositions: line\n"
            "event: Time : Python time\nevent: In : Received\nevent: Out : Sent\n"
            "event: Bytes = In + Out : Moved\nevents: Time In Out\n"
            "\nob=(1) o0\nfl=(1) /0\nfn=(1) f0\n10 7 0 0\n"
            "\nfn=(2) f1\n20 5 1 2\n"
            "fn=(1)\ncfn=(2)\ncalls=4 20\n10 5 3 0\n"
            "\ntotals: 12 1 2\n");
}

TEST_F(CallgrindWriter, TotalSaturates) {
  writer_.place(0, 0, 1, 0);
  writer_.self(0, 1, UINT64_MAX - 1);
  writer_.self(0, 1, 5);
  EXPECT_EQ(writer_.total(), UINT64_MAX);
}

TEST_F(CallgrindWriter, NamesMayBeLongerThanABlock) {
  names_.long_name = io::BlockWriter::kBlock * 2 + 17;
  writer_.place(9, 0, 1, 0);
  writer_.self(9, 1, 5);
  (void)writer_.finish();
  block_.flush();
  const std::string expected = "fn=(10) f9" + std::string(names_.long_name, 'x') + "\n1 5\n";
  EXPECT_NE(text_.find(expected), std::string::npos);
}

}  // namespace
}  // namespace tracebraid::formats::callgrind
