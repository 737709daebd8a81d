#include "formats/pcap/libpcap_reader.h"

#include <algorithm>
#include <cstdio>
#include <exception>

#include <pcap/pcap.h>

#include "formats/pcap/libpcap.h"
#include "formats/pcap/link_type.h"

namespace tracebraid::formats::pcap {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

class LibpcapReader final : public PacketSource {
 public:
  explicit LibpcapReader(io::Source& source) : source_(source) {
    const cookie_io_functions_t functions{
        .read = read_source, .write = {}, .seek = {}, .close = {}};
    std::FILE* const file = fopencookie(this, "r", functions);
    if (file == nullptr) fail("out of memory");
    char error[PCAP_ERRBUF_SIZE] = "";
    handle_ =
        libpcap().fopen_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_NANO, error);
    if (handle_ == nullptr) {
      std::fclose(file);
      fail(error);
    }
    interface_.link_type = link_type_of_dlt(libpcap().datalink(handle_));
    interface_.snaplen = static_cast<std::uint32_t>(std::max(libpcap().snapshot(handle_), 0));
  }
  LibpcapReader(const LibpcapReader&) = delete;
  LibpcapReader& operator=(const LibpcapReader&) = delete;
  ~LibpcapReader() override { libpcap().close(handle_); }

  [[nodiscard]] std::size_t read(std::span<Packet> packets) override {
    if (packets.empty()) return 0;
    pcap_pkthdr* head = nullptr;
    const u_char* bytes = nullptr;
    switch (libpcap().next_ex(handle_, &head, &bytes)) {
      case 1:
        break;
      case PCAP_ERROR_BREAK:
        if (thrown_) std::rethrow_exception(thrown_);
        return 0;
      default:
        fail(libpcap().geterr(handle_));
    }
    packets[0] = {.data = bytes,
                  .captured = head->caplen,
                  .length = std::max(head->len, head->caplen),
                  .ts_ns = std::int64_t{head->ts.tv_sec} * kSecond + head->ts.tv_usec,
                  .interface = &interface_};
    return 1;
  }

 private:
  static ssize_t read_source(void* self, char* into, std::size_t size) {
    auto& reader = *static_cast<LibpcapReader*>(self);
    try {
      return static_cast<ssize_t>(reader.source_.read({into, size}));
    } catch (...) {
      // Not to be thrown through C.
      reader.thrown_ = std::current_exception();
      return -1;
    }
  }

  [[noreturn]] void fail(const char* what) const {
    if (thrown_) std::rethrow_exception(thrown_);
    throw io::Error{source_.name(), "", io::quoted(what)};
  }

  io::Source& source_;
  pcap_t* handle_ = nullptr;
  Interface interface_;
  std::exception_ptr thrown_;
};

}  // namespace

std::unique_ptr<PacketSource> open_with_libpcap(io::Source& source) {
  return std::make_unique<LibpcapReader>(source);
}

}  // namespace tracebraid::formats::pcap
