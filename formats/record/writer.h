// Records to an output, in one of several forms. All but the binary stream are text, one record a
// line; README.md beside this file's folder describes the stream.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/io/output.h"
#include "formats/record/schema.h"

namespace tracebraid::formats::record {

enum class Format : std::uint8_t { kTable, kJsonLines, kMsgpack, kCsv, kTsv, kZeek };

[[nodiscard]] std::optional<Format> parse_format(std::string_view name);

// By the ending of an output's name; for "-" and endings that say nothing: a table when standard
// output is a terminal, JSON Lines when it is not.
[[nodiscard]] Format format_for(std::string_view output_path);

// Whether records of several types can stand in one output.
[[nodiscard]] bool holds_several_types(Format format);

struct WriterOptions {
  std::string producer;             // program and version, for the stream's headers
  std::vector<std::string> fields;  // of the first type that is declared, in order; empty: all
};

class Writer {
 public:
  virtual ~Writer() = default;

  // Records of this type may come; forms with a head of their own show it even if none does. The
  // type must outlive the writer. Throws UsageError for a field that it does not have.
  void declare(const TypeInfo& type);

  template <typename Record>
  void write(const Record& record) {
    Values<Record> values;
    to_values(record, values);
    write_values(kTypeInfo<Record>, values);
  }

  // `values` in the type's order. The type is declared if it was not.
  void write_values(const TypeInfo& type, std::span<const Value> values);

  // Hands everything written so far to the output.
  virtual void flush();

  // After the last record; flushes. The output is not committed.
  void finish();

 protected:
  Writer(io::Output& output, WriterOptions options)
      : block_(output), options_(std::move(options)) {}

  struct Declared {
    const TypeInfo* type;
    std::uint32_t index;                 // from 0, in the order of declaration
    std::vector<std::uint32_t> columns;  // of the type's fields, those that are written
  };

  virtual void begin(const Declared& type) = 0;
  virtual void put(const Declared& type, std::span<const Value> values) = 0;
  virtual void end() {}

  [[nodiscard]] const WriterOptions& options() const { return options_; }
  [[nodiscard]] io::BlockWriter& block() { return block_; }

 private:
  Declared& find(const TypeInfo& type);

  io::BlockWriter block_;
  WriterOptions options_;
  std::vector<std::unique_ptr<Declared>> declared_;
};

[[nodiscard]] std::unique_ptr<Writer> make_writer(Format format, io::Output& output,
                                                  WriterOptions options);

}  // namespace tracebraid::formats::record
