#include "formats/pcap/filter.h"

#include <optional>
#include <utility>

#include <pcap/pcap.h>

#include "formats/io/error.h"
#include "formats/pcap/libpcap.h"
#include "formats/pcap/link_type.h"

namespace tracebraid::formats::pcap {
namespace {

// As large as libpcap allows. It bounds nothing here: a program only tells yes from no.
constexpr int kSnaplen = 262144;

struct CloseHandle {
  void operator()(pcap_t* handle) const { libpcap().close(handle); }
};

}  // namespace

class PacketFilter::Program {
 public:
  Program(std::uint32_t link_type, const std::string& expression) : link_type_(link_type) {
    const std::unique_ptr<pcap_t, CloseHandle> handle(
        libpcap().open_dead(dlt_of_link_type(link_type), kSnaplen));
    if (!handle) {
      error_ = "out of memory";
    } else if (libpcap().compile(handle.get(), &program_, expression.c_str(), 1,
                                 PCAP_NETMASK_UNKNOWN) != 0) {
      error_ = libpcap().geterr(handle.get());
    }
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  ~Program() { libpcap().freecode(&program_); }

  [[nodiscard]] std::uint32_t link_type() const { return link_type_; }
  [[nodiscard]] const std::optional<std::string>& error() const { return error_; }

  [[nodiscard]] bool matches(const Packet& packet) const {
    pcap_pkthdr head{};
    head.caplen = packet.captured;
    head.len = packet.length;
    return libpcap().offline_filter(&program_, &head, packet.data) != 0;
  }

 private:
  std::uint32_t link_type_;
  bpf_program program_{};
  std::optional<std::string> error_;
};

PacketFilter::PacketFilter(std::string expression) : expression_(std::move(expression)) {
  // Ethernet first, whose words are shown; the others know what it does not.
  constexpr int kTried[] = {DLT_EN10MB,           DLT_LINUX_SLL, DLT_LINUX_SLL2,
                            DLT_IEEE802_11_RADIO, DLT_PFLOG,     DLT_SUNATM};
  std::optional<std::string> first_error;
  for (const int each : kTried) {
    const Program program(link_type_of_dlt(each), expression_);
    if (!program.error()) return;
    if (!first_error) first_error = program.error();
  }
  throw io::UsageError{"bad filter " + io::quoted("'" + expression_ + "'") + ": " + *first_error,
                       "see pcap-filter(7)"};
}

PacketFilter::~PacketFilter() = default;

PacketFilter::Program& PacketFilter::program_for(std::uint32_t link_type) {
  for (const auto& each : programs_) {
    if (each->link_type() == link_type) return *each;
  }
  auto program = std::make_unique<Program>(link_type, expression_);
  if (program->error()) {
    const char* const name = libpcap().datalink_val_to_name(dlt_of_link_type(link_type));
    throw io::UsageError{"the filter " + io::quoted("'" + expression_ + "'") +
                         " does not fit packets of link type " +
                         (name != nullptr ? std::string(name) : std::to_string(link_type)) + ": " +
                         *program->error()};
  }
  programs_.push_back(std::move(program));
  return *programs_.back();
}

bool PacketFilter::matches(const Packet& packet) {
  const std::uint32_t link_type = packet.interface->link_type;
  if (last_ == nullptr || last_->link_type() != link_type) last_ = &program_for(link_type);
  return last_->matches(packet);
}

}  // namespace tracebraid::formats::pcap
