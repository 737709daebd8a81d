#include "converters/cprof/cprofcalls.h"
#include "formats/cli/program.h"

int main(int argc, char** argv) {
  return tracebraid::formats::cli::run(tracebraid::converters::cprof::cprofcalls(), argc, argv);
}
