// All runs' records as values: of each function, system call, flow and so on, matched from run to
// run.
//
// Memory: the values; of the run that is being read its functions and groups, and what its sockets
// need (socket_table.h); with calls, those of all runs.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "analyzers/diff/end_match.h"
#include "analyzers/diff/function_match.h"
#include "analyzers/diff/measures.h"
#include "analyzers/diff/run_functions.h"
#include "analyzers/diff/texts.h"
#include "analyzers/diff/values.h"
#include "analyzers/input/inputs.h"

namespace tracebraid::analyzers::diff {

// What a thing is called. Functions are called by FunctionMatch.
struct ThingName {
  std::string name;
  std::string error;
  std::array<std::string, 2> target;  // by side
};

// What a run's profiles were, for call graphs.
struct RunProfile {
  std::vector<FunctionSum>
      functions;               // by number of FunctionMatch; those of later runs are missing
  std::vector<CallSum> calls;  // in order of the callees
};

class Collector final : public RecordVisitor {
 public:
  // `with_calls`: keeps profiles().
  Collector(std::size_t runs, bool with_calls);
  ~Collector() override;

  // Records that follow are those of this run. Numbers of runs go up, those of A come first.
  void begin_run(std::size_t run, Side side, const InputKinds& kinds);
  void end_run();
  // As RunFunctions has it; until at_end().
  void let_texts_stay(bool stay);

  void enter(std::size_t lane) override;
  void visit(const formats::record::AnyRecord& any) override;
  void at_end() override;

  [[nodiscard]] const Values& values(std::size_t kind) const { return values_[kind]; }
  // Of all kinds but functions.
  [[nodiscard]] const ThingName& name(std::size_t kind, Values::Thing thing) const {
    return names_[kind][thing];
  }
  // A function is the thing behind kAll.
  [[nodiscard]] const FunctionMatch& functions() const { return functions_; }
  [[nodiscard]] const Texts& texts() const { return texts_; }
  // By run; empty without calls.
  [[nodiscard]] std::vector<RunProfile>& profiles() { return profiles_; }

 private:
  class Run;

  // The thing of this name, found or added.
  Values::Thing thing(std::size_t kind, const std::string& key, const ThingName& name);

  Texts texts_;
  FunctionMatch functions_;
  EndMatch flow_ends_, socket_ends_;
  std::vector<Values> values_;
  std::array<std::vector<ThingName>, kKindCount> names_;
  std::array<std::map<std::string, Values::Thing>, kKindCount> by_key_;
  std::vector<RunProfile> profiles_;
  bool with_calls_;
  std::unique_ptr<Run> run_;
};

}  // namespace tracebraid::analyzers::diff
