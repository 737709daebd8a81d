// Record types described for people: --schema, and a section of --help and the manual page.
#pragma once

#include <span>
#include <string>

#include "formats/record/schema.h"

namespace tracebraid::formats::record {

// A table, one field a line: name, kind, unit, what it is.
[[nodiscard]] std::string schema_text(const TypeInfo& type);

// The same for cli::Section::text, types one after another; each line begins with two blanks, so
// that it is shown as it is.
[[nodiscard]] std::string schema_section(std::span<const TypeInfo* const> types);

}  // namespace tracebraid::formats::record
