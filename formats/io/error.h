// What ends a run or one input of it, and how programs speak to a person.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tracebraid::formats::io {

// Thrown by value; caught in cli::run(), or by a program that goes on with its next input.
// Shown as `program: input: position: what`, then `program: hint: …` where there is a hint.
struct Error {
  std::string input;     // as the user named it: a path, "standard input", or empty
  std::string position;  // "byte 1234", "line 7", or empty
  std::string what;
  std::string hint = {};
};

// The command line was wrong; ends the program with exit status 2.
struct UsageError {
  std::string what;
  std::string hint = {};
};

// The reader of our standard output has gone (`| head`): stop, quietly and successfully.
struct DownstreamClosed {};

[[nodiscard]] std::string byte_position(std::uint64_t offset);

// Text for a message from the current errno value, e.g. "No such file or directory".
[[nodiscard]] std::string errno_text(int error_number);

// Receives whole lines meant for a person; standard error in programs, a string in tests.
class Messages {
 public:
  virtual ~Messages() = default;
  // Whatever `text` holds, a person is shown one line of text: cli::Terminal escapes it.
  virtual void line(std::string_view text) = 0;
};

// Text from an input, fit for a message: control characters and invalid UTF-8 as \xNN, cut at
// `most` bytes with an ellipsis.
[[nodiscard]] std::string quoted(std::string_view text, std::size_t most = 120);

}  // namespace tracebraid::formats::io
