// The timeline for Perfetto's UI and the like (formats/chrome): a track for each thread, greenlet
// and flow, and arrows from calls that send to segments to calls that receive.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "analyzers/timeline/filters.h"
#include "analyzers/timeline/story.h"
#include "formats/chrome/trace_writer.h"
#include "formats/io/output.h"

namespace tracebraid::analyzers::timeline {

class ChromeTimeline final : public Story {
 public:
  ChromeTimeline(Filters filters, formats::io::Output& output)
      : Story(std::move(filters)), output_(output) {}

  void finish() override;
  void waited(const SocketLife& life, std::int64_t arrived_ts, std::int64_t read_ts) override;
  void sent(const SocketLife& life, std::int64_t entry_ts, std::int64_t left_ts) override;

 protected:
  void called(const formats::record::Syscall& call, const SocketLife* socket) override;
  void on_wire(const formats::record::Segment& segment) override;
  void ended(const formats::record::Flow& flow) override;
  void switched(const formats::record::Switch& change) override;
  void signalled(const formats::record::Signal& signal) override;
  void happened(const formats::record::Process& process) override;

 private:
  // The trace begins with the first time.
  formats::chrome::TraceWriter& writer(std::int64_t ts);
  [[nodiscard]] std::uint64_t flow_track(std::string_view uid);
  // Gives the flow's track its name, once, and returns it.
  std::uint64_t named_flow_track(std::string_view uid, const HostPort& orig, const HostPort& resp,
                                 std::int64_t ts);
  void name_thread(std::uint64_t pid, std::uint64_t tid, std::int64_t ts);

  formats::io::Output& output_;
  std::unique_ptr<formats::chrome::TraceWriter> writer_;
  std::map<std::string, std::uint64_t, std::less<>> flows_;  // tracks by uid
  std::set<std::uint64_t> named_flows_;
  std::set<std::pair<std::uint64_t, std::uint64_t>> named_threads_;
  std::set<std::string> named_greenlets_;
};

}  // namespace tracebraid::analyzers::timeline
