#include "formats/pcap/libpcap.h"

#include <string>

#include <dlfcn.h>

#include "formats/io/error.h"

namespace tracebraid::formats::pcap {
namespace {

// The name that its interface has had since 1.0 (2008) at Debian, and elsewhere.
constexpr const char* kNames[] = {"libpcap.so.0.8", "libpcap.so.1"};

void* load() {
  for (const char* const name : kNames) {
    if (void* const library = ::dlopen(name, RTLD_NOW | RTLD_LOCAL)) return library;
  }
  throw io::Error{"", "", "libpcap cannot be loaded", "it comes in the package libpcap0.8"};
}

template <typename Function>
void find(void* library, const char* name, Function*& function) {
  function = reinterpret_cast<Function*>(::dlsym(library, name));
  if (function == nullptr) {
    throw io::Error{"", "", std::string("libpcap has no ") + name, "1.5 (2013) or later is needed"};
  }
}

}  // namespace

const Libpcap& libpcap() {
  static const Libpcap kFunctions = [] {
    void* const library = load();
    Libpcap functions;
#define TRACEBRAID_FUNCTION(name) find(library, "pcap_" #name, functions.name);
    TRACEBRAID_LIBPCAP_FUNCTIONS(TRACEBRAID_FUNCTION)
#undef TRACEBRAID_FUNCTION
    return functions;
  }();
  return kFunctions;
}

}  // namespace tracebraid::formats::pcap
