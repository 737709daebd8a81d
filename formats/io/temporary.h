// A file without a name, for what does not fit into memory.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "formats/io/output.h"
#include "formats/io/source.h"

namespace tracebraid::formats::io {

class TemporaryFile final : public Output {
 public:
  // In the folder that TMPDIR names, else /tmp. Throws Error.
  TemporaryFile();
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() override;

  // Appends. Throws Error.
  void write(std::string_view block) override;
  void commit() override {}

  [[nodiscard]] std::uint64_t size() const { return size_; }

  // Of bytes that are written. The file must outlive it.
  [[nodiscard]] std::unique_ptr<Source> read(std::uint64_t begin, std::uint64_t end) const;

 private:
  int fd_;
  std::uint64_t size_ = 0;
};

}  // namespace tracebraid::formats::io
