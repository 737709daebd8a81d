// What is kept of a call until it is known whether there is something to tell of it. Setting one
// again uses its memory again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "analyzers/checks/finding.h"
#include "analyzers/sockets/life.h"

namespace tracebraid::analyzers::checks {

class Scene;

// What a descriptor was.
struct DescriptorNote {
  std::string kind, path;
  HostPort local, peer;
  bool is_listener = false;
  void set(const formats::record::Syscall& call, const SocketLife* socket);
  // "listener 127.0.0.1:80", "file /etc/hosts".
  [[nodiscard]] std::string shown() const;
};

// A descriptor's last close, by number.
struct Closing {
  std::optional<std::int64_t> ts;
  std::uint64_t file = 0;
  std::uint64_t tid = 0;
  DescriptorNote what;
  Quote call;
  std::string greenlet;
  // The one before of the same number.
  Quote before;
  std::optional<std::int64_t> before_ts;
  std::uint64_t before_tid = 0;
};

// A call with who made it, when, and on what: as much as set_call() tells.
class CallNote {
 public:
  void set(const CallEvent& event);
  [[nodiscard]] const Quote& call() const { return call_; }
  [[nodiscard]] std::optional<std::int64_t> ts() const { return ts_; }
  // Of the thread.
  [[nodiscard]] std::size_t lane() const { return lane_; }
  // One that begins with the call, its line the first evidence when `with_call`.
  [[nodiscard]] Finding finding(const Scene& scene, bool with_call = true) const;

 private:
  Quote call_;
  DescriptorNote what_;
  bool has_socket_ = false;
  std::optional<std::int64_t> ts_, fd_;
  std::size_t lane_ = 0;
  std::uint64_t pid_ = 0, tid_ = 0;
  std::optional<std::uint64_t> file_;
  std::string greenlet_, uid_;
};

}  // namespace tracebraid::analyzers::checks
