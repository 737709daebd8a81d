// What other programs put around strace's lines: `ts`, journald, container logs, `grep -n`, `cat
// -n`, a mail's "> ", a web page.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace tracebraid::formats::strace {

class Wrapping {
 public:
  // Told from a log's first lines. A log in which one line in ten can be read as it is has none:
  // the rest is the program's own output.
  [[nodiscard]] static Wrapping of(std::string_view head);

  [[nodiscard]] bool is_none() const {
    return prefixes_.empty() && indent_ == 0 && !is_numbered_ && !is_html_ && !has_tabs_;
  }

  // The line as strace wrote it: a view of `line` or of `room`. Lines that are not wrapped that way
  // stay as they are.
  [[nodiscard]] std::string_view unwrapped(std::string_view line, std::string& room) const;

 private:
  // What stands in front, with every word as "w" and all blanks between two as " ":
  // "Nov 30 14:00:01 host run[7]: " is "w w w:w:w w w[w]: ".
  std::vector<std::string> prefixes_;
  std::size_t indent_ = 0;    // blanks in front of numbers of processes
  bool is_numbered_ = false;  // the first number is that of the line, not a process's
  bool is_html_ = false;      // &lt; &gt; &quot; &amp; and the like
  bool has_tabs_ = false;     // for blanks; strace itself writes \t
};

}  // namespace tracebraid::formats::strace
