// Which server ends of several runs' flows and sockets are the same one.
//
// Clients' ports are left out of them before, and servers' where the system has chosen one. Ends
// that are equal are the same; then, one to one, those that differ in the service alone, then in
// the port alone, then in the address alone, where no other could be meant.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "formats/io/hash.h"

namespace tracebraid::analyzers::diff {

struct ServerEnd {
  std::string proto;    // with the role of a socket: "tcp accepted"
  std::string service;  // empty: not known
  std::string host;     // or path
  std::string port;     // empty: none, or chosen by the system

  bool operator==(const ServerEnd&) const = default;
};

class EndMatch {
 public:
  using Number = std::uint32_t;

  struct Seen {
    ServerEnd end;
    Number number = 0;  // what match() finds
  };

  // One run's ends, each once. What is none of earlier runs' becomes a new one.
  void match(std::span<Seen> run);

  [[nodiscard]] std::size_t size() const { return known_.size(); }

 private:
  struct Known {
    std::vector<ServerEnd> ends;
    std::uint32_t run = 0;  // that had it last
  };

  void take(Seen& seen, Number number);

  std::vector<Known> known_;
  std::unordered_map<std::string, Number, formats::io::TextHash> by_end_;
  std::uint32_t run_ = 0;
};

}  // namespace tracebraid::analyzers::diff
