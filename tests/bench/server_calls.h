// The strace log (-f -ttt -T -yy) of a server that a made-up capture's flows come to: its processes
// share the listeners, the threads of each its descriptors. A thread accepts a connection when its
// handshake is over, waits in epoll_wait for data and receives it some microseconds up to
// milliseconds later, and sends what the capture shows as sent a little before. As strace does it,
// a line is broken off when another thread's event comes before the call's end.
//   1003  1700000011.201733 recvfrom(9<TCP:[198.19.0.3:8001->198.18.0.7:40000]>, "abcd"..., 65536,
//   0, NULL, NULL) = 96 <0.000011>
// Calls are told of in nearly the order of time: none begins half a second before one that was
// told.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <functional>
#include <queue>
#include <string>
#include <string_view>
#include <vector>

namespace bench {

// One flow's socket at the server.
struct Served {
  bool is_open = false;
  std::uint32_t process = 0;
  std::uint32_t fd = 0;
  std::uint64_t ready_us = 0;  // when the last call on it will have returned
  std::string ends;            // "TCP:[198.19.0.3:8001->198.18.0.7:40000]"
};

class CallLog {
 public:
  static constexpr std::uint32_t kProcesses = 8;
  static constexpr std::uint32_t kThreads = 32;  // of each
  static constexpr std::uint64_t kDisorderUs = 500'000;

  struct Sums {
    std::uint64_t lines = 0, bytes = 0, calls = 0, accepted = 0, bytes_in = 0, bytes_out = 0;
  };

  // `seconds`: of the capture's beginning, since 1970.
  CallLog(std::FILE* out, std::uint64_t seconds) : out_(out), start_us_(seconds * 1'000'000) {
    for (std::uint32_t process = 0; process < kProcesses; ++process) {
      free_until_.emplace_back(kThreads, 0);
      next_fd_.push_back(kFirstFd);
      unused_.emplace_back();
    }
  }

  // The parent listens and forks; each process starts its threads. Before everything else.
  void begin(const std::vector<std::string>& listeners, const std::vector<std::string>& sockets) {
    std::uint64_t at = 0;
    const auto line = [&](std::uint32_t pid, const std::string& given, const std::string& result) {
      call(pid, at, at + 20, given, result);
      at += 30;
    };
    std::uint32_t fd = 3;
    for (const std::string& listener : listeners) add_socket(line, fd++, listener, true);
    for (const std::string& socket : sockets) add_socket(line, fd++, socket, false);
    for (std::uint32_t process = 0; process < kProcesses; ++process) {
      const std::uint32_t pid = pid_of(process, 0);
      line(kParent,
           "clone(child_stack=NULL, flags=CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID|SIGCHLD, ",
           "child_tidptr=0x7f5b7d2d9a10) = " + std::to_string(pid));
      line(pid, "epoll_create1(EPOLL_CLOEXEC",
           ") = " + std::to_string(kEpoll) + "<anon_inode:[eventpoll]>");
      for (std::uint32_t thread = 1; thread < kThreads; ++thread) {
        line(pid,
             "clone3({flags=CLONE_VM|CLONE_FS|CLONE_FILES|CLONE_SIGHAND|CLONE_THREAD|CLONE_SYSVSEM|"
             "CLONE_SETTLS|CLONE_PARENT_SETTID|CLONE_CHILD_CLEARTID, child_tid=0x7f0158e97910, "
             "stack=0x7f0158697000, stack_size=0x7ff900, tls=0x7f0158e97640}",
             " => {parent_tid=[" + std::to_string(pid + thread) +
                 "]}, 88) = " + std::to_string(pid + thread));
      }
    }
    write_until(UINT64_MAX);
  }

  // A thread of the process that does nothing at that time, and as far as possible until `until`.
  // The call is not before `at` unless all are busy then.
  std::uint64_t call_of(std::uint32_t process, std::uint64_t at, std::uint64_t duration,
                        std::string given, std::string result) {
    std::vector<std::uint64_t>& busy = free_until_[process];
    std::size_t chosen = 0;
    for (std::size_t thread = 0; thread < busy.size(); ++thread) {
      if (busy[thread] <= at) {
        chosen = thread;
        break;
      }
      if (busy[thread] < busy[chosen]) chosen = thread;
    }
    const std::uint64_t begin = std::max(at, busy[chosen]);
    busy[chosen] = begin + duration + 1;
    call(pid_of(process, static_cast<std::uint32_t>(chosen)), begin, begin + duration,
         std::move(given), std::move(result));
    return begin + duration;
  }

  // The same for a call on a socket, behind the one before.
  void call_on(Served& served, std::uint64_t at, std::uint64_t duration, std::string given,
               std::string result) {
    served.ready_us = call_of(served.process, std::max(at, served.ready_us + 1), duration,
                              std::move(given), std::move(result));
  }

  void accept(Served& served, std::uint64_t at, std::uint64_t number, std::uint32_t listener_fd,
              const std::string& listener, const std::string& peer_address,
              const std::string& size) {
    served.is_open = true;
    served.process = static_cast<std::uint32_t>(number % kProcesses);
    Unused& unused = unused_[served.process];
    if (unused.empty() || unused.front().from_us >= at) {
      served.fd = next_fd_[served.process]++;
    } else {
      served.fd = unused.front().fd;
      unused.pop_front();
    }
    wait_for(served.process, at, listener_fd, 90);
    served.ready_us = 0;
    call_on(served, at, 24, "accept4(" + std::to_string(listener_fd) + "<" + listener + ">, ",
            peer_address + ", " + size + ", SOCK_CLOEXEC) = " + shown(served));
    call_on(served, at + 30, 9,
            "epoll_ctl(" + std::to_string(kEpoll) + "<anon_inode:[eventpoll]>, EPOLL_CTL_ADD, " +
                shown(served) + ", {events=EPOLLIN, data={u32=" + std::to_string(served.fd) +
                ", u64=" + std::to_string(served.fd) + "}}",
            ") = 0");
    ++sums_.accepted;
  }

  void receive(Served& served, std::uint64_t at, std::string_view payload, std::uint64_t length) {
    wait_for(served.process, at, served.fd, 40);
    call_on(served, at, 11, "recvfrom(" + shown(served) + ", ",
            quoted(payload, length) + ", 65536, 0, NULL, NULL) = " + std::to_string(length));
    sums_.bytes_in += length;
  }

  void send(Served& served, std::uint64_t at, std::string_view payload, std::uint64_t length) {
    call_on(served, at, 38,
            "sendto(" + shown(served) + ", " + quoted(payload, length) + ", " +
                std::to_string(length) + ", MSG_NOSIGNAL, NULL, 0",
            ") = " + std::to_string(length));
    sums_.bytes_out += length;
  }

  // recv that ends, with what it shows ("\"\", 65536, 0, NULL, NULL) = 0"), and close.
  void finish(Served& served, std::uint64_t at, const std::string& last) {
    if (!last.empty()) {
      wait_for(served.process, at, served.fd, 40);
      call_on(served, at, 8, "recvfrom(" + shown(served) + ", ", last);
    }
    call_on(served, at + 60, 17, "close(" + shown(served), ") = 0");
    // Nearly in order of time.
    Unused& unused = unused_[served.process];
    unused.push_back(
        {served.fd, std::max(served.ready_us, unused.empty() ? 0 : unused.back().from_us)});
    served.is_open = false;
  }

  // A datagram, by the process of that number.
  void datagram(std::uint64_t number, bool is_sent, std::uint64_t at, std::uint32_t fd,
                const std::string& socket, std::string_view payload, std::uint64_t length,
                const std::string& peer_address, std::uint32_t address_size) {
    const auto process = static_cast<std::uint32_t>(number % kProcesses);
    const std::string text = std::to_string(fd) + "<" + socket + ">, ";
    const std::string bytes = quoted(payload, length);
    const std::string size = std::to_string(address_size);
    if (is_sent) {
      call_of(process, at, 30,
              "sendto(" + text + bytes + ", " + std::to_string(length) + ", 0, " + peer_address +
                  ", " + size,
              ") = " + std::to_string(length));
    } else {
      wait_for(process, at, fd, 40);
      call_of(process, at, 14, "recvfrom(" + text,
              bytes + ", 65535, 0, " + peer_address + ", [128 => " + size +
                  "]) = " + std::to_string(length));
    }
  }

  // Nothing will begin before.
  void write_until(std::uint64_t now_us) {
    while (!events_.empty() && (now_us == UINT64_MAX || events_.top().at + kDisorderUs < now_us)) {
      // priority_queue gives constant references only; it is popped at once.
      Event event = std::move(const_cast<Event&>(events_.top()));
      events_.pop();
      write(event);
    }
  }

  bool end() {
    write_until(UINT64_MAX);
    if (open_pid_ != 0) break_off();
    return flush();
  }

  [[nodiscard]] const Sums& sums() const { return sums_; }

 private:
  static constexpr std::uint32_t kParent = 999, kFirstPid = 1000;
  static constexpr std::uint32_t kEpoll = 100, kFirstFd = 101;
  static constexpr std::size_t kBlock = 1U << 20;

  // A descriptor that was closed.
  struct ClosedFd {
    std::uint32_t fd;
    std::uint64_t from_us;  // free from then on
  };
  using Unused = std::deque<ClosedFd>;

  struct Event {
    std::uint64_t at = 0, order = 0;
    std::uint32_t pid = 0;
    bool is_end = false;
    std::uint64_t duration = 0;  // of an end
    std::string text;
    std::string name;
    bool operator>(const Event& other) const {
      return at != other.at ? at > other.at : order > other.order;
    }
  };
  using Queue = std::priority_queue<Event, std::vector<Event>, std::greater<>>;

  static std::uint32_t pid_of(std::uint32_t process, std::uint32_t thread) {
    return kFirstPid + process * 100 + thread;
  }
  static std::string shown(const Served& served) {
    return std::to_string(served.fd) + "<" + served.ends + ">";
  }
  // strace's -s 32.
  static std::string quoted(std::string_view payload, std::uint64_t length) {
    constexpr std::uint64_t kMost = 32;
    std::string text = "\"";
    text.append(payload.substr(0, std::min(length, kMost))).append("\"");
    return length > kMost ? text + "..." : text;
  }

  template <typename LineOf>
  static void add_socket(LineOf& line, std::uint32_t fd, const std::string& ends, bool listens) {
    const bool is_v6 = ends.find("v6") != std::string::npos;
    const std::string number = std::to_string(fd);
    const std::string port = ends.substr(ends.rfind(':') + 1, ends.size() - ends.rfind(':') - 2);
    line(kParent,
         std::string("socket(") + (is_v6 ? "AF_INET6" : "AF_INET") +
             (listens ? ", SOCK_STREAM" : ", SOCK_DGRAM") + "|SOCK_CLOEXEC, IPPROTO_IP",
         ") = " + number + "<" + ends.substr(0, ends.find('[')) + "[" + std::to_string(5000 + fd) +
             "]>");
    line(kParent,
         "bind(" + number + "<" + ends.substr(0, ends.find('[')) + "[" + std::to_string(5000 + fd) +
             "]>, " +
             (is_v6 ? "{sa_family=AF_INET6, sin6_port=htons(" + port +
                          "), sin6_flowinfo=htonl(0), inet_pton(AF_INET6, \"::\", &sin6_addr), "
                          "sin6_scope_id=0}, 28"
                    : "{sa_family=AF_INET, sin_port=htons(" + port +
                          "), sin_addr=inet_addr(\"0.0.0.0\")}, 16"),
         ") = 0");
    if (listens) line(kParent, "listen(" + number + "<" + ends + ">, 4096", ") = 0");
  }

  // epoll_wait that ends a little before `at`, in the thread that is free then.
  void wait_for(std::uint32_t process, std::uint64_t at, std::uint32_t fd, std::uint64_t duration) {
    const std::string number = std::to_string(fd);
    call_of(process, at - std::min(at, duration + 4), duration,
            "epoll_wait(" + std::to_string(kEpoll) + "<anon_inode:[eventpoll]>, ",
            "[{events=EPOLLIN, data={u32=" + number + ", u64=" + number + "}}], 1023, -1) = 1");
  }

  void call(std::uint32_t pid, std::uint64_t begin, std::uint64_t end, std::string given,
            std::string result) {
    std::string name = given.substr(0, given.find('('));
    events_.push({begin, ++order_, pid, false, 0, std::move(given), name});
    events_.push({end, ++order_, pid, true, end - begin, std::move(result), std::move(name)});
  }

  void write(const Event& event) {
    if (!event.is_end) {
      begin_line(event);
      text_ += event.text;
      open_pid_ = event.pid;
      return;
    }
    if (open_pid_ == event.pid) {
      open_pid_ = 0;
    } else {
      begin_line(event);
      text_ += "<... ";
      text_ += event.name;
      text_ += " resumed>";
    }
    text_ += event.text;
    std::array<char, 48> tail{};
    const int size = std::snprintf(tail.data(), tail.size(), " <%llu.%06llu>",
                                   static_cast<unsigned long long>(event.duration / 1'000'000),
                                   static_cast<unsigned long long>(event.duration % 1'000'000));
    text_.append(tail.data(), static_cast<std::size_t>(size));
    ++sums_.calls;
    end_line();
  }

  void begin_line(const Event& event) {
    if (open_pid_ != 0) break_off();
    const std::uint64_t at = start_us_ + event.at;
    std::array<char, 48> head{};
    const int size = std::snprintf(head.data(), head.size(), "%-5u %llu.%06llu ", event.pid,
                                   static_cast<unsigned long long>(at / 1'000'000),
                                   static_cast<unsigned long long>(at % 1'000'000));
    text_.append(head.data(), static_cast<std::size_t>(size));
  }

  void break_off() {
    text_ += " <unfinished ...>";
    open_pid_ = 0;
    end_line();
  }

  void end_line() {
    text_ += '\n';
    ++sums_.lines;
    if (text_.size() >= kBlock) flush();
  }

  bool flush() {
    sums_.bytes += text_.size();
    good_ = good_ && std::fwrite(text_.data(), 1, text_.size(), out_) == text_.size();
    text_.clear();
    return good_ && std::fflush(out_) == 0;
  }

  std::FILE* out_;
  std::uint64_t start_us_;
  std::vector<std::vector<std::uint64_t>> free_until_;  // by process, thread
  std::vector<std::uint32_t> next_fd_;
  std::vector<Unused> unused_;
  Queue events_;
  std::uint64_t order_ = 0;
  std::uint32_t open_pid_ = 0;  // whose line has no end yet
  std::string text_;
  Sums sums_;
  bool good_ = true;
};

}  // namespace bench
