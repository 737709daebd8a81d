// Expected texts and bytes are made by hand from the specifications that formats/README.md names;
// msgpack-cxx reads and writes along as an independent opinion.
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <msgpack.hpp>

#include "formats/record/attribution.h"
#include "formats/record/call.h"
#include "formats/record/change.h"
#include "formats/record/file.h"
#include "formats/record/finding.h"
#include "formats/record/flow.h"
#include "formats/record/function.h"
#include "formats/record/reader.h"
#include "formats/record/schema_text.h"
#include "formats/record/socket.h"
#include "formats/record/stream.h"
#include "formats/record/switch.h"
#include "formats/record/symbol.h"
#include "formats/record/syscall.h"
#include "formats/record/text.h"
#include "formats/record/writer.h"
#include "tests/formats/record/laws.h"

namespace tracebraid::formats::record {

INSTANTIATE_TYPED_TEST_SUITE_P(Flow, RecordLaws, Flow);
INSTANTIATE_TYPED_TEST_SUITE_P(Segment, RecordLaws, Segment);
INSTANTIATE_TYPED_TEST_SUITE_P(Ledger, RecordLaws, Ledger);
INSTANTIATE_TYPED_TEST_SUITE_P(Syscall, RecordLaws, Syscall);
INSTANTIATE_TYPED_TEST_SUITE_P(Signal, RecordLaws, Signal);
INSTANTIATE_TYPED_TEST_SUITE_P(Process, RecordLaws, Process);
INSTANTIATE_TYPED_TEST_SUITE_P(Problem, RecordLaws, Problem);
INSTANTIATE_TYPED_TEST_SUITE_P(LineLedger, RecordLaws, LineLedger);
INSTANTIATE_TYPED_TEST_SUITE_P(File, RecordLaws, File);
INSTANTIATE_TYPED_TEST_SUITE_P(Attribution, RecordLaws, Attribution);
INSTANTIATE_TYPED_TEST_SUITE_P(Switch, RecordLaws, Switch);
INSTANTIATE_TYPED_TEST_SUITE_P(Symbol, RecordLaws, Symbol);
INSTANTIATE_TYPED_TEST_SUITE_P(Socket, RecordLaws, Socket);
INSTANTIATE_TYPED_TEST_SUITE_P(Change, RecordLaws, Change);
INSTANTIATE_TYPED_TEST_SUITE_P(Finding, RecordLaws, Finding);
INSTANTIATE_TYPED_TEST_SUITE_P(Function, RecordLaws, Function);
INSTANTIATE_TYPED_TEST_SUITE_P(Call, RecordLaws, Call);

namespace {

using namespace std::string_view_literals;

// One field of each kind.
struct Sample {
  Time ts;
  std::optional<Duration> took;
  std::uint64_t count = 0;
  std::optional<std::int64_t> change;
  std::string_view text;
  Address host;
  std::uint16_t port = 0;
  bool is_good = false;
  std::string_view words;

  static constexpr std::string_view kType = "sample";
  static constexpr std::string_view kDoc = "one field of each kind";
  static constexpr auto kFields = Fields{
      Field{&Sample::ts, "ts", "", "when"},
      Field{&Sample::took, "took", "", "how long"},
      Field{&Sample::count, "count", "bytes", "how many"},
      Field{&Sample::change, "change", "", "by how much"},
      Field{&Sample::text, "text", "", "what was said"},
      Field{&Sample::host, "host", "", "where"},
      Field{&Sample::port, "port", "port", "and at which door"},
      Field{&Sample::is_good, "is_good", "", "whether it was any good"},
      Field{&Sample::words, "words", "set", "several"},
  };
};

const Address kV4 = {{192, 0, 2, 1}, 4};
const Address kV6 = {{0x20, 0x01, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 16};

const Sample kFull = {{1'700'000'000'123'456'789},
                      Duration{-1},
                      UINT64_MAX,
                      INT64_MIN,
                      "a \"b\", c\t\\\n",
                      kV6,
                      443,
                      true,
                      "x,y"};
const Sample kSparse = {{INT64_MIN}, {}, 0, {}, {}, kV4, 0, false, {}};

template <typename... Records>
std::string written(Format format, WriterOptions options, const Records&... records) {
  std::string text;
  const auto output = io::memory_output(text);
  const auto writer = make_writer(format, *output, std::move(options));
  (writer->write(records), ...);
  writer->finish();
  return text;
}

std::vector<std::string> errors_of(std::string_view stream) {
  std::vector<std::string> errors;
  const auto source = io::memory_source("in", stream);
  StreamReader reader(*source, {});
  for (;;) {
    try {
      if (!reader.next()) return errors;
    } catch (const io::Error& error) {
      errors.push_back(error.position + ": " + error.what);
    }
  }
}

std::string address_text(std::string_view bytes) {
  std::array<char, kValueRoom> room;
  return {room.data(), put_address(room.data(), bytes)};
}

TEST(RecordText, JsonEscapesWhereverTheyAre) {
  // Texts are looked through eight bytes at a time.
  constexpr std::array<std::pair<std::string_view, std::string_view>, 9> kEscapes = {{
      {"\"", "\\\""},
      {"\\", "\\\\"},
      {"\n", "\\n"},
      {"\x1f", "\\u001f"},
      {"\x80", "\\ufffd"},
      {"\xff", "\\ufffd"},
      {"\xc3\xbc", "\xc3\xbc"},
      {"\x7f", "\x7f"},
      {" !#[]~", " !#[]~"},
  }};
  for (const auto& [text, escaped] : kEscapes) {
    for (std::size_t before = 0; before < 20; ++before) {
      for (const std::string_view after : {"", "x", "\"", "abcdefgh", "\"abcdefghij\\"}) {
        const std::string padding(before, 'a');
        std::string out;
        append_json_text(out, padding + std::string(text) + std::string(after));
        std::string rest;
        for (const char each : after) {
          if (each == '"' || each == '\\') rest.push_back('\\');
          rest.push_back(each);
        }
        EXPECT_EQ(out, padding + std::string(escaped) + rest);
      }
    }
  }
}

TEST(RecordText, JsonLines) {
  EXPECT_EQ(written(Format::kJsonLines, {}, kFull, kSparse),
            R"({"type":"sample","ts":1700000000.123456789,"took":-0.000000001,)"
            R"("count":18446744073709551615,"change":-9223372036854775808,)"
            R"("text":"a \"b\", c\t\\\n","host":"2001:db8::1","port":443,"is_good":true,)"
            R"("words":"x,y"})"
            "\n"
            R"({"type":"sample","ts":-9223372036.854775808,"took":null,"count":0,"change":null,)"
            R"("text":null,"host":"192.0.2.1","port":0,"is_good":false,"words":null})"
            "\n");
}

TEST(RecordText, JsonIsValidWhateverTheBytes) {
  Sample sample = kSparse;
  sample.text = "\xff\xc0\x80 \xed\xa0\x80 \xf4\x90\x80\x80 \x01\x7f\xe4\xb8"sv;
  const std::string bad = "\\ufffd";
  std::string expected = bad + bad + bad + " " + bad + bad + bad + " " + bad + bad + bad + bad;
  expected += " \\u0001\x7f" + bad + bad;
  EXPECT_EQ(written(Format::kJsonLines, {.fields = {"text"}}, sample),
            R"({"type":"sample","text":")" + expected + "\"}\n");
}

// RFC 3629, section 4: the first and the last sequence of each row of its grammar, and what is next
// to them.
TEST(RecordText, Utf8EndsWhereItsGrammarDoes) {
  for (const auto& [bytes, length] :
       std::vector<std::pair<std::string_view, std::size_t>>{{"\x7f", 1},
                                                             {"\xc2\x80", 2},
                                                             {"\xc1\xbf", 0},
                                                             {"\xdf\xbf", 2},
                                                             {"\xdf\xc0", 0},
                                                             {"\xe0\xa0\x80", 3},
                                                             {"\xe0\x9f\xbf", 0},
                                                             {"\xec\xbf\xbf", 3},
                                                             {"\xed\x9f\xbf", 3},
                                                             {"\xed\xa0\x80", 0},
                                                             {"\xee\x80\x80", 3},
                                                             {"\xef\xbf\xbf", 3},
                                                             {"\xf0\x90\x80\x80", 4},
                                                             {"\xf0\x8f\xbf\xbf", 0},
                                                             {"\xf3\xbf\xbf\xbf", 4},
                                                             {"\xf4\x8f\xbf\xbf", 4},
                                                             {"\xf4\x90\x80\x80", 0},
                                                             {"\xf5\x80\x80\x80", 0}}) {
    EXPECT_EQ(utf8_length(bytes), length) << testing::PrintToString(bytes);
    // Cut, it is none.
    if (bytes.size() > 1) {
      EXPECT_EQ(utf8_length(bytes.substr(0, bytes.size() - 1)), 0U);
    }
  }
}

TEST(RecordText, Csv) {
  EXPECT_EQ(written(Format::kCsv, {}, kFull, kSparse),
            "ts,took,count,change,text,host,port,is_good,words\n"
            "1700000000.123456789,-0.000000001,18446744073709551615,-9223372036854775808,"
            "\"a \"\"b\"\", c\t\\\n\",2001:db8::1,443,true,\"x,y\"\n"
            "-9223372036.854775808,,0,,,192.0.2.1,0,false,\n");
}

// Cells that OWASP's "CSV Injection" lists.
TEST(RecordText, CsvTellsOfFormulas) {
  constexpr std::string_view kTexts[] = {"=1+2", "+1",  "-1",  "@SUM(A1)", "\ta",     "\ra",
                                         "\na",  "＝1", "＋1", "－1",      "＠a",     "a=1",
                                         " =1",  "'=1", "1-2", "ｘ",       "=\"a\",b"};
  constexpr std::string_view kSafe =
      "text\n'=1+2\n'+1\n'-1\n'@SUM(A1)\n'\ta\n\"'\ra\"\n\"'\na\"\n'＝1\n'＋1\n'－1\n'＠a\na=1\n "
      "=1\n'=1\n"
      "1-2\nｘ\n\"'=\"\"a\"\",b\"\n";
  const auto csv = [&](bool is_safe, std::uint64_t formulas) {
    std::string text;
    const auto output = io::memory_output(text);
    const auto writer =
        make_writer(Format::kCsv, *output, {.fields = {"text"}, .csv_safe = is_safe});
    for (const std::string_view each : kTexts) {
      Sample sample = kSparse;
      sample.text = each;
      writer->write(sample);
    }
    writer->finish();
    EXPECT_EQ(writer->formulas(), formulas);
    return text;
  };
  EXPECT_EQ(csv(true, 0), kSafe);
  constexpr std::uint64_t kFormulas = 12;
  EXPECT_NE(csv(false, kFormulas).find("\n=1+2\n+1\n-1\n@SUM(A1)\n\ta\n"), std::string::npos);
  // Numbers are none.
  EXPECT_EQ(written(Format::kCsv, {.fields = {"change"}, .csv_safe = true}, kFull),
            "change\n-9223372036854775808\n");
}

// On a terminal no cell ends a line, and bytes are refused.
TEST(RecordText, OnATerminal) {
  Sample sample = kSparse;
  sample.text = "a\nERROR forged,\x1b[2J";
  for (const auto& [format, shown] :
       {std::pair{Format::kCsv, "text\n\"a\\x0aERROR forged,\\x1b[2J\"\n"sv},
        std::pair{Format::kTsv, "text\na\\nERROR forged,\\x1b[2J\n"sv},
        std::pair{Format::kJsonLines, R"({"type":"sample","text":"a\nERROR forged,\u001b[2J"})"
                                      "\n"sv}}) {
    std::string text;
    const auto output = io::terminal_output(io::memory_output(text));
    const auto writer = make_writer(format, *output, {.fields = {"text"}});
    writer->write(sample);
    writer->finish();
    output->commit();
    EXPECT_EQ(text, shown);
  }
  std::string text;
  const auto output = io::terminal_output(io::memory_output(text));
  EXPECT_THROW((void)make_writer(Format::kMsgpack, *output), io::UsageError);
}

TEST(RecordText, Tsv) {
  EXPECT_EQ(written(Format::kTsv, {}, kFull, kSparse),
            "ts\ttook\tcount\tchange\ttext\thost\tport\tis_good\twords\n"
            "1700000000.123456789\t-0.000000001\t18446744073709551615\t-9223372036854775808\t"
            "a \"b\", c\\t\\\\\\n\t2001:db8::1\t443\ttrue\tx,y\n"
            "-9223372036.854775808\t-\t0\t-\t-\t192.0.2.1\t0\tfalse\t-\n");
}

TEST(RecordText, Zeek) {
  const Time opened = {1'700'000'000'000'000'000};
  EXPECT_EQ(written(Format::kZeek, {.opened = opened}, kFull, kSparse),
            "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n"
            "#path\tsample\n#open\t2023-11-14-22-13-20\n"
            "#fields\tts\ttook\tcount\tchange\ttext\thost\tport\tis_good\twords\n"
            "#types\ttime\tinterval\tcount\tint\tstring\taddr\tport\tbool\tset[string]\n"
            "1700000000.123456789\t-0.000000001\t18446744073709551615\t-9223372036854775808\t"
            "a \"b\", c\\x09\\x5c\\x0a\t2001:db8::1\t443\tT\tx,y\n"
            "-9223372036.854775808\t-\t0\t-\t-\t192.0.2.1\t0\tF\t-\n"
            "#close\t2023-11-14-22-13-20\n");
  Sample sample = kSparse;
  sample.text = "-";
  EXPECT_NE(written(Format::kZeek, {.fields = {"text"}}, sample).find("\n\\x2d\n"),
            std::string::npos);
  sample.text = "#\xff";
  EXPECT_NE(written(Format::kZeek, {.fields = {"text"}}, sample).find("\n\\x23\\xff\n"),
            std::string::npos);
}

TEST(RecordText, Table) {
  const WriterOptions options = {.fields = {"ts", "count", "text", "host"}};
  Sample first = kFull;
  first.count = 7;
  EXPECT_EQ(written(Format::kTable, options, first, kSparse),
            "ts                  count  text               host\n"
            "22:13:20.123456789      7  a \"b\", c\\x09\\\\x0a  2001:db8::1\n"
            "00:12:43.145224192      0  -                  192.0.2.1\n");
}

TEST(RecordText, TableCutsWhatComesTooWideTooLate) {
  WriterOptions options = {.fields = {"text", "count"}, .widths_from = 1};
  Sample first = kSparse;
  first.text = "123456";
  Sample second = kSparse;
  second.text = "äöüäöüä";
  second.count = 1'234'567;
  EXPECT_EQ(written(Format::kTable, options, first, second),
            "text    count\n123456      0\näöüäö…  1234567\n");
  options.width = 8;
  EXPECT_EQ(written(Format::kTable, options, first), "text   …\n123456 …\n");
}

TEST(RecordText, HeaderWithoutRecords) {
  for (const auto& [format, expected] :
       {std::pair{Format::kCsv, "ts,port\n"sv}, std::pair{Format::kTsv, "ts\tport\n"sv},
        std::pair{Format::kTable, "ts                  port\n"sv},
        std::pair{Format::kJsonLines, ""sv}}) {
    std::string text;
    const auto output = io::memory_output(text);
    const auto writer = make_writer(format, *output, {.fields = {"ts", "port"}});
    writer->declare(kTypeInfo<Sample>);
    writer->finish();
    EXPECT_EQ(text, expected);
  }
}

TEST(RecordText, OneTypeAtMost) {
  for (const Format format : {Format::kCsv, Format::kTsv, Format::kZeek, Format::kTable}) {
    std::string text;
    const auto output = io::memory_output(text);
    const auto writer = make_writer(format, *output, {});
    writer->write(kFull);
    EXPECT_THROW(writer->write(Segment{}), io::Error);
  }
}

// Examples of RFC 5952, and what inet_ntop() gives.
TEST(RecordText, Addresses) {
  EXPECT_EQ(address_text("\x20\x01\x0d\xb8\0\0\0\0\0\1\0\0\0\0\0\1"sv), "2001:db8::1:0:0:1");
  EXPECT_EQ(address_text("\x20\x01\x0d\xb8\0\0\0\1\0\1\0\1\0\1\0\1"sv), "2001:db8:0:1:1:1:1:1");
  EXPECT_EQ(address_text("\x20\x01\0\0\0\0\0\1\0\0\0\0\0\0\0\1"sv), "2001:0:0:1::1");
  EXPECT_EQ(address_text("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"sv), "::");
  EXPECT_EQ(address_text("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1"sv), "::1");
  EXPECT_EQ(address_text("\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\0"sv), "fe80::");
  EXPECT_EQ(address_text("\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\1"sv), "::ffff:192.0.2.1");
  EXPECT_EQ(address_text("\xff\0\0\1"sv), "255.0.0.1");
}

TEST(RecordText, Seconds) {
  std::int64_t ns = 0;
  const auto parsed = [&](std::string_view text) { return parse_seconds(text, ns); };
  EXPECT_TRUE(parsed("-9223372036.854775808") && ns == INT64_MIN);
  EXPECT_TRUE(parsed("9223372036.854775807") && ns == INT64_MAX);
  EXPECT_FALSE(parsed("9223372036.854775808"));
  EXPECT_TRUE(parsed("1e-9") && ns == 1);
  EXPECT_TRUE(parsed("1.5E+1") && ns == 15'000'000'000);
  EXPECT_TRUE(parsed("0.0000000019") && ns == 1);
  EXPECT_TRUE(parsed("0e999999999") && ns == 0);
  EXPECT_TRUE(parsed("1e-999999") && ns == 0);
  for (const std::string_view bad : {"", "-", ".", "1x", "1e", "1e999999999", "nan", "--1"}) {
    EXPECT_FALSE(parsed(bad)) << bad;
  }
}

TEST(RecordStream, BytesByHand) {
  EXPECT_EQ(written(Format::kMsgpack, {.producer = "p 1", .fields = {"ts", "port", "host", "took"}},
                    kSparse, kFull),
            "\x85\xaatracebraid\1\xa4type\xa6sample\xa5index\0\xa6"
            "fields\x94"
            "\x93\xa2ts\xa4time\xa0"
            "\x93\xa4port\xa4uint\xa4port"
            "\x93\xa4host\xa4"
            "addr\xa0"
            "\x93\xa4took\xa8"
            "duration\xa0"
            "\xa8producer\xa3p 1"
            "\x95\0\xd3\x80\0\0\0\0\0\0\0\0\xc4\4\xc0\0\2\1\xc0"
            "\x95\0\xcf\x17\x97\x9c\xfe\x3d\x85\xcd\x15\xcd\1\xbb"
            "\xc4\x10\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1\xff"sv);
}

TEST(RecordStream, NumbersAreAsMsgpackCxxHasThem) {
  std::vector<std::uint64_t> numbers;
  for (unsigned bit = 0; bit < 64; ++bit) {
    for (const std::uint64_t near : {-1, 0, 1}) numbers.push_back((std::uint64_t{1} << bit) + near);
  }
  for (const std::uint64_t number : numbers) {
    const std::array<Value, 3> values = {Value(Time{static_cast<std::int64_t>(number)}), Value(),
                                         Value(number)};
    std::string bytes;
    const auto output = io::memory_output(bytes);
    const auto writer = make_writer(Format::kMsgpack, *output, {});
    writer->write_values(kTypeInfo<Sample>, values);
    writer->finish();
    msgpack::sbuffer expected;
    msgpack::packer<msgpack::sbuffer> packer(expected);
    packer.pack_array(10).pack(0).pack(static_cast<std::int64_t>(number)).pack_nil().pack(number);
    for (int missing = 3; missing < 9; ++missing) packer.pack_nil();
    EXPECT_TRUE(bytes.ends_with(std::string_view(expected.data(), expected.size()))) << number;

    const auto source = io::memory_source("in", bytes);
    StreamReader reader(*source, {});
    ASSERT_TRUE(reader.next());
    EXPECT_EQ(reader.values()[0].as_int(), static_cast<std::int64_t>(number));
    EXPECT_EQ(reader.values()[2].as_uint(), number);
  }
}

// A newer program's header: another order, a field of a kind from the future, a missing field; the
// widest form of every number and text.
std::string foreign_stream() {
  msgpack::sbuffer buffer;
  msgpack::packer<msgpack::sbuffer> packer(buffer);
  packer.pack_map(4);
  packer.pack("fields").pack_array(4);
  packer.pack_array(3).pack("future").pack("float").pack("");
  packer.pack_array(4).pack("count").pack("int").pack("bytes").pack("a fourth");
  packer.pack_array(3).pack("change").pack("uint").pack("");
  packer.pack_array(2).pack("text").pack("text");
  packer.pack("note").pack_map(1).pack("deep").pack_array(2).pack_nil().pack(1.5);
  packer.pack("type").pack("sample");
  packer.pack("tracebraid").pack(1);
  packer.pack_array(5).pack(0).pack(2.5).pack_fix_int64(5).pack_fix_uint64(6);
  packer.pack_str(3).pack_str_body("abc", 3);
  packer.pack_array(7).pack(0).pack_array(1).pack(1).pack(-5).pack(7).pack_nil().pack(1).pack(2);
  packer.pack_array(2).pack(0).pack_nil();
  return {buffer.data(), buffer.size()};
}

TEST(RecordStream, FieldsAreBoundByName) {
  const std::string stream = foreign_stream();
  const auto source = io::memory_source("in", stream);
  StreamReader reader(*source, {});
  Sample sample;
  ASSERT_TRUE(reader.next());
  ASSERT_TRUE(reader.is<Sample>());
  EXPECT_FALSE(reader.is<Flow>());
  reader.get(sample);
  EXPECT_EQ(sample.count, 5U);
  EXPECT_EQ(sample.change, 6);
  EXPECT_EQ(sample.text, "abc");
  EXPECT_FALSE(sample.took);
  ASSERT_TRUE(reader.next());  // longer than its header says
  reader.get(sample);
  EXPECT_EQ(sample.count, 0U);  // -5 is no uint
  EXPECT_EQ(sample.change, 7);
  EXPECT_EQ(sample.text, "");
  ASSERT_TRUE(reader.next());  // shorter
  EXPECT_TRUE(reader.values()[3].is_nil());
  EXPECT_FALSE(reader.next());
}

TEST(RecordStream, WhatIsNotUnderstoodPassesUntouched) {
  const std::string stream = foreign_stream();
  const std::string passed = pass_all(stream, {}, Format::kMsgpack);
  const std::string_view records = std::string_view(stream).substr(stream.find("\x95\0\xcb"sv));
  EXPECT_TRUE(passed.ends_with(records));
  EXPECT_NE(passed.find("\x94\xa5"
                        "count\xa3int\xa5"
                        "bytes\xa8"
                        "a fourth"),
            std::string::npos);
}

TEST(RecordStream, TypesMix) {
  const std::string first = written(Format::kMsgpack, {}, kFull, Segment{}, kSparse);
  const std::string second = written(Format::kMsgpack, {}, Segment{}, kFull);
  const std::string both = first + second;
  const auto source = io::memory_source("in", both);
  StreamReader reader(*source, {});
  std::string seen;
  while (reader.next()) seen += reader.is<Sample>() ? 'S' : reader.is<Segment>() ? 's' : '?';
  EXPECT_EQ(seen, "SsSsS");
}

TEST(RecordStream, DamageIsNamed) {
  const std::string header = written(Format::kMsgpack, {.fields = {"ts"}}, kFull);
  const std::string at_end = std::to_string(header.size());
  const auto after_header = [&](std::string_view bytes) {
    const auto errors = errors_of(header + std::string(bytes));
    return errors.size() == 1 ? errors[0] : "several or none";
  };
  EXPECT_EQ(after_header("\x92\1\0"sv), "byte " + at_end + ": a record of a type without a header");
  EXPECT_EQ(after_header("\x90"), "byte " + at_end + ": an empty record");
  EXPECT_EQ(after_header("\x92\xc0\1"), "byte " + at_end + ": a record without its type's index");
  EXPECT_EQ(after_header("x"), "byte " + at_end + ": neither a header nor a record");
  EXPECT_EQ(after_header("\x80"),
            "byte " + at_end + ": a map that is not a header of a stream of records");
  EXPECT_EQ(after_header("\x92\0\xc1"sv),
            "byte " + std::to_string(header.size() + 3) + ": not msgpack, or nested too deeply");
  EXPECT_EQ(after_header("\x81\xaatracebraid\2"),
            "byte " + at_end + ": a stream of another version");
  EXPECT_EQ(errors_of("hello"),
            std::vector<std::string>{
                "byte 0: neither a stream of records nor JSON Lines: it looks like text"});
  EXPECT_EQ(errors_of(""), std::vector<std::string>{});
}

// Declared sizes are not believed: these ask for 4 GiB.
TEST(RecordStream, NothingIsAllocatedByDeclaredSizes) {
  const std::string header = written(Format::kMsgpack, {.fields = {"text"}}, kFull);
  for (const std::string_view bytes :
       {"\x92\0\xdb\xff\xff\xff\xff"sv, "\xdd\xff\xff\xff\xff\0"sv, "\xdf\xff\xff\xff\xff\0"sv,
        "\x92\0\xdd\xff\xff\xff\xff"sv, "\x92\0\xc9\xff\xff\xff\xff\0"sv}) {
    EXPECT_EQ(errors_of(header + std::string(bytes)).size(), 1U);
  }
  const std::string deep = header + std::string("\x92\0", 2) + std::string(1 << 20, '\x91');
  EXPECT_EQ(errors_of(deep).size(), 1U);
  const std::string json(1 << 20, '[');
  EXPECT_EQ(errors_of("{\"a\":" + json).size(), 1U);
}

TEST(RecordStream, LongTexts) {
  const std::string text(io::BlockWriter::kBlock * 2 + 17, 'x');
  Sample sample = kSparse;
  sample.text = text;
  for (const Format format : {Format::kMsgpack, Format::kJsonLines}) {
    const std::string stream = written(format, {}, sample, kFull);
    EXPECT_EQ(read_all<Sample>(stream, 65536).records,
              (std::vector{describe(sample), describe(kFull)}));
  }
  const std::string longer(kMostRecordBytes + 1, 'x');
  sample.text = longer;
  EXPECT_EQ(errors_of(written(Format::kMsgpack, {}, sample)).size(), 1U);
  const auto errors = errors_of(written(Format::kJsonLines, {}, sample, kFull));
  EXPECT_EQ(errors, std::vector<std::string>{"line 1: a line of more than 16 MiB"});
}

TEST(JsonLines, AnyOrderAnyNumberAnyBlank) {
  const std::string_view text =
      "\n \t{\"count\": 5.0, \"ts\" : 1e-9, \"host\":\"::1\",\"type\":\"sample\", \"took\":-2}\r\n"
      "{\"type\":\"sample\",\"count\":-1,\"ts\":\"x\",\"host\":\"nowhere\",\"change\":1e3}";
  constexpr std::array<const TypeInfo*, 1> kTypes = {&kTypeInfo<Sample>};
  const auto source = io::memory_source("in", text);
  StreamReader reader(*source, kTypes);
  Sample sample;
  ASSERT_TRUE(reader.next());
  reader.get(sample);
  EXPECT_EQ(sample.count, 5U);
  EXPECT_EQ(sample.ts.ns, 1);
  EXPECT_EQ(sample.took->ns, -2'000'000'000);
  EXPECT_EQ(sample.host.size, 16);
  EXPECT_EQ(reader.position(), "line 2");
  ASSERT_TRUE(reader.next());
  reader.get(sample);
  EXPECT_EQ(sample.count, 0U);
  EXPECT_EQ(sample.host.size, 0);
  EXPECT_EQ(sample.change, 1000);
  EXPECT_FALSE(reader.next());
}

TEST(JsonLines, BadLinesDoNotEndTheStream) {
  const std::vector<std::string> errors = errors_of(
      "{\"type\":\"a\"}\n{\"type\":\n[1]\n{}\n{\"type\":\"a\"} "
      "x\n{\"type\":\"\"}\n{\"type\":\"b\"}\n");
  EXPECT_EQ(errors,
            (std::vector<std::string>{"line 2: not JSON: Invalid value.",
                                      "line 3: not a JSON object, or one with too much inside",
                                      "line 4: an object without \"type\"",
                                      "line 5: something behind the JSON object",
                                      // The binary form could not name it.
                                      "line 6: an object without \"type\""}));
}

TEST(JsonLines, UnknownTypesGrow) {
  const std::string_view text =
      "{\"type\":\"new\",\"a\":null,\"b\":1}\n"
      "{\"type\":\"new\",\"a\":\"x\",\"b\":-1,\"c\":0.500000000}\n"
      "{\"type\":\"new\",\"b\":1.5,\"a\":true}\n";
  const auto source = io::memory_source("in", text);
  StreamReader reader(*source, {});
  std::vector<std::string> types;
  std::string values;
  while (reader.next()) {
    std::string type;
    for (const FieldInfo& field : reader.type().fields) {
      type += std::string(field.name) + ":" +
              std::string(kKindNames[static_cast<std::size_t>(field.kind)]) + " ";
    }
    types.push_back(type);
    values = describe(reader.values());
  }
  EXPECT_EQ(types, (std::vector<std::string>{"a:nil b:uint ", "a:text b:int c:duration ",
                                             "a:text b:text c:duration "}));
  EXPECT_EQ(values, "text=true\ntext=1.5\nnil=\n");
}

TEST(Formats, NamesAndEndings) {
  EXPECT_EQ(parse_format("zeek"), Format::kZeek);
  EXPECT_THROW((void)parse_format("xml"), io::UsageError);
  EXPECT_EQ(format_for("-", true), Format::kTable);
  EXPECT_EQ(format_for("-", false), Format::kJsonLines);
  EXPECT_EQ(format_for("x/conn.log", true), Format::kZeek);
  EXPECT_EQ(format_for("a.tb", true), Format::kMsgpack);
  EXPECT_EQ(format_for("a.csv", true), Format::kCsv);
  EXPECT_EQ(format_for("a", true), Format::kJsonLines);
}

TEST(Formats, UnknownFieldsAreRefused) {
  constexpr std::array<const TypeInfo*, 2> kTypes = {&kTypeInfo<Flow>, &kTypeInfo<Segment>};
  EXPECT_NO_THROW(check_fields(std::array<std::string, 2>{"uid", "is_rexmit"}, kTypes));
  try {
    check_fields(std::array<std::string, 1>{"orig_byte"}, kTypes);
    FAIL();
  } catch (const io::UsageError& error) {
    EXPECT_EQ(error.what, "no field orig_byte");
    EXPECT_TRUE(error.hint.starts_with("near names: orig_bytes")) << error.hint;
  }
}

TEST(Schema, IsReadable) {
  EXPECT_TRUE(schema_text(kTypeInfo<Sample>)
                  .starts_with("sample: one field of each kind\n"
                               "  ts       time             when\n"
                               "  took     duration         how long\n"
                               "  count    uint      bytes  how many\n"));
  constexpr std::array<const TypeInfo*, 2> kTypes = {&kTypeInfo<Segment>, &kTypeInfo<Sample>};
  EXPECT_NE(schema_section(kTypes).find("\n\n  sample: one field of each kind\n    ts "),
            std::string::npos);
}

}  // namespace
}  // namespace tracebraid::formats::record
