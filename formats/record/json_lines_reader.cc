#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <utility>

#include <rapidjson/error/en.h>
#include <rapidjson/reader.h>

#include "formats/io/looks_like.h"
#include "formats/record/reader.h"
#include "formats/record/stream.h"
#include "formats/record/text.h"

namespace tracebraid::formats::record {
namespace {

enum class Shape : std::uint8_t { kNull, kBool, kNumber, kText, kNested };

struct Member {
  std::string_view key;
  Shape shape;
  std::string_view text;  // kNumber, kText; kBool: "true" or "false"
};

// The members of one object, in their order. What is nested in it is left out.
class Members : public rapidjson::BaseReaderHandler<rapidjson::UTF8<>, Members> {
 public:
  std::vector<Member> list;

  void clear() {
    list.clear();
    depth_ = 0;
  }

  bool Null() { return add(Shape::kNull, {}); }
  bool Bool(bool value) { return add(Shape::kBool, value ? "true" : "false"); }
  bool RawNumber(const char* text, rapidjson::SizeType size, bool /*copy*/) {
    return add(Shape::kNumber, {text, size});
  }
  bool String(const char* text, rapidjson::SizeType size, bool /*copy*/) {
    return add(Shape::kText, {text, size});
  }
  bool Key(const char* text, rapidjson::SizeType size, bool /*copy*/) {
    if (depth_ == 1) list.push_back({{text, size}, Shape::kNested, {}});
    return list.size() <= kMostFields;
  }
  bool StartObject() { return ++depth_ <= kMostDepth; }
  bool StartArray() { return depth_ > 0 && ++depth_ <= kMostDepth; }
  bool EndObject(rapidjson::SizeType) { return --depth_, true; }
  bool EndArray(rapidjson::SizeType) { return --depth_, true; }

 private:
  bool add(Shape shape, std::string_view text) {
    if (depth_ == 0) return false;
    if (depth_ == 1) {
      list.back().shape = shape;
      list.back().text = text;
    }
    return true;
  }

  std::size_t depth_ = 0;
};

std::optional<Value> to_integer(std::string_view text, Kind kind) {
  Decimal decimal;
  if (!parse_decimal(text, 0, decimal) || !decimal.is_exact) return std::nullopt;
  const std::uint64_t magnitude = decimal.magnitude;
  if (kind == Kind::kUint) {
    if (decimal.is_negative && magnitude != 0) return std::nullopt;
    return Value(magnitude);
  }
  const auto limit = static_cast<std::uint64_t>(INT64_MAX) + (decimal.is_negative ? 1 : 0);
  if (magnitude > limit) return std::nullopt;
  return Value(static_cast<std::int64_t>(decimal.is_negative ? 0 - magnitude : magnitude));
}

// Nothing when a value of this kind cannot be had from the member.
std::optional<Value> to_kind(const Member& member, Kind kind, std::array<char, 16>& address) {
  if (member.shape == Shape::kNull || member.shape == Shape::kNested) return Value();
  switch (kind) {
    case Kind::kBool:
      if (member.shape == Shape::kBool) return Value(member.text == "true");
      break;
    case Kind::kUint:
    case Kind::kInt:
      if (member.shape == Shape::kNumber) return to_integer(member.text, kind);
      break;
    case Kind::kTime:
    case Kind::kDuration:
      if (std::int64_t ns = 0; member.shape == Shape::kNumber && parse_seconds(member.text, ns)) {
        return kind == Kind::kTime ? Value(Time{ns}) : Value(Duration{ns});
      }
      break;
    case Kind::kAddress:
      if (member.shape == Shape::kText) {
        const std::size_t size = parse_address(member.text, address.data());
        if (size > 0) return Value::address({address.data(), size});
      }
      break;
    case Kind::kText:
      return Value(member.text);
    case Kind::kNil:
      break;
  }
  return std::nullopt;
}

// What a member of a type that is not known seems to be. Our own times and durations show by
// their nine decimals: times are those whose name is ts or ends in _ts.
Kind seeming_kind(const Member& member) {
  constexpr std::size_t kDecimals = 9;
  std::array<char, 16> none{};
  switch (member.shape) {
    case Shape::kBool:
      return Kind::kBool;
    case Shape::kNumber: {
      const std::size_t point = member.text.find('.');
      if (point != std::string_view::npos && member.text.size() - point - 1 == kDecimals) {
        if (!to_kind(member, Kind::kDuration, none)) return Kind::kText;
        const bool is_time = member.key == "ts" || member.key.ends_with("_ts");
        return is_time ? Kind::kTime : Kind::kDuration;
      }
      if (to_kind(member, Kind::kUint, none)) return Kind::kUint;
      return to_kind(member, Kind::kInt, none) ? Kind::kInt : Kind::kText;
    }
    case Shape::kText:
      return Kind::kText;
    case Shape::kNull:
    case Shape::kNested:
      break;
  }
  return Kind::kNil;
}

// What holds the values of both; text, where nothing else does.
Kind common_kind(Kind known, Kind seen) {
  const auto is_integer = [](Kind kind) { return kind == Kind::kUint || kind == Kind::kInt; };
  if (known == Kind::kNil) return seen;
  return known != Kind::kInt && is_integer(known) && is_integer(seen) ? Kind::kInt : Kind::kText;
}

constexpr const char* kTooLong = "a line of more than 16 MiB";

class JsonLinesForm final : public RecordForm {
 public:
  JsonLinesForm(io::Cursor& cursor, TypeTable& types) : cursor_(cursor), types_(types) {}

  bool next(FoundRecord& found) override {
    while (next_line()) {
      const bool is_blank = line_.find_first_not_of(" \t\r") == std::string::npos;
      if (is_blank) continue;
      parse();
      bind(found);
      return true;
    }
    return false;
  }

  [[nodiscard]] std::string position() const override {
    return "line " + std::to_string(line_number_);
  }

 private:
  // A type as far as the lines have shown it.
  struct Type {
    std::string name;
    const TypeInfo* info;
    std::size_t known;  // so many of its fields, the first ones, are those of a known type
  };

  [[noreturn]] void fail(std::string what) const {
    throw io::Error{cursor_.name(), position(), std::move(what)};
  }

  // Copies the line, which parsing changes. False at the end of input.
  bool next_line() {
    if (is_skipping_) skip_line();
    ++line_number_;
    std::size_t scanned = 0;
    for (;;) {
      const std::size_t have = cursor_.available();
      const void* const end = std::memchr(cursor_.data() + scanned, '\n', have - scanned);
      if (end != nullptr) {
        const auto size = static_cast<std::size_t>(static_cast<const char*>(end) - cursor_.data());
        if (size > kMostRecordBytes) {
          cursor_.advance(size + 1);
          fail(kTooLong);
        }
        line_.assign(cursor_.data(), size);
        cursor_.advance(size + 1);
        return true;
      }
      if (have > kMostRecordBytes) {
        is_skipping_ = true;
        fail(kTooLong);
      }
      scanned = have;
      constexpr std::size_t kLong = io::Cursor::kWindow / 2;
      const std::size_t want = have < kLong ? have + 1 : have + have / 2;
      if (!cursor_.ensure(want) && cursor_.available() == have) {
        line_.assign(cursor_.data(), have);
        cursor_.advance(have);
        return have > 0;
      }
    }
  }

  void skip_line() {
    is_skipping_ = false;
    while (cursor_.ensure(1)) {
      const std::size_t have = cursor_.available();
      const void* const end = std::memchr(cursor_.data(), '\n', have);
      if (end != nullptr) {
        cursor_.advance(static_cast<std::size_t>(static_cast<const char*>(end) - cursor_.data()) +
                        1);
        return;
      }
      cursor_.advance(have);
    }
  }

  void parse() {
    constexpr unsigned kFlags = rapidjson::kParseInsituFlag | rapidjson::kParseStopWhenDoneFlag |
                                rapidjson::kParseNumbersAsStringsFlag;
    members_.clear();
    rapidjson::InsituStringStream stream(line_.data());
    const rapidjson::ParseResult result = json_.Parse<kFlags>(stream, members_);
    if (result.IsError()) {
      const bool is_ours = result.Code() == rapidjson::kParseErrorTermination;
      fail(is_ours ? "not a JSON object, or one with too much inside"
                   : std::string("not JSON: ") + rapidjson::GetParseError_En(result.Code()));
    }
    if (line_.find_first_not_of(" \t\r", stream.Tell()) != std::string::npos) {
      fail("something behind the JSON object");
    }
  }

  void bind(FoundRecord& found) {
    const auto named = std::find_if(
        members_.list.begin(), members_.list.end(),
        [](const Member& each) { return each.key == "type" && each.shape == Shape::kText; });
    if (named == members_.list.end() || named->text.empty()) fail("an object without \"type\"");
    Type& type = type_of(named->text);
    // A second time, when the type had to be widened.
    while (!fill_values(type)) {
    }
    found = {type.info, values_, {}, {}};
  }

  Type& type_of(std::string_view name) {
    for (Type& each : met_) {
      if (each.name == name) return each;
    }
    const TypeInfo* info = types_.known(name);
    const std::size_t known = info != nullptr ? info->fields.size() : 0;
    if (info == nullptr) info = types_.intern({name, {}, {}});
    if (info == nullptr) fail("too many record types");
    return met_.emplace_back(Type{std::string(name), info, known});
  }

  // False when it has changed the type instead.
  bool fill_values(Type& type) {
    const std::span<const FieldInfo> fields = type.info->fields;
    values_.assign(fields.size(), Value());
    if (addresses_.size() < fields.size()) addresses_.resize(fields.size());
    changed_.clear();
    std::size_t place = 0;
    for (const Member& member : members_.list) {
      if (member.key == "type") continue;
      place = find(fields, member.key, place);
      if (place == fields.size()) {
        change(type, place, member);
        continue;
      }
      const Kind kind = fields[place].kind;
      const std::optional<Value> value = to_kind(member, kind, addresses_[place]);
      if (value) {
        values_[place] = *value;
      } else if (place >= type.known) {
        change(type, place, member);
      }
      ++place;
    }
    if (changed_.empty()) return true;
    type.info = changed_.size() <= kMostFields
                    ? types_.intern({type.name, type.info->doc, changed_})
                    : nullptr;
    if (type.info == nullptr) fail("too many record types");
    return false;
  }

  // From `place` on, where members in the fields' order find theirs at once.
  static std::size_t find(std::span<const FieldInfo> fields, std::string_view key,
                          std::size_t place) {
    if (place < fields.size() && fields[place].name == key) return place;
    const auto found = std::find_if(fields.begin(), fields.end(),
                                    [&](const FieldInfo& each) { return each.name == key; });
    return static_cast<std::size_t>(found - fields.begin());
  }

  // Notes in changed_ what the type must become to hold the member.
  void change(const Type& type, std::size_t place, const Member& member) {
    if (changed_.empty()) changed_.assign(type.info->fields.begin(), type.info->fields.end());
    if (place == type.info->fields.size()) place = find(changed_, member.key, place);
    if (place == changed_.size()) changed_.push_back({member.key, Kind::kNil, {}, {}});
    changed_[place].kind = common_kind(changed_[place].kind, seeming_kind(member));
  }

  io::Cursor& cursor_;
  TypeTable& types_;
  std::string line_;
  std::uint64_t line_number_ = 0;
  bool is_skipping_ = false;
  rapidjson::Reader json_;
  Members members_;
  std::vector<Type> met_;
  std::vector<Value> values_;
  std::vector<std::array<char, 16>> addresses_;  // the values' bytes, by place
  std::vector<FieldInfo> changed_;
};

}  // namespace

std::unique_ptr<RecordForm> make_json_lines_form(io::Cursor& cursor, TypeTable& types) {
  return std::make_unique<JsonLinesForm>(cursor, types);
}

}  // namespace tracebraid::formats::record
