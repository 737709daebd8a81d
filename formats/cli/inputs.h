// Inputs as every program takes them: words of the command line, - for standard input.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "formats/cli/program.h"
#include "formats/io/error.h"
#include "formats/io/source.h"

namespace tracebraid::formats::cli {

// Those without a dash in front; standard input where there are none, unless a person types there.
// Throws UsageError.
[[nodiscard]] std::vector<std::string> input_paths(const Arguments& arguments);

// Standard input can be read once. Throws UsageError.
void check_inputs(const std::vector<std::string>& paths);

// For people: "standard input" for "-".
[[nodiscard]] std::string input_name(const std::string& path);

// Opens one input after another and calls `read(source, path)` with a
// std::unique_ptr<io::Source>. An Error about the input is
// reported and ends that input alone; others, such as those of the output, are thrown.
template <typename Read>
void for_each_input(const std::vector<std::string>& paths, Context& context, Read read) {
  for (const std::string& path : paths) {
    context.diagnostics.set_input(input_name(path));
    try {
      read(io::open_source(path, context.progress), path);
    } catch (const io::Error& error) {
      if (error.input != input_name(path)) throw;
      context.diagnostics.report(error);
    }
  }
}

}  // namespace tracebraid::formats::cli
