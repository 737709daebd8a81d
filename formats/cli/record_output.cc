#include "formats/cli/record_output.h"

#include <optional>
#include <utility>

#include <range/v3/iterator/operations.hpp>
#include <range/v3/range/access.hpp>
#include <range/v3/range/conversion.hpp>
#include <range/v3/range/primitives.hpp>
#include <range/v3/view/filter.hpp>
#include <range/v3/view/split.hpp>
#include <range/v3/view/transform.hpp>
#include <unistd.h>

#include "formats/cli/terminal.h"
#include "formats/record/schema_text.h"

namespace tracebraid::formats::cli {

namespace views = ranges::views;

RecordRequest::RecordRequest(const Arguments& arguments)
    : path(arguments.value("output").value_or("-")),
      is_csv_safe(arguments.has("csv-safe")),
      is_quiet(arguments.has("quiet")) {
  const std::optional<std::string> named = arguments.value("format");
  format =
      named ? record::parse_format(*named) : record::format_for(path, ::isatty(STDOUT_FILENO) != 0);
  const std::string list = arguments.value("fields").value_or("");
  for (const std::string_view field : split_list(list)) fields.emplace_back(field);
}

record::WriterOptions RecordRequest::writer_options(std::string_view program) const {
  record::WriterOptions options;
  options.producer.append(program).append(" ").append(version());
  options.fields = fields;
  options.csv_safe = is_csv_safe;
  if (path == "-") options.width = output_width();
  return options;
}

void RecordRequest::tell_of_formulas(const record::Writer& writer,
                                     io::Diagnostics& diagnostics) const {
  const std::uint64_t count = writer.formulas();
  if (count == 0 || is_quiet) return;
  diagnostics.note(std::to_string(count) + (count == 1 ? " cell begins" : " cells begin") +
                   " with = + - or @, as formulas of spreadsheets do; --csv-safe makes them text");
}

void print_schema(std::span<const record::TypeInfo* const> types) {
  std::string text;
  for (const record::TypeInfo* const type : types) {
    if (!text.empty()) text.push_back('\n');
    text.append(record::schema_text(*type));
  }
  const std::unique_ptr<io::Output> out = io::open_output("-");
  out->write(text);
  out->commit();
}

std::vector<std::string_view> split_list(std::string_view list) {
  return list | views::split(',') |
         views::filter([](const auto& part) { return !ranges::empty(part); }) |
         views::transform([](const auto& part) {
           return std::string_view(&*ranges::begin(part),
                                   static_cast<std::size_t>(ranges::distance(part)));
         }) |
         ranges::to<std::vector<std::string_view>>();
}

RecordOutput::RecordOutput(const RecordRequest& request, std::string_view program,
                           std::span<const record::TypeInfo* const> types,
                           std::span<const std::string_view> table_fields)
    : request_(request) {
  record::check_fields(request.fields, types);
  output_ = io::open_output(request.path);
  record::WriterOptions options = request.writer_options(program);
  if (request.format == record::Format::kTable && request.fields.empty()) {
    options.fields.assign(table_fields.begin(), table_fields.end());
  }
  writer_ = record::make_writer(request.format, *output_, std::move(options));
  writer_->declare(*types.front());
}

void RecordOutput::finish(io::Diagnostics& diagnostics) {
  writer_->finish();
  output_->commit();
  request_.tell_of_formulas(*writer_, diagnostics);
}

}  // namespace tracebraid::formats::cli
