// The stream of records in its binary form: msgpack objects, one after another.
//
// Definition: formats/README.md, on top of msgpack's (https://github.com/msgpack/msgpack, spec.md).
// A header, a map, says what records look like; a record is an array of the header's index and the
// fields' values. E.g. a type with two fields, and one record of it:
//
//   {"tracebraid": 1, "type": "segment", "index": 0,
//    "fields": [["ts", "time", ""], ["length", "uint", "bytes"]], "producer": "pcapflows 0.1.0"}
//   [0, 1700000000000000000, 1448]
//
// Nothing says how many records follow, and a header may come at any place: streams are joined by
// cat. Not supported: records inside of records, floating point numbers, lists.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "formats/record/schema.h"

namespace tracebraid::formats::record {

inline constexpr std::uint64_t kStreamVersion = 1;

// What a reader takes from an input that may be damaged or made to hurt.
inline constexpr std::size_t kMostRecordBytes = std::size_t{16} << 20;  // header, record, JSON line
inline constexpr std::size_t kMostDepth = 32;     // of maps and arrays that are skipped
inline constexpr std::size_t kMostFields = 4096;  // of one type
inline constexpr std::size_t kMostTypes = 4096;   // that differ from each other, in one input

// The fields' part of a header: [[name, kind, unit], …] as msgpack.
void append_declaration(std::string& out, const TypeInfo& type);

// A whole header; `declaration` is what append_declaration() makes, or what a reader met.
void append_header(std::string& out, std::string_view type, std::uint64_t index,
                   std::string_view declaration, std::string_view producer);

}  // namespace tracebraid::formats::record
