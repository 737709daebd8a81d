// How much memory there is to use.
//
// From cgroups(7): /proc/self/cgroup has a line `0::/user.slice/a.scope` for version 2, whose
// limits are in memory.max of that folder and of all above it, and `4:memory:/docker/3f…` for
// version 1, with memory.limit_in_bytes. E.g. `max`, or `536870912`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tracebraid::formats::io {

// In bytes: the machine's memory, or less where a container's is limited. 0: not known.
[[nodiscard]] std::uint64_t memory_limit();

// The least limit of the control groups that `membership`, the text of /proc/self/cgroup, names, of
// those whose files are below `root`, /sys/fs/cgroup. UINT64_MAX: none.
[[nodiscard]] std::uint64_t control_group_limit(std::string_view membership,
                                                const std::string& root);

}  // namespace tracebraid::formats::io
