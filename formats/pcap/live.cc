#include "formats/pcap/live.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <exception>
#include <limits>
#include <utility>

#include <pcap/pcap.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "formats/io/error.h"
#include "formats/pcap/libpcap.h"
#include "formats/pcap/link_type.h"

namespace tracebraid::formats::pcap {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::int64_t kSecond = 1'000'000'000;
// How long what the kernel still has is handed on after a signal.
constexpr std::chrono::milliseconds kDraining{200};

std::atomic<int> wake_fd = -1;
std::atomic<bool> stop_asked = false;
static_assert(std::atomic<int>::is_always_lock_free && std::atomic<bool>::is_always_lock_free,
              "used in a signal handler");

extern "C" void ask_to_stop(int) {
  const int saved_errno = errno;
  stop_asked = true;
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wake_fd, &one, sizeof one);
  errno = saved_errno;
}

// Catches the signals that end a capture, once each, as long as it lives.
class StopSignals {
 public:
  StopSignals() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (fd_ < 0) throw io::Error{"", "", "cannot wait for signals: " + io::errno_text(errno)};
    stop_asked = false;
    wake_fd = fd_;
    struct sigaction action {};
    action.sa_handler = ask_to_stop;
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    sigaction(SIGINT, &action, &interrupt_);
    sigaction(SIGTERM, &action, &terminate_);
  }
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;
  ~StopSignals() {
    sigaction(SIGINT, &interrupt_, nullptr);
    sigaction(SIGTERM, &terminate_, nullptr);
    wake_fd = -1;
    ::close(fd_);
  }

  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_;
  struct sigaction interrupt_ {};
  struct sigaction terminate_ {};
};

struct CloseHandle {
  void operator()(pcap_t* handle) const { libpcap().close(handle); }
};
using Handle = std::unique_ptr<pcap_t, CloseHandle>;

[[noreturn]] void fail_to_open(const std::string& interface, int status, const std::string& text) {
  io::Error error{interface, "", "cannot capture: " + io::quoted(text)};
  if (status == PCAP_ERROR_NO_SUCH_DEVICE) {
    error.what = "no such interface";
    for (const std::string& each : live_interfaces()) {
      error.hint += (error.hint.empty() ? "there are " : ", ") + each;
    }
  } else if (status == PCAP_ERROR_PERM_DENIED || status == PCAP_ERROR_PROMISC_PERM_DENIED) {
    error.what = "not allowed to capture on this interface";
    error.hint = "run it as root, or once: setcap cap_net_raw+ep PROGRAM";
  } else if (status == PCAP_ERROR_IFACE_NOT_UP) {
    error.what = "the interface is down";
    error.hint = "ip link set " + interface + " up";
  }
  throw error;
}

Handle open_handle(const LiveOptions& options) {
  char error[PCAP_ERRBUF_SIZE] = "";
  Handle handle(libpcap().create(options.interface.c_str(), error));
  if (!handle) throw io::Error{options.interface, "", "cannot capture: " + io::quoted(error)};
  const auto snaplen = std::min<std::uint32_t>(options.snaplen, std::numeric_limits<int>::max());
  libpcap().set_snaplen(handle.get(), static_cast<int>(snaplen));
  libpcap().set_promisc(handle.get(), options.promiscuous ? 1 : 0);
  libpcap().set_immediate_mode(handle.get(), 1);
  libpcap().set_buffer_size(handle.get(), options.buffer_bytes);
  libpcap().set_tstamp_precision(handle.get(), PCAP_TSTAMP_PRECISION_NANO);  // or microseconds stay
  const int status = libpcap().activate(handle.get());
  if (status < 0) {
    const std::string text = libpcap().geterr(handle.get());
    fail_to_open(options.interface, status, text.empty() ? libpcap().statustostr(status) : text);
  }
  if (!options.filter.empty()) {
    bpf_program program{};
    if (libpcap().compile(handle.get(), &program, options.filter.c_str(), 1,
                          PCAP_NETMASK_UNKNOWN) != 0) {
      throw io::UsageError{"bad filter " + io::quoted("'" + options.filter + "'") + ": " +
                               libpcap().geterr(handle.get()),
                           "see pcap-filter(7)"};
    }
    const int set = libpcap().setfilter(handle.get(), &program);
    libpcap().freecode(&program);
    if (set != 0) fail_to_open(options.interface, PCAP_ERROR, libpcap().geterr(handle.get()));
  }
  // Waiting is done here, where a signal and the end of the time are waited for as well.
  if (libpcap().setnonblock(handle.get(), 1, error) != 0) {
    fail_to_open(options.interface, PCAP_ERROR, error);
  }
  return handle;
}

class Capture final : public LiveCapture {
 public:
  explicit Capture(const LiveOptions& options)
      : handle_(open_handle(options)),
        poll_fd_(libpcap().get_selectable_fd(handle_.get())),
        fraction_ns_(
            libpcap().get_tstamp_precision(handle_.get()) == PCAP_TSTAMP_PRECISION_NANO ? 1 : 1000),
        packets_left_(options.most_packets.value_or(std::numeric_limits<std::uint64_t>::max())) {
    interface_.link_type = link_type_of_dlt(libpcap().datalink(handle_.get()));
    interface_.snaplen = static_cast<std::uint32_t>(std::max(libpcap().snapshot(handle_.get()), 0));
    interface_.name = options.interface;
    if (options.longest) end_ = Clock::now() + *options.longest;
    if (poll_fd_ < 0) fail("this interface cannot be waited for");
  }

  [[nodiscard]] std::size_t read(std::span<Packet> packets) override {
    const std::uint64_t most = std::min<std::uint64_t>(packets.size(), packets_left_);
    if (most == 0) return 0;
    into_ = packets.first(static_cast<std::size_t>(most));
    taken_ = 0;
    bytes_.clear();
    for (;;) {
      if (stop_asked && !draining_) {
        draining_ = true;
        end_ = std::min(end_, Clock::now() + kDraining);
      }
      if (end_ != Clock::time_point::max() && Clock::now() >= end_) return 0;
      const int got = libpcap().dispatch(
          handle_.get(),
          static_cast<int>(std::min<std::uint64_t>(most, std::numeric_limits<int>::max())), take,
          reinterpret_cast<u_char*>(this));
      if (thrown_) std::rethrow_exception(thrown_);
      if (taken_ > 0) break;
      if (got < 0) fail(libpcap().geterr(handle_.get()));
      if (draining_) return 0;
      wait();
    }
    // Only now do the bytes stay where they are.
    const unsigned char* at = bytes_.data();
    for (Packet& each : into_.first(taken_)) {
      each.data = at;
      at += each.captured;
    }
    packets_left_ -= taken_;
    return taken_;
  }

  [[nodiscard]] LiveStatistics statistics() const override {
    pcap_stat counts{};
    if (libpcap().stats(handle_.get(), &counts) != 0) return {};
    return {counts.ps_recv, counts.ps_drop, counts.ps_ifdrop};
  }

 private:
  static void take(u_char* self, const pcap_pkthdr* head, const u_char* bytes) {
    auto& capture = *reinterpret_cast<Capture*>(self);
    if (capture.thrown_ || capture.taken_ == capture.into_.size()) return;
    try {
      capture.bytes_.insert(capture.bytes_.end(), bytes, bytes + head->caplen);
    } catch (...) {
      // Not to be thrown through C.
      capture.thrown_ = std::current_exception();
      return;
    }
    capture.into_[capture.taken_++] = {
        .data = nullptr,
        .captured = head->caplen,
        .length = std::max(head->len, head->caplen),
        .ts_ns = std::int64_t{head->ts.tv_sec} * kSecond + head->ts.tv_usec * capture.fraction_ns_,
        .interface = &capture.interface_};
  }

  void wait() {
    int timeout_ms = -1;
    if (end_ != Clock::time_point::max()) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(end_ - Clock::now()).count();
      timeout_ms = static_cast<int>(std::clamp<std::int64_t>(left, 0, 1'000'000));
    }
    pollfd waited_for[] = {{poll_fd_, POLLIN, 0}, {signals_.fd(), POLLIN, 0}};
    if (::poll(waited_for, std::size(waited_for), timeout_ms) < 0 && errno != EINTR) {
      fail(io::errno_text(errno));
    }
  }

  [[noreturn]] void fail(const std::string& what) const {
    throw io::Error{interface_.name, "", io::quoted(what)};
  }

  Handle handle_;
  StopSignals signals_;
  int poll_fd_;
  std::int64_t fraction_ns_;
  std::uint64_t packets_left_;
  Clock::time_point end_ = Clock::time_point::max();
  bool draining_ = false;
  Interface interface_;
  std::span<Packet> into_;
  std::size_t taken_ = 0;
  std::vector<unsigned char> bytes_;  // of the packets handed out
  std::exception_ptr thrown_;
};

}  // namespace

std::unique_ptr<LiveCapture> open_live(const LiveOptions& options) {
  return std::make_unique<Capture>(options);
}

std::vector<std::string> live_interfaces() {
  std::vector<std::string> names;
  char error[PCAP_ERRBUF_SIZE] = "";
  pcap_if_t* first = nullptr;
  if (libpcap().findalldevs(&first, error) != 0) return names;
  for (const pcap_if_t* each = first; each != nullptr; each = each->next) {
    names.emplace_back(each->name);
  }
  libpcap().freealldevs(first);
  return names;
}

}  // namespace tracebraid::formats::pcap
