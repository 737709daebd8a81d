#include "analyzers/sockets/life.h"

#include <functional>

#include <fmt/format.h>
#include <range/v3/view/transform.hpp>

#include "analyzers/util/shown.h"
#include "formats/io/error.h"
#include "formats/record/text.h"

namespace tracebraid::analyzers {

namespace record = formats::record;

void append_shown(std::string& text, const HostPort& end) {
  char room[record::kValueRoom];
  if (end.host.size == 0) {
    text.push_back('*');
  } else {
    const bool is_ipv6 = end.host.size == 16;
    if (is_ipv6) text.push_back('[');
    text.append(room, record::put_address(room, end.host.view()));
    if (is_ipv6) text.push_back(']');
  }
  text.push_back(':');
  text.append(end.port ? std::to_string(*end.port) : "*");
}

void Waiting::add(std::int64_t ns, std::int64_t since) {
  ns = std::max<std::int64_t>(ns, 0);
  if (count == 0 || ns > longest_ns) {
    longest_ns = ns;
    longest_ts = since;
  }
  ++count;
  total_ns += ns;
  spread.add(ns);
}

std::string shown_socket(std::string_view kind, std::string_view path, const HostPort& local,
                         const HostPort& peer, bool is_listener) {
  std::string text;
  if (kind == "unix") {
    text = "unix socket";
    if (!path.empty()) text.append(" ").append(formats::io::quoted(path, 60));
    return text;
  }
  if (kind == "udp") text = "udp ";
  if (is_listener) {
    text.append("listener ");
    append_shown(text, local);
    return text;
  }
  if (local.port || local.host.size != 0) append_shown(text, local);
  if (peer.port) {
    text.append("→");
    append_shown(text, peer);
  } else if (text.empty() || text == "udp ") {
    text.append(kind.empty() ? "socket" : kind);
  }
  return text;
}

std::string NameCounts::shown() const {
  std::vector<Item> items = items_.all();
  std::ranges::stable_sort(items, std::greater<>(), &Item::count);
  const auto shown_item = [](const Item& item) {
    return fmt::format("{} {}", *item.name, item.count);
  };
  return joined(items | ranges::views::transform(shown_item));
}

}  // namespace tracebraid::analyzers
