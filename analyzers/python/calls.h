// Which of a profile's functions made many system calls of one name.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "formats/record/call.h"
#include "formats/record/function.h"

namespace tracebraid::analyzers {

// Memory: the functions of the profiles, and those calls that lead to the built-in ones, from
// caller to caller.
class PythonCalls {
 public:
  void add(const formats::record::Function& function);
  void add(const formats::record::Call& call);

  [[nodiscard]] bool empty() const { return functions_.empty(); }

  // The chain of functions, from the outermost, all of which were called about `count` times and
  // lead to a built-in function that makes this system call: "accept (base.py:214) → accept
  // (socket.py:287)". Empty where no number fits. By numbers of calls alone: likely, not certain.
  [[nodiscard]] std::string callers(std::string_view syscall, std::uint64_t count) const;

 private:
  struct Key {
    std::string file, name;
    std::uint64_t line;
    auto operator<=>(const Key&) const = default;
  };
  struct Caller {
    const Key* from;
    std::uint64_t calls;
  };

  std::map<Key, std::uint64_t> functions_;      // with their calls
  std::map<Key, std::vector<Caller>> callers_;  // of each
  bool has_greenlets_ = false;
};

}  // namespace tracebraid::analyzers
