// The binary stream: msgpack (https://github.com/msgpack/msgpack/blob/master/spec.md) header maps
// and record arrays, as formats/README.md describes.

#include <cstring>

#include <msgpack/pack.hpp>

#include "formats/record/writers.h"

namespace tracebraid::formats::record {
namespace {

// Where msgpack-cxx writes: room that was asked for before.
struct Room {
  char* at;
  void write(const char* bytes, std::size_t count) {
    std::memcpy(at, bytes, count);
    at += count;
  }
};

class MsgpackWriter final : public Writer {
 public:
  MsgpackWriter(io::Output& output, WriterOptions options) : Writer(output, std::move(options)) {}

 private:
  static constexpr std::size_t kMostHead = 9;  // bytes of a number, or before a text

  void begin(const Declared& type) override {
    std::size_t size = 256 + type.type->name.size() + options().producer.size();
    for (const FieldInfo& field : type.type->fields) {
      size += 3 * kMostHead + 16 + field.name.size() + field.unit.size();
    }
    Room room{block().room(size)};
    const char* const start = room.at;
    msgpack::packer<Room> packer(room);
    const auto text = [&](std::string_view words) {
      packer.pack_str(static_cast<std::uint32_t>(words.size()));
      packer.pack_str_body(words.data(), static_cast<std::uint32_t>(words.size()));
    };
    constexpr std::uint32_t kEntries = 5;
    packer.pack_map(kEntries);
    text("tracebraid");
    packer.pack_uint32(1);
    text("type");
    text(type.type->name);
    text("index");
    packer.pack_uint32(type.index);
    text("fields");
    packer.pack_array(static_cast<std::uint32_t>(type.columns.size()));
    for (const std::uint32_t column : type.columns) {
      const FieldInfo& field = type.type->fields[column];
      packer.pack_array(3);
      text(field.name);
      text(kKindNames[static_cast<std::size_t>(field.kind)]);
      text(field.unit);
    }
    text("producer");
    text(options().producer);
    block().used(static_cast<std::size_t>(room.at - start));
  }

  void put(const Declared& type, std::span<const Value> values) override {
    std::size_t size = (type.columns.size() + 2) * kMostHead;
    for (const std::uint32_t column : type.columns) {
      const Kind kind = values[column].kind();
      if (kind == Kind::kText || kind == Kind::kAddress) size += values[column].bytes().size();
    }
    Room room{block().room(size)};
    const char* const start = room.at;
    msgpack::packer<Room> packer(room);
    packer.pack_array(static_cast<std::uint32_t>(type.columns.size()) + 1);
    packer.pack_uint32(type.index);
    for (const std::uint32_t column : type.columns) pack(packer, values[column]);
    block().used(static_cast<std::size_t>(room.at - start));
  }

  static void pack(msgpack::packer<Room>& packer, const Value& value) {
    const auto size = static_cast<std::uint32_t>(
        value.kind() == Kind::kText || value.kind() == Kind::kAddress ? value.bytes().size() : 0);
    switch (value.kind()) {
      case Kind::kNil:
        packer.pack_nil();
        break;
      case Kind::kBool:
        value.as_uint() != 0 ? packer.pack_true() : packer.pack_false();
        break;
      case Kind::kUint:
        packer.pack_uint64(value.as_uint());
        break;
      case Kind::kInt:
      case Kind::kTime:
      case Kind::kDuration:
        packer.pack_int64(value.as_int());
        break;
      case Kind::kText:
        packer.pack_str(size);
        packer.pack_str_body(value.bytes().data(), size);
        break;
      case Kind::kAddress:
        packer.pack_bin(size);
        packer.pack_bin_body(value.bytes().data(), size);
        break;
    }
  }
};

}  // namespace

std::unique_ptr<Writer> make_msgpack_writer(io::Output& output, WriterOptions options) {
  return std::make_unique<MsgpackWriter>(output, std::move(options));
}

}  // namespace tracebraid::formats::record
