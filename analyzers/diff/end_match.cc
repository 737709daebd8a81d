#include "analyzers/diff/end_match.h"

#include <algorithm>
#include <map>

namespace tracebraid::analyzers::diff {
namespace {

enum Part : std::uint8_t { kNothing, kService, kPort, kHost };

// The end without one part.
std::string key_without(Part left_out, const ServerEnd& end) {
  std::string key = end.proto;
  const auto add = [&](Part part, const std::string& text) {
    key.push_back('\0');
    if (part != left_out) key.append(text);
  };
  add(kService, end.service);
  add(kPort, end.port);
  add(kHost, end.host);
  return key;
}

}  // namespace

void EndMatch::take(Seen& seen, Number number) {
  seen.number = number;
  Known& known = known_[number];
  known.run = run_;
  if (by_end_.try_emplace(key_without(kNothing, seen.end), number).second) {
    known.ends.push_back(seen.end);
  }
}

void EndMatch::match(std::span<Seen> run) {
  ++run_;
  std::vector<bool> is_found(run.size());
  for (std::size_t at = 0; at < run.size(); ++at) {
    const auto found = by_end_.find(key_without(kNothing, run[at].end));
    if (found == by_end_.end()) continue;
    take(run[at], found->second);
    is_found[at] = true;
  }
  constexpr std::size_t kNone = SIZE_MAX;
  constexpr std::size_t kSeveral = SIZE_MAX - 1;
  struct Pair {
    std::size_t seen = kNone, known = kNone;
  };
  const auto note = [](std::size_t& place, std::size_t what) {
    place = place == kNone || place == what ? what : kSeveral;
  };
  for (const Part part : {kService, kPort, kHost}) {
    std::map<std::string, Pair> pairs;
    for (std::size_t at = 0; at < run.size(); ++at) {
      if (!is_found[at]) note(pairs[key_without(part, run[at].end)].seen, at);
    }
    if (pairs.empty()) break;
    for (std::size_t at = 0; at < known_.size(); ++at) {
      if (known_[at].run == run_) continue;
      for (const ServerEnd& end : known_[at].ends) {
        const auto found = pairs.find(key_without(part, end));
        if (found != pairs.end()) note(found->second.known, at);
      }
    }
    for (const auto& [key, pair] : pairs) {
      if (pair.seen >= kSeveral || pair.known >= kSeveral || known_[pair.known].run == run_)
        continue;
      take(run[pair.seen], static_cast<Number>(pair.known));
      is_found[pair.seen] = true;
    }
  }
  for (std::size_t at = 0; at < run.size(); ++at) {
    if (is_found[at]) continue;
    known_.emplace_back();
    take(run[at], static_cast<Number>(known_.size() - 1));
  }
}

}  // namespace tracebraid::analyzers::diff
