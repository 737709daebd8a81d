#include "converters/greenlet/probe.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "formats/io/error.h"

namespace tracebraid::converters::greenlet {
namespace {

struct Probe {
  std::string_view versions;
  std::vector<std::string_view> symbols;  // all are needed
  std::string_view argument;              // that is the greenlet
  std::string_view what;
};

// The best first. C++ functions that return an object get the place for it as a hidden first
// argument, so that `this` is the second (checked with greenlet 2.0.2: as many lines as
// greenlet.settrace tells of switches of the stack, with one address for each greenlet).
const std::vector<Probe>& probes() {
  static const std::vector<Probe> kProbes = {
      {"2.0 and later",
       {"_ZN8greenlet8Greenlet21g_switchstack_successEv"},
       "arg1",
       "greenlet::Greenlet::g_switchstack_success(), which runs when the stack has been switched. "
       "The address is that of the C++ object."},
      {"2.0 and later",
       {"_ZN8greenlet12UserGreenlet8g_switchEv", "_ZN8greenlet12MainGreenlet8g_switchEv"},
       "arg1",
       "the g_switch() of greenlet's two classes, which run before the stack is switched. The "
       "address is that of the C++ object; for a greenlet that has ended, its parent runs "
       "instead."},
      {"0.4 to 1.1",
       {"g_switch"},
       "arg0",
       "g_switch(), which runs before the stack is switched. The address is that of the Python "
       "object; for a greenlet that has ended, its parent runs instead."},
  };
  return kProbes;
}

// bpftrace takes a path up to a colon; others than these need quotes. A name that ends the quotes,
// or the line, would be a part of the program, which root runs.
std::string shown_path(const std::string& path) {
  const bool is_text = std::ranges::none_of(path, [](char each) {
    return each == '"' || each == '\\' || (each >= 0 && each < ' ') || each == '\x7F';
  });
  if (!is_text) {
    throw formats::io::Error{path, "",
                             "bpftrace takes no path with a quote, a backslash or a control",
                             "a link to it of another name will do"};
  }
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./+-";
  if (path.find_first_not_of(kPlain) == std::string::npos) return path;
  return "\"" + path + "\"";
}

}  // namespace

std::string probe_script(const std::string& path, const formats::elf::Symbols& symbols,
                         std::optional<std::uint64_t> pid) {
  const auto has = [&](std::string_view name) {
    return std::ranges::find(symbols.functions, name) != symbols.functions.end();
  };
  for (const Probe& probe : probes()) {
    if (!std::ranges::all_of(probe.symbols, has)) continue;
    std::string script = fmt::format(
        R"(// Greenlet switches (greenlet {}), for greenletswitches and tracebraid. Run as root:
//   bpftrace -o greenlet.bt.txt switches.bt
// and end it with Ctrl-C; under load bpftrace (seen with 0.17) may miss that: press it again.
// Where it says that events were lost, give it more memory:
//   BPFTRACE_PERF_RB_PAGES=1024 bpftrace -o greenlet.bt.txt switches.bt
// It listens to {}
)",
        probe.versions, probe.what);
    for (const std::string_view symbol : probe.symbols) {
      script += fmt::format("uprobe:{}:{}\n", shown_path(path), symbol);
      if (pid) script += fmt::format("/pid == {}/\n", *pid);
      script += fmt::format(R"({{
  printf("%s %d %d switch 0x%lx\n", strftime("%s.%f", nsecs), pid, tid, {});
}}
)",
                            probe.argument);
    }
    return script;
  }
  const bool is_greenlet = has("PyInit__greenlet") || has("init_greenlet") || has("initgreenlet");
  if (!is_greenlet) {
    throw formats::io::Error{
        path, "", "not greenlet's library: it has no function PyInit__greenlet",
        "python3 -c 'import greenlet._greenlet; print(greenlet._greenlet.__file__)' shows it"};
  }
  throw formats::io::Error{
      path, "",
      std::string("none of greenlet's switching functions is among its symbols") +
          (symbols.has_symtab ? "" : ": it has been stripped"),
      "build it with symbols: pip install --no-binary greenlet --force-reinstall greenlet"};
}

}  // namespace tracebraid::converters::greenlet
