// Reading records: binary streams (stream.h) and JSON Lines, told apart by the first byte.
//
//   StreamReader reader(*source, kTypes);
//   Flow flow;
//   while (reader.next()) {
//     if (!reader.is<Flow>()) continue;
//     reader.get(flow);
//   }
//
// Fields are bound by name, so that records of older and newer programs can be read: those that the
// struct has not are left out, those that the stream has not are missing. A number that is written
// as int is taken for uint, and the other way round, when it fits.
//
// Memory: twice the longest record, at most kMostRecordBytes, and the types (TypeTable).
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "formats/io/cursor.h"
#include "formats/record/schema.h"
#include "formats/record/type_table.h"
#include "formats/record/writer.h"

namespace tracebraid::formats::record {

// What a form has found. Views are valid until its next record, the type as long as its reader.
struct FoundRecord {
  const TypeInfo* type = nullptr;
  std::span<const Value> values;  // as many as the type has fields
  PackedRecord packed = {};       // of a binary stream; `declaration` is empty for JSON Lines
  std::string_view producer;      // empty where the stream does not say
};

class RecordForm {
 public:
  virtual ~RecordForm() = default;
  virtual bool next(FoundRecord& found) = 0;
  [[nodiscard]] virtual std::string position() const = 0;
};

class StreamReader {
 public:
  // `known` are the types whose kinds are looked up for JSON Lines, where the text does not show
  // them: `const TypeInfo* const kTypes[] = {&kTypeInfo<Flow>, …}`. A type of an input that equals
  // one of them is that one. Both arguments must outlive the reader.
  StreamReader(io::Source& source, std::span<const TypeInfo* const> known,
               std::size_t window = io::Cursor::kWindow);

  // False at the end of input. Throws io::Error with the byte or the line where a record is
  // damaged or cut off, after all before it; then next() goes on with the next line of JSON Lines,
  // and finds the end in a binary stream.
  bool next();

  // The type as the input has it, valid as long as the reader.
  [[nodiscard]] const TypeInfo& type() const { return *found_.type; }

  // In the order of type(), each of its field's kind or missing; views valid until the next next().
  [[nodiscard]] std::span<const Value> values() const { return found_.values; }

  // The record as a binary stream holds it, valid until the next next(); null for JSON Lines.
  [[nodiscard]] const PackedRecord* packed() const {
    return found_.packed.declaration.empty() ? nullptr : &found_.packed;
  }

  // The types, for whoever remembers records by them. After the last next().
  [[nodiscard]] TypeTable take_types() { return std::move(types_); }

  [[nodiscard]] std::string_view producer() const { return found_.producer; }

  // Where the record begins: "byte 1234" or "line 7".
  [[nodiscard]] std::string position() const { return form_->position(); }

  template <typename Record>
  [[nodiscard]] bool is() const {
    return found_.type == &kTypeInfo<Record> || found_.type->name == Record::kType;
  }

  // Sets every field of `record`, whatever the type; its texts are valid until the next next().
  template <typename Record>
  void get(Record& record) {
    constexpr std::size_t kCount = kFieldCount<Record>;
    const std::span<const Value> values =
        found_.type == &kTypeInfo<Record> ? found_.values : bound_to(kTypeInfo<Record>);
    from_values(values.template first<kCount>(), record);
  }

  // Writes the record as it came: of a binary stream also fields of kinds unknown here.
  void pass_to(Writer& writer) const {
    if (found_.packed.declaration.empty()) {
      writer.write_values(*found_.type, found_.values);
    } else {
      writer.write_packed(*found_.type, found_.values, found_.packed);
    }
  }

 private:
  // Where in `from` the fields of `to` are; from->fields.size() for those that are missing.
  struct Binding {
    const TypeInfo* from;
    const TypeInfo* to;
    std::vector<std::size_t> places;
  };
  [[nodiscard]] std::span<const Value> bound_to(const TypeInfo& type);
  [[nodiscard]] const Binding& binding_to(const TypeInfo& type);

  io::Cursor cursor_;
  TypeTable types_;
  std::unique_ptr<RecordForm> form_;
  FoundRecord found_;
  std::vector<Binding> bindings_;
  std::vector<Value> bound_;
  bool has_failed_ = false;
};

// For reader.cc.
[[nodiscard]] std::unique_ptr<RecordForm> make_msgpack_form(io::Cursor& cursor, TypeTable& types);
[[nodiscard]] std::unique_ptr<RecordForm> make_json_lines_form(io::Cursor& cursor,
                                                               TypeTable& types);

}  // namespace tracebraid::formats::record
