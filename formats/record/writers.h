// The forms that writer.cc lists, each in a file of its own.
#pragma once

#include <memory>

#include "formats/record/writer.h"

namespace tracebraid::formats::record {

[[nodiscard]] std::unique_ptr<Writer> make_table_writer(io::Output& output, WriterOptions options);
[[nodiscard]] std::unique_ptr<Writer> make_json_writer(io::Output& output, WriterOptions options);
[[nodiscard]] std::unique_ptr<Writer> make_msgpack_writer(io::Output& output,
                                                          WriterOptions options);
[[nodiscard]] std::unique_ptr<Writer> make_csv_writer(io::Output& output, WriterOptions options);
[[nodiscard]] std::unique_ptr<Writer> make_tsv_writer(io::Output& output, WriterOptions options);
[[nodiscard]] std::unique_ptr<Writer> make_zeek_writer(io::Output& output, WriterOptions options);

}  // namespace tracebraid::formats::record
