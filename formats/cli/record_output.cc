#include "formats/cli/record_output.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <unistd.h>

#include "formats/cli/terminal.h"
#include "formats/record/schema_text.h"

namespace tracebraid::formats::cli {

RecordRequest::RecordRequest(const Arguments& arguments)
    : path(arguments.value("output").value_or("-")) {
  const std::optional<std::string> named = arguments.value("format");
  format =
      named ? record::parse_format(*named) : record::format_for(path, ::isatty(STDOUT_FILENO) != 0);
  const std::string list = arguments.value("fields").value_or("");
  for (const std::string_view field : split_list(list)) fields.emplace_back(field);
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
  std::vector<std::string_view> parts;
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    if (comma > 0) parts.push_back(list.substr(0, comma));
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return parts;
}

RecordOutput::RecordOutput(const RecordRequest& request, std::string_view program,
                           std::span<const record::TypeInfo* const> types,
                           std::span<const std::string_view> table_fields) {
  record::check_fields(request.fields, types);
  output_ = io::open_output(request.path);
  record::WriterOptions options;
  options.producer.append(program).append(" ").append(version());
  options.fields = request.fields;
  if (request.path == "-") options.width = output_width();
  if (request.format == record::Format::kTable && request.fields.empty()) {
    options.fields.assign(table_fields.begin(), table_fields.end());
  }
  writer_ = record::make_writer(request.format, *output_, std::move(options));
  writer_->declare(*types.front());
}

void RecordOutput::finish() {
  writer_->finish();
  output_->commit();
}

}  // namespace tracebraid::formats::cli
