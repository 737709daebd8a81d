#include "formats/record/writer.h"

#include <algorithm>

#include <unistd.h>

#include "formats/io/error.h"
#include "formats/record/writers.h"

namespace tracebraid::formats::record {
namespace {

struct FormatRow {
  std::string_view name;
  Format format;
  std::string_view endings;  // separated by blanks
  std::unique_ptr<Writer> (*make)(io::Output&, WriterOptions);
};

constexpr FormatRow kFormats[] = {
    {"table", Format::kTable, "", make_table_writer},
    {"jsonl", Format::kJsonLines, ".jsonl .ndjson .json", make_json_writer},
    {"msgpack", Format::kMsgpack, ".msgpack .mp", make_msgpack_writer},
    {"csv", Format::kCsv, ".csv", make_csv_writer},
    {"tsv", Format::kTsv, ".tsv", make_tsv_writer},
    {"zeek", Format::kZeek, ".log", make_zeek_writer},
};

}  // namespace

std::optional<Format> parse_format(std::string_view name) {
  for (const FormatRow& row : kFormats) {
    if (row.name == name) return row.format;
  }
  return std::nullopt;
}

Format format_for(std::string_view output_path) {
  for (const FormatRow& row : kFormats) {
    std::string_view rest = row.endings;
    while (!rest.empty()) {
      const std::size_t blank = std::min(rest.find(' '), rest.size());
      if (output_path.ends_with(rest.substr(0, blank))) return row.format;
      rest.remove_prefix(std::min(blank + 1, rest.size()));
    }
  }
  return output_path == "-" && ::isatty(STDOUT_FILENO) != 0 ? Format::kTable : Format::kJsonLines;
}

bool holds_several_types(Format format) {
  return format == Format::kJsonLines || format == Format::kMsgpack;
}

std::unique_ptr<Writer> make_writer(Format format, io::Output& output, WriterOptions options) {
  const auto* const row =
      std::find_if(std::begin(kFormats), std::end(kFormats),
                   [&](const FormatRow& candidate) { return candidate.format == format; });
  return row->make(output, std::move(options));
}

Writer::Declared& Writer::find(const TypeInfo& type) {
  for (const std::unique_ptr<Declared>& known : declared_) {
    if (known->type == &type) return *known;
  }
  auto added = std::make_unique<Declared>();
  added->type = &type;
  added->index = static_cast<std::uint32_t>(declared_.size());
  if (declared_.empty() && !options_.fields.empty()) {
    for (const std::string& name : options_.fields) {
      const auto field = std::find_if(type.fields.begin(), type.fields.end(),
                                      [&](const FieldInfo& info) { return info.name == name; });
      if (field == type.fields.end()) {
        throw io::UsageError{
            "records of type " + std::string(type.name) + " have no field " + io::quoted(name),
            "--schema lists them"};
      }
      added->columns.push_back(static_cast<std::uint32_t>(field - type.fields.begin()));
    }
  } else {
    for (std::uint32_t column = 0; column < type.fields.size(); ++column) {
      added->columns.push_back(column);
    }
  }
  declared_.push_back(std::move(added));
  begin(*declared_.back());
  return *declared_.back();
}

void Writer::declare(const TypeInfo& type) {
  static_cast<void>(find(type));
}

void Writer::write_values(const TypeInfo& type, std::span<const Value> values) {
  put(find(type), values);
}

void Writer::flush() {
  block_.flush();
}

void Writer::finish() {
  end();
  flush();
}

}  // namespace tracebraid::formats::record
