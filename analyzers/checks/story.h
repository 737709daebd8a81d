// What all inputs tell, in the order in which things were over (in_step.h), for the detectors.
//
// Story is shown every record once. It keeps what more than one detector asks for (threads,
// sockets, closes, greenlets, the profile), shows each record to those detectors that want it
// (detector.h), and collects their findings. Times are ns since 1970, as in records; a lane is a
// log or a stream whose numbers of files are its own.
//
// Memory: threads that live, closes of processes that live, what the socket table keeps
// (sockets/table.h), and findings.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "analyzers/checks/audience.h"
#include "analyzers/checks/checks.h"
#include "analyzers/checks/closings.h"
#include "analyzers/checks/notes.h"
#include "analyzers/checks/ready.h"
#include "analyzers/input/by_type.h"
#include "analyzers/python/calls.h"
#include "analyzers/sockets/table.h"
#include "analyzers/util/mix.h"
#include "formats/io/hash.h"
#include "formats/record/function.h"
#include "formats/record/switch.h"

namespace tracebraid::analyzers::checks {

class Story final
    : public ByType<Story, formats::record::Syscall, formats::record::Segment,
                    formats::record::File, formats::record::Flow, formats::record::Signal,
                    formats::record::Process, formats::record::Function, formats::record::Call,
                    formats::record::Switch, formats::record::Ledger, formats::record::LineLedger>,
      public SocketSink,
      public Scene {
 public:
  // With a detector for each of `which`, in their order. `first_input` stands for the name of the
  // input in records that do not tell it.
  Story(std::span<const Check* const> which, std::string_view first_input);
  ~Story() override;

  // RecordVisitor
  void begin(const InputKinds& kinds) override;
  void enter(std::size_t lane) override;
  void expect(const formats::record::AnyRecord& any, Distance distance) override;
  void on(const formats::record::Syscall& call);
  void on(const formats::record::Segment& segment);
  void on(const formats::record::File& file);
  void on(const formats::record::Flow& flow);
  void on(const formats::record::Signal& signal);
  void on(const formats::record::Process& process);
  void on(const formats::record::Function& function);
  void on(const formats::record::Call& call);
  void on(const formats::record::Switch& change);
  void on(const formats::record::Ledger& packets);
  void on(const formats::record::LineLedger& lines);
  // What is left is reported, and findings() are put in their order.
  void at_end() override;

  // SocketSink
  void socket(const SocketLife& life, const formats::record::Socket& socket) override;
  void waited(const SocketLife& life, std::int64_t arrived_ts, std::int64_t read_ts) override;

  // Scene
  const InputKinds& kinds() const override { return kinds_; }
  const Counts& counts() const override { return counts_; }
  const Skew& skew() const override { return table_.skew(); }
  const Closing* closing(const Thread& thread, std::int64_t fd) const override;
  const Closing* closing_of_file(const Thread& thread, std::uint64_t file) const override;
  const Closing* last_listener_closing(const Thread& thread) const override;
  std::string place(std::string_view input, std::uint64_t line) const override;
  std::string evidence(const formats::record::Syscall& call) const override;
  std::string evidence(const Quote& call) const override;
  std::string function(std::string_view call, std::uint64_t count) const override;
  bool has_capture() const override { return has_capture_; }
  std::int64_t last_ts() const override { return last_ts_; }
  std::int64_t without_processor(std::int64_t begin, std::int64_t end) const override;
  void report(Finding finding) override;
  void note_loop(const Thread& thread, std::string_view call, bool is_negative,
                 std::uint64_t count) override;
  std::uint64_t looped(std::size_t lane, std::uint64_t pid, std::string_view call,
                       bool is_negative) const override;
  void note_turning(const Turning& turning) override;
  bool is_told(const Turning& turning) const override;
  ReadySets& ready_sets() override { return ready_sets_; }

  [[nodiscard]] std::span<const Check* const> checks() const { return checks_; }
  // Whether there was anything to look at.
  [[nodiscard]] bool has_seen() const {
    return counts_.calls + counts_.ends + counts_.flows + counts_.segments + counts_.switches +
               counts_.functions >
           0;
  }
  void set_most_flows(std::size_t most) { table_.set_most_flows(most); }
  // Whether findings that are alike are one (alike.h).
  void tell_once(bool once) { is_once_ = once; }
  // Behind at_end(): the gravest first, and among equals the earliest.
  [[nodiscard]] const std::vector<Finding>& findings() const { return findings_; }
  // There were calls without a time; most calls had no duration.
  [[nodiscard]] bool lacks_times() const { return lacks_times_; }
  [[nodiscard]] bool lacks_durations() const { return without_duration_ * 2 > counts_.calls; }
  // Calls name open files, and no record tells when those were closed.
  [[nodiscard]] bool lacks_files() const {
    return std::ranges::any_of(
        lanes_, [](const Told& lane) { return lane.names_files && !lane.has_files; });
  }
  // Flows had payload, and no record tells when it passed.
  [[nodiscard]] bool lacks_segments() const { return has_payload_ && counts_.segments == 0; }
  [[nodiscard]] const SocketTable& table() const { return table_; }

 private:
  // What a lane's records have told.
  struct Told {
    bool names_files = false, has_files = false;
  };
  // A lane, and the number of a thread of it.
  using ThreadKey = std::pair<std::size_t, std::uint64_t>;
  struct ThreadHash {
    std::size_t operator()(const ThreadKey& key) const {
      return static_cast<std::size_t>(mixed(key.second, key.first));
    }
  };

  // Descriptors belong to processes; where the log does not tell those, to the whole log.
  static std::uint64_t owner(const Thread& thread) {
    return std::uint64_t{thread.lane} << 32U | thread.pid;
  }
  Closings& closings_of(const Thread& thread);
  void see(std::int64_t ts) { last_ts_ = std::max(last_ts_, ts); }
  // Of the lane at hand; made when it is new.
  Thread& thread_of(std::optional<std::uint64_t> tid, std::optional<std::uint64_t> pid);

  // What a call leaves behind: in its thread (Thread::used, Thread::stretches), and of a close.
  static void note_use(const CallEvent& event);
  void note_stretches(const CallEvent& event);
  void note_close(const CallEvent& event);

  SocketTable table_;
  std::vector<const Check*> checks_;
  std::vector<std::unique_ptr<Detector>> detectors_;  // by number
  std::vector<Detector*> of_profile_;                 // Interest::profile
  Audience audience_;
  std::vector<Finding> findings_;
  bool is_once_ = true;
  PythonCalls python_;
  InputKinds kinds_;
  Counts counts_;
  std::string first_input_;
  std::size_t lane_ = 0, last_lane_ = 0;
  std::vector<Told> lanes_;
  std::int64_t last_ts_ = INT64_MIN;
  bool has_capture_ = false, has_payload_ = false, lacks_times_ = false;
  std::uint64_t without_duration_ = 0;
  // Calls that had no processor, by when they returned.
  static constexpr std::int64_t kTaken = 20'000'000;
  static constexpr std::size_t kMostTaken = 10'000;
  std::vector<std::pair<std::int64_t, std::int64_t>> taken_;
  std::unordered_map<ThreadKey, std::unique_ptr<Thread>, ThreadHash> threads_;
  Thread* last_thread_ = nullptr;
  std::optional<std::int64_t> arrived_;  // of the call at hand
  std::map<std::uint64_t, std::string> greenlets_;
  std::map<std::tuple<std::size_t, std::uint64_t, std::string, bool>, std::uint64_t> loops_;
  std::vector<Turning> turnings_;
  ReadySets ready_sets_;
  std::unordered_map<std::uint64_t, Closings, formats::io::NumberHash> closings_;  // by process
  std::uint64_t last_owner_ = 0;
  Closings* last_closings_ = nullptr;  // its, unless null
  // Of sockets, with the lane: a ring of the last ones.
  std::vector<std::pair<std::size_t, Closing>> socket_closings_;
  std::size_t next_closing_ = 0;
  std::unordered_map<std::uint64_t, Closing, formats::io::NumberHash>
      listener_closings_;  // by process
};

}  // namespace tracebraid::analyzers::checks
