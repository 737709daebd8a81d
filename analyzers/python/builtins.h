// Which C functions of CPython are which of cProfile's built-in functions, and which of those issue
// which system calls. Found by tracing each with strace -k in CPython 3.8 to 3.13.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tracebraid::analyzers {

// What a system call is about, as far as it tells one built-in function from another: a socket,
// another descriptor, or none (a path, memory, time).
enum class Target : std::uint8_t { kAny, kSocket, kOther, kNone };

// A built-in function that issues a system call.
struct BuiltinCall {
  std::string_view syscall;
  std::string_view builtin;  // as cProfile names it; `*` stands for anything
  Target target = Target::kAny;
  // System calls for one call of the function: as a rule, and at most (0: any number).
  std::uint32_t usual = 1;
  std::uint32_t most = 1;
};

[[nodiscard]] std::span<const BuiltinCall> builtin_calls();

// Many functions of os are named as the system call that they are: `<built-in method posix.NAME>`.
[[nodiscard]] std::string builtin_of_os(std::string_view syscall);

// Whether a built-in function, as cProfile names it, makes this system call in each of its calls.
[[nodiscard]] bool usually_issues(std::string_view builtin, std::string_view syscall);

// Whether `name`, of cProfile, is what a row's `builtin` names.
[[nodiscard]] bool is_builtin_named(std::string_view pattern, std::string_view name);

// Names that cProfile may have for a C function of CPython, the likeliest first: for `os_read`
// `<built-in method posix.read>`. Empty for functions that are no entry of a profile (sock_initobj,
// take_gil).
[[nodiscard]] std::vector<std::string> builtins_of(std::string_view symbol);

// What a stack tells of a call that Python code made.
enum class PythonFrame : std::uint8_t {
  kEval,      // Python code runs here
  kDispatch,  // calls another C function for it: no function of its own
  kOther,
};
[[nodiscard]] PythonFrame python_frame(std::string_view symbol);

// Names that only a CPython with its static symbols has: without any, those that strace prints are
// of other functions (the nearest exported one).
[[nodiscard]] bool is_static_symbol(std::string_view symbol);

}  // namespace tracebraid::analyzers
