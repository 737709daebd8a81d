#define PCRE2_CODE_UNIT_WIDTH 8
#include "analyzers/top/pattern.h"

#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>

#include <pcre2.h>

#include "formats/io/error.h"

namespace tracebraid::analyzers {
namespace {

namespace io = formats::io;

struct Free {
  void operator()(pcre2_code* code) const { pcre2_code_free(code); }
  void operator()(pcre2_match_data* match) const { pcre2_match_data_free(match); }
  void operator()(pcre2_compile_context* context) const { pcre2_compile_context_free(context); }
  void operator()(pcre2_match_context* context) const { pcre2_match_context_free(context); }
};

template <typename T>
using Owned = std::unique_ptr<T, Free>;

template <typename T>
Owned<T> owned(T* made) {
  if (made == nullptr) throw std::bad_alloc();
  return Owned<T>(made);
}

std::string message(int error) {
  constexpr std::size_t kLongest = 256;
  char text[kLongest];
  const int size = pcre2_get_error_message(error, reinterpret_cast<PCRE2_UCHAR*>(text), kLongest);
  return size > 0 ? std::string(text, static_cast<std::size_t>(size))
                  : "error " + std::to_string(error);
}

PCRE2_SPTR units(std::string_view text) {
  return reinterpret_cast<PCRE2_SPTR>(text.data());
}

}  // namespace

struct Pattern::Compiled {
  Owned<pcre2_code> code;
  Owned<pcre2_match_data> match;
  Owned<pcre2_match_context> limits;
};

Pattern::Pattern(std::string text, std::string_view option)
    : text_(std::move(text)), option_(option), compiled_(std::make_unique<Compiled>()) {
  constexpr std::uint32_t kMostKilobytes = 64 * 1024;
  const Owned<pcre2_compile_context> context = owned(pcre2_compile_context_create(nullptr));
  (void)pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
  int error = 0;
  PCRE2_SIZE place = 0;
  // \C, a byte of a character, is not Python's, and not possible in texts that may be no UTF-8.
  compiled_->code.reset(
      pcre2_compile(units(text_), text_.size(),
                    PCRE2_UTF | PCRE2_UCP | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C,
                    &error, &place, context.get()));
  if (!compiled_->code) {
    throw io::UsageError{option_ + ": no regular expression: " + io::quoted(text_),
                         message(error) + " at byte " + std::to_string(place)};
  }
  compiled_->match = owned(pcre2_match_data_create(1, nullptr));
  compiled_->limits = owned(pcre2_match_context_create(nullptr));
  (void)pcre2_set_match_limit(compiled_->limits.get(), kMostSteps);
  (void)pcre2_set_heap_limit(compiled_->limits.get(), kMostKilobytes);
}

Pattern::~Pattern() = default;
Pattern::Pattern(Pattern&&) noexcept = default;
Pattern& Pattern::operator=(Pattern&&) noexcept = default;

bool Pattern::is_in(std::string_view text) const {
  const int result = pcre2_match(compiled_->code.get(), units(text), text.size(), 0, 0,
                                 compiled_->match.get(), compiled_->limits.get());
  if (result >= 0) return true;
  if (result == PCRE2_ERROR_NOMATCH) return false;
  throw io::UsageError{option_ + ": " + io::quoted(text_) + " takes too long for " +
                           io::quoted(text) + ": " + message(result),
                       "a pattern without repetitions in repetitions"};
}

}  // namespace tracebraid::analyzers
