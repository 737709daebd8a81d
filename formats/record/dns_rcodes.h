// Names of DNS' response codes, by number: RFC 1035, 4.1.1; RFC 2136, 2.2; RFC 8490.
#pragma once

#include <array>
#include <string_view>

namespace tracebraid::formats::record {

inline constexpr std::array<std::string_view, 12> kDnsRcodes = {
    "NOERROR",  "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP",  "REFUSED",
    "YXDOMAIN", "YXRRSET", "NXRRSET",  "NOTAUTH",  "NOTZONE", "DSOTYPENI"};

}  // namespace tracebraid::formats::record
