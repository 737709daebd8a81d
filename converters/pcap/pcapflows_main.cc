#include "converters/pcap/pcapflows.h"
#include "formats/cli/program.h"

int main(int argc, char** argv) {
  return tracebraid::formats::cli::run(tracebraid::converters::pcap::pcapflows(), argc, argv);
}
