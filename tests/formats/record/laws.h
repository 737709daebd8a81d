// What must hold for every record type, in both forms that are read. For a new one:
//
//   INSTANTIATE_TYPED_TEST_SUITE_P(Flow, RecordLaws, Flow);
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "formats/io/output.h"
#include "formats/io/source.h"
#include "formats/record/reader.h"
#include "formats/record/writer.h"

namespace tracebraid::formats::record {

// Kinds and contents, for comparing what views showed at different times.
inline std::string describe(std::span<const Value> values) {
  std::string text;
  for (const Value& value : values) {
    text += kKindNames[static_cast<std::size_t>(value.kind())];
    text += '=';
    if (value.kind() == Kind::kText || value.kind() == Kind::kAddress) {
      text += value.bytes();
    } else if (!value.is_nil()) {
      text += std::to_string(value.as_uint());
    }
    text += '\n';
  }
  return text;
}

template <typename Record>
std::string describe(const Record& record) {
  Values<Record> values;
  to_values(record, values);
  return describe(std::span<const Value>(values));
}

// Random records, rich in extremes and in missing values.
class RandomRecords {
 public:
  template <typename Record>
  Record make() {
    Record record;
    Record::kFields.apply([&](const auto&... field) { (fill(record.*(field.member)), ...); });
    return record;
  }

 private:
  static constexpr std::array<std::string_view, 8> kTexts = {
      "",
      "-",
      "tcp",
      "tab\tline\nquote\" back\\slash",
      "Grüße, 世界 😀",
      "a,b;c",
      "#x",
      "a text that is longer than thirty-one bytes, and than two hundred and fifty more, so that "
      "each of the ways in which texts are written is gone: "
      "........................................"
      "......................................................................................"};

  std::uint64_t below(std::uint64_t limit) { return random_() % limit; }

  template <typename Integer>
  Integer integer() {
    constexpr Integer kMost = std::numeric_limits<Integer>::max();
    constexpr Integer kLeast = std::numeric_limits<Integer>::min();
    switch (below(6)) {
      case 0:
        return kMost;
      case 1:
        return kLeast;
      case 2:
        return 0;
      default:
        return static_cast<Integer>(random_() >> below(64));
    }
  }

  void fill(bool& value) { value = below(2) == 0; }
  void fill(Time& value) { value.ns = integer<std::int64_t>(); }
  void fill(Duration& value) { value.ns = integer<std::int64_t>(); }
  void fill(std::string_view& value) { value = kTexts[below(kTexts.size())]; }
  void fill(Address& value) {
    constexpr std::array<std::uint8_t, 3> kSizes = {0, 4, 16};
    value.size = kSizes[below(kSizes.size())];
    for (std::size_t at = 0; at < value.size; ++at) {
      value.bytes[at] = below(2) == 0 ? 0 : static_cast<std::uint8_t>(below(256));
    }
  }
  template <std::integral Integer>
  void fill(Integer& value) {
    value = integer<Integer>();
  }
  template <typename T>
  void fill(std::optional<T>& value) {
    if (below(3) == 0) {
      value.reset();
    } else {
      fill(value.emplace());
    }
  }

  std::mt19937_64 random_{20240607};
};

struct ReadResult {
  std::vector<std::string> records;
  std::string position;  // of the error, if there was one
  std::string error;
};

template <typename Record>
ReadResult read_all(std::string_view stream, std::size_t piece = SIZE_MAX) {
  constexpr std::array<const TypeInfo*, 1> kTypes = {&kTypeInfo<Record>};
  constexpr std::size_t kSmallWindow = 16;
  ReadResult result;
  const auto source = io::memory_source("in", stream, piece);
  StreamReader reader(*source, kTypes, kSmallWindow);
  try {
    while (reader.next()) {
      EXPECT_TRUE(reader.is<Record>());
      Record record;
      reader.get(record);
      result.records.push_back(describe(record));
    }
  } catch (const io::Error& error) {
    EXPECT_EQ(error.input, "in");
    result.position = error.position;
    result.error = error.what;
  }
  return result;
}

// Streams are passed on to the format they came in.
inline std::string pass_all(std::string_view stream, std::span<const TypeInfo* const> known,
                            Format format) {
  std::string text;
  const auto output = io::memory_output(text);
  const auto writer = make_writer(format, *output, {.producer = "laws 1"});
  const auto source = io::memory_source("in", stream);
  StreamReader reader(*source, known);
  while (reader.next()) reader.pass_to(*writer);
  writer->finish();
  return text;
}

template <typename Record>
class RecordLaws : public ::testing::Test {
 protected:
  static constexpr std::array<Format, 2> kForms = {Format::kMsgpack, Format::kJsonLines};

  struct Stream {
    std::string bytes;
    std::vector<std::size_t> ends;  // of the records
    std::vector<std::string> records;
  };

  Stream make(Format format, std::size_t count) {
    Stream stream;
    const auto output = io::memory_output(stream.bytes);
    const auto writer = make_writer(format, *output, {.producer = "laws 1"});
    for (std::size_t at = 0; at < count; ++at) {
      const Record record = random_.template make<Record>();
      writer->write(record);
      writer->flush();
      stream.ends.push_back(stream.bytes.size());
      stream.records.push_back(describe(record));
    }
    writer->finish();
    return stream;
  }

  RandomRecords random_;
};

TYPED_TEST_SUITE_P(RecordLaws);

TYPED_TEST_P(RecordLaws, WhatIsWrittenIsRead) {
  for (const Format format : this->kForms) {
    const auto stream = this->make(format, 200);
    const ReadResult result = read_all<TypeParam>(stream.bytes);
    EXPECT_EQ(result.error, "");
    EXPECT_EQ(result.records, stream.records);
  }
}

TYPED_TEST_P(RecordLaws, AnyChunkingGivesTheSame) {
  for (const Format format : this->kForms) {
    const auto stream = this->make(format, 20);
    for (const std::size_t piece : {1U, 2U, 3U, 7U, 65536U}) {
      EXPECT_EQ(read_all<TypeParam>(stream.bytes, piece).records, stream.records);
    }
  }
}

TYPED_TEST_P(RecordLaws, JoinedStreamsAreAStream) {
  for (const Format format : this->kForms) {
    auto first = this->make(format, 3);
    const auto second = this->make(format, 3);
    first.records.insert(first.records.end(), second.records.begin(), second.records.end());
    const ReadResult result = read_all<TypeParam>(first.bytes + second.bytes);
    EXPECT_EQ(result.error, "");
    EXPECT_EQ(result.records, first.records);
  }
}

TYPED_TEST_P(RecordLaws, CutAtEveryByte) {
  for (const Format format : this->kForms) {
    const auto stream = this->make(format, 3);
    const std::size_t line_end = format == Format::kJsonLines ? 1 : 0;
    std::size_t header = 0;
    if (format == Format::kMsgpack) {
      std::string empty;
      const auto output = io::memory_output(empty);
      const auto writer = make_writer(format, *output, {.producer = "laws 1"});
      writer->declare(kTypeInfo<TypeParam>);
      writer->finish();
      header = empty.size();
    }
    for (std::size_t cut = 0; cut < stream.bytes.size(); ++cut) {
      const ReadResult result = read_all<TypeParam>(std::string_view(stream.bytes).substr(0, cut));
      std::size_t whole = 0;
      bool is_clean = cut == 0 || cut == header;
      for (const std::size_t end : stream.ends) {
        whole += cut + line_end >= end ? 1U : 0U;
        is_clean = is_clean || cut == end || cut + line_end == end;
      }
      ASSERT_EQ(result.records.size(), whole) << cut;
      EXPECT_TRUE(std::equal(result.records.begin(), result.records.end(), stream.records.begin()));
      const std::string position = format == Format::kMsgpack ? "byte " + std::to_string(cut)
                                                              : "line " + std::to_string(whole + 1);
      ASSERT_EQ(result.position, is_clean ? "" : position) << result.error;
    }
  }
}

TYPED_TEST_P(RecordLaws, UnknownTypesPassUntouched) {
  constexpr std::array<const TypeInfo*, 1> kTypes = {&kTypeInfo<TypeParam>};
  for (const Format format : this->kForms) {
    const auto stream = this->make(format, 20);
    EXPECT_EQ(pass_all(stream.bytes, {}, format), stream.bytes);
    EXPECT_EQ(pass_all(stream.bytes, kTypes, format), stream.bytes);
  }
}

TYPED_TEST_P(RecordLaws, BothFormsSayTheSame) {
  constexpr std::array<const TypeInfo*, 1> kTypes = {&kTypeInfo<TypeParam>};
  const auto packed = this->make(Format::kMsgpack, 50);
  const std::string text = pass_all(packed.bytes, kTypes, Format::kJsonLines);
  EXPECT_EQ(read_all<TypeParam>(text).records, packed.records);
  EXPECT_EQ(pass_all(text, kTypes, Format::kMsgpack), packed.bytes);
}

TYPED_TEST_P(RecordLaws, SchemaIsSound) {
  std::vector<std::string_view> names;
  for (const FieldInfo& field : kTypeInfo<TypeParam>.fields) {
    EXPECT_NE(field.name, "type");
    EXPECT_FALSE(field.name.empty());
    EXPECT_FALSE(field.doc.empty()) << field.name;
    EXPECT_FALSE(field.doc.ends_with('.')) << field.name;
    names.push_back(field.name);
  }
  std::sort(names.begin(), names.end());
  EXPECT_EQ(std::adjacent_find(names.begin(), names.end()), names.end());
}

REGISTER_TYPED_TEST_SUITE_P(RecordLaws, WhatIsWrittenIsRead, AnyChunkingGivesTheSame,
                            JoinedStreamsAreAStream, CutAtEveryByte, UnknownTypesPassUntouched,
                            BothFormsSayTheSame, SchemaIsSound);

}  // namespace tracebraid::formats::record
