// Sends that took a part of the data, and whose rest was never sent.

#include <algorithm>
#include <map>

#include <fmt/core.h>

#include "analyzers/checks/checks.h"
#include "analyzers/sockets/life.h"
#include "analyzers/util/shown.h"

namespace tracebraid::analyzers::checks {
namespace {

// The number of bytes that a call was given: the third argument, behind a quoted text.
std::optional<std::uint64_t> given_bytes(std::string_view args) {
  std::size_t at = args.find('"');
  if (at == std::string_view::npos) return std::nullopt;
  for (++at; at < args.size() && args[at] != '"'; ++at) {
    if (args[at] == '\\') ++at;
  }
  at = args.find(", ", at);
  if (at == std::string_view::npos) return std::nullopt;
  at += 2;
  std::uint64_t number = 0;
  std::size_t digits = 0;
  while (at + digits < args.size() && digits < 18 && args[at + digits] >= '0' &&
         args[at + digits] <= '9') {
    number = number * 10 + static_cast<std::uint64_t>(args[at + digits++] - '0');
  }
  if (digits == 0) return std::nullopt;
  return number;
}

struct Rest {
  std::uint64_t bytes = 0;
  Finding finding;
};

class PartialWrite final : public Detector {
 public:
  using Detector::Detector;

  [[nodiscard]] Interest interest() const override { return {.sends = true}; }

  void call(const CallEvent& event) override {
    const auto& call = event.call;
    if (!event.name.sends || event.socket == nullptr || event.socket->kind != "tcp") return;
    const FileKey place = event.socket->key();
    const auto forget = [&] {
      rests_.erase(place);
      let_go(*event.socket);
    };
    if (!call.error.empty() || !call.bytes) {
      if (keeps(*event.socket) && call.error != "EAGAIN") forget();
      return;
    }
    const std::optional<std::uint64_t> given = given_bytes(call.args);
    if (keeps(*event.socket)) {
      // The rest, perhaps with more behind it.
      Rest& rest = rests_[place];
      if (given && *given < rest.bytes) add(rest);
      forget();
    }
    if (!given || *given <= *call.bytes) return;
    keep(*event.socket);
    Rest& rest = rests_[place];
    rest.bytes = *given - *call.bytes;
    rest.finding = {};
    set_call(rest.finding, event);
    rest.finding.evidence.push_back(
        fmt::format("{}, {} bytes too few", scene_.evidence(call), shown_count(rest.bytes)));
  }

  void socket(const SocketLife& life, const formats::record::Socket& socket) override {
    (void)socket;
    if (!keeps(life)) return;
    const auto found = rests_.find(life.key());
    // One that was reset has no use for the rest; neither has a log that ended.
    const bool is_over = !life.ended_by.empty();
    const bool is_broken = life.by_error.has("EPIPE") || life.by_error.has("ECONNRESET");
    if (is_over && !is_broken) add(found->second);
    rests_.erase(found);
  }

  void finish() override {
    if (count_ == 0) return;
    finding_.count = count_;
    finding_.summary = fmt::format(
        "{} took a part of the data only, and the rest was never sent: {} bytes are missing",
        counted(count_, "send", "sends"), shown_count(bytes_));
    finding_.hint = "send() returns how much it took: go on from there, or use sendall()";
    finding_.function = scene_.function("sendto", count_);
    report(std::move(finding_));
  }

 private:
  void add(Rest& rest) {
    if (count_++ == 0) {
      finding_ = std::move(rest.finding);
    } else {
      constexpr std::size_t kShown = 3;
      if (finding_.evidence.size() < kShown) {
        finding_.evidence.push_back(rest.finding.evidence.front());
      }
      finding_.last_ts = rest.finding.ts;
    }
    bytes_ += rest.bytes;
  }

  std::map<FileKey, Rest> rests_;
  Finding finding_;
  std::uint64_t count_ = 0, bytes_ = 0;
};

}  // namespace

extern constinit const Check kPartialWrite = {
    .id = "partial_write",
    .title = "a send took a part of the data, and the rest was not sent",
    .explain =
        "A send on a TCP socket returned fewer bytes than it was given, and the next send on the "
        "socket was given fewer bytes than were left, or there was none before the socket was "
        "closed (which file records tell of a stream).",
    .needs = "log",
    .make = &make_detector<PartialWrite>,
};

}  // namespace tracebraid::analyzers::checks
