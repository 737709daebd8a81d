#include "analyzers/timeline/story.h"

namespace tracebraid::analyzers::timeline {

namespace record = formats::record;

Story::Story(Filters filters) : filters_(std::move(filters)), table_(*this) {}

Story::~Story() = default;

void Story::begin(const InputKinds& kinds) {
  table_.begin(kinds);
}

void Story::on(const record::Syscall& call) {
  const SocketLife* socket = table_.syscall(call, lane_);
  if (socket != nullptr && call.file != socket->file) socket = nullptr;
  ++read_;
  if (filters_.want(call, socket)) called(call, socket);
}

void Story::on(const record::Segment& segment) {
  ++read_;
  // In front of what the table makes of it: that a call had waited for it.
  if (filters_.want(segment)) on_wire(segment);
  table_.segment(segment);
}

void Story::on(const record::Flow& flow) {
  ++read_;
  table_.flow(flow);
  if (filters_.want(flow)) ended(flow);
}

void Story::on(const record::Switch& change) {
  ++read_;
  running_[change.tid] = greenlet(change.greenlet);
  if (filters_.want(change)) switched(change);
}

void Story::on(const record::Signal& signal) {
  ++read_;
  if (filters_.want(signal)) signalled(signal);
}

void Story::on(const record::Process& process) {
  ++read_;
  if (filters_.want(process)) happened(process);
}

std::string Story::greenlet(std::string_view address) {
  const auto found = greenlets_.emplace(address, greenlets_.size() + 1).first;
  return "g" + std::to_string(found->second);
}

const std::string& Story::running(std::uint64_t tid) const {
  static const std::string kNone;
  const auto found = running_.find(tid);
  return found == running_.end() ? kNone : found->second;
}

}  // namespace tracebraid::analyzers::timeline
