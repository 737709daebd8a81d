// Capture files read by libpcap instead of by CaptureReader: for comparing the two.
//
// What libpcap does differently (1.10.3): pcapng with interfaces of different link types or snap
// lengths is refused; all packets seem to be of one interface; a packet without time has time 0; a
// packet of more than the snap length is cut to it; pcap's seconds and fractions are
// taken as signed, so that 2038 is 1901.
#pragma once

#include <memory>

#include "formats/io/source.h"
#include "formats/pcap/packet.h"

namespace tracebraid::formats::pcap {

// `source` must outlive the result. Gives one packet at a time. Throws io::Error in libpcap's
// words.
[[nodiscard]] std::unique_ptr<PacketSource> open_with_libpcap(io::Source& source);

}  // namespace tracebraid::formats::pcap
