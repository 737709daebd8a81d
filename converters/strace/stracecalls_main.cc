#include "converters/strace/stracecalls.h"
#include "formats/cli/program.h"

int main(int argc, char** argv) {
  return tracebraid::formats::cli::run(tracebraid::converters::strace::stracecalls(), argc, argv);
}
