#include <algorithm>
#include <array>
#include <utility>

#include "formats/record/msgpack_decoder.h"
#include "formats/record/reader.h"
#include "formats/record/stream.h"

namespace tracebraid::formats::record {
namespace {

using Shape = MsgpackDecoder::Shape;

inline Value to_number(std::uint64_t bits, Kind kind) {
  if (kind == Kind::kUint) return Value(bits);
  const auto number = static_cast<std::int64_t>(bits);
  if (number < 0) return {};
  if (kind == Kind::kTime) return Value(Time{number});
  if (kind == Kind::kDuration) return Value(Duration{number});
  return kind == Kind::kInt ? Value(number) : Value();
}

inline Value to_kind(const MsgpackDecoder::Common& common, Kind kind) {
  if (common.shape == Shape::kUint) return to_number(common.bits, kind);
  if (common.shape == Shape::kText && kind == Kind::kText) {
    return Value(std::string_view(common.body, common.bits));
  }
  if (common.shape == Shape::kBool && kind == Kind::kBool) return Value(common.bits != 0);
  return {};
}

// The value as the header declares it; of a number that does not fit, or another shape, a missing
// one.
Value to_kind(const MsgpackDecoder& object, Kind kind) {
  const std::uint64_t bits = object.bits();
  const auto number = static_cast<std::int64_t>(bits);
  switch (object.shape()) {
    case Shape::kUint:
      return to_number(bits, kind);
    case Shape::kInt:
      if (kind == Kind::kTime) return Value(Time{number});
      if (kind == Kind::kDuration) return Value(Duration{number});
      return kind == Kind::kInt ? Value(number) : Value();
    case Shape::kBool:
      return kind == Kind::kBool ? Value(bits != 0) : Value();
    case Shape::kText:
      return kind == Kind::kText ? Value(object.bytes()) : Value();
    case Shape::kBytes: {
      const bool is_address =
          kind == Kind::kAddress && (object.count() == 4 || object.count() == 16);
      return is_address ? Value::address(object.bytes()) : Value();
    }
    case Shape::kNil:
    case Shape::kArray:
    case Shape::kMap:
    case Shape::kOther:
      break;
  }
  return {};
}

constexpr const char* kTooLong = "a record of more than 16 MiB";

class MsgpackForm final : public RecordForm {
 public:
  MsgpackForm(io::Cursor& cursor, TypeTable& types) : cursor_(cursor), types_(types) {}

  bool next(FoundRecord& found) override {
    if (has_ended_) return false;
    cursor_.advance(std::exchange(held_, 0));
    for (;;) {
      if (!cursor_.ensure(1)) {
        has_ended_ = true;
        return false;
      }
      MsgpackDecoder decoder({cursor_.data(), cursor_.available()});
      what_ = nullptr;
      bool is_record = false;
      if (take(decoder, found, is_record)) {
        if (decoder.consumed() > kMostRecordBytes) fail(0, kTooLong);
        if (is_record) {
          held_ = decoder.consumed();
          return true;
        }
        cursor_.advance(decoder.consumed());
      } else {
        want_more(decoder);
      }
    }
  }

  [[nodiscard]] std::string position() const override {
    return io::byte_position(cursor_.offset());
  }

 private:
  struct Header {
    const TypeInfo* type = nullptr;
    std::vector<Kind> kinds;       // of what is on the wire; kNil for those that are not known here
    std::string_view declaration;  // as long as the types
    std::string producer;
  };

  // False: either what_ says what is wrong, or the decoder needs more.
  bool take(MsgpackDecoder& decoder, FoundRecord& found, bool& is_record) {
    if (!decoder.next()) return false;
    is_record = decoder.shape() == Shape::kArray;
    if (is_record) return take_record(decoder, found);
    if (decoder.shape() == Shape::kMap) return take_header(decoder);
    return refuse("neither a header nor a record");
  }

  bool refuse(const char* what) {
    what_ = what;
    return false;
  }

  bool take_record(MsgpackDecoder& decoder, FoundRecord& found) {
    const std::size_t count = decoder.count();
    if (count == 0) return refuse("an empty record");
    if (!decoder.next()) return false;
    if (decoder.shape() != Shape::kUint) return refuse("a record without its type's index");
    if (decoder.bits() >= headers_.size() || headers_[decoder.bits()].type == nullptr) {
      return refuse("a record of a type without a header");
    }
    const Header& header = headers_[decoder.bits()];
    const std::size_t declared = header.kinds.size();
    if (values_.size() < declared) values_.resize(declared);
    const char* const start = decoder.at();
    const std::size_t present = std::min(count - 1, declared);
    const Kind* const kinds = header.kinds.data();
    Value* const values = values_.data();
    const char* next = start;
    const char* const end = decoder.end();
    for (std::size_t at = 0; at < present; ++at) {
      if (MsgpackDecoder::Common common; MsgpackDecoder::take_common(next, end, common)) {
        values[at] = to_kind(common, kinds[at]);
        continue;
      }
      decoder.go_to(next);
      if (!decoder.next()) return false;
      if (decoder.shape() >= Shape::kArray && !decoder.skip_rest()) return false;
      values[at] = to_kind(decoder, kinds[at]);
      next = decoder.at();
    }
    decoder.go_to(next);
    for (std::size_t at = present; at + 1 < count; ++at) {
      if (!decoder.next() || !decoder.skip_rest()) return false;
    }
    for (std::size_t at = present; at < declared; ++at) values[at] = Value();
    found.type = header.type;
    found.values = {values, declared};
    found.producer = header.producer;
    found.packed = {
        header.declaration, {start, static_cast<std::size_t>(decoder.at() - start)}, count - 1};
    return true;
  }

  bool take_header(MsgpackDecoder& decoder) {
    const std::size_t pairs = decoder.count();
    bool is_ours = false;
    std::string_view type;
    std::string_view declaration;
    std::string_view producer;
    std::uint64_t index = 0;
    fields_.clear();
    for (std::size_t pair = 0; pair < pairs; ++pair) {
      if (!decoder.next()) return false;
      const std::string_view key =
          decoder.shape() == Shape::kText ? decoder.bytes() : std::string_view();
      if (!decoder.skip_rest()) return false;
      const char* const start = decoder.at();
      if (!decoder.next()) return false;
      const Shape shape = decoder.shape();
      if (key == "tracebraid") {
        if (shape != Shape::kUint) return refuse("the stream's version is not a number");
        if (decoder.bits() != kStreamVersion) return refuse("a stream of another version");
        is_ours = true;
      } else if (key == "type" && shape == Shape::kText) {
        type = decoder.bytes();
      } else if (key == "producer" && shape == Shape::kText) {
        producer = decoder.bytes();
      } else if (key == "index" && shape == Shape::kUint) {
        index = decoder.bits();
      } else if (key == "fields" && shape == Shape::kArray) {
        fields_.clear();
        if (!take_fields(decoder)) return false;
        declaration = {start, static_cast<std::size_t>(decoder.at() - start)};
      } else if (!decoder.skip_rest()) {
        return false;
      }
    }
    if (!is_ours) return refuse("a map that is not a header of a stream of records");
    if (type.empty() || declaration.empty()) return refuse("a header without type or fields");
    if (index >= kMostTypes) return refuse("a header's index is too large");
    const TypeInfo* const interned = types_.intern({type, {}, fields_});
    const std::string* const kept = types_.keep(declaration);
    if (interned == nullptr || kept == nullptr) return refuse("too many record types");

    if (headers_.size() <= index) headers_.resize(index + 1);
    Header& header = headers_[index];
    header.type = interned;
    header.kinds.clear();
    for (const FieldInfo& field : fields_) header.kinds.push_back(field.kind);
    header.declaration = *kept;
    header.producer = producer;
    return true;
  }

  bool take_fields(MsgpackDecoder& decoder) {
    const std::size_t count = decoder.count();
    if (count > kMostFields) return refuse("a header with too many fields");
    for (std::size_t at = 0; at < count; ++at) {
      if (!decoder.next()) return false;
      if (decoder.shape() != Shape::kArray) return refuse("a field that is not [name, kind, unit]");
      const std::size_t parts = decoder.count();
      std::array<std::string_view, 3> texts;
      for (std::size_t part = 0; part < parts; ++part) {
        if (!decoder.next()) return false;
        if (part < texts.size() && decoder.shape() == Shape::kText) texts[part] = decoder.bytes();
        if (!decoder.skip_rest()) return false;
      }
      const auto* const kind = std::find(kKindNames.begin(), kKindNames.end(), texts[1]);
      const bool is_known = kind != kKindNames.end();
      fields_.push_back({texts[0],
                         is_known ? static_cast<Kind>(kind - kKindNames.begin()) : Kind::kNil,
                         texts[2],
                         {}});
    }
    return true;
  }

  // Reads on, so that the object can be tried again. Throws when that does not help.
  void want_more(const MsgpackDecoder& decoder) {
    const std::size_t have = cursor_.available();
    const std::size_t needed = decoder.needed();
    const std::size_t at = decoder.consumed();
    if (what_ != nullptr) fail(0, what_);
    if (needed == 0) fail(at, "not msgpack, or nested too deeply");
    if (needed > kMostRecordBytes) fail(0, kTooLong);
    // What is long already is not tried again for every byte.
    constexpr std::size_t kLong = io::Cursor::kWindow / 2;
    const std::size_t want = have < kLong ? needed : std::max(needed, have + have / 2);
    if (!cursor_.ensure(want) && cursor_.available() < needed) {
      fail(cursor_.available(), "cut off in the middle of a record");
    }
  }

  [[noreturn]] void fail(std::size_t ahead, const char* what) {
    has_ended_ = true;
    throw io::Error{cursor_.name(), io::byte_position(cursor_.offset() + ahead), what};
  }

  io::Cursor& cursor_;
  TypeTable& types_;
  std::vector<Header> headers_;  // by index
  std::vector<FieldInfo> fields_;
  std::vector<Value> values_;
  const char* what_ = nullptr;
  std::size_t held_ = 0;  // bytes of the record that was handed out
  bool has_ended_ = false;
};

}  // namespace

std::unique_ptr<RecordForm> make_msgpack_form(io::Cursor& cursor, TypeTable& types) {
  return std::make_unique<MsgpackForm>(cursor, types);
}

}  // namespace tracebraid::formats::record
