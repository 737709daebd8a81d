#include "analyzers/analyzer.h"

int main(int argc, char** argv) {
  return tracebraid::analyzers::run_tracebraid(argc, argv);
}
