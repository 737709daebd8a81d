// Which descriptors a poll found ready.
//
// poll and select name them. What epoll_wait gives back is what the program gave with
// EPOLL_CTL_ADD or _MOD: libuv and CPython give the descriptor, libev adds a generation in the
// upper half, nginx, ZeroMQ and Go give addresses, mio an index. So the descriptor is looked up, by
// the epoll (its open file: copies and children have the same) and by all 64 bits. An event whose
// ADD is not in the log has no known descriptor.
//
// Read are the forms of strace 4.6 to 5.x, 6.x and 7.x:
//
//   {{EPOLLIN, {u32=4, u64=4}}}                        4.x, in a call: [{EPOLLIN, …}] from 5.0 on
//   [{events=EPOLLIN, data={u32=4, u64=4}}]            6.x
//   [{events=EPOLLIN, data=0x4}]                       7.x
//
// Memory: what epolls that are open watch; at most kMostWatched of each, those of a log that does
// not tell when they are closed included.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "analyzers/sockets/life.h"
#include "formats/io/hash.h"

namespace tracebraid::formats::record {
struct File;
}

namespace tracebraid::analyzers::checks {

struct CallEvent;

struct ReadyOne {
  std::optional<std::int64_t> fd;  // nothing: not known
  std::uint64_t data = 0;          // of epoll
  std::string_view events;         // "EPOLLIN|EPOLLHUP", "POLLIN", "in"; of the call's texts
};

// Valid until the next one, and as long as the call.
struct ReadySet {
  std::vector<ReadyOne> ones;
  bool is_known = true;   // of all, the descriptor
  std::uint64_t key = 0;  // the same for the same descriptors (or data) in any order; of this run
  [[nodiscard]] bool has(std::optional<std::int64_t> fd) const;
};

class ReadySets {
 public:
  static constexpr std::size_t kMostWatched = 1U << 20U;

  // Of epoll_ctl; others are nothing to it.
  void learn(const CallEvent& event);
  // It was closed by all that had it.
  void forget(const formats::record::File& file, std::size_t lane);
  // Of a poll of any kind; empty when it failed or found nothing.
  [[nodiscard]] const ReadySet& of(const CallEvent& event);
  // How many descriptors the epoll of an epoll_wait watches; nothing: not known.
  [[nodiscard]] std::optional<std::size_t> watched_by(const CallEvent& event) const;

 private:
  struct Watched {
    std::unordered_map<std::uint64_t, std::int64_t, formats::io::NumberHash> by_data;
    std::unordered_map<std::int64_t, std::uint64_t, formats::io::NumberHash> by_fd;
  };

  void take(std::optional<std::int64_t> fd, std::uint64_t data, std::string_view events);
  void read_epoll(const CallEvent& event);
  void read_poll(std::string_view text);
  void read_select(std::string_view text);

  std::unordered_map<FileKey, Watched, FileKey::Hash> epolls_;
  ReadySet ready_;
};

// What a mask says of a descriptor besides that it is ready; empty: nothing.
[[nodiscard]] std::string_view told_of_events(std::string_view events);

// "descriptor 4"; "descriptors 4 and 6", "descriptors 4, 6, 7, 8 and 12 more"; "an event of data
// 0x4 (perhaps descriptor 4), whose EPOLL_CTL_ADD the log lacks,".
[[nodiscard]] std::string shown(const ReadySet& ready);

}  // namespace tracebraid::analyzers::checks
