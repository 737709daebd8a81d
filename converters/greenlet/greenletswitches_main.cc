#include "converters/greenlet/greenletswitches.h"
#include "formats/cli/program.h"

int main(int argc, char** argv) {
  return tracebraid::formats::cli::run(tracebraid::converters::greenlet::greenletswitches(), argc,
                                       argv);
}
