#include "analyzers/checks/dns.h"

#include <utility>

#include "formats/record/syscall.h"
#include "formats/strace/line.h"

namespace tracebraid::analyzers::checks {
namespace {

std::string_view first_label(std::string_view name) {
  return name.substr(0, name.find('.'));
}

// The question's name; `at` is behind it then. What is cut is taken as far as it goes.
std::string name_at(std::string_view bytes, std::size_t& at) {
  constexpr std::size_t kMostLabel = 63;
  std::string name;
  while (at < bytes.size()) {
    const auto length = static_cast<unsigned char>(bytes[at]);
    ++at;
    if (length == 0) return name;
    if (length > kMostLabel) break;
    if (!name.empty()) name += '.';
    name += bytes.substr(at, length);
    at += length;
  }
  at = std::string_view::npos;
  return name;
}

// The message in strace's string that begins with the quote at `at`: "\22\64\1redis" (octal, with
// -x and -xx \x12), as far as it is printed.
std::optional<DnsMessage> message_at(std::string_view args, std::size_t at) {
  std::string_view text = formats::strace::quoted_string(args.substr(at));
  if (text.empty()) return std::nullopt;
  text.remove_prefix(1);
  text.remove_suffix(1);
  std::string bytes;
  formats::strace::append_unescaped(bytes, text);
  return dns_message(bytes);
}

}  // namespace

std::optional<DnsMessage> dns_message(std::string_view bytes) {
  constexpr std::size_t kHeader = 12;
  if (bytes.size() < kHeader) return std::nullopt;
  const auto byte = [&](std::size_t at) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[at]));
  };
  DnsMessage message;
  message.id = static_cast<std::uint16_t>(byte(0) << 8U | byte(1));
  message.is_answer = (byte(2) & 0x80U) != 0;
  message.rcode = static_cast<std::uint8_t>(byte(3) & 0x0FU);
  message.answers = byte(6) << 8U | byte(7);
  if ((byte(4) << 8U | byte(5)) == 0) return message;
  std::size_t at = kHeader;
  message.name = name_at(bytes, at);
  if (at != std::string_view::npos && at + 2 <= bytes.size()) {
    message.type = static_cast<std::uint16_t>(byte(at) << 8U | byte(at + 1));
  }
  return message;
}

std::vector<DnsMessage> dns_messages(const formats::record::Syscall& call) {
  std::vector<DnsMessage> messages;
  const std::string_view args = call.args;
  constexpr std::string_view kVector = "iov_base=\"";
  std::size_t at = args.find(kVector);
  if (at == std::string_view::npos) {
    // The buffer is the second argument; other strings are those of addresses.
    at = args.find(", \"");
    if (at == std::string_view::npos || args.find(", ") != at) return messages;
    if (auto message = message_at(args, at + 2)) messages.push_back(std::move(*message));
    return messages;
  }
  for (; at != std::string_view::npos; at = args.find(kVector, at)) {
    at += kVector.size();
    if (auto message = message_at(args, at - 1)) messages.push_back(std::move(*message));
  }
  return messages;
}

std::string question_of(const DnsMessage& message, std::uint64_t bytes) {
  if (message.type != 0) return message.name;
  return message.name + "… (" + std::to_string(bytes) + " bytes)";
}

std::optional<LookUps::Done> LookUps::query(std::string_view name, std::uint64_t count) {
  std::optional<Done> ended;
  const bool goes_on = open_ && first_label(open_->name) == first_label(name) && !is_known_ &&
                       (name == open_->last || (is_answered_ && name != open_->name));
  if (!goes_on) {
    ended = end();
    open_ = Done{std::string(name), std::string(name), 1, 0, 0};
    is_answered_ = is_known_ = false;
  } else if (name != open_->last) {
    ++open_->names;
    open_->last = name;
    is_answered_ = false;
  }
  open_->queries += count;
  return ended;
}

void LookUps::answer(std::uint8_t rcode, std::uint64_t count) {
  if (!open_) return;
  is_answered_ = true;
  if (rcode == kNameError) {
    open_->unknown += count;
  } else if (rcode == 0) {
    is_known_ = true;
  }
}

std::optional<LookUps::Done> LookUps::end() {
  return std::exchange(open_, std::nullopt);
}

void SearchSum::add(const std::optional<LookUps::Done>& done) {
  if (!done || done->names < 2 || done->unknown == 0) return;
  ++look_ups;
  queries += done->queries;
  unknown += done->unknown;
  if (done->queries > worst.queries) worst = *done;
}

}  // namespace tracebraid::analyzers::checks
