// Values as people and text formats write them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "formats/record/value.h"

namespace tracebraid::formats::record {

// Decimal seconds with nine digits: "1700000000.000000001", "-0.500000000".
void append_seconds(std::string& out, std::int64_t ns);

// 192.0.2.1, or 2001:db8::1 as RFC 5952 has it. `bytes` are 4 or 16.
void append_address(std::string& out, std::string_view bytes);

// Any value but text and a missing one; booleans by the given words.
void append_plain(std::string& out, const Value& value, std::string_view yes = "true",
                  std::string_view no = "false");

}  // namespace tracebraid::formats::record
