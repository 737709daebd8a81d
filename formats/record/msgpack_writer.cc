#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <utility>

#include <msgpack/pack.hpp>

#include "formats/record/msgpack_put.h"
#include "formats/record/stream.h"
#include "formats/record/writers.h"

namespace tracebraid::formats::record {
namespace {

// A value of at most so many bytes is written without asking for room again.
constexpr std::size_t kShortText = 250;
constexpr std::size_t kShortRoom = kShortText + 6;
constexpr std::size_t kHeadRoom = 16;
// Room is asked for once for so many values.
constexpr std::size_t kRun = 1024;
static_assert(kRun * kShortRoom + kHeadRoom <= io::BlockWriter::kBlock);

struct RawBuffer {
  char* at;
  void write(const char* bytes, std::size_t size) {
    std::memcpy(at, bytes, size);
    at += size;
  }
};

using Packer = msgpack::packer<RawBuffer>;

class MsgpackWriter final : public Writer {
 public:
  MsgpackWriter(io::Output& output, WriterOptions options)
      : out_(output), options_(std::move(options)), layouts_(options_.fields) {}

  void declare(const TypeInfo& type) override { (void)layout(type); }

  void write_values(const TypeInfo& type, std::span<const Value> values) override {
    const Layout& known = layout(type);
    put_head(known.columns.size(), index_);
    if (options_.fields.empty() && values.size() == known.columns.size()) {
      put_all(values.size(), [&](std::size_t at) -> const Value& { return values[at]; });
    } else {
      put_all(known.columns.size(),
              [&](std::size_t at) { return value_at(values, known.columns[at]); });
    }
  }

  void write_struct(const TypeInfo& type, const StructInfo& info, const void* record) override {
    const std::size_t room = info.packed_room(record) + kHeadRoom;
    if (!options_.fields.empty() || room > io::BlockWriter::kBlock) {
      Writer::write_struct(type, info, record);
      return;
    }
    const Layout& known = layout(type);
    char* const start = out_.room(room);
    char* const fields = put_head(start, known.columns.size(), index_);
    out_.used(static_cast<std::size_t>(info.pack(record, fields) - start));
  }

  void write_packed(const TypeInfo& type, std::span<const Value> values,
                    const PackedRecord& packed) override {
    if (!options_.fields.empty()) {
      write_values(type, values);
      return;
    }
    put_head(packed.field_count, packed_index(type, packed.declaration));
    out_.append(packed.fields);
  }

  void flush() override { out_.flush(); }
  void finish() override { flush(); }

 private:
  // What write_packed() made a header for.
  struct Declared {
    std::string type;
    std::string declaration;
    std::uint64_t index;
  };

  Layout& layout(const TypeInfo& type) {
    Layout* known = layouts_.last(type);
    if (known != nullptr) return *known;
    known = layouts_.find(type);
    if (known == nullptr) known = &declare_layout(type);
    index_ = indices_[known->number];
    return *known;
  }

  Layout& declare_layout(const TypeInfo& type) {
    Layout& layout = layouts_.add(type);
    std::vector<FieldInfo> fields;
    fields.reserve(layout.columns.size());
    for (const std::size_t column : layout.columns) fields.push_back(type.fields[column]);
    std::string declaration;
    append_declaration(declaration, {type.name, type.doc, fields});
    indices_.push_back(put_header(type.name, declaration));
    return layout;
  }

  std::uint64_t packed_index(const TypeInfo& type, std::string_view declaration) {
    const auto is_it = [&](const Declared& each) {
      return each.declaration == declaration && each.type == type.name;
    };
    if (last_packed_ < packed_.size() && is_it(packed_[last_packed_])) {
      return packed_[last_packed_].index;
    }
    for (last_packed_ = 0; last_packed_ < packed_.size(); ++last_packed_) {
      if (is_it(packed_[last_packed_])) return packed_[last_packed_].index;
    }
    packed_.push_back(
        {std::string(type.name), std::string(declaration), put_header(type.name, declaration)});
    return packed_.back().index;
  }

  std::uint64_t put_header(std::string_view type, std::string_view declaration) {
    std::string header;
    append_header(header, type, headers_, declaration, options_.producer);
    out_.append(header);
    return headers_++;
  }

  static char* put_head(char* at, std::size_t field_count, std::uint64_t index) {
    RawBuffer buffer{at};
    Packer(buffer).pack_array(static_cast<std::uint32_t>(field_count + 1));
    return msgpack_put::number(buffer.at, index);
  }

  void put_head(std::size_t field_count, std::uint64_t index) {
    char* const start = out_.room(kHeadRoom);
    out_.used(static_cast<std::size_t>(put_head(start, field_count, index) - start));
  }

  template <typename At>
  void put_all(std::size_t count, At value) {
    for (std::size_t from = 0; from < count; from += kRun) {
      put_run(from, std::min(from + kRun, count), value);
    }
  }

  template <typename At>
  void put_run(std::size_t from, std::size_t to, At value) {
    const std::size_t most = (to - from) * kShortRoom;
    char* at = out_.room(most);
    const char* start = at;
    for (std::size_t column = from; column < to; ++column) {
      const Value& each = value(column);
      switch (each.kind()) {
        case Kind::kNil:
          at = msgpack_put::nil(at);
          break;
        case Kind::kUint:
          at = msgpack_put::number(at, each.as_uint());
          break;
        case Kind::kInt:
        case Kind::kTime:
        case Kind::kDuration:
          at = msgpack_put::integer(at, each.as_int());
          break;
        case Kind::kBool:
          at = msgpack_put::boolean(at, each.as_uint() != 0);
          break;
        case Kind::kText:
        case Kind::kAddress: {
          const std::string_view bytes = each.bytes();
          at = each.kind() == Kind::kText ? msgpack_put::text_head(at, bytes.size())
                                          : msgpack_put::bytes_head(at, bytes.size());
          if (bytes.size() <= kShortText) {
            at = msgpack_put::copy(at, bytes);
          } else {
            out_.used(static_cast<std::size_t>(at - start));
            out_.append(bytes);
            at = out_.room(most);
            start = at;
          }
          break;
        }
      }
    }
    out_.used(static_cast<std::size_t>(at - start));
  }

  io::BlockWriter out_;
  WriterOptions options_;
  Layouts layouts_;
  std::vector<std::uint64_t> indices_;  // by Layout::number
  std::uint64_t index_ = 0;             // of the last layout
  std::vector<Declared> packed_;
  std::size_t last_packed_ = 0;
  std::uint64_t headers_ = 0;
};

}  // namespace

char* msgpack_put::negative(char* at, std::int64_t value) {
  RawBuffer buffer{at};
  Packer(buffer).pack_int64(value);
  return buffer.at;
}

char* msgpack_put::long_text_head(char* at, std::size_t size) {
  RawBuffer buffer{at};
  Packer(buffer).pack_str(static_cast<std::uint32_t>(size));
  return buffer.at;
}

char* msgpack_put::bytes_head(char* at, std::size_t size) {
  RawBuffer buffer{at};
  Packer(buffer).pack_bin(static_cast<std::uint32_t>(size));
  return buffer.at;
}

std::unique_ptr<Writer> make_msgpack_writer(io::Output& output, WriterOptions options) {
  return std::make_unique<MsgpackWriter>(output, std::move(options));
}

}  // namespace tracebraid::formats::record
