// Outputs: written in blocks, every write checked, files whole or not at all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "formats/io/error.h"

namespace tracebraid::formats::io {

class Output {
 public:
  virtual ~Output() = default;

  // Takes all of `block`. Throws Error, or DownstreamClosed when a pipe's reader has gone.
  virtual void write(std::string_view block) = 0;

  // Makes what was written visible under the output's name. Without it, a file output leaves
  // nothing behind. Throws Error.
  virtual void commit() = 0;

  // Whether what is written is seen by a person at once. Such an output escapes all but line ends
  // and tabs (append_escaped), whatever the form.
  [[nodiscard]] virtual bool is_terminal() const { return false; }
};

// "-" is standard output. A regular file (or a name that does not exist yet) appears, or is
// replaced, only by commit(): the bytes go to an unnamed file in the same folder (O_TMPFILE), or
// where the file system has none to a hidden `.tracebraid-XXXXXX`, never to a name that begins like
// the output's, since KCachegrind opens every file `X*` beside `X`. An existing file's permissions
// are kept, a symbolic link stays a link. Pipes and devices are written directly, but a terminal is
// shown nothing that it would obey. Throws Error.
[[nodiscard]] std::unique_ptr<Output> open_output(const std::string& path);

// What a terminal is shown of what is written, for a terminal that `output` is.
[[nodiscard]] std::unique_ptr<Output> terminal_output(std::unique_ptr<Output> output);

// Appends to `text`, which must outlive the output.
[[nodiscard]] std::unique_ptr<Output> memory_output(std::string& text);

// Collects small pieces into blocks for an Output.
class BlockWriter {
 public:
  static constexpr std::size_t kBlock = std::size_t{1024} * 1024;

  explicit BlockWriter(Output& output)
      : output_(output), block_(std::make_unique_for_overwrite<char[]>(kBlock)) {}
  BlockWriter(const BlockWriter&) = delete;
  BlockWriter& operator=(const BlockWriter&) = delete;

  // Room for `count` bytes (at most kBlock); the caller writes there and then says how many by
  // used(). The pointer is valid until the next call.
  [[nodiscard]] char* room(std::size_t count) {
    if (kBlock - filled_ < count) flush();
    return block_.get() + filled_;
  }
  void used(std::size_t count) { filled_ += count; }

  void append(std::string_view text);
  void flush();

 private:
  Output& output_;
  std::unique_ptr<char[]> block_;  // not filled with zeros: short outputs touch a page
  std::size_t filled_ = 0;
};

}  // namespace tracebraid::formats::io
