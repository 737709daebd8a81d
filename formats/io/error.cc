#include "formats/io/error.h"

#include <system_error>

namespace tracebraid::formats::io {

std::string byte_position(std::uint64_t offset) {
  return "byte " + std::to_string(offset);
}

std::string errno_text(int error_number) {
  return std::generic_category().message(error_number);
}

}  // namespace tracebraid::formats::io
