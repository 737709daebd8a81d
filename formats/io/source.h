// Inputs as streams of bytes that come in pieces of any size: files, standard input, and both of
// them compressed with gzip (RFC 1952, several members too) or zstd (RFC 8878), told by content.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "formats/io/error.h"

namespace tracebraid::formats::io {

class Source {
 public:
  virtual ~Source() = default;

  // Fills the front of `into` (not empty) and returns how many bytes; 0 only at the end of input.
  // Throws Error when reading fails or compressed data is damaged; what came before that has been
  // returned by earlier calls.
  virtual std::size_t read(std::span<char> into) = 0;

  // As the user named it; "standard input" for "-".
  [[nodiscard]] virtual const std::string& name() const = 0;
};

// Told of every read from a file or pipe: bytes so far and in all (0 when that is not known),
// compressed bytes where the input is compressed.
class ReadObserver {
 public:
  virtual ~ReadObserver() = default;
  virtual void on_read(std::uint64_t bytes_read, std::uint64_t bytes_total) = 0;
};

// Opens a file, or standard input for "-", and looks through compression. Throws Error.
[[nodiscard]] std::unique_ptr<Source> open_source(const std::string& path,
                                                  ReadObserver* observer = nullptr);

// A pipe or a terminal, whose writer may still be at work; "-" is standard input.
[[nodiscard]] bool may_wait(const std::string& path);

// Bytes in memory, handed out at most `piece` at a time; `content` must outlive the source.
[[nodiscard]] std::unique_ptr<Source> memory_source(std::string name, std::span<const char> content,
                                                    std::size_t piece = SIZE_MAX);

// Puts decompression in front of `raw` where its first bytes ask for it.
[[nodiscard]] std::unique_ptr<Source> look_through_compression(std::unique_ptr<Source> raw);

}  // namespace tracebraid::formats::io
