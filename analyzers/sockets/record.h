// A socket's life (life.h) as the record that is written of it: what the program did, what
// went over the wire, and where the two differ.
#pragma once

#include <string>

#include "analyzers/sockets/life.h"
#include "formats/record/socket.h"

namespace tracebraid::analyzers {

// Whether it is an end of a connection, or has moved datagrams: it should have a flow.
[[nodiscard]] bool is_talking(const SocketLife& life);

// The record and its texts. Others of its views are of `life` and its flow, which outlive it.
class SocketRecord {
 public:
  // `captured`: nothing where there is no capture, or none was to come. Percentiles of waiting are
  // asked for, which sorts what `life` has of them.
  SocketRecord(SocketLife& life, const Captured& captured);
  SocketRecord(const SocketRecord&) = delete;
  SocketRecord& operator=(const SocketRecord&) = delete;

  [[nodiscard]] const formats::record::Socket& record() const { return record_; }

 private:
  // Its flow, and how the flow's bytes differ from the calls'.
  void tell_wire(const SocketLife& life);
  // How long bytes waited for the program, and to leave.
  void tell_waits(SocketLife& life);

  formats::record::Socket record_;
  std::string pids_, fds_, by_call_, by_error_, difference_;
};

}  // namespace tracebraid::analyzers
