// Running other programs, and folders for what they leave behind.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace tracebraid::formats::io {

// Runs `command` (found along PATH) with our standard streams and waits. Interrupts from the
// terminal go to it alone, as under a shell, so that we live to use what it wrote. Returns its exit
// status, 128 + signal when a signal ended it. Throws Error when it cannot be started.
[[nodiscard]] int run_command(const std::vector<std::string>& command);

// The path of a program in PATH.
[[nodiscard]] std::optional<std::string> find_program(const std::string& name);

// A new folder in $TMPDIR, or /tmp, removed with all it holds unless keep(true) was called last.
class TemporaryFolder {
 public:
  explicit TemporaryFolder(const std::string& prefix);
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder();

  [[nodiscard]] const std::string& path() const { return path_; }
  void keep(bool is_kept) { is_kept_ = is_kept; }

 private:
  std::string path_;
  bool is_kept_ = false;
};

}  // namespace tracebraid::formats::io
