// What DNS (RFC 1035) calls things.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace tracebraid::formats::record {

inline constexpr std::uint16_t kDnsPort = 53;

// Response codes by number: RFC 1035, 4.1.1; RFC 2136, 2.2; RFC 8490.
inline constexpr std::array<std::string_view, 12> kDnsRcodes = {
    "NOERROR",  "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP",  "REFUSED",
    "YXDOMAIN", "YXRRSET", "NXRRSET",  "NOTAUTH",  "NOTZONE", "DSOTYPENI"};

}  // namespace tracebraid::formats::record
