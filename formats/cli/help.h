// A program's table (program.h) as text for people and shells.
#pragma once

#include <string>

#include "formats/cli/program.h"

namespace tracebraid::formats::cli {

// Fits a screen: usage and a line per option.
[[nodiscard]] std::string short_help(const Program& program);

// The whole manual as plain text, at most 80 columns wide.
[[nodiscard]] std::string long_help(const Program& program);

// The manual page, section 1, in man(7) macros.
[[nodiscard]] std::string man_page(const Program& program);

// Scripts for the shells' own completion systems; `shell` is bash, zsh or fish.
[[nodiscard]] std::string completion(const Program& program, std::string_view shell);

}  // namespace tracebraid::formats::cli
