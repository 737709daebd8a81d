// The grammar of strace's lines, as EBNF, with a line that strace wrote for every branch. prefix.cc
// reads `prefix`, call.cc reads `call`, this file the rest. In brackets: the option that makes
// strace print it, and the version since which it does.
//
//   line         = attachment | heading | [ prefix ] body ;
//   blanks       = { " " } ;
//   digits       = digit { digit } ;
//   seconds      = digits [ "." digits ] ;
//   name         = ( letter | "_" | "?" ) { letter | digit | "_" | "?" } ;
//
// What stands in front of a body, always in this order (printleader() in strace.c):
//
//   prefix       = [ pid ] [ context ] [ time ] [ delta ] [ number ] [ ip ] ;
//   pid          = digits [ note ] " " blanks        30483 execve("/usr/bin/sh", …       (-f -o)
//                                                    28598<strace> execve(…        (-Y, 5.15)
//                | "[pid " blanks digits [ note ] "] "
//                                                    [pid 28484] close(3) = 0            (-f)
//   context      = "[" text "] "                     [unconfined_t] close(3) = 0  (--secontext)
//   time         = seconds " "                       1795418241.520582 close(3) = 0      (-ttt)
//                | digits ":" digits ":" seconds " "
//                                                    07:17:21.570822 close(3) = 0         (-tt)
//   delta        = blanks seconds " "                     0.000028 close(3) = 0            (-r)
//                | "(+" blanks seconds ") "          07:17:21 (+     0.000100) close(…  (-r -t)
//   number       = "[" blanks ( digits | "???" ) "] "
//                                                    [  59] execve("/x", …                 (-n)
//   ip           = "[" 16 or 8 hexadecimal digits, or as many "?", "] "
//                                                    [00007f92338b8ad7] execve("/x", …     (-i)
//
//   body         = call | resumed | signal | exit | personality | message ;
//   resumed      = "<... " name " resumed" text ">" rest of a call
//                                                    <... rt_sigprocmask resumed>[], 8) = 0
//   signal       = "--- " text " ---"                --- SIGCHLD {si_signo=SIGCHLD, …} ---
//                                                    --- stopped by SIGSTOP ---
//   exit         = "+++ " text " +++"                +++ exited with 0 +++
//                                                    +++ killed by SIGSEGV (core dumped) +++
//                                                    +++ superseded by execve in pid 30312 +++
//   personality  = "[ Process PID=" text " ]"        [ Process PID=29669 runs in 32 bit mode. ]
//   message      = "strace: " text                   strace: Process 28484 attached  (-f, 4.11)
//                | "Process " digits " " text        Process 28484 attached       (before 4.11)
//
//   call         = name "(" arguments end ;
//   end          = ")" blanks "=" blanks result      close(3)                      = 0
//                | [ ")" ] " <unfinished ...>"       read(3,  <unfinished ...>
//                | " <unfinished ...>" [ " " ] ")" blanks "=" blanks result
//                                                    read(3,  <unfinished ...>) = ?
//                | [ ")" ] " <detached ...>"         poll([{fd=3}], 1,  <detached ...>
//                | " <pid changed to " digits " ...>"
//                                                    execve("/x", … <pid changed to 30456 ...>
//                                                    (-ff)
//                | ;                                 clock_nanosleep(CLOCK_REALTIME, 0,
//   arguments    = [ argument { "," blanks argument } ] ;
//   argument     = [ name "=" ] { string | comment | note | mark | group | other character } ;
//                                                    fd=3</etc/hosts>            (-N, 6.16)
//   group        = ( "(" | "[" | "{" ) arguments ( ")" | "]" | "}" )
//                                                    {sin_port=htons(80), …}
//   string       = '"' { escape | other character } '"'
//                                                    "root:x:0:\303\251\n"...
//   comment      = "/*" text "*/"                    0x7ffc /* 37 vars */
//   note         = "<" text, with "<" and ">" in pairs, ">"
//                                                    3</etc/hosts>                         (-y)
//                                                    0</dev/null<char 1:3>>               (-yy)
//                                                    7<TCP:[[::1]:44539->[::1]:46968]>    (-yy)
//   mark         = "<... " text ">"                  <... resuming interrupted read ...>
//
//   result       = value [ " " error ] { " " ( remark | comment ) } [ " " duration ] ;
//   value        = [ "-" ] digits [ note ] [ "(deleted)" ]
//                                                    = 3</etc/passwd>
//                | "0x" hexadecimal digits           = 0x7f632a9c0000
//                | "0" octal digits                  = 022                              (umask)
//                | "?"                               = ?                           (exit_group)
//   error        = "E" name                          = -1 EBADF (Bad file descriptor)
//                                                    = ? ERESTARTSYS (To be restarted …)
//   remark       = "(" text ")"                      = 0 (Timeout)
//                                                    = -1 (errno 524)
//                                                    = -1 EPIPE (Broken pipe) (INJECTED)
//   duration     = "<" seconds ">"                   = 0 <0.000018>                        (-T)
//                | "<unavailable>"                   = ? <unavailable>
//
// Lines about the one above them, and tables:
//
//   attachment   = " > " text                         > /lib/libc.so.6(recv+0x19) [0x1a11ec]  (-k)
//                | ( " | " | " * " | " = " ) text     | 00000  78 29 20  x)    (-e read, -e write)
//                                                     * 2 bytes in buffer 0
//   heading      = names of columns, with blanks between
//                                                    % time     seconds  …  syscall    (-c, -C)
//                | "System call usage summary for " text
#include "formats/strace/line.h"

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "formats/strace/scan.h"

namespace tracebraid::formats::strace {
namespace {

constexpr std::string_view kTableWords[] = {"%",      "time",    "seconds",  "usecs/call", "calls",
                                            "errors", "syscall", "shortest", "longest",    "wall",
                                            "stime",  "min",     "max",      "avg",        "total"};

// A heading of -c's table: nothing but names of columns, with blanks between (wall-* are 7.1's).
bool is_table_heading(std::string_view text) {
  // One for each ABI that was used, where there are several.
  if (text.starts_with("System call usage summary for ")) return true;
  bool names_calls = false;
  const char* at = text.data();
  const char* const end = at + text.size();
  while ((at = skip_blanks(at, end)) < end) {
    const char* const word_end = std::find(at, end, ' ');
    const std::string_view word = view(at, word_end);
    if (std::ranges::find(kTableWords, word) == std::end(kTableWords) &&
        !word.starts_with("wall-") && !word.starts_with('%')) {
      return false;
    }
    names_calls = names_calls || word == "syscall" || word == "calls";
    at = word_end;
  }
  return names_calls;
}

// "Process 28484 attached": before 4.11, messages had no "strace: " in front.
bool is_old_message(std::string_view text) {
  constexpr std::string_view kBegin = "Process ";
  if (!text.starts_with(kBegin)) return false;
  text.remove_prefix(kBegin.size());
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  if (digits == 0) return false;
  text.remove_prefix(digits);
  return text.starts_with(" attached") || text.starts_with(" detached") ||
         text.starts_with(" suspended") || text.starts_with(" resumed");
}

// What stands between `begin` and `end` if `text` has both.
bool take_inside(std::string_view text, std::string_view begin, std::string_view end,
                 std::string_view& inside) {
  if (text.size() <= begin.size() + end.size() || !text.starts_with(begin) ||
      !text.ends_with(end)) {
    return false;
  }
  inside = text.substr(begin.size(), text.size() - begin.size() - end.size());
  return true;
}

// "<... read resumed>", and what strace printed of the call from there on. Before 5.0, a blank
// follows the ">".
bool take_resumed(std::string_view text, Line& line) {
  constexpr std::string_view kBegin = "<... ";
  constexpr std::string_view kEnd = " resumed";
  if (!text.starts_with(kBegin)) return false;
  const std::size_t resumed = text.find(kEnd);
  if (resumed == std::string_view::npos) return false;
  // "<... read resumed #12>" is proposed (strace's pull request 408).
  const std::size_t closing = text.find('>', resumed);
  if (closing == std::string_view::npos) return false;
  const std::string_view name = text.substr(kBegin.size(), resumed - kBegin.size());
  if (!is_name(name.data(), name.data() + name.size())) return false;
  line.call = Call{};
  line.call.name = name;
  line.text = text.substr(closing + 1);
  return true;
}

// `text` is what stands behind the prefix; `floor` as parse_call() has it.
Body parse_body(const char* floor, std::string_view text, Line& line) {
  switch (text[0]) {
    case '<':
      return take_resumed(text, line) ? Body::kResumed : Body::kForeign;
    case '-':
      return take_inside(text, "--- ", " ---", line.text) ? Body::kSignal : Body::kForeign;
    case '+':
      return take_inside(text, "+++ ", " +++", line.text) ? Body::kExit : Body::kForeign;
    case '[':
      return text.starts_with("[ Process PID=") && text.ends_with(" ]") ? Body::kPersonality
                                                                        : Body::kForeign;
    case 's': {
      constexpr std::string_view kMessage = "strace: ";
      if (!text.starts_with(kMessage)) break;
      line.text = text.substr(kMessage.size());
      return Body::kMessage;
    }
    case 'P':
      if (is_old_message(text)) return Body::kMessage;
      break;
    default:
      break;
  }
  return parse_call(floor, text.data(), text.data() + text.size(), line.call);
}

bool is_printed(const Prefix& prefix) {
  return prefix.pid != 0 || prefix.stamp != Stamp::kNone || prefix.has_delta ||
         prefix.number >= 0 || prefix.has_ip;
}

// How long the code of --color=always at the front of `text` is: ESC [ … m; grep --color adds ESC [
// K. 0 when it is none.
std::size_t color_length(std::string_view text) {
  if (!text.starts_with("\x1b[")) return 0;
  const std::size_t end = text.find_first_not_of("0123456789;", 2);
  if (end == std::string_view::npos || (text[end] != 'm' && text[end] != 'K')) return 0;
  return end + 1;
}

// The byte that "\n" and the like stand for, `letter` being the n; `letter` itself for the others.
char plain_escape(char letter) {
  switch (letter) {
    case 'n':
      return '\n';
    case 't':
      return '\t';
    case 'r':
      return '\r';
    case 'v':
      return '\v';
    case 'f':
      return '\f';
    default:
      return letter;
  }
}

// The byte that the escape at `at`, behind its backslash, stands for. Returns what is behind it.
const char* take_escape(const char* at, const char* end, char& byte) {
  unsigned value = 0;
  const char* behind = at;
  if (*at == 'x') {
    behind = take_digits<16>(at + 1, end, 2, value);
  } else {
    // As few digits as suffice: three only where another digit follows (strace's util.c).
    behind = take_digits<8>(at, end, 3, value);
    if (behind == at) {
      byte = plain_escape(*at);
      return at + 1;
    }
  }
  byte = static_cast<char>(value);
  return behind;
}

}  // namespace

void parse_line(std::string_view text, Line& line) {
  line.prefix = Prefix{};
  line.call.name = {};
  line.text = {};
  if (text.empty()) {
    line.body = Body::kEmpty;
    return;
  }
  if (is_attachment(text)) {
    line.body = text[1] == '>' ? Body::kFrame : Body::kDump;
    line.text = text.substr(3);
    return;
  }
  const char* const end = text.data() + text.size();
  const char* const at = parse_prefix(text.data(), end, line.prefix);
  if (at == end) {
    line.body = Body::kDamaged;
    return;
  }
  line.text = view(at, end);
  line.body = parse_body(text.data(), line.text, line);
  if (line.body == Body::kForeign) {
    if (is_printed(line.prefix)) {
      line.body = Body::kDamaged;
    } else if (is_table_heading(line.text)) {
      line.body = Body::kTable;
    }
  }
}

void remove_colors(std::string_view text, std::string& into) {
  into.clear();
  while (!text.empty()) {
    const std::size_t escape = std::min(text.find('\x1b'), text.size());
    into.append(text.substr(0, escape));
    text.remove_prefix(escape);
    if (text.empty()) return;
    const std::size_t length = color_length(text);
    if (length == 0) into.push_back(text[0]);
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
}

std::string_view value_of(std::string_view text, std::string_view key) {
  std::size_t at = 0;
  while ((at = text.find(key, at)) != std::string_view::npos) {
    if (at == 0 || text[at - 1] == ' ' || text[at - 1] == '{') break;
    at += key.size();
  }
  if (at == std::string_view::npos) return {};
  text.remove_prefix(at + key.size());
  return text.substr(0, text.find_first_of(", }"));
}

void append_unescaped(std::string& out, std::string_view text) {
  for (;;) {
    const std::size_t backslash = text.find('\\');
    out.append(text.substr(0, backslash));
    if (backslash == std::string_view::npos) return;
    text.remove_prefix(backslash + 1);
    if (text.empty()) {
      out.push_back('\\');
      return;
    }
    char byte = 0;
    const char* const end = text.data() + text.size();
    text = view(take_escape(text.data(), end, byte), end);
    out.push_back(byte);
  }
}

}  // namespace tracebraid::formats::strace
