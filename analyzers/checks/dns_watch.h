// Base of the checks that look at DNS: shows them questions and answers in their order, of calls
// and of a capture's flows, and what each look-up came to.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "analyzers/checks/dns.h"
#include "analyzers/checks/flows.h"

namespace tracebraid::analyzers::checks {

class DnsWatch : public FlowDetector {
 public:
  using FlowDetector::FlowDetector;

  [[nodiscard]] Interest interest() const override { return {.datagrams = true}; }
  void call(const CallEvent& event) override;
  void flow(const formats::record::Flow& flow) override;
  void gone(Thread& thread) override;
  void finish() override;

 protected:
  // A flow to port 53 that no call of a log tells of.
  struct DnsFlow {
    std::string client, server, uid, name;
    std::int64_t ts = 0, last_ts = 0;
    std::uint64_t queries = 0, answers = 0;
    std::uint64_t again = 0;  // packets beyond one for each query
    std::uint64_t rcodes[16] = {};
    std::int64_t longest = -1;
  };

  // Of a call.
  virtual void answered(const std::string& server, const CallEvent& event,
                        const DnsMessage& message) {
    (void)server, (void)event, (void)message;
  }
  // In finish().
  virtual void seen(const DnsFlow& flow) { (void)flow; }
  virtual void looked_up(const std::string& server, const LookUps::Done& done) = 0;
  // Behind all of the others.
  virtual void tell() = 0;

  [[nodiscard]] std::int64_t capture_end() const { return end_ts_; }
  // Whether anything was captured that answers anything.
  [[nodiscard]] bool has_answers() const { return has_answers_; }

 private:
  void look_up(const std::string& server, const std::optional<LookUps::Done>& done) {
    if (done) looked_up(server, *done);
  }

  // By lane, thread and server.
  std::map<std::tuple<std::size_t, std::uint64_t, std::string>, LookUps> look_ups_;
  std::vector<DnsFlow> flows_;
  std::int64_t end_ts_ = INT64_MIN;
  bool has_answers_ = false;
};

}  // namespace tracebraid::analyzers::checks
