#include "analyzers/checks/sockets.h"

#include "analyzers/checks/scene.h"
#include "analyzers/sockets/life.h"
#include "formats/strace/address.h"

namespace tracebraid::analyzers::checks {

std::string shown_end(const HostPort& end) {
  std::string text;
  append_shown(text, end);
  return text;
}

std::string named_end(std::string_view args) {
  const std::size_t begin = args.find('{');
  if (begin == std::string_view::npos) return {};
  const auto address =
      formats::strace::parse_address(args.substr(begin, args.rfind('}') - begin + 1));
  if (address.family == formats::strace::Family::kUnix) return "unix socket " + address.path;
  if (address.family != formats::strace::Family::kInternet) return {};
  return shown_end({address.host, address.port});
}

bool serves(const HostPort& local, const HostPort& server) {
  return local.port == server.port &&
         (is_any(local.host) || is_any(server.host) || local.host == server.host);
}

std::optional<std::int64_t> end_of(const SocketLife& life, const Scene& scene) {
  if (!life.is_closed) return std::nullopt;
  return life.end_ts.value_or(scene.last_ts());
}

}  // namespace tracebraid::analyzers::checks
