// What passed on the wire before it is known who reads it: of many directions at a time, most of
// which nobody ever asks for.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "analyzers/sockets/byte_match.h"

namespace tracebraid::analyzers {

// One ring for all directions, in which each mark names the one before it of its direction: adding
// one touches no memory but the end. The oldest marks are overwritten.
class EarlyMarks {
 public:
  static constexpr std::uint64_t kMost = std::uint64_t{1} << 21U;  // 48 MB

  // A direction's.
  struct Chain {
    std::uint64_t last = 0;  // its number from 1; 0: there is none
    std::uint32_t count = 0;
  };

  void add(Chain& chain, std::uint64_t end, std::int64_t ts) {
    const Link link{{end, ts}, chain.last};
    if (links_.size() < kMost) {
      links_.push_back(link);
    } else {
      links_[made_ % kMost] = link;
    }
    chain.last = ++made_;
    ++chain.count;
  }

  // Appends them in their order; false when some were overwritten.
  [[nodiscard]] bool collect(const Chain& chain, std::vector<Mark>& marks) const {
    const auto begin = static_cast<std::ptrdiff_t>(marks.size());
    for (std::uint64_t at = chain.last; at != 0;) {
      if (at + kMost <= made_) return false;
      const Link& link = links_[(at - 1) % kMost];
      marks.push_back(link.mark);
      at = link.before;
    }
    std::reverse(marks.begin() + begin, marks.end());
    return true;
  }

 private:
  struct Link {
    Mark mark;
    std::uint64_t before;  // as in Chain::last
  };
  std::vector<Link> links_;
  std::uint64_t made_ = 0;
};

}  // namespace tracebraid::analyzers
