#include <cstddef>
#include <cstdint>
#include <string>

#include "analyzers/callgrind/outputs.h"
#include "formats/flame/folded.h"
#include "formats/flame/speedscope.h"

namespace tracebraid::analyzers {

void write_stacks(const Findings& findings, FlameForm form, std::size_t event,
                  formats::io::Output& output, formats::cli::Context& context) {
  const bool is_time = event == kSysTime || event == kWait;
  const bool is_bytes = event == kSent || event == kReceived;
  std::string folded;
  formats::flame::Speedscope speedscope(is_time ? "nanoseconds" : is_bytes ? "bytes" : "none");
  std::uint64_t stacks = 0;
  findings.attribution.each_stack([&](const Attribution::KnownStack& stack) {
    const std::uint64_t weight = stack.costs[event];
    if (weight == 0) return;
    ++stacks;
    if (form == FlameForm::kFolded) {
      formats::flame::append_folded(folded, stack.frames, weight);
    } else {
      speedscope.add(stack.pid == 0 ? "all" : "process " + std::to_string(stack.pid), stack.frames,
                     weight);
    }
  });
  if (form == FlameForm::kFolded) {
    output.write(folded);
  } else {
    speedscope.write(output, findings.command,
                     "tracebraid " + std::string(formats::cli::version()));
  }
  output.commit();
  if (stacks == 0) {
    context.diagnostics.note(
        "no stacks in the logs (strace -k records them): call graphs alone do not tell which calls "
        "led to which, and stacks made of them would be invented");
  }
}

}  // namespace tracebraid::analyzers
