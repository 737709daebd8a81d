// Many sends of a few bytes each on one connection.

#include <map>

#include "analyzers/checks/checks.h"

namespace tracebraid::analyzers::checks {
namespace {

constexpr std::uint64_t kMany = 100;
constexpr std::uint64_t kTiny = 16;

struct Sends {
  std::uint64_t count = 0, bytes = 0;
  CallNote first;
  std::optional<std::int64_t> last_ts;
};

class TinyWrites final : public Detector {
 public:
  using Detector::Detector;

  void call(const CallEvent& event) override {
    const auto& call = event.call;
    if (event.socket == nullptr || event.socket->kind != "tcp" || call.direction != "out" ||
        !call.bytes) {
      return;
    }
    const std::pair place{event.thread.lane, event.socket->file};
    if (*call.bytes == 0) return;
    Sends& sends = sends_[place];
    if (*call.bytes > kTiny) {
      // In a row, that is.
      if (sends.count < kMany) sends.count = sends.bytes = 0;
      return;
    }
    if (++sends.count == 1) sends.first.set(event);
    sends.bytes += *call.bytes;
    sends.last_ts = event.begin;
  }

  void socket(const SocketLife& life, const formats::record::Socket& socket) override {
    (void)socket;
    const auto found = sends_.find({life.lane, life.file});
    if (found == sends_.end()) return;
    Sends& sends = found->second;
    if (sends.count >= kMany) {
      Finding finding = sends.first.finding(scene_);
      finding.last_ts = sends.last_ts;
      finding.id = "tiny_writes";
      finding.count = sends.count;
      finding.summary = shown_count(sends.count) + " sends of " +
                        (sends.bytes == sends.count ? std::string("1 byte") : "up to 16 bytes") +
                        " each on " + life.shown() + ": " + shown_count(sends.bytes) +
                        " bytes in all";
      finding.function = scene_.function("sendto", sends.count);
      finding.hint = "collect them in a buffer: each is a system call, and often a packet";
      if (++reported_ <= kMostReported) scene_.report(std::move(finding));
    }
    sends_.erase(found);
  }

 private:
  static constexpr std::uint64_t kMostReported = 100;
  std::map<std::pair<std::size_t, std::uint64_t>, Sends> sends_;
  std::uint64_t reported_ = 0;
};

}  // namespace

const Check kTinyWrites = {
    "tiny_writes",
    "many sends of a few bytes each",
    "100 or more sends of at most 16 bytes in a row on one TCP socket. The first 100 sockets are "
    "reported.",
    "log",
    &make_detector<TinyWrites>,
};

}  // namespace tracebraid::analyzers::checks
