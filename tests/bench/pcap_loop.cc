// pcap_loop CAPTURE: reads a capture ("-" is stdin) with libpcap and does nothing with it but to
// count packets and captured bytes. No program that reads with libpcap is faster than that.

#include <cstdint>
#include <cstdio>

#include <pcap/pcap.h>

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: pcap_loop CAPTURE\n", stderr);
    return 2;
  }
  char message[PCAP_ERRBUF_SIZE];
  pcap_t* const capture =
      pcap_open_offline_with_tstamp_precision(argv[1], PCAP_TSTAMP_PRECISION_NANO, message);
  if (capture == nullptr) {
    std::fprintf(stderr, "pcap_loop: %s: %s\n", argv[1], message);
    return 1;
  }
  std::uint64_t packets = 0, bytes = 0;
  pcap_pkthdr* header = nullptr;
  const unsigned char* data = nullptr;
  int result = 0;
  while ((result = pcap_next_ex(capture, &header, &data)) == 1) {
    ++packets;
    bytes += header->caplen;
  }
  std::printf("%llu packets, %llu bytes\n", static_cast<unsigned long long>(packets),
              static_cast<unsigned long long>(bytes));
  const bool good = result == PCAP_ERROR_BREAK;  // the end of the file
  if (!good) std::fprintf(stderr, "pcap_loop: %s: %s\n", argv[1], pcap_geterr(capture));
  pcap_close(capture);
  return good ? 0 : 1;
}
