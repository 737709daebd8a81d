// Stacks as strace -k prints them, one frame a line, innermost first; Syscall::stack holds them.
//
// Definition: strace, src/unwind.c. A frame is `file(symbol+0xoffset) [0xplace]`, `file()
// [0xplace]` where no symbol is known, and a message and an address where unwinding stopped:
//   /usr/lib/x86_64-linux-gnu/libc.so.6(recv+0x64) [0x10a974]
//   unexpected_backtracing_error [0x7f7e44b31144]
// The place is one in the file, the address one in memory. strace -kk adds ` source.c:12`.
#pragma once

#include <cstdint>
#include <string_view>

namespace tracebraid::formats::strace {

struct Frame {
  std::string_view object;  // the file; empty where unwinding stopped
  std::string_view symbol;  // without the offset; empty: not known
  std::uint64_t address = 0;
};

// Takes the first frame off `stack`; false at its end. What is no frame has neither object nor
// symbol, and address 0.
bool take_frame(std::string_view& stack, Frame& frame);

// A symbol without what compilers add: `sock_call_ex` of `sock_call_ex.constprop.0`.
[[nodiscard]] std::string_view plain_symbol(std::string_view symbol);

}  // namespace tracebraid::formats::strace
