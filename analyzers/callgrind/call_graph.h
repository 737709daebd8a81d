// A profile's call graph with more costs than time, written as callgrind.
//
// Time is the profile's own: of functions and calls exactly what cprof2callgrind writes. The other
// costs are given to functions that are known to have caused them, by link(): from a function to
// what it called, down to nodes that bear the costs. From there they go up the profile's calls:
// a function's callers share its costs in proportion to the time that it spent for each of them
// (gprof's rule), or, where there is no time, to their numbers of calls. Numbers of things go by
// calls where there are no more than two for each call: a call of os.stat() is one system call,
// however long it took; and greenlets, which switch inside of calls, make cProfile's times of
// callers not theirs, but leave the numbers of calls right. Where functions call each other in a
// circle, costs go round until they are out of it (cost_flow.h). Shares are rounded so that they
// add up to the whole: every cost arrives at roots exactly.
//
// Memory: 28 bytes for a call, some 150 and its names for a function.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "analyzers/util/hash_index.h"
#include "formats/callgrind/outside_calls.h"
#include "formats/callgrind/python_names.h"
#include "formats/callgrind/writer.h"
#include "formats/io/hash.h"
#include "formats/io/output.h"
#include "formats/record/arena.h"
#include "formats/record/call.h"
#include "formats/record/function.h"

namespace tracebraid::analyzers {

// The costs beside time, one for each event.
inline constexpr std::size_t kMostCosts = 8;
using Costs = std::array<std::uint64_t, kMostCosts>;

// Which of them are numbers of things.
using Counted = std::array<bool, kMostCosts>;

void add_costs(Costs& sum, const Costs& more);

// Pieces of a whole, each by its weight out of `all`, rounded so that they add up to it.
class Shares {
 public:
  // `whole` must outlive the object. Without weights all pieces are nothing.
  Shares(const Costs& whole, std::uint64_t all);
  [[nodiscard]] Costs next(std::uint64_t weight);

 private:
  const Costs& whole_;
  std::uint64_t all_;
  bool is_nothing_;
  std::uint64_t weights_ = 0;
  Costs given_{};
};

class CallGraph final : private formats::callgrind::Names {
 public:
  using Index = std::uint32_t;
  static constexpr Index kNone = UINT32_MAX;

  // The costs that are numbers of things; the others are times.
  explicit CallGraph(const Counted& counted);
  ~CallGraph();

  // What a profile says. A function that comes again, from another profile, is added up; one with
  // a number (function.h) need not be named again.
  void add(const formats::record::Function& function);
  void add(const formats::record::Call& call);

  // The function of a profile; kNone when there is none.
  [[nodiscard]] Index find(std::string_view file, std::uint32_t line, std::string_view name) const;
  // The built-in function of that name; likewise.
  [[nodiscard]] Index find_builtin(std::string_view name) const;
  // Calls that the profile counted of it.
  [[nodiscard]] std::uint64_t calls_of(Index function) const { return functions_[function].calls; }
  // Every function so far: visit(index, file, line, name).
  template <typename Visit>
  void each(Visit visit) const {
    for (Index at = 0; at < functions_.size(); ++at) {
      const Function& function = functions_[at];
      visit(at, files_[function.file].path, function.line, function.name);
    }
  }
  [[nodiscard]] bool has_profile() const { return has_profile_; }
  [[nodiscard]] std::uint64_t total_ns() const { return total_ns_; }
  [[nodiscard]] std::string_view name_of(Index function) const { return functions_[function].name; }
  [[nodiscard]] std::string_view file_of(Index function) const {
    return files_[functions_[function].file].path;
  }
  [[nodiscard]] std::uint32_t line_of(Index function) const { return functions_[function].line; }

  // A function or another node, made where it is new. `object` is what viewers group it by, empty
  // for the package of the file.
  Index node(std::string_view file, std::uint32_t line, std::string_view name,
             std::string_view object = {});
  [[nodiscard]] Index root();

  // Costs that the node itself bears.
  void bear(Index node, const Costs& costs);
  // Costs below `callee` that calls from `caller` made.
  void link(Index caller, Index callee, std::uint64_t calls, const Costs& costs);
  // Costs that calls of `function` made, for its callers in the profile to share.
  void share(Index function, const Costs& costs);

  // No call is added any more: which ones there are can be asked.
  void seal() { sort_calls(); }
  [[nodiscard]] bool has_call(Index caller, Index callee) const;

  // Writes the profile; the graph is used up. Returns the totals of the costs.
  Costs write(formats::io::Output& output, const formats::callgrind::Header& header,
              std::size_t cost_count);

 private:
  struct File {
    std::string_view path;
    std::string place;
    formats::callgrind::ObjectNumber object;
    std::uint32_t number;
  };
  struct Function {
    std::string_view name;
    std::uint32_t file;
    std::uint32_t line;
    std::uint64_t calls = 0, primitive_calls = 0, self_ns = 0, inclusive_ns = 0;
    bool is_lineless = false;  // it stands for all its lines
  };
  struct Call {
    Index caller, callee;
    std::uint64_t calls;
    std::uint64_t ns;
    std::uint32_t link;  // costs of its own: index into links_, or kNone
  };
  struct Link {
    Index caller, callee;
    std::uint64_t calls;
    Costs costs;
    bool is_written = false;
  };
  // Functions by a hash of file, line and name that stands for them: finding one of 500,000 costs
  // one cache miss, where comparing texts costs four (measured: half of all time). Its seed is a
  // secret of this run (hash_of), so that nobody can make two functions into one.
  struct Slot {
    formats::io::WideHash hash;
    Index function = kNone;
  };

  [[nodiscard]] static formats::io::WideHash hash_of(std::uint64_t path_hash, std::uint32_t line,
                                                     std::string_view name);
  [[nodiscard]] std::size_t slot_of(const formats::io::WideHash& hash) const;
  void grow();
  std::uint32_t file_number(std::string_view path, std::uint64_t path_hash,
                            std::string_view object);
  Index numbered(std::uint32_t number, std::string_view file, std::uint32_t line,
                 std::string_view name);
  Index intern(std::string_view file, std::uint32_t line, std::string_view name,
               std::string_view object = {});
  void enter_dump(std::uint32_t dump);
  void keep_name(const formats::record::Call& call);
  static void time_counted_calls(std::span<Call> calls, const Function& callee);
  void sort_calls();
  void bind_links();
  void find_components();
  [[nodiscard]] formats::callgrind::OutsideCalls prepare(Index member);
  void share_among_callers(Index member, const formats::callgrind::OutsideCalls& outside);
  void share_circle(std::span<const Index> members,
                    std::span<const formats::callgrind::OutsideCalls> outside);
  void write_component(formats::callgrind::Writer& writer, std::span<const Index> members);
  void write_self(formats::callgrind::Writer& writer, Index function);

  void append_function(formats::callgrind::FunctionNumber function, std::string& out) override;
  void append_file(formats::callgrind::FileNumber file, std::string& out) override;
  void append_object(formats::callgrind::ObjectNumber object, std::string& out) override;

  formats::record::Arena texts_;
  std::deque<File> files_;
  HashIndex<File> file_index_;  // by hash of the path
  std::vector<std::string_view> objects_;
  std::unordered_map<std::string_view, std::uint32_t, formats::io::TextHash> object_numbers_;
  formats::callgrind::PythonNames names_;
  std::vector<Function> functions_;
  std::vector<Slot> slots_;  // a power of two, at most half full
  std::uint32_t dump_ = 0;
  std::vector<Index> by_number_;  // of the dump's functions
  struct KeptName {
    std::string_view file, name;
    std::uint32_t line;
  };
  std::unordered_map<std::uint32_t, KeptName, formats::io::NumberHash> kept_names_;
  Index last_callee_ = kNone;
  Index root_ = kNone;
  bool has_profile_ = false;
  std::uint64_t total_ns_ = 0;

  std::vector<Call> calls_;                // by callee, once sorted
  std::vector<std::uint32_t> first_call_;  // by callee
  std::vector<Link> links_;
  std::map<std::pair<Index, Index>, std::uint32_t> link_numbers_;
  std::unordered_map<Index, Costs> borne_;
  // By function, once writing begins: what its callers share, and what comes from outside.
  std::vector<Costs> shared_;
  std::unordered_map<Index, Costs> shared_before_;

  // Components of the graph, those that are called first; most have one member.
  std::vector<Index> members_;
  std::vector<std::size_t> component_ends_;
  std::vector<std::uint32_t> component_of_;
  std::vector<std::uint32_t> places_;                      // of functions in their circle
  std::vector<formats::callgrind::OutsideCalls> outside_;  // reused: of a component's functions
  std::vector<Costs> pieces_;  // of a component's costs, caller by caller
  Counted counted_;
  std::size_t cost_count_ = 0;
  Costs totals_{};
};

}  // namespace tracebraid::analyzers
