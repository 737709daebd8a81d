// Which function of a Python program made which system calls, from the best evidence that there is.
//
//   stack   strace -k, and the process's perf map (python -X perf): the function that ran, and the
//   C
//           function that it called. Exact.
//   method  strace -k alone: the C function, and so the built-in one. Exact; its callers share.
//   count   calls of one name are shared out among the built-in functions that issue such calls, by
//           how often each was called. An estimate.
//   none    what none of these explains, and calls of threads and processes that the profiler did
//           not see.
//
// cProfile sees the thread that it was started in, and those in which the program starts it. Which
// these were is not in the dump: of each process's main thread, all of its threads, and all of the
// log, that is taken whose calls agree best with the profile's numbers.
//
// Calls of that process before its script was opened (python -m cProfile opens it, and begins) and
// after the profile was written are outside of the profiled time, and nobody's.
//
// A Python whose static symbols were stripped makes strace print wrong names, those of the nearest
// exported function: files in which no static name ever shows are not believed.
//
// Memory: distinct stacks, symbols, and a few numbers for each process, call name and greenlet.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "analyzers/callgrind/call_graph.h"
#include "analyzers/python/builtins.h"
#include "formats/io/hash.h"
#include "formats/record/symbol.h"
#include "formats/record/syscall.h"

namespace tracebraid::analyzers {

// Costs by their place in Costs.
enum Event : std::size_t {
  kSyscalls,
  kSysTime,
  kErrors,
  kSent,
  kReceived,
  kEstimated,  // of kSyscalls, those found by count
  kWait,
  kRetrans,
};

inline constexpr Counted kCountedEvents = {true, false, true, true, true, true, false, true};

enum class Evidence : std::uint8_t { kStack, kMethod, kCount, kNone };
inline constexpr std::string_view kEvidenceNames[] = {"stack", "method", "count", "none"};

// What was found.
struct Attributed {
  std::string_view syscall;
  std::string_view greenlet;  // empty: not known
  Evidence evidence = Evidence::kNone;
  CallGraph::Index function = CallGraph::kNone;  // the Python function
  CallGraph::Index callee = CallGraph::kNone;    // the C function that it called
  bool is_seen = true;                           // by the profiler
  Costs costs{};
};

class Attribution {
 public:
  using Cell = std::uint32_t;
  using NumberSet = std::unordered_set<std::uint64_t, formats::io::NumberHash>;
  using TextSet = std::unordered_set<std::string, formats::io::TextHash>;

  Attribution();
  ~Attribution();

  // Threads that the profiler saw, when the user knows: tids.
  void set_seen_threads(NumberSet tids) { seen_threads_ = std::move(tids); }
  enum class Threads : std::uint8_t { kGuess, kMain, kAll };
  void set_threads(Threads threads) { threads_ = threads; }

  // Files that the profile has a <module> of, and what the profiles are called.
  void add_module_file(std::string_view path) { module_files_.emplace(path); }
  void add_profile_path(std::string_view path);
  void add(const formats::record::Process& process);
  void add(const formats::record::Symbol& symbol);
  // Where the call's costs are to be added.
  Cell cell(const formats::record::Syscall& call, std::string_view greenlet);
  [[nodiscard]] Costs& costs(Cell cell) { return cells_[cell].costs; }

  // `graph` has the whole profile, and gets C functions and functions of stacks that it lacks.
  [[nodiscard]] std::vector<Attributed> attribute(CallGraph& graph);

  // A distinct stack of the logs, as far as it is known.
  struct KnownStack {
    std::uint64_t pid;
    std::vector<std::string_view> frames;  // from the outermost; the last is the system call
    const Costs& costs;
  };
  // Visits all that are known and believed, after attribute().
  template <typename Visit>
  void each_stack(Visit visit) {
    for (const CellData& data : cells_) {
      if (data.key.stack == 0 || summary_.is_stripped) continue;
      visit(KnownStack{data.key.pid, frames_of(data.key), data.costs});
    }
  }

  // What attribute() found.
  struct Summary {
    std::uint64_t by_evidence[4] = {};  // calls
    std::uint64_t outside = 0;     // of those by none: before the profiler began, or after it ended
    std::uint64_t unseen = 0;      // of those by none: of threads that the profiler did not see
    std::uint64_t unresolved = 0;  // stacks whose address is in no perf map
    std::uint64_t with_stack = 0;  // calls that have one
    bool is_stripped = false;      // stacks whose names are not believed
    bool has_symbols = false;
    std::string threads;  // whose calls the profiler is taken to have seen, in words
  };
  [[nodiscard]] const Summary& summary() const { return summary_; }

 private:
  // Of a process.
  enum class Phase : std::uint8_t { kBefore, kProfiled, kAfter };
  struct Key {
    std::uint64_t pid;
    std::uint64_t tid;  // 0, unless threads are told apart
    std::uint32_t syscall, stack, greenlet;
    Target target;
    bool is_main;
    Phase phase;
    auto operator<=>(const Key&) const = default;
  };
  struct KeyHash {
    std::size_t operator()(const Key& key) const;
  };
  struct CellData {
    Key key;
    Costs costs{};
  };
  struct MapEntry {
    std::uint64_t start, size;
    std::string_view name;
  };
  struct Map {
    std::vector<MapEntry> entries;
    bool is_sorted = false;
  };
  // What a stack says: the C function that Python code called, if any, and where that code runs.
  struct Stack {
    std::string_view symbol, object;
    std::uint64_t address = 0;
    bool is_python = false;
  };
  struct Place {
    CallGraph::Index function = CallGraph::kNone;
    CallGraph::Index callee = CallGraph::kNone;
    Evidence evidence = Evidence::kNone;
  };

  std::uint32_t intern(std::string_view text);
  [[nodiscard]] std::string_view text(std::uint32_t number) const { return texts_[number]; }
  void note_phase(const formats::record::Syscall& call, std::uint64_t pid);
  void find_trusted_objects();
  [[nodiscard]] Stack read_stack(std::string_view stack) const;
  [[nodiscard]] std::string_view symbol_at(std::uint64_t pid, std::uint64_t address);
  [[nodiscard]] static const MapEntry* lookup(Map& map, std::uint64_t address);
  [[nodiscard]] std::vector<std::string_view> frames_of(const Key& key);
  Place place_of(std::uint64_t pid, std::uint32_t stack, CallGraph& graph);
  CallGraph::Index python_function(std::string_view symbol, CallGraph::Index callee,
                                   CallGraph& graph);
  CallGraph::Index c_function(const Stack& stack, CallGraph& graph);
  static CallGraph::Index find_c_function(const Stack& stack, CallGraph& graph);
  void index_functions(const CallGraph& graph);
  void choose_threads(const CallGraph& graph);
  [[nodiscard]] std::string threads_in_words(std::size_t processes) const;
  [[nodiscard]] bool is_seen(const Key& key) const;
  [[nodiscard]] bool is_outside(const Key& key) const;
  void attribute_by_count(const std::vector<Cell>& cells, const CallGraph& graph,
                          std::vector<Attributed>& found);
  struct Candidate {
    CallGraph::Index builtin;
    std::uint64_t expected, most;
  };
  [[nodiscard]] std::vector<Candidate> candidates(std::string_view syscall, Target target,
                                                  const CallGraph& graph) const;
  [[nodiscard]] static std::vector<std::uint64_t> shared_out(
      std::uint64_t calls, const std::vector<Candidate>& candidates);

  NumberSet seen_threads_;
  Threads threads_ = Threads::kGuess;
  std::unordered_map<std::uint64_t, std::uint64_t, formats::io::NumberHash>
      parents_;  // of processes
  TextSet module_files_;
  TextSet profile_names_;  // without folders
  std::unordered_map<std::uint64_t, Phase, formats::io::NumberHash> phases_;
  NumberSet begun_;  // processes whose beginning of the profile is known

  formats::record::Arena memory_;
  std::vector<std::string_view> texts_{{}};
  std::unordered_map<std::string_view, std::uint32_t, formats::io::TextHash> text_numbers_;
  std::vector<CellData> cells_;
  std::unordered_map<Key, Cell, KeyHash> cell_numbers_;
  Key last_key_{};
  Cell last_cell_ = UINT32_MAX;

  std::map<std::optional<std::uint64_t>, Map> maps_;                     // by process
  std::unordered_set<std::string_view, formats::io::TextHash> trusted_;  // files with static names
  std::map<std::pair<std::uint64_t, std::uint32_t>, Place> places_;
  std::map<std::pair<std::string_view, std::string_view>, CallGraph::Index> c_functions_;
  std::unordered_map<std::string, std::vector<CallGraph::Index>, formats::io::TextHash>
      functions_;  // by name and file
  // Chosen: 0 is every process.
  std::uint64_t seen_pid_ = 0;
  bool is_main_only_ = true;
  bool is_everything_ = false;
  Summary summary_;
};

}  // namespace tracebraid::analyzers
