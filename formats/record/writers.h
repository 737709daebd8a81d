// What the writers of the single forms share. For writer.cc and them alone.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "formats/io/output.h"
#include "formats/record/writer.h"

namespace tracebraid::formats::record {

// Which fields of a type are written, and what a form has prepared for it.
struct Layout {
  const TypeInfo* type;
  std::vector<std::size_t> columns;  // positions in type->fields
  std::size_t number;                // how many were added before
  std::vector<std::string> keys;     // the form's own, one for each column
};

[[nodiscard]] bool operator==(const FieldInfo& left, const FieldInfo& right);
// Whether records of both look the same; what is said about them may differ.
[[nodiscard]] bool same_type(const TypeInfo& left, const TypeInfo& right);

// Layouts by type: a pointer's comparison for a run of records of one type.
class Layouts {
 public:
  explicit Layouts(std::vector<std::string> fields) : fields_(std::move(fields)) {}

  // The last one that was asked for; null when that was another type.
  [[nodiscard]] Layout* last(const TypeInfo& type) {
    return last_ != nullptr && last_type_ == &type ? last_ : nullptr;
  }
  [[nodiscard]] Layout* find(const TypeInfo& type);
  Layout& add(const TypeInfo& type);
  [[nodiscard]] std::size_t size() const { return layouts_.size(); }

 private:
  std::vector<std::string> fields_;
  std::deque<Layout> layouts_;
  Layout* last_ = nullptr;
  const TypeInfo* last_type_ = nullptr;
};

// A form that holds records of one type.
class OneTypeWriter : public Writer {
 public:
  // `name` as the user knows the form: "CSV".
  OneTypeWriter(std::string_view name, io::Output& output, WriterOptions options)
      : out_(output), options_(std::move(options)), layouts_(options_.fields), name_(name) {}

  void declare(const TypeInfo& type) final { (void)layout(type); }
  void flush() override { out_.flush(); }
  void finish() override { flush(); }

 protected:
  Layout& layout(const TypeInfo& type) {
    Layout* const known = layouts_.last(type);
    return known != nullptr ? *known : first(type);
  }
  // Called once, for the type.
  virtual void begin(Layout& layout) = 0;

  io::BlockWriter out_;
  WriterOptions options_;

 private:
  Layout& first(const TypeInfo& type);

  Layouts layouts_;
  std::string_view name_;
};

[[nodiscard]] inline Value value_at(std::span<const Value> values, std::size_t column) {
  return column < values.size() ? values[column] : Value();
}

using MakeWriter = std::unique_ptr<Writer> (*)(io::Output&, WriterOptions);

std::unique_ptr<Writer> make_msgpack_writer(io::Output& output, WriterOptions options);
std::unique_ptr<Writer> make_json_lines_writer(io::Output& output, WriterOptions options);
std::unique_ptr<Writer> make_csv_writer(io::Output& output, WriterOptions options);
std::unique_ptr<Writer> make_tsv_writer(io::Output& output, WriterOptions options);
std::unique_ptr<Writer> make_zeek_writer(io::Output& output, WriterOptions options);
std::unique_ptr<Writer> make_table_writer(io::Output& output, WriterOptions options);

}  // namespace tracebraid::formats::record
