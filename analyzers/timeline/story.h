// What all inputs tell, in order, as far as it is asked for: what every form of the timeline is
// made of.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>

#include "analyzers/input/by_type.h"
#include "analyzers/sockets/table.h"
#include "analyzers/timeline/filters.h"
#include "formats/io/hash.h"
#include "formats/record/file.h"
#include "formats/record/flow.h"
#include "formats/record/switch.h"
#include "formats/record/syscall.h"

namespace tracebraid::analyzers::timeline {

class Story : public ByType<Story, formats::record::Syscall, formats::record::Segment,
                            formats::record::Flow, formats::record::File, formats::record::Switch,
                            formats::record::Signal, formats::record::Process>,
              public SocketSink {
 public:
  explicit Story(Filters filters);
  ~Story() override;

  void begin(const InputKinds& kinds) override;
  void enter(std::size_t lane) override { lane_ = lane; }
  void socket(const SocketLife& life, const formats::record::Socket& socket) override {
    (void)life, (void)socket;
  }

  void on(const formats::record::Syscall& call);
  void on(const formats::record::Segment& segment);
  void on(const formats::record::Flow& flow);
  void on(const formats::record::File& file) { table_.file(file, lane_); }
  void on(const formats::record::Switch& change);
  void on(const formats::record::Signal& signal);
  void on(const formats::record::Process& process);

  // After the last record.
  virtual void finish() { table_.finish(); }
  void set_most_flows(std::size_t most) { table_.set_most_flows(most); }
  [[nodiscard]] const SocketTable& table() const { return table_; }

  [[nodiscard]] std::uint64_t read() const { return read_; }

 protected:
  // What is asked for. `socket` is what the call was about, null where that is no socket.
  virtual void called(const formats::record::Syscall& call, const SocketLife* socket) = 0;
  virtual void on_wire(const formats::record::Segment& segment) = 0;
  virtual void ended(const formats::record::Flow& flow) = 0;
  virtual void switched(const formats::record::Switch& change) = 0;
  virtual void signalled(const formats::record::Signal& signal) = 0;
  virtual void happened(const formats::record::Process& process) = 0;

  // "g3": greenlets are numbered in the order in which they were seen.
  [[nodiscard]] std::string greenlet(std::string_view address);
  // The greenlet that runs in a thread; empty where nothing tells.
  [[nodiscard]] const std::string& running(std::uint64_t tid) const;

  [[nodiscard]] const Filters& filters() const { return filters_; }

 private:
  Filters filters_;
  SocketTable table_;
  std::size_t lane_ = 0;
  std::uint64_t read_ = 0;
  std::map<std::string, std::size_t, std::less<>> greenlets_;                        // by address
  std::unordered_map<std::uint64_t, std::string, formats::io::NumberHash> running_;  // by thread
};

}  // namespace tracebraid::analyzers::timeline
