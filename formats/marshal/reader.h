// Python's marshal format, versions 0 to 6, of any Python from 2.7 to 3.15, as a stream of objects.
//
// Definition: CPython's Python/marshal.c (r_object, w_object, w_ref), read at 2.7, 3.11 and main.
// One object is a type code, `byte & 0x7f`, with FLAG_REF in `byte & 0x80`, and its payload; all
// numbers little endian:
//
//   0 NULL   N None   F False   T True   S StopIteration   . Ellipsis
//   i  i32          I  i64         l  i32 n (its sign is the number's), |n| digits of 15 bits, u16
//   f  u8 n, text   g  f64         x y  complex: two f or two g bodies
//   s  bytes, t  interned, u  UTF-8 (surrogates let through), a A  ASCII: i32 n, bytes
//   z Z  ASCII: u8 n, bytes        R  i32, a string of Python 2's list of `t` strings
//   (  i32 n, objects   )  u8 n, objects   [ < >  list, set, frozenset: i32 n, objects
//   { }  dict, frozendict: key, value, …, NULL      :  slice: three objects
//   c  code object (see reader.cc)  r  i32, an object of the reference table
//
// E.g. `29 02 e9 07000000 72 00000000` is the tuple (7, 7): 7 was flagged and took slot 0. A
// flagged container takes its slot before its children do. A file is one object; what follows it
// is ignored by Python.
//
// Not supported, since nothing writes it: a reference to a container that is still being read.
//
// Memory: the distinct strings (StringTable), 8 bytes for each flagged object, 24 more for a
// flagged float. Nothing is allocated by a declared size; nesting is limited to kMaxDepth, as in
// CPython.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "formats/io/cursor.h"
#include "formats/marshal/string_table.h"

namespace tracebraid::formats::marshal {

enum class Kind : std::uint8_t {
  kNull,
  kNone,
  kFalse,
  kTrue,
  kStopIteration,
  kEllipsis,
  kInteger,
  kFloat,
  kComplex,
  kString,  // text and bytes alike
  kTuple,
  kList,
  kSet,
  kFrozenSet,
  kDict,
  kFrozenDict,
  kSlice,
  kCode,
};

// "a tuple", "an int", … for messages.
[[nodiscard]] std::string_view describe(Kind kind);

constexpr std::uint32_t kNoSlot = UINT32_MAX;
constexpr int kMaxDepth = 2000;

// A leaf with its value, or the head of a container whose children follow in the stream (unless it
// `is_reference`: then they were read before, and `note` is what close() left there).
struct Object {
  Kind kind;
  bool is_reference = false;
  bool saturated = false;        // the integer was outside int64_t and has been cut to it
  std::uint8_t role = 0;         // with is_reference: the reader's caller's own
  std::uint32_t slot = kNoSlot;  // place in the reference table
  union {
    std::int64_t integer = 0;
    double number;
    StringId string;
    std::uint32_t size;  // number of children of a tuple, list, set
    std::uint32_t note;  // with is_reference: the reader's caller's own
  };

  explicit Object(Kind its_kind) : kind(its_kind) {}
};

struct Code {
  StringId file;
  StringId name;
  std::int32_t first_line;
};

class Reader {
 public:
  // Both must outlive the reader. The string table may serve several readers, one after another.
  Reader(io::Cursor& cursor, StringTable& strings) : cursor_(cursor), strings_(strings) {}

  // Throws Error with the object's byte offset: unknown code, bad size, unknown or unfinished
  // reference, input that ends.
  [[nodiscard, gnu::always_inline]] Object next();

  // Fetches what the references of the next bytes will need, and tells the watcher what they stand
  // for: the tables that they lead to are megabytes large and entered at random, and one miss costs
  // more than reading ten objects (measured: 3/4 of the time without it, for 3 million callers). To
  // be called every few objects. Bytes that only look like a reference do no harm.
  void look_ahead() {
    const std::uint64_t here = cursor_.offset();
    if (scanned_ < here) scanned_ = here;
    const std::uint64_t limit = here + std::min<std::uint64_t>(cursor_.available(), kLookAhead);
    if (scanned_ + kScanStep + kScanMargin <= limit) scan(limit - kScanMargin);
  }

  // Is told of containers to which references are coming up; must outlive the reader.
  class Watcher {
   public:
    virtual ~Watcher() = default;
    virtual void expect(std::uint8_t role, std::uint32_t note) = 0;
  };
  void set_watcher(Watcher* watcher) { watcher_ = watcher; }

  // Every container that is not a reference must be closed once its children have been read, or
  // skipped. `role` and `note` come back with every reference to it.
  void close(const Object& container, std::uint8_t role = 0, std::uint32_t note = 0) {
    if (container.slot != kNoSlot) {
      slots_[container.slot] = pack(Tag::kContainer, container.kind, role, note);
    }
  }

  // Reads over the children of a container and closes it; nothing to do for leaves and references.
  void skip(const Object& head);

  // As skip(), for Kind::kCode that is not a reference.
  [[nodiscard]] Code read_code(const Object& head);

  [[nodiscard]] std::uint64_t offset() const { return cursor_.offset(); }
  [[nodiscard]] io::Cursor& cursor() { return cursor_; }
  [[nodiscard]] StringTable& strings() { return strings_; }

  [[noreturn, gnu::cold]] void fail(std::uint64_t offset, std::string what) const;

 private:
  enum class Tag : std::uint8_t { kOpen, kContainer, kInteger, kString, kWide };

  // A container that walk() is inside of.
  struct Frame {
    explicit Frame(const Object& container) : head(container), left(container.size) {}

    Object head;
    std::uint64_t left;  // children to come; for dicts the parity of those read
    std::uint8_t code_longs = 0;
    std::uint8_t code_objects = 0;  // children read
    bool code_is_3_11 = false;
    StringId code_strings[3] = {0, 0, 0};  // children 5, 6 and 7
    std::int32_t code_line = 0;
  };

  static std::uint64_t pack(Tag tag, Kind kind, std::uint8_t role, std::uint32_t payload) {
    return static_cast<std::uint64_t>(tag) | static_cast<std::uint64_t>(kind) << 8 |
           static_cast<std::uint64_t>(role) << 16 | static_cast<std::uint64_t>(payload) << 32;
  }

  void need(std::size_t count) {
    if (!cursor_.ensure(count)) fail_at_end();
  }
  // Out of line, so that next() stays small.
  [[noreturn, gnu::cold]] void fail_at_end() const;
  [[noreturn, gnu::cold]] void fail_unknown_reference(std::uint32_t index) const;
  [[noreturn, gnu::cold]] void fail_open_reference() const;

  static constexpr std::uint64_t kLookAhead = 768;  // bytes: some twenty callers
  static constexpr std::uint64_t kScanStep = 64;
  static constexpr std::uint64_t kScanMargin = 16;  // so that a reference may be loaded whole
  static constexpr std::size_t kComing = 8;         // references between fetching and telling

  void scan(std::uint64_t limit);
  void fetch(std::uint32_t index);

  Object next_uncommon(unsigned char code, bool flagged, std::uint64_t start);
  Object reference();
  Object container(Kind kind, std::uint64_t size, bool flagged);
  Object string(std::size_t head_size, std::uint64_t size, bool flagged, bool is_ascii,
                bool is_py2_interned);
  Object long_integer(bool flagged, std::uint64_t start);
  double text_float();
  std::uint64_t size_at(std::size_t ahead, std::uint64_t start) const;
  Object remember(Object leaf, bool flagged);
  Code walk(const Object& head);
  void begin_code(Frame& frame);
  [[nodiscard]] bool may_be_code_string(std::size_t ahead);

  io::Cursor& cursor_;
  StringTable& strings_;
  std::vector<std::uint64_t> slots_;
  std::vector<Object> wide_;  // leaves that do not fit into a slot
  std::vector<StringId> py2_interned_;
  std::string latin1_;  // reused
  Watcher* watcher_ = nullptr;
  std::uint64_t scanned_ = 0;  // up to this offset by look_ahead()
  std::array<std::uint32_t, kComing> coming_{};
  std::size_t next_coming_ = 0;
};

// The codes that make up almost all of a profile; the others are in reader.cc.
inline Object Reader::next() {
  need(1);
  const unsigned char byte = cursor_.peek();
  const bool flagged = (byte & 0x80) != 0;
  switch (byte & 0x7F) {
    case 'r':
      return reference();
    case 'i': {
      need(5);
      Object object(Kind::kInteger);
      object.integer = cursor_.load<std::int32_t>(1);
      cursor_.advance(5);
      if (flagged)
        slots_.push_back(
            pack(Tag::kInteger, Kind::kInteger, 0, static_cast<std::uint32_t>(object.integer)));
      return object;
    }
    case 'g': {
      need(9);
      Object object(Kind::kFloat);
      object.number = cursor_.load<double>(1);
      cursor_.advance(9);
      return flagged ? remember(object, true) : object;
    }
    case ')': {
      need(2);
      const unsigned size = cursor_.peek(1);
      cursor_.advance(2);
      return container(Kind::kTuple, size, flagged);
    }
    case '{':
      cursor_.advance(1);
      return container(Kind::kDict, 0, flagged);
    case '0':
      cursor_.advance(1);
      return Object(Kind::kNull);
    default:
      return next_uncommon(byte & 0x7F, flagged, cursor_.offset());
  }
}

inline Object Reader::container(Kind kind, std::uint64_t size, bool flagged) {
  Object object(kind);
  object.size = static_cast<std::uint32_t>(size);
  if (flagged) {
    object.slot = static_cast<std::uint32_t>(slots_.size());
    slots_.push_back(pack(Tag::kOpen, kind, 0, 0));
  }
  return object;
}

inline Object Reader::reference() {
  need(5);
  const auto index = cursor_.load<std::uint32_t>(1);
  if (index >= slots_.size()) [[unlikely]]
    fail_unknown_reference(index);
  const std::uint64_t slot = slots_[index];
  const auto payload = static_cast<std::uint32_t>(slot >> 32);
  Object object(static_cast<Kind>(slot >> 8 & 0xFF));
  object.is_reference = true;
  switch (static_cast<Tag>(slot & 0xFF)) {
    case Tag::kOpen:
      fail_open_reference();
    case Tag::kInteger:
      object.integer = static_cast<std::int32_t>(payload);
      break;
    case Tag::kString:
      object.string = payload;
      break;
    case Tag::kWide:
      object = wide_[payload];
      object.is_reference = true;
      break;
    case Tag::kContainer:
      object.role = static_cast<std::uint8_t>(slot >> 16);
      object.slot = index;
      object.note = payload;
      break;
  }
  cursor_.advance(5);
  return object;
}

}  // namespace tracebraid::formats::marshal
