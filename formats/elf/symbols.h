// Names of functions in an ELF file (man 5 elf), read with libelf: those of .symtab, where it has
// not been stripped, and those of .dynsym, which are exported.
#pragma once

#include <string>
#include <vector>

namespace tracebraid::formats::elf {

struct Symbols {
  std::vector<std::string> functions;  // defined here, in the file's order
  bool has_symtab = false;
};

// Throws io::Error when `path` cannot be read or is no ELF file.
[[nodiscard]] Symbols read_symbols(const std::string& path);

}  // namespace tracebraid::formats::elf
