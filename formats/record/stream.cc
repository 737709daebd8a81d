#include "formats/record/stream.h"

#include <msgpack/pack.hpp>

namespace tracebraid::formats::record {
namespace {

struct StringBuffer {
  std::string& text;
  void write(const char* bytes, std::size_t size) { text.append(bytes, size); }
};

using Packer = msgpack::packer<StringBuffer>;

void pack_text(Packer& packer, std::string_view text) {
  const auto size = static_cast<std::uint32_t>(text.size());
  packer.pack_str(size);
  packer.pack_str_body(text.data(), size);
}

}  // namespace

void append_declaration(std::string& out, const TypeInfo& type) {
  StringBuffer buffer{out};
  Packer packer(buffer);
  packer.pack_array(static_cast<std::uint32_t>(type.fields.size()));
  for (const FieldInfo& field : type.fields) {
    packer.pack_array(3);
    pack_text(packer, field.name);
    pack_text(packer, kKindNames[static_cast<std::size_t>(field.kind)]);
    pack_text(packer, field.unit);
  }
}

void append_header(std::string& out, std::string_view type, std::uint64_t index,
                   std::string_view declaration, std::string_view producer) {
  StringBuffer buffer{out};
  Packer packer(buffer);
  packer.pack_map(producer.empty() ? 4 : 5);
  pack_text(packer, "tracebraid");
  packer.pack_uint64(kStreamVersion);
  pack_text(packer, "type");
  pack_text(packer, type);
  pack_text(packer, "index");
  packer.pack_uint64(index);
  pack_text(packer, "fields");
  out.append(declaration);
  if (producer.empty()) return;
  pack_text(packer, "producer");
  pack_text(packer, producer);
}

}  // namespace tracebraid::formats::record
