// The timeline as lines for people.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <queue>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_set>
#include <vector>

#include "analyzers/sockets/table.h"
#include "analyzers/timeline/filters.h"
#include "analyzers/timeline/lines.h"
#include "analyzers/timeline/story.h"
#include "formats/io/hash.h"
#include "formats/io/output.h"

namespace tracebraid::analyzers::timeline {

// Records come when they are known, a call at its return; lines stand where things began. So a line
// is held for a second: what took longer stands at its end and says when it began.
class TextTimeline final : public Story {
 public:
  // `width`: longer lines are cut; 0: none is.
  TextTimeline(Filters filters, formats::io::Output& output, bool folds, std::size_t width)
      : Story(std::move(filters)), lines_(output, folds, width) {}

  void finish() override;
  void flush() override {
    Story::flush();
    lines_.flush();
  }

  [[nodiscard]] const Lines& lines() const { return lines_; }

 protected:
  void called(const formats::record::Syscall& call, const SocketLife* socket) override;
  void on_wire(const formats::record::Segment& segment) override;
  void ended(const formats::record::Flow& flow) override;
  void switched(const formats::record::Switch& change) override;
  void signalled(const formats::record::Signal& signal) override;
  void happened(const formats::record::Process& process) override;

 private:
  static constexpr std::int64_t kWindow = 1'000'000'000;
  static constexpr std::size_t kMostHeld = 100'000;

  struct Event {
    std::int64_t ts = 0;
    std::uint64_t order = 0;
    std::uint64_t key = 0;  // as Lines has it
    std::string who, text;
    bool operator>(const Event& other) const {
      return std::tie(ts, order) > std::tie(other.ts, other.order);
    }
  };
  // The ends of a flow, and how it is called: "127.0.0.1:42400→127.0.0.1:39987 tcp".
  struct FlowName {
    HostPort orig, resp;
    std::string_view proto;
    [[nodiscard]] std::string shown() const;
  };

  [[nodiscard]] std::string who(const std::optional<std::uint64_t>& pid,
                                const std::optional<std::uint64_t>& tid) const;
  void add(Event event, std::optional<std::int64_t> ts, std::optional<std::int64_t> end_ts);
  void begins(const FlowName& flow, std::string_view uid, std::int64_t ts);
  void hold(Event event);
  void release();

  Lines lines_;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> held_;
  std::unordered_set<std::string, formats::io::TextHash>
      begun_;                    // open flows whose beginning was told
  std::set<std::string> named_;  // greenlets whose address was shown
  std::uint64_t order_ = 0;
  std::int64_t newest_ = 0, released_ = INT64_MIN;
  bool has_times_ = false;
};

}  // namespace tracebraid::analyzers::timeline
