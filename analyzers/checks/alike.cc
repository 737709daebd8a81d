#include "analyzers/checks/alike.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include <fmt/core.h>

#include "analyzers/util/shown.h"
#include "formats/io/digits.h"

namespace tracebraid::analyzers::checks {
namespace {

constexpr std::size_t kMany = 4;

using formats::io::is_digit;

// "1,050 bytes on :34595" and "9 bytes on :80": "# bytes on :#". One is several, too: "1 call",
// "2 calls".
std::string without_numbers(std::string_view text) {
  std::string shape;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const bool goes_on = !shape.empty() && shape.back() == '#';
    if (is_digit(text[at])) {
      if (!goes_on) shape += '#';
    } else if (!(goes_on && (text[at] == ',' || text[at] == '.') && at + 1 < text.size() &&
                 is_digit(text[at + 1]))) {
      shape += text[at];
    }
  }
  return shape;
}

// The rest of what the first one stands for.
void add(Finding& first, const Finding& other) {
  constexpr std::size_t kShown = 5;
  first.count += other.count;
  if (!first.last_ts) first.last_ts = first.ts;
  if (other.ts) first.ts = std::min(first.ts.value_or(*other.ts), *other.ts);
  const auto last = other.last_ts ? other.last_ts : other.ts;
  if (last) first.last_ts = std::max(first.last_ts.value_or(*last), *last);
  if (first.evidence.size() < kShown && !other.evidence.empty()) {
    first.evidence.push_back(other.evidence.front());
  }
  if (first.function.empty()) first.function = other.function;
  // What is not the same in all of them is not said.
  if (first.pid != other.pid) first.pid.reset();
  if (first.tid != other.tid) first.tid.reset();
  if (first.fd != other.fd) first.fd.reset();
  if (first.file != other.file) first.file.reset();
  if (first.socket != other.socket) first.socket.clear();
  if (first.uid != other.uid) first.uid.clear();
  if (first.greenlet != other.greenlet) first.greenlet.clear();
}

}  // namespace

std::vector<Finding> told_once(std::vector<Finding> findings) {
  using Key = std::tuple<std::string_view, Severity, std::string>;
  std::map<Key, std::vector<std::size_t>> alike;
  for (std::size_t at = 0; at < findings.size(); ++at) {
    const Finding& finding = findings[at];
    alike[{finding.id, finding.severity, without_numbers(finding.summary)}].push_back(at);
  }
  std::vector<bool> is_told(findings.size());
  for (const auto& [key, places] : alike) {
    if (places.size() < kMany) continue;
    Finding& first = findings[places.front()];
    for (std::size_t at = 1; at < places.size(); ++at) {
      add(first, findings[places[at]]);
      is_told[places[at]] = true;
    }
    first.summary +=
        fmt::format("; {} more like it (--all shows them)", shown_count(places.size() - 1));
  }
  std::vector<Finding> told;
  for (std::size_t at = 0; at < findings.size(); ++at) {
    if (!is_told[at]) told.push_back(std::move(findings[at]));
  }
  return told;
}

}  // namespace tracebraid::analyzers::checks
