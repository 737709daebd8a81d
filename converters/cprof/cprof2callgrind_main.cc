#include "converters/cprof/cprof2callgrind.h"
#include "formats/cli/program.h"

int main(int argc, char** argv) {
  return tracebraid::formats::cli::run(tracebraid::converters::cprof::cprof2callgrind(), argc,
                                       argv);
}
