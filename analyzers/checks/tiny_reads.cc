// Sockets and files that are read byte by byte.

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include <fmt/core.h>

#include "analyzers/checks/checks.h"
#include "analyzers/checks/sockets.h"
#include "analyzers/checks/waste.h"
#include "analyzers/sockets/life.h"
#include "analyzers/util/shown.h"
#include "formats/record/syscall.h"

namespace tracebraid::analyzers::checks {
namespace {

constexpr std::string_view kCalls[] = {"recvfrom", "recv", "read", "pread64"};
constexpr std::uint64_t kMany = 200;
constexpr std::uint64_t kFew = 30;
constexpr std::uint64_t kPercent = 30;

// Whether one byte was asked for: recvfrom(4, "G", 1, 0, NULL, NULL), read(4, "G", 1).
bool asks_for_one(std::string_view args) {
  const std::size_t quote = args.find('"');
  if (quote == std::string_view::npos) return false;
  // Of one byte the string is short: "G", "\n", "\377", "\"".
  constexpr std::size_t kLongest = 8;
  const std::size_t end = args.find("\", ", quote + 1);
  if (end == std::string_view::npos || end - quote > kLongest) return false;
  const std::string_view rest = args.substr(end + 3);
  return rest == "1" || rest.starts_with("1, ");
}

class TinyReads final : public Detector {
 public:
  using Detector::Detector;

  [[nodiscard]] Interest interest() const override { return {.calls = kCalls}; }

  // A shell reads pipes and terminals so, since it must not take what its children want.
  void call(const CallEvent& event) override {
    const auto& call = event.call;
    if (call.bytes != 1U || !asks_for_one(call.args)) return;
    const bool is_file =
        call.kind == "file" && call.path.starts_with("/") && !call.path.starts_with("/dev/");
    const bool is_receive = event.name.text.starts_with("recv");
    const bool is_socket = call.kind == "tcp" || call.kind == "unix" ||
                           (is_receive && (call.kind.empty() || call.kind == "socket"));
    if (!is_file && !is_socket) return;
    std::string what = is_file ? "the file " + std::string(call.path)
                       : event.socket != nullptr
                           ? of_socket(*event.socket)
                           : fmt::format("descriptor {}", call.fd.value_or(0));
    if (sums_.size() >= kMost && !sums_.contains(what)) return;
    Sum& sum = sums_[std::move(what)];
    sum.add(event);
    if (event.socket == nullptr || event.socket->file == sum.last_file) return;
    sum.last_file = event.socket->file;
    ++sum.sockets;
  }

  void finish() override {
    for (auto& [what, sum] : sums_) {
      if (!is_much(sum.count, kMany, kFew, scene_.calls(), kPercent)) continue;
      Finding finding = sum.finding(scene_);
      finding.summary = fmt::format("{} {} read byte by byte: {} calls of {} for 1 byte each{}",
                                    what, sum.sockets > 1 ? "are" : "is", shown_count(sum.count),
                                    sum.first.call().syscall, sum.shown_time());
      finding.function = scene_.function(sum.first.call().syscall, sum.count);
      finding.hint =
          "read more at once, or through a buffer: sock.makefile(\"rb\"), io.BufferedReader";
      report(std::move(finding));
    }
  }

 private:
  static constexpr std::size_t kMost = 10'000;
  struct Sum : CallSum {
    std::uint64_t last_file = 0, sockets = 0;
  };

  // All connections to one server, or of one listener, together.
  static std::string of_socket(const SocketLife& life) {
    if (life.kind == "unix") return "the unix socket " + life.path;
    return life.listener ? "connections of clients to " + shown_end(life.local)
                         : "the connection to " + shown_end(life.peer);
  }

  std::map<std::string, Sum> sums_;
};

}  // namespace

extern constinit const Check kTinyReads = {
    .id = "tiny_reads",
    .title = "a socket or file is read byte by byte",
    .explain =
        "Calls asked for 1 byte and got it, 200 times or more of one server, listener or file (or "
        "30 times, and that is 30 % of all calls). Pipes and terminals do not count: a shell reads "
        "them so on purpose.\n\n"
        "  recvfrom(4<TCP:[…]>, \"G\", 1, 0, NULL, NULL) = 1\n"
        "  recvfrom(4<TCP:[…]>, \"E\", 1, 0, NULL, NULL) = 1\n"
        "  recvfrom(4<TCP:[…]>, \"T\", 1, 0, NULL, NULL) = 1",
    .needs = "log",
    .make = &make_detector<TinyReads>,
};

}  // namespace tracebraid::analyzers::checks
