#include "formats/record/writer.h"

#include <algorithm>
#include <utility>

#include "formats/record/writers.h"

namespace tracebraid::formats::record {
namespace {

// In the order of Format.
constexpr std::array<MakeWriter, kFormatNames.size()> kMakers = {
    make_table_writer, make_json_lines_writer, make_msgpack_writer,
    make_csv_writer,   make_tsv_writer,        make_zeek_writer};

constexpr std::array<std::pair<std::string_view, Format>, 8> kEndings = {{
    {".jsonl", Format::kJsonLines},
    {".ndjson", Format::kJsonLines},
    {".json", Format::kJsonLines},
    {".csv", Format::kCsv},
    {".tsv", Format::kTsv},
    {".log", Format::kZeek},
    {".msgpack", Format::kMsgpack},
    {".tb", Format::kMsgpack},
}};

// Names that hold `wrong`, or that `wrong` holds, or that begin alike.
std::string near_fields(std::string_view wrong, std::span<const TypeInfo* const> types) {
  constexpr std::size_t kAlike = 3;
  constexpr std::size_t kMost = 6;
  std::vector<std::string_view> names;
  for (const TypeInfo* type : types) {
    for (const FieldInfo& field : type->fields) {
      const std::string_view name = field.name;
      const bool near = name.find(wrong) != std::string_view::npos ||
                        wrong.find(name) != std::string_view::npos ||
                        (wrong.size() > kAlike && name.starts_with(wrong.substr(0, kAlike + 1)));
      const bool is_new = std::find(names.begin(), names.end(), name) == names.end();
      if (near && is_new && names.size() < kMost) names.push_back(name);
    }
  }
  if (names.empty()) return "--schema lists the fields";
  std::string text = "near names:";
  for (const std::string_view name : names) text.append(" ").append(name);
  return text;
}

bool has_field(const TypeInfo& type, std::string_view name) {
  return std::any_of(type.fields.begin(), type.fields.end(),
                     [&](const FieldInfo& field) { return field.name == name; });
}

}  // namespace

Format parse_format(std::string_view name) {
  const auto* const found = std::find(kFormatNames.begin(), kFormatNames.end(), name);
  if (found == kFormatNames.end()) {
    throw io::UsageError{"unknown format " + io::quoted(name),
                         "formats: " + std::string(kFormatChoices)};
  }
  return static_cast<Format>(found - kFormatNames.begin());
}

Format format_for(std::string_view path, bool is_terminal) {
  if (path == "-") return is_terminal ? Format::kTable : Format::kJsonLines;
  for (const auto& [ending, format] : kEndings) {
    if (path.ends_with(ending)) return format;
  }
  return Format::kJsonLines;
}

std::unique_ptr<Writer> make_writer(Format format, io::Output& output, WriterOptions options) {
  if (format == Format::kMsgpack && output.is_terminal()) {
    throw io::UsageError{"msgpack is not for a terminal", "-o FILE, or a pipe; -f jsonl shows all"};
  }
  return kMakers[static_cast<std::size_t>(format)](output, std::move(options));
}

void check_fields(std::span<const std::string> fields, std::span<const TypeInfo* const> types) {
  for (const std::string& name : fields) {
    const bool is_known = std::any_of(types.begin(), types.end(),
                                      [&](const TypeInfo* type) { return has_field(*type, name); });
    if (!is_known) {
      throw io::UsageError{"no field " + io::quoted(name), near_fields(name, types)};
    }
  }
}

void Writer::write_struct(const TypeInfo& type, const StructInfo& info, const void* record) {
  constexpr std::size_t kMost = 128;
  const std::size_t count = type.fields.size();
  if (count <= kMost) {
    std::array<Value, kMost> values;
    info.to_values(record, values.data());
    write_values(type, {values.data(), count});
  } else {
    std::vector<Value> values(count);
    info.to_values(record, values.data());
    write_values(type, values);
  }
}

bool operator==(const FieldInfo& left, const FieldInfo& right) {
  return left.name == right.name && left.kind == right.kind && left.unit == right.unit;
}

bool same_type(const TypeInfo& left, const TypeInfo& right) {
  return &left == &right ||
         (left.name == right.name && std::equal(left.fields.begin(), left.fields.end(),
                                                right.fields.begin(), right.fields.end()));
}

Layout* Layouts::find(const TypeInfo& type) {
  const auto found = std::find_if(layouts_.begin(), layouts_.end(),
                                  [&](const Layout& each) { return same_type(*each.type, type); });
  if (found == layouts_.end()) return nullptr;
  last_ = &*found;
  last_type_ = &type;
  return last_;
}

Layout& Layouts::add(const TypeInfo& type) {
  Layout& layout = layouts_.emplace_back(Layout{&type, {}, layouts_.size(), {}});
  last_ = &layout;
  last_type_ = &type;
  if (fields_.empty()) {
    for (std::size_t at = 0; at < type.fields.size(); ++at) layout.columns.push_back(at);
  }
  for (const std::string& name : fields_) {
    for (std::size_t at = 0; at < type.fields.size(); ++at) {
      if (type.fields[at].name == name) layout.columns.push_back(at);
    }
  }
  return layout;
}

Layout& OneTypeWriter::first(const TypeInfo& type) {
  if (Layout* const known = layouts_.find(type)) return *known;
  if (layouts_.size() > 0) {
    throw io::Error{"", "",
                    std::string(name_) + " holds records of one type, and here comes a second: " +
                        io::quoted(type.name),
                    "choose -f jsonl or -f msgpack, which hold any"};
  }
  Layout& layout = layouts_.add(type);
  begin(layout);
  return layout;
}

}  // namespace tracebraid::formats::record
