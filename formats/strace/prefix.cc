// What stands in front of a body: `prefix` of the grammar in line.cc.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "formats/strace/scan.h"

namespace tracebraid::formats::strace {
namespace {

// Linux has 4,194,304 ids at most (PID_MAX_LIMIT); who wrote more than that is damaged, not
// refused.
constexpr std::uint64_t kMostPid = 4'194'304'000;

// Whether a number that stands now is no thread's id any more.
bool has_time(const Prefix& prefix) {
  return prefix.stamp != Stamp::kNone || prefix.has_delta;
}

// "1795418241.520582 ": -ttt's usual form.
const char* take_usual_epoch(const char* at, const char* end, Prefix& prefix) {
  if (!io::kTakesEight || end - at < 20 || at[10] != '.' || at[17] != ' ') return nullptr;
  // Digits 0 to 7; then, around the point, 9 and 10 of the seconds and the six behind it.
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  const std::uint64_t seconds_end = io::eight_bytes(at + 8) & 0xFFFFU;
  const std::uint64_t fraction = io::eight_bytes(at + 9) & 0xFFFFFFFFFFFF0000U;
  if (!io::parse_eight(io::eight_bytes(at), high) ||
      !io::parse_eight(seconds_end | fraction, low)) {
    return nullptr;
  }
  const std::uint64_t micro = low % 1'000'000;
  const std::uint64_t seconds = high * 100 + low / 1'000'000;
  if (seconds >= static_cast<std::uint64_t>(io::kFarthestNs / kSecond)) return nullptr;
  prefix.stamp = Stamp::kEpoch;
  prefix.time_ns = static_cast<std::int64_t>(seconds * 1'000'000'000 + micro * 1000);
  prefix.resolution_ns = 1000;
  return at + 18;
}

// Ids are padded to five columns behind them; -r's blanks come on top, and belong to its number.
const char* skip_padding(const char* begin, const char* at, const char* end) {
  constexpr std::ptrdiff_t kColumns = 6;
  while (at < end && *at == ' ' && at - begin < kColumns) ++at;
  return at;
}

// "30311 1795418241.520582 ": what most logs are made of. Null when it is anything else; `prefix`
// is as new then.
const char* take_usual_prefix(const char* at, const char* end, Prefix& prefix) {
  const char* const begin = at;
  std::uint32_t pid = 0;
  at = take_digits(at, end, 7, pid);
  if (pid == 0 || at >= end || *at != ' ') return nullptr;
  at = take_usual_epoch(skip_padding(begin, at + 1, end), end, prefix);
  if (at == nullptr) return nullptr;
  if (*at == ' ' || *at == '(' || *at == '[' || is_digit(*at)) {  // -r, -n or -i come behind it
    prefix = Prefix{};
    return nullptr;
  }
  prefix.pid = pid;
  return at;
}

// "<sh>" behind an id (-Y), which has none as a rule.
const char* take_comm(const char* at, const char* end, std::string_view& comm) {
  if (at >= end || *at != '<') return at;
  const char* const behind = skip_annotation(at, end);
  if (behind != nullptr) comm = view(at + 1, behind - 1);
  return behind;
}

// "[pid 28484] ", "[pid 31272<sh>] ": on standard error, and only while there are several threads.
const char* take_bracketed_pid(const char* at, const char* end, Prefix& prefix) {
  constexpr std::string_view kBegin = "[pid ";
  if (!is_at(at, end, kBegin)) return nullptr;
  const char* const digits = skip_blanks(at + kBegin.size(), end);
  std::uint64_t pid = 0;
  at = take_digits(digits, end, 10, pid);
  if (at == digits) return nullptr;
  at = take_comm(at, end, prefix.comm);
  if (at == nullptr || !is_at(at, end, "] ")) return nullptr;
  prefix.pid = static_cast<std::uint32_t>(pid);
  prefix.is_bracketed = true;
  return at + 2;
}

// "30311 ", "4     ", "28598<strace> ": first of all (-f -o).
const char* take_pid(const char* at, const char* end, Prefix& prefix) {
  const char* const begin = at;
  std::uint64_t pid = 0;
  std::string_view comm;
  at = take_comm(take_digits(at, end, 18, pid), end, comm);
  if (at == nullptr || at >= end || *at != ' ' || pid == 0 || pid > kMostPid) return nullptr;
  prefix.pid = static_cast<std::uint32_t>(pid);
  if (!comm.empty()) prefix.comm = comm;
  return skip_padding(begin, at + 1, end);
}

// "07:17:21 ", "07:17:21.570822 ".
const char* take_time_of_day(const char* at, const char* end, Prefix& prefix) {
  std::array<std::int64_t, 3> parts{};  // hours, minutes, seconds
  for (std::size_t part = 0; part < parts.size(); ++part) {
    if (part > 0) {
      if (!is_at(at, end, ":")) return nullptr;
      ++at;
    }
    const char* const digits = at;
    at = take_digits(at, end, 2, parts[part]);
    if (at - digits != 2) return nullptr;
  }
  std::int64_t fraction_ns = 0;
  std::int64_t unit_ns = 0;
  at = take_fraction(at, end, fraction_ns, unit_ns);
  // A leap second is the 61st.
  if (!is_at(at, end, " ") || parts[0] > 24 || parts[1] > 59 || parts[2] > 60) return nullptr;
  prefix.stamp = Stamp::kTimeOfDay;
  prefix.time_ns = ((parts[0] * 60 + parts[1]) * 60 + parts[2]) * kSecond + fraction_ns;
  prefix.resolution_ns = unit_ns;
  return at + 1;
}

// "1795418241 ", "1795418241.536688367 " (-ttt), or "     0.000028 " (-r).
const char* take_time(const char* at, const char* end, bool is_epoch, Prefix& prefix) {
  std::int64_t ns = 0;
  std::int64_t unit_ns = 0;
  at = take_seconds(at, end, ns, unit_ns);
  if (at == nullptr || !is_at(at, end, " ")) return nullptr;
  if (is_epoch) {
    if (has_time(prefix)) return nullptr;
    prefix.stamp = Stamp::kEpoch;
    prefix.time_ns = ns;
    prefix.resolution_ns = unit_ns;
    return at + 1;
  }
  if (prefix.has_delta) return nullptr;
  prefix.has_delta = true;
  prefix.delta_ns = ns;
  if (prefix.stamp == Stamp::kNone) prefix.resolution_ns = unit_ns;
  return at + 1;
}

// What begins with a digit; `begin` is where the line does.
const char* take_number(const char* begin, const char* at, const char* end, Prefix& prefix) {
  if (!has_time(prefix)) {
    const char* const behind = take_usual_epoch(at, end, prefix);
    if (behind != nullptr) return behind;
  }
  std::int64_t number = 0;
  const char* const behind = take_digits(at, end, 18, number);
  if (behind >= end) return nullptr;
  const std::ptrdiff_t count = behind - at;
  if (*behind == ':' && count == 2) return take_time_of_day(at, end, prefix);
  // No id has nine digits, and since 1973 no time has less.
  const bool is_epoch = count >= 9;
  const bool is_behind_id = prefix.pid != 0 || at != begin;
  if (is_epoch || *behind == '.' || (*behind == ' ' && is_behind_id)) {
    return take_time(at, end, is_epoch, prefix);
  }
  return at == begin ? take_pid(at, end, prefix) : nullptr;
}

// "(+     0.000100) ": -r behind another time.
const char* take_delta(const char* at, const char* end, Prefix& prefix) {
  if (!is_at(at, end, "(+")) return nullptr;
  std::int64_t ns = 0;
  std::int64_t unit_ns = 0;
  at = take_seconds(skip_blanks(at + 2, end), end, ns, unit_ns);
  if (at == nullptr || !is_at(at, end, ") ")) return nullptr;
  prefix.has_delta = true;
  prefix.delta_ns = ns;
  return at + 2;
}

// "[  59] " (-n), "[00007f92338b8ad7] " (-i), "[unconfined_t] " (--secontext), of which nothing is
// kept. Question marks are what strace could not find out.
const char* take_bracketed(const char* at, const char* end, Prefix& prefix) {
  if (is_at(at, end, "[ Process ")) return nullptr;  // a body
  const char* const behind = skip_past(']', at, end);
  if (behind == nullptr || !is_at(behind, end, " ")) return nullptr;
  const std::string_view inside = view(at + 1, behind - 1);
  if (inside.empty()) return nullptr;
  const bool is_unknown = inside.find_first_not_of('?') == std::string_view::npos;
  const bool is_hex = std::ranges::all_of(inside, [](char c) { return digit_value<16>(c) < 16; });
  if ((inside.size() == 16 || inside.size() == 8) && (is_hex || is_unknown)) {
    prefix.has_ip = is_hex;
    if (is_hex) (void)take_digits<16>(at + 1, behind - 1, 16, prefix.ip);
  } else if (inside.find_first_not_of(" 0123456789") == std::string_view::npos) {
    const char* const digits = skip_blanks(at + 1, behind - 1);
    const auto number = leading_number<std::int32_t>(view(digits, behind - 1));
    if (number) prefix.number = *number;
  } else if (inside.find(' ') != std::string_view::npos) {
    return nullptr;  // neither is it a security context
  }
  return behind + 1;
}

}  // namespace

const char* parse_prefix(const char* at, const char* end, Prefix& prefix) {
  if (const char* const body = take_usual_prefix(at, end, prefix)) return body;
  const char* const begin = at;
  if (const char* const behind = take_bracketed_pid(at, end, prefix)) at = behind;
  for (;;) {
    const char* field = skip_blanks(at, end);
    if (field >= end || (field != at && !is_digit(*field))) return at == begin ? at : field;
    const char* behind = nullptr;
    if (is_digit(*field)) {
      behind = take_number(begin, field, end, prefix);
    } else if (*field == '(') {
      behind = take_delta(field, end, prefix);
    } else if (*field == '[') {
      behind = take_bracketed(field, end, prefix);
    }
    if (behind == nullptr) return at;
    at = behind;
  }
}

}  // namespace tracebraid::formats::strace
