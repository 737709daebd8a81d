// The DNS messages of one UDP flow (RFC 1035, 4.1.1): what was asked, and what came of it. Answers
// belong to queries by their ids; a query that is sent again is one.
//
// Memory: the kMostOpen latest queries without an answer.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace tracebraid::converters::pcap {

class DnsTally {
 public:
  static constexpr std::size_t kMostOpen = 16;

  // A message, or its beginning; what is too short for a header is none.
  void add(std::span<const std::uint8_t> message, std::int64_t ts_ns);
  // What was counted so far has been told; queries stay open.
  void start_part();

  [[nodiscard]] std::uint32_t queries() const { return queries_; }
  // Of them.
  [[nodiscard]] std::uint32_t answers() const { return answers_; }
  // How often answers said what: "NOERROR 1, NXDOMAIN 3".
  [[nodiscard]] std::string rcodes() const;
  // From a query's first sending to its answer, ns; -1 without answers.
  [[nodiscard]] std::int64_t longest() const { return longest_; }

 private:
  struct Open {
    std::int64_t ts = 0;
    std::uint16_t id = 0;
    bool is_open = false;
  };

  std::array<Open, kMostOpen> open_{};
  std::array<std::uint32_t, 16> rcodes_{};
  std::size_t next_ = 0;  // place in open_, in turn
  std::uint32_t queries_ = 0, answers_ = 0;
  std::int64_t longest_ = -1;
};

}  // namespace tracebraid::converters::pcap
