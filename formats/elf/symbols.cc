#include "formats/elf/symbols.h"

#include <cerrno>
#include <memory>

#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <unistd.h>

#include "formats/io/error.h"

namespace tracebraid::formats::elf {
namespace {

class File {
 public:
  explicit File(const std::string& path) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (fd_ < 0) throw io::Error{path, "", io::errno_text(errno)};
    if (::elf_version(EV_CURRENT) != EV_NONE) elf_ = ::elf_begin(fd_, ELF_C_READ, nullptr);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    ::elf_end(elf_);
    ::close(fd_);
  }
  [[nodiscard]] Elf* elf() const { return elf_; }

 private:
  int fd_;
  Elf* elf_ = nullptr;
};

void add_functions(Elf* elf, Elf_Scn* section, const GElf_Shdr& header, Symbols& symbols) {
  Elf_Data* const data = ::elf_getdata(section, nullptr);
  if (data == nullptr || header.sh_entsize == 0) return;
  const std::size_t count = data->d_size / header.sh_entsize;
  for (std::size_t at = 0; at < count; ++at) {
    GElf_Sym symbol;
    if (::gelf_getsym(data, static_cast<int>(at), &symbol) == nullptr) return;
    if (GELF_ST_TYPE(symbol.st_info) != STT_FUNC || symbol.st_shndx == SHN_UNDEF) continue;
    const char* const name = ::elf_strptr(elf, header.sh_link, symbol.st_name);
    if (name != nullptr && *name != '\0') symbols.functions.emplace_back(name);
  }
}

}  // namespace

Symbols read_symbols(const std::string& path) {
  const File file(path);
  if (file.elf() == nullptr || ::elf_kind(file.elf()) != ELF_K_ELF) {
    throw io::Error{path, "", "not an ELF file"};
  }
  Symbols symbols;
  Elf_Scn* section = nullptr;
  while ((section = ::elf_nextscn(file.elf(), section)) != nullptr) {
    GElf_Shdr header;
    if (::gelf_getshdr(section, &header) == nullptr) continue;
    if (header.sh_type == SHT_SYMTAB) symbols.has_symtab = true;
    if (header.sh_type == SHT_SYMTAB || header.sh_type == SHT_DYNSYM) {
      add_functions(file.elf(), section, header, symbols);
    }
  }
  return symbols;
}

}  // namespace tracebraid::formats::elf
