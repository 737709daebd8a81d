#include "analyzers/checks/ready.h"

#include <algorithm>

#include <fmt/core.h>

#include "analyzers/checks/detector.h"
#include "formats/io/digits.h"
#include "formats/record/file.h"

namespace tracebraid::analyzers::checks {
namespace {

constexpr std::size_t kNone = std::string_view::npos;

using formats::io::leading_number;

// Of an event, behind its mask: "data={u32=4, u64=4}}", "{u32=4, u64=4}}" or "data=0x4}".
std::optional<std::uint64_t> data_in(std::string_view text) {
  constexpr std::string_view kHex = "data=0x", kBoth = "u64=";
  if (text.starts_with(kHex)) return leading_number<std::uint64_t>(text.substr(kHex.size()), 16);
  const std::size_t at = text.substr(0, text.find('}')).find(kBoth);
  if (at == kNone) return std::nullopt;
  return leading_number<std::uint64_t>(text.substr(at + kBoth.size()));
}

// An epoll that the log gives no number for is known by its process and descriptor.
FileKey key_of(const CallEvent& event) {
  if (event.call.file) return {event.thread.lane, *event.call.file};
  constexpr std::uint64_t kNumberless = std::uint64_t{1} << 63U;
  return {event.thread.lane, kNumberless | event.thread.pid << 24U |
                                 static_cast<std::uint64_t>(event.call.fd.value_or(0))};
}

}  // namespace

bool ReadySet::has(std::optional<std::int64_t> fd) const {
  return fd && std::ranges::any_of(ones, [&](const ReadyOne& one) { return one.fd == fd; });
}

void ReadySets::learn(const CallEvent& event) {
  const auto& call = event.call;
  if (call.syscall != "epoll_ctl" || !call.error.empty() || !call.fd || !call.fd2) return;
  const bool deletes = call.args.find("EPOLL_CTL_DEL") != kNone;
  Watched& watched = epolls_[key_of(event)];
  // What a descriptor is called (-y) stands before it.
  const std::size_t wide = call.args.rfind("data=0x");
  const std::size_t at = wide == kNone ? call.args.rfind("{u32=") : wide;
  const auto data = deletes || at == kNone ? std::nullopt : data_in(call.args.substr(at));
  const auto before = watched.by_fd.find(*call.fd2);
  if (before != watched.by_fd.end()) {
    // As a rule MOD changes the events alone.
    if (data && before->second == *data) {
      watched.by_data[*data] = *call.fd2;
      return;
    }
    const auto same = watched.by_data.find(before->second);
    if (same != watched.by_data.end() && same->second == *call.fd2) watched.by_data.erase(same);
    watched.by_fd.erase(before);
  }
  if (!data || watched.by_fd.size() >= kMostWatched) return;
  watched.by_data[*data] = *call.fd2;
  watched.by_fd[*call.fd2] = *data;
}

void ReadySets::forget(const formats::record::File& file, std::size_t lane) {
  if (file.kind == "epoll") epolls_.erase({lane, file.file});
}

std::optional<std::size_t> ReadySets::watched_by(const CallEvent& event) const {
  const auto found = epolls_.find(key_of(event));
  if (found == epolls_.end()) return std::nullopt;
  return found->second.by_fd.size();
}

const ReadySet& ReadySets::of(const CallEvent& event) {
  ready_.ones.clear();
  ready_.is_known = true;
  ready_.key = 0;
  const auto& call = event.call;
  if (!call.result || *call.result <= 0) return ready_;
  if (call.syscall.starts_with("epoll")) {
    read_epoll(event);
  } else if (call.syscall.ends_with("poll")) {
    read_poll(call.aux);
  } else {
    read_select(call.aux);
  }
  // strace shows the first ones of many.
  if (ready_.ones.empty()) ready_.is_known = false;
  return ready_;
}

void ReadySets::take(std::optional<std::int64_t> fd, std::uint64_t data, std::string_view events) {
  ready_.ones.push_back({fd, data, events});
  if (!fd) ready_.is_known = false;
  // A sum: it is a set.
  ready_.key += formats::io::mixed(fd ? static_cast<std::uint64_t>(*fd) : data, fd ? 1 : 2);
}

void ReadySets::read_epoll(const CallEvent& event) {
  // The name of an epoll, anon_inode:[eventpoll], has none of these.
  std::string_view text = event.call.args;
  const std::size_t begin = std::min(text.find("[{"), text.find("{{"));
  if (begin == kNone) return;
  text.remove_prefix(begin + 1);
  const auto known = epolls_.find(key_of(event));
  while (text.starts_with('{')) {
    const std::size_t comma = text.find(", ");
    if (comma == kNone) return;
    std::string_view events = text.substr(1, comma - 1);
    constexpr std::string_view kEvents = "events=";
    if (events.starts_with(kEvents)) events.remove_prefix(kEvents.size());
    text.remove_prefix(comma + 2);
    const auto data = data_in(text);
    if (!data) return;
    std::optional<std::int64_t> fd;
    if (known != epolls_.end()) {
      const auto found = known->second.by_data.find(*data);
      if (found != known->second.by_data.end()) fd = found->second;
    }
    take(fd, *data, events);
    const std::size_t next = text.find("}, {");
    if (next == kNone) return;
    text.remove_prefix(next + 3);
  }
}

// [{fd=6, revents=POLLIN}, {fd=7<pipe:[5]>, revents=POLLHUP}]
void ReadySets::read_poll(std::string_view text) {
  constexpr std::string_view kFd = "{fd=", kEvents = "revents=";
  for (std::size_t at = text.find(kFd); at != kNone; at = text.find(kFd)) {
    text.remove_prefix(at + kFd.size());
    const auto fd = leading_number<std::uint64_t>(text);
    const std::size_t mask = text.find(kEvents);
    if (!fd || mask == kNone) return;
    text.remove_prefix(mask + kEvents.size());
    take(static_cast<std::int64_t>(*fd), 0, text.substr(0, text.find('}')));
  }
}

// in [4 7], out [5], left {tv_sec=0, tv_nsec=499998467}
void ReadySets::read_select(std::string_view text) {
  for (const std::string_view kind : {"in", "out", "except"}) {
    const std::string start = fmt::format("{} [", kind);
    const std::size_t at = text.find(start);
    if (at == kNone) continue;
    std::string_view list = text.substr(at + start.size());
    while (const auto fd = leading_number<std::uint64_t>(list)) {
      take(static_cast<std::int64_t>(*fd), 0, kind);
      const std::size_t stop = list.find_first_of(" ]");
      if (stop == kNone || list[stop] == ']') break;
      list.remove_prefix(stop + 1);
    }
  }
}

std::string_view told_of_events(std::string_view events) {
  if (events.find("NVAL") != kNone) return "POLLNVAL: the descriptor is not open";
  // POLLRDHUP is another, of which the end is still to be read.
  if (events.find("POLLHUP") != kNone) {
    return "A hang-up (POLLHUP, EPOLLHUP) stays until the descriptor is closed";
  }
  if (events.find("POLLERR") != kNone) {
    return "An error (POLLERR, EPOLLERR) is there to be fetched, by a read or getsockopt(SO_ERROR)";
  }
  return {};
}

std::string shown(const ReadySet& ready) {
  if (ready.ones.empty()) return "a descriptor";
  if (!ready.is_known) {
    const std::uint64_t data = ready.ones.front().data;
    // Many programs give the descriptor's own number.
    constexpr std::uint64_t kMostFds = 1U << 20U;
    const std::string number = data < kMostFds ? fmt::format(" (perhaps descriptor {})", data) : "";
    if (ready.ones.size() > 1) {
      return fmt::format(
          "{} events, of data {:#x}{} and others, whose EPOLL_CTL_ADD the log lacks,",
          ready.ones.size(), data, number);
    }
    return fmt::format("an event of data {:#x}{}, whose EPOLL_CTL_ADD the log lacks,", data,
                       number);
  }
  constexpr std::size_t kShown = 4;
  std::vector<std::int64_t> fds;
  for (const ReadyOne& one : ready.ones) fds.push_back(*one.fd);
  std::ranges::sort(fds);
  fds.erase(std::ranges::unique(fds).begin(), fds.end());
  if (fds.size() == 1) return fmt::format("descriptor {}", fds.front());
  std::string text = "descriptors ";
  const std::size_t count = std::min(fds.size(), kShown);
  for (std::size_t at = 0; at < count; ++at) {
    const bool is_last = at + 1 == fds.size();
    text += fmt::format("{}{}", at == 0 ? "" : is_last ? " and " : ", ", fds[at]);
  }
  if (fds.size() > count) text += fmt::format(" and {} more", fds.size() - count);
  return text;
}

}  // namespace tracebraid::analyzers::checks
