// What more than one detector asks about sockets.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tracebraid::analyzers {
struct HostPort;
struct SocketLife;
}  // namespace tracebraid::analyzers

namespace tracebraid::analyzers::checks {

class Scene;

// "127.0.0.1:80".
[[nodiscard]] std::string shown_end(const HostPort& end);

// What connect or bind names: "127.0.0.1:80" of {sa_family=AF_INET, sin_port=htons(80), …}, "unix
// socket /run/x". Empty: neither, or no address.
[[nodiscard]] std::string named_end(std::string_view args);

// Whether connections to `server` come to a listener at `local`.
[[nodiscard]] bool serves(const HostPort& local, const HostPort& server);

// When the socket was closed, or the log ended with it open. Nothing when a stream's file records,
// which tell that, are not there.
[[nodiscard]] std::optional<std::int64_t> end_of(const SocketLife& life, const Scene& scene);

}  // namespace tracebraid::analyzers::checks
