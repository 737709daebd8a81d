#include "analyzers/checks/audience.h"

#include <algorithm>

#include "analyzers/checks/detector.h"
#include "analyzers/sockets/life.h"

namespace tracebraid::analyzers::checks {

void Audience::add(std::size_t detector, const Interest& interest) {
  if (interest.all) of_all_.insert(detector);
  if (interest.polls) of_polls_.insert(detector);
  if (interest.sends) of_sends_.insert(detector);
  if (interest.failing) of_failing_.insert(detector);
  if (interest.pending) of_pending_.insert(detector);
  if (interest.datagrams) of_datagrams_.insert(detector);
  if (interest.from_ns != INT64_MAX) of_long_.emplace_back(interest.from_ns, detector);
  std::ranges::sort(of_long_);
  for (const std::string_view call : interest.calls) of_name_.emplace_back(call, detector);
}

CallName& Audience::name_of(std::string_view call) {
  const std::size_t known = names_.size();
  CallName& name = names_.of(call);
  if (names_.size() == known) return name;
  name.number = known;
  name.seen_by.add(of_all_);
  if (name.is_poll) name.seen_by.add(of_polls_);
  if (name.sends) name.seen_by.add(of_sends_);
  for (const auto& [wanted, detector] : of_name_) {
    if (wanted == call) name.seen_by.insert(detector);
  }
  return name;
}

BitSet Audience::of(const CallEvent& event) const {
  BitSet seers;
  seers.add(event.name.seen_by);
  seers.add(event.thread.kept_by);
  if (!event.call.error.empty()) seers.add(of_failing_);
  if (!event.call.result) seers.add(of_pending_);
  if (event.socket != nullptr) {
    seers.add(event.socket->kept_by);
    if (event.socket->kind == "udp") seers.add(of_datagrams_);
  }
  if (event.call.duration) {
    for (const auto& [from_ns, detector] : of_long_) {
      if (event.call.duration->ns < from_ns) break;
      seers.insert(detector);
    }
  }
  return seers;
}

}  // namespace tracebraid::analyzers::checks
