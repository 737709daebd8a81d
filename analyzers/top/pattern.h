// Regular expressions as Python's re.search() understands them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace tracebraid::analyzers {

// PCRE2's syntax, which has all of Python's that people type: groups, classes, look-around, (?i).
// Texts are UTF-8; a byte that is not is no character and nothing matches it.
//
// PCRE2 goes back over a text as Python does, so a pattern such as (a+)+$ can take time that grows
// without bound. It may take kMostSteps for one text, and is refused there.
class Pattern {
 public:
  static constexpr std::uint32_t kMostSteps = 1'000'000;  // some 20 ms

  // `option`, such as "--only", is who asked for it. Throws io::UsageError with the place in it
  // where `text` is no pattern.
  Pattern(std::string text, std::string_view option);
  ~Pattern();
  Pattern(Pattern&&) noexcept;
  Pattern& operator=(Pattern&&) noexcept;

  [[nodiscard]] const std::string& text() const { return text_; }

  // Whether it matches anywhere in `text`. Throws io::UsageError beyond kMostSteps.
  [[nodiscard]] bool is_in(std::string_view text) const;

 private:
  struct Compiled;

  std::string text_;
  std::string option_;
  std::unique_ptr<Compiled> compiled_;
};

}  // namespace tracebraid::analyzers
