// Many sends of a few bytes each on one connection.

#include <unordered_map>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "analyzers/checks/checks.h"
#include "analyzers/checks/notes.h"
#include "analyzers/sockets/life.h"
#include "analyzers/util/shown.h"

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

  [[nodiscard]] Interest interest() const override { return {.sends = true}; }

  void call(const CallEvent& event) override {
    const auto& call = event.call;
    if (event.socket == nullptr || event.socket->kind != "tcp" || !call.bytes) return;
    if (*call.bytes == 0) return;
    const FileKey place = event.socket->key();
    // What comes in between may be what the next one answers.
    if (*call.bytes > kTiny || call.direction != "out") {
      if (keeps(*event.socket)) end_row(place, *event.socket);
      return;
    }
    Sends& sends = keeps(*event.socket) ? sends_[place] : begin_row(place, event);
    ++sends.count;
    sends.bytes += *call.bytes;
    sends.last_ts = event.begin;
  }

  void socket(const SocketLife& life, const formats::record::Socket& socket) override {
    (void)socket;
    if (!keeps(life)) return;
    const auto found = sends_.find(life.key());
    Sends& sends = found->second;
    if (sends.count >= kMany) {
      Finding finding = sends.first.finding(scene_);
      finding.last_ts = sends.last_ts;
      finding.count = sends.count;
      finding.summary =
          fmt::format("{} sends of {} each on {}: {} bytes in all", shown_count(sends.count),
                      sends.bytes == sends.count ? "1 byte" : "up to 16 bytes", life.shown(),
                      shown_count(sends.bytes));
      finding.function = scene_.function("sendto", sends.count);
      finding.hint = "collect them in a buffer: each is a system call, and often a packet";
      if (++reported_ <= kMostReported) report(std::move(finding));
    }
    spare_.push_back(sends_.extract(found));
  }

 private:
  using Rows = std::unordered_map<FileKey, Sends, FileKey::Hash>;

  // Rows come and go: their memory is used again.
  Sends& begin_row(const FileKey& place, const CallEvent& event) {
    keep(*event.socket);
    Rows::node_type row;
    if (spare_.empty()) {
      row = sends_.extract(sends_.try_emplace(place).first);
    } else {
      row = std::move(spare_.back());
      spare_.pop_back();
    }
    row.key() = place;
    Sends& sends = sends_.insert(std::move(row)).position->second;
    sends.count = sends.bytes = 0;
    sends.first.set(event);
    return sends;
  }

  void end_row(const FileKey& place, SocketLife& socket) {
    const auto found = sends_.find(place);
    if (found->second.count >= kMany) return;
    spare_.push_back(sends_.extract(found));
    let_go(socket);
  }

  static constexpr std::uint64_t kMostReported = 100;
  Rows sends_;
  std::vector<Rows::node_type> spare_;
  std::uint64_t reported_ = 0;
};

}  // namespace

extern constinit const Check kTinyWrites = {
    .id = "tiny_writes",
    .title = "many sends of a few bytes each",
    .explain =
        "100 or more sends of at most 16 bytes in a row on one TCP socket, on which nothing is "
        "received in between. The first 100 sockets are reported.",
    .needs = "log",
    .make = &make_detector<TinyWrites>,
};

}  // namespace tracebraid::analyzers::checks
