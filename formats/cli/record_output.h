// Records as every program writes them: the options that choose form, place and fields, and the
// writer that they ask for.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/cli/program.h"
#include "formats/io/diagnostics.h"
#include "formats/io/output.h"
#include "formats/record/schema.h"
#include "formats/record/writer.h"

namespace tracebraid::formats::cli {

// Rows for a program's option table.
inline constexpr Option kFormatOption = {
    'f',
    "format",
    Argument::kChoice,
    "FORMAT",
    "Output",
    "form of the records",
    "Default: by the ending of -o's FILE, else a table on a terminal and JSON Lines elsewhere. "
    "zeek is the form of Zeek's conn.log.",
    record::kFormatChoices};
inline constexpr Option kOutputOption = {'o',
                                         "output",
                                         Argument::kFile,
                                         "FILE",
                                         "Output",
                                         "write to FILE instead of standard output",
                                         "FILE appears whole or not at all."};
inline constexpr Option kFieldsOption = {0,
                                         "fields",
                                         Argument::kText,
                                         "LIST",
                                         "Output",
                                         "write these fields only, in this order",
                                         "Names with commas between; --schema lists them."};
inline constexpr Option kCsvSafeOption = {
    0,
    "csv-safe",
    Argument::kNone,
    "",
    "Output",
    "put ' before CSV cells that look like formulas",
    "Texts that begin with = + - or @ are formulas to a spreadsheet, and host names, queries, "
    "paths "
    "and names of functions may be made to. Without it values stay as they are, and standard error "
    "tells how many there were."};
inline constexpr Option kSchemaOption = {0,  "schema", Argument::kNone,
                                         "", "Output", "show the fields of all records and exit"};

// What those options say. Throws UsageError.
struct RecordRequest {
  explicit RecordRequest(const Arguments& arguments);

  // For a writer of what they ask for; `program` without its version.
  [[nodiscard]] record::WriterOptions writer_options(std::string_view program) const;
  // When all is written: how many cells a spreadsheet will take for formulas, if it is some.
  void tell_of_formulas(const record::Writer& writer, io::Diagnostics& diagnostics) const;

  std::string path;
  record::Format format;
  std::vector<std::string> fields;  // empty: all
  bool is_csv_safe = false;
  bool is_quiet = false;
};

// For --schema: the types on standard output.
void print_schema(std::span<const record::TypeInfo* const> types);

// Parts of a list with commas between; empty ones are left out.
[[nodiscard]] std::vector<std::string_view> split_list(std::string_view list);

class RecordOutput {
 public:
  // Opens the output and declares the first of `types`, which are all that may come. `table_fields`
  // is what a table shows when nobody asked for fields. Throws Error, UsageError.
  RecordOutput(const RecordRequest& request, std::string_view program,
               std::span<const record::TypeInfo* const> types,
               std::span<const std::string_view> table_fields);

  [[nodiscard]] record::Writer& writer() { return *writer_; }

  // Ends the output, makes it visible, and tells of formulas. Throws Error.
  void finish(io::Diagnostics& diagnostics);

 private:
  RecordRequest request_;
  std::unique_ptr<io::Output> output_;
  std::unique_ptr<record::Writer> writer_;
};

}  // namespace tracebraid::formats::cli
