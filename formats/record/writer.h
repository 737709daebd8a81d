// Writing records: the binary stream, and the forms for people and other programs.
//
//   const auto output = io::open_output(path);
//   const auto writer = make_writer(format_for(path), *output, {.producer = "pcapflows 0.1.0"});
//   writer->declare(kTypeInfo<Flow>);
//   writer->write(flow);
//   writer->finish();
//   output->commit();
#pragma once

#include <array>
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
#include "formats/record/struct_info.h"

namespace tracebraid::formats::record {

enum class Format : std::uint8_t { kTable, kJsonLines, kMsgpack, kCsv, kTsv, kZeek };

inline constexpr std::array<std::string_view, 6> kFormatNames = {"table", "jsonl", "msgpack",
                                                                 "csv",   "tsv",   "zeek"};
// For an option's choices.
inline constexpr std::string_view kFormatChoices = "table jsonl msgpack csv tsv zeek";

// Throws io::UsageError that names the choices.
[[nodiscard]] Format parse_format(std::string_view name);

// By the ending of an output's path: .jsonl .ndjson .json, .csv, .tsv, .log (Zeek), .msgpack .tb;
// any other file: JSON Lines. "-" is a table when `is_terminal`, JSON Lines when not.
[[nodiscard]] Format format_for(std::string_view path, bool is_terminal);

// Whether records of several types can be in one output.
[[nodiscard]] constexpr bool holds_several(Format format) {
  return format == Format::kJsonLines || format == Format::kMsgpack;
}

struct WriterOptions {
  std::string producer = {};             // "pcapflows 0.1.0"
  std::vector<std::string> fields = {};  // these alone, in this order; empty: all
  std::size_t width = 0;                 // table: columns of the terminal; 0: no limit
  std::size_t widths_from = 100;         // table: rows that decide how wide columns are
  bool csv_safe = false;                 // CSV: ' in front of what spreadsheets take for formulas
  std::optional<Time> opened = {};       // Zeek: time of #open and #close; now when missing
};

// A record as a binary stream held it, for handing it on without understanding it.
struct PackedRecord {
  std::string_view declaration;  // the "fields" value of its header; lives as long as the type
  std::string_view fields;       // the values, without the array's head and the index
  std::size_t field_count;
};

class Writer {
 public:
  Writer() = default;
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  virtual ~Writer() = default;

  // Says what is going to come, so that an output without a single record has its header. A type
  // that was not declared is when its first record is written. `type` must outlive the writer.
  // Formats that hold one type throw io::Error at the second.
  virtual void declare(const TypeInfo& type) = 0;

  // `values` in the order of `type`; too few are filled up with missing ones.
  virtual void write_values(const TypeInfo& type, std::span<const Value> values) = 0;

  // The same, for a record that came from a binary stream: that of the same form takes over even
  // what Value cannot express.
  virtual void write_packed(const TypeInfo& type, std::span<const Value> values,
                            const PackedRecord& packed) {
    (void)packed;
    write_values(type, values);
  }

  // Hands everything to the Output; the table keeps rows back until it knows its columns' widths,
  // and decides on them now.
  virtual void flush() = 0;

  // Writes what ends the form, and flushes. Nothing may be written after it.
  virtual void finish() = 0;

  // Cells that a spreadsheet will take for formulas (CSV without csv_safe).
  [[nodiscard]] virtual std::uint64_t formulas() const { return 0; }

  // The same as write_values(), for a struct: by its values, where a form has no shorter way.
  virtual void write_struct(const TypeInfo& type, const StructInfo& info, const void* record);

  template <typename Record>
  void write(const Record& record) {
    write_struct(kTypeInfo<Record>, struct_info<Record>(), &record);
  }
};

// `output` must outlive the writer. Memory: a block, and what is noted of `type`s; the table also
// WriterOptions::widths_from rows. Throws io::UsageError where a person would be shown bytes.
[[nodiscard]] std::unique_ptr<Writer> make_writer(Format format, io::Output& output,
                                                  WriterOptions options = {});

// Throws io::UsageError, which names near matches, when no type of `types` has one of `fields`.
void check_fields(std::span<const std::string> fields, std::span<const TypeInfo* const> types);

}  // namespace tracebraid::formats::record
