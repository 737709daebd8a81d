// libpcap, loaded when it is needed: for a live capture, a filter, or an old form of capture files.
// It brings a dozen libraries (for D-Bus, cryptography and others), and to load them takes longer
// than most of our work on small files.
#pragma once

#include <pcap/pcap.h>

namespace tracebraid::formats::pcap {

// Its functions that are used, without their pcap_.
#define TRACEBRAID_LIBPCAP_FUNCTIONS(FUNCTION)  \
  FUNCTION(activate)                            \
  FUNCTION(close)                               \
  FUNCTION(compile)                             \
  FUNCTION(create)                              \
  FUNCTION(datalink)                            \
  FUNCTION(datalink_val_to_name)                \
  FUNCTION(dispatch)                            \
  FUNCTION(findalldevs)                         \
  FUNCTION(fopen_offline_with_tstamp_precision) \
  FUNCTION(freealldevs)                         \
  FUNCTION(freecode)                            \
  FUNCTION(get_selectable_fd)                   \
  FUNCTION(get_tstamp_precision)                \
  FUNCTION(geterr)                              \
  FUNCTION(next_ex)                             \
  FUNCTION(offline_filter)                      \
  FUNCTION(open_dead)                           \
  FUNCTION(set_buffer_size)                     \
  FUNCTION(set_immediate_mode)                  \
  FUNCTION(set_promisc)                         \
  FUNCTION(set_snaplen)                         \
  FUNCTION(set_tstamp_precision)                \
  FUNCTION(setfilter)                           \
  FUNCTION(setnonblock)                         \
  FUNCTION(snapshot)                            \
  FUNCTION(stats)                               \
  FUNCTION(statustostr)

struct Libpcap {
#define TRACEBRAID_FUNCTION(name) decltype(&::pcap_##name) name = nullptr;
  TRACEBRAID_LIBPCAP_FUNCTIONS(TRACEBRAID_FUNCTION)
#undef TRACEBRAID_FUNCTION
};

// Throws io::Error when it is not installed.
[[nodiscard]] const Libpcap& libpcap();

}  // namespace tracebraid::formats::pcap
