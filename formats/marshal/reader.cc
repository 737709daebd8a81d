#include "formats/marshal/reader.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <limits>
#include <utility>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace tracebraid::formats::marshal {
namespace {

constexpr std::uint64_t kMaxSize = 0x7FFFFFFF;  // CPython: "size out of range" beyond

std::string printable_code(unsigned char code) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string text = "0x";
  text.push_back(kHex[code >> 4]);
  text.push_back(kHex[code & 15]);
  if (code > ' ' && code < 0x7F) text.append(" '").append(1, static_cast<char>(code)).append("'");
  return text;
}

}  // namespace

std::string_view describe(Kind kind) {
  switch (kind) {
    case Kind::kNull:
      return "NULL";
    case Kind::kNone:
      return "None";
    case Kind::kFalse:
      return "False";
    case Kind::kTrue:
      return "True";
    case Kind::kStopIteration:
      return "StopIteration";
    case Kind::kEllipsis:
      return "Ellipsis";
    case Kind::kInteger:
      return "an int";
    case Kind::kFloat:
      return "a float";
    case Kind::kComplex:
      return "a complex number";
    case Kind::kString:
      return "a string";
    case Kind::kTuple:
      return "a tuple";
    case Kind::kList:
      return "a list";
    case Kind::kSet:
      return "a set";
    case Kind::kFrozenSet:
      return "a frozenset";
    case Kind::kDict:
      return "a dict";
    case Kind::kFrozenDict:
      return "a frozendict";
    case Kind::kSlice:
      return "a slice";
    case Kind::kCode:
      return "a code object";
  }
  return "an object";
}

void Reader::fetch(std::uint32_t index) {
  // The first slots hold small ints and other things that everything refers to.
  constexpr std::uint32_t kAlwaysNear = 512;
  if (index < kAlwaysNear || index >= slots_.size()) return;
  __builtin_prefetch(&slots_[index]);
  // The one that was fetched kComing references ago has arrived by now.
  const std::uint64_t slot = slots_[coming_[next_coming_]];
  coming_[next_coming_] = index;
  next_coming_ = (next_coming_ + 1) % kComing;
  if (watcher_ != nullptr && static_cast<Tag>(slot & 0xFF) == Tag::kContainer) {
    watcher_->expect(static_cast<std::uint8_t>(slot >> 16), static_cast<std::uint32_t>(slot >> 32));
  }
}

void Reader::scan(std::uint64_t limit) {
  const char* at = cursor_.data() + (scanned_ - cursor_.offset());
  const char* const end = at + (limit - scanned_);
#ifdef __SSE2__
  const __m128i code = _mm_set1_epi8('r');
  for (; end - at >= 16; at += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    auto found = static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, code)));
    for (; found != 0; found &= found - 1) {
      std::uint32_t index = 0;
      std::memcpy(&index, at + std::countr_zero(found) + 1, sizeof index);
      fetch(index);
    }
  }
#else
  while (const void* const found = std::memchr(at, 'r', static_cast<std::size_t>(end - at))) {
    std::uint32_t index = 0;
    at = static_cast<const char*>(found) + 1;
    std::memcpy(&index, at, sizeof index);
    fetch(index);
  }
  at = end;
#endif
  scanned_ = cursor_.offset() + static_cast<std::uint64_t>(at - cursor_.data());
}

void Reader::fail(std::uint64_t offset, std::string what) const {
  throw io::Error{cursor_.name(), io::byte_position(offset), std::move(what)};
}

void Reader::fail_at_end() const {
  fail(cursor_.offset() + cursor_.available(), "the input ends in the middle of an object");
}

void Reader::fail_unknown_reference(std::uint32_t index) const {
  fail(cursor_.offset(),
       "reference to object " + std::to_string(index) + " of " + std::to_string(slots_.size()));
}

void Reader::fail_open_reference() const {
  fail(cursor_.offset(), "reference to an object that is not complete");
}

std::uint64_t Reader::size_at(std::size_t ahead, std::uint64_t start) const {
  const auto size = cursor_.load<std::uint32_t>(ahead);
  if (size > kMaxSize) fail(start, "size out of range");
  return size;
}

Object Reader::remember(Object leaf, bool flagged) {
  if (!flagged) return leaf;
  if (leaf.kind == Kind::kString) {
    slots_.push_back(pack(Tag::kString, leaf.kind, 0, leaf.string));
  } else {
    slots_.push_back(pack(Tag::kWide, leaf.kind, 0, static_cast<std::uint32_t>(wide_.size())));
    wide_.push_back(leaf);
  }
  return leaf;
}

Object Reader::next_uncommon(unsigned char code, bool flagged, std::uint64_t start) {
  switch (code) {
    case 'N':
      cursor_.advance(1);
      return Object(Kind::kNone);
    case 'F':
      cursor_.advance(1);
      return Object(Kind::kFalse);
    case 'T':
      cursor_.advance(1);
      return Object(Kind::kTrue);
    case 'S':
      cursor_.advance(1);
      return Object(Kind::kStopIteration);
    case '.':
      cursor_.advance(1);
      return Object(Kind::kEllipsis);
    case 'I': {
      need(9);
      Object object(Kind::kInteger);
      object.integer = cursor_.load<std::int64_t>(1);
      cursor_.advance(9);
      return remember(object, flagged);
    }
    case 'l':
      return long_integer(flagged, start);
    case 'f': {
      cursor_.advance(1);
      Object object(Kind::kFloat);
      object.number = text_float();
      return remember(object, flagged);
    }
    case 'x':
      cursor_.advance(1);
      (void)text_float();
      (void)text_float();
      return remember(Object(Kind::kComplex), flagged);
    case 'y':
      need(17);
      cursor_.advance(17);
      return remember(Object(Kind::kComplex), flagged);
    case 'z':
    case 'Z':
      need(2);
      return string(2, cursor_.peek(1), flagged, true, false);
    case 'a':
    case 'A':
      need(5);
      return string(5, size_at(1, start), flagged, true, false);
    case 's':
    case 'u':
      need(5);
      return string(5, size_at(1, start), flagged, false, false);
    case 't':
      need(5);
      return string(5, size_at(1, start), flagged, false, true);
    case 'R': {
      need(5);
      const auto index = cursor_.load<std::uint32_t>(1);
      if (index >= py2_interned_.size()) {
        fail(start, "reference to string " + std::to_string(index) + " of " +
                        std::to_string(py2_interned_.size()));
      }
      cursor_.advance(5);
      Object object(Kind::kString);
      object.string = py2_interned_[index];
      return object;
    }
    case '(':
    case '[':
    case '<':
    case '>': {
      need(5);
      const std::uint64_t size = size_at(1, start);
      cursor_.advance(5);
      const Kind kind = code == '('   ? Kind::kTuple
                        : code == '[' ? Kind::kList
                        : code == '<' ? Kind::kSet
                                      : Kind::kFrozenSet;
      return container(kind, size, flagged);
    }
    case '}':
      cursor_.advance(1);
      return container(Kind::kFrozenDict, 0, flagged);
    case ':':
      cursor_.advance(1);
      return container(Kind::kSlice, 3, flagged);
    case 'c':
      cursor_.advance(1);
      return container(Kind::kCode, 0, flagged);
    default:
      fail(start, "unknown type code " + printable_code(code));
  }
}

Object Reader::string(std::size_t head_size, std::uint64_t size, bool flagged, bool is_ascii,
                      bool is_py2_interned) {
  cursor_.advance(head_size);
  need(size);
  std::string_view text(cursor_.data(), size);
  const bool is_latin1 = is_ascii && std::any_of(text.begin(), text.end(),
                                                 [](char each) { return (each & 0x80) != 0; });
  if (is_latin1) {
    // CPython decodes a forged "ASCII" string as Latin-1.
    latin1_.clear();
    for (const char each : text) {
      const auto byte = static_cast<unsigned char>(each);
      if (byte >= 0x80) latin1_.push_back(static_cast<char>(0xC0 | byte >> 6));
      latin1_.push_back(static_cast<char>(byte >= 0x80 ? 0x80 | (byte & 0x3F) : byte));
    }
    text = latin1_;
  }
  Object object(Kind::kString);
  object.string = strings_.intern(text);
  cursor_.advance(size);
  if (is_py2_interned) py2_interned_.push_back(object.string);
  return remember(object, flagged);
}

Object Reader::long_integer(bool flagged, std::uint64_t start) {
  need(5);
  const auto signed_count = static_cast<std::int64_t>(cursor_.load<std::int32_t>(1));
  cursor_.advance(5);
  const std::int64_t count = signed_count < 0 ? -signed_count : signed_count;
  if (static_cast<std::uint64_t>(count) > kMaxSize) fail(start, "size out of range");
  constexpr int kDigitBits = 15;
  constexpr std::uint64_t kLimit = std::numeric_limits<std::int64_t>::max();
  std::uint64_t magnitude = 0;
  bool saturated = false;
  for (std::int64_t digit_index = 0; digit_index < count; ++digit_index) {
    need(2);
    const auto digit = cursor_.load<std::uint16_t>();
    cursor_.advance(2);
    if (digit > 0x7FFF) fail(start, "digit out of range in an int");
    if (digit == 0) {
      if (digit_index == count - 1) fail(start, "unnormalized int");
      continue;
    }
    if (digit_index > 4 || (digit_index == 4 && digit > 7)) {
      saturated = true;
    } else {
      magnitude |= static_cast<std::uint64_t>(digit) << (kDigitBits * digit_index);
    }
  }
  if (saturated) magnitude = kLimit;
  Object object(Kind::kInteger);
  object.saturated = saturated;
  object.integer = static_cast<std::int64_t>(magnitude);
  if (signed_count < 0) object.integer = -object.integer;
  return remember(object, flagged);
}

double Reader::text_float() {
  need(1);
  const std::size_t size = cursor_.peek();
  need(1 + size);
  const char* const begin = cursor_.data() + 1;
  double value = 0;
  const auto [end, status] = std::from_chars(begin, begin + size, value);
  if (status == std::errc::result_out_of_range && end == begin + size) {
    // from_chars leaves the value alone: too large to tell from too small but by the exponent.
    const bool tiny = std::find(begin, end, '-') != end && *begin != '-';
    value = tiny ? 0 : std::numeric_limits<double>::infinity();
  } else if (status != std::errc() || end != begin + size) {
    fail(cursor_.offset(), "bad text of a float");
  }
  cursor_.advance(1 + size);
  return value;
}

void Reader::skip(const Object& head) {
  if (head.is_reference || head.kind < Kind::kTuple) return;
  (void)walk(head);
}

Code Reader::read_code(const Object& head) {
  return walk(head);
}

// CPython does not record which version wrote a code object, so its layout is told by its content:
//
//   2.7          4 longs   code consts names varnames freevars cellvars file name  long  lnotab
//   3.0 - 3.7    5 longs   the same
//   3.8 - 3.10   6 longs   the same
//   3.11 -       5 longs   code consts names localsplusnames localspluskinds file name qualname
//                          long  linetable exceptiontable
//
// `code` is bytes: the longs are as many as make the next object bytes (or a reference to some);
// the fifth object is bytes only from 3.11 on.
void Reader::begin_code(Frame& frame) {
  for (std::uint8_t longs = 4; longs <= 6; ++longs) {
    if (may_be_code_string(std::size_t{longs} * 4)) {
      frame.code_longs = longs;
      frame.left = 10;  // one less before 3.11: known at the fifth object
      cursor_.advance(std::size_t{longs} * 4);
      return;
    }
  }
  fail(cursor_.offset(), "code object of an unknown layout");
}

// The flags of a nested generator are 0x73, 's', too: a size beyond what code can have tells them
// apart.
bool Reader::may_be_code_string(std::size_t ahead) {
  constexpr std::uint32_t kMaxCodeBytes = 1U << 28;
  if (!cursor_.ensure(ahead + 5)) return false;
  const unsigned char byte = cursor_.peek(ahead);
  const auto number = cursor_.load<std::uint32_t>(ahead + 1);
  if (byte == 'r') return number < slots_.size();
  return (byte & 0x7F) == 's' && number < kMaxCodeBytes;
}

Code Reader::walk(const Object& head) {
  constexpr std::size_t kFirstString = 5;
  std::vector<Frame> frames;
  Code code{};
  const auto open = [&](const Object& container) {
    if (frames.size() >= kMaxDepth) fail(cursor_.offset(), "nested too deeply");
    frames.emplace_back(container);
    if (container.kind == Kind::kCode) begin_code(frames.back());
  };
  open(head);
  for (;;) {
    Frame& frame = frames.back();
    const bool is_dict = frame.head.kind == Kind::kDict || frame.head.kind == Kind::kFrozenDict;
    if (!is_dict && frame.left == 0) {
      if (frame.head.kind == Kind::kCode) {
        const StringId* const names = frame.code_strings;
        code = {.file = frame.code_is_3_11 ? names[0] : names[1],
                .name = frame.code_is_3_11 ? names[1] : names[2],
                .first_line = frame.code_line};
      }
      close(frame.head);
      frames.pop_back();
      if (frames.empty()) return code;
      continue;
    }
    if (frame.head.kind == Kind::kCode && frame.code_objects == 8) {
      need(4);
      frame.code_line = cursor_.load<std::int32_t>();
      cursor_.advance(4);
    }
    const std::uint64_t start = cursor_.offset();
    const Object child = next();
    if (child.kind == Kind::kNull) {
      if (!is_dict || frame.left != 0) fail(start, "NULL where an object belongs");
      close(frame.head);
      frames.pop_back();
      if (frames.empty()) return code;
      continue;
    }
    if (is_dict) {
      frame.left ^= 1;
    } else {
      --frame.left;
    }
    if (frame.head.kind == Kind::kCode) {
      const std::size_t index = frame.code_objects++;
      if (index == 4) {
        frame.code_is_3_11 = frame.code_longs == 5 && child.kind == Kind::kString;
        if (!frame.code_is_3_11) --frame.left;
      } else if (index >= kFirstString && index < kFirstString + 3) {
        // Before 3.11 the sixth is a tuple.
        const bool must_be_string = frame.code_is_3_11 || index > kFirstString;
        if (must_be_string && child.kind != Kind::kString) {
          fail(start, "code object of an unknown layout");
        }
        if (child.kind == Kind::kString) frame.code_strings[index - kFirstString] = child.string;
      }
    }
    if (child.kind >= Kind::kTuple && !child.is_reference) open(child);
  }
}

}  // namespace tracebraid::formats::marshal
