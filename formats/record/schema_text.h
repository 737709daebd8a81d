// A record type as its users read of it.
#pragma once

#include <string>

#include "formats/record/schema.h"

namespace tracebraid::formats::record {

// Lines of field, kind, unit and meaning in columns, under the type's name and meaning.
[[nodiscard]] std::string schema_text(const TypeInfo& type);

}  // namespace tracebraid::formats::record
