// Making any bytes safe to put on one line of a text format.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace tracebraid::formats::io {

// True when `text` is printable ASCII only, i.e. append_escaped() would copy it unchanged.
[[nodiscard]] bool is_plain(std::string_view text);

// Appends `text` as valid UTF-8 without anything that could end a line, speak to a terminal, hide
// or turn round what stands there: C0 controls, DEL, C1 controls and invalid UTF-8 bytes become
// \xNN; line separators, bidirectional controls, what shows nothing of itself (joiners, fillers,
// tags, …) and lone surrogates (CPython's "surrogatepass" form, ed a0..bf xx) become \uNNNN or
// \UNNNNNNNN. A backslash stays as it is, so that Windows paths do: the result is for reading, not
// for decoding, and what was escaped once stays as it is when it is escaped again.
void append_escaped(std::string& out, std::string_view text);
[[nodiscard]] std::string escaped(std::string_view text);

// Bytes at the end of `text` that are the beginning of a UTF-8 sequence which may go on.
[[nodiscard]] std::size_t unfinished_end(std::string_view text);

// Appends `text` with U+FFFD in the place of every byte that is not valid UTF-8.
void append_valid_utf8(std::string& out, std::string_view text);

// Columns that a terminal needs for valid UTF-8: one for each code point, as far as our own texts
// need it.
[[nodiscard]] std::size_t width_of(std::string_view text);
// The front of valid UTF-8 that needs at most `width` of them.
[[nodiscard]] std::string_view front_of(std::string_view text, std::size_t width);

}  // namespace tracebraid::formats::io
