#include "analyzers/callgrind/attribution.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "analyzers/util/mix.h"
#include "formats/io/hash.h"
#include "formats/strace/stack.h"

namespace tracebraid::analyzers {
namespace {

namespace record = formats::record;
namespace strace = formats::strace;

std::string_view last_part(std::string_view text, char separator) {
  return text.substr(text.rfind(separator) + 1);
}

// Libraries below Python: their functions are no entries of a profile.
bool is_system_library(std::string_view object) {
  const std::string_view name = last_part(object, '/');
  return name.starts_with("libc.so") || name.starts_with("libc-") || name.starts_with("ld-") ||
         name.starts_with("ld.so") || name.starts_with("libpthread") || name.starts_with("[");
}

// `_socket` of `_socket.cpython-312-x86_64-linux-gnu.so`.
std::string_view module_of(std::string_view object) {
  const std::string_view name = last_part(object, '/');
  return name.substr(0, name.find('.', 1));
}

bool is_socket(std::string_view kind) {
  return kind == "tcp" || kind == "udp" || kind == "unix" || kind == "netlink" || kind == "socket";
}

// The file that a file of compiled code is of: a.py of __pycache__/a.cpython-311.pyc, others their
// own.
std::string source_of(std::string_view path) {
  constexpr std::string_view kCompiled = ".pyc";
  constexpr std::string_view kCache = "__pycache__/";
  if (!path.ends_with(kCompiled)) return std::string(path);
  const std::size_t cache = path.rfind(kCache);
  if (cache == std::string_view::npos) return std::string(path.substr(0, path.size() - 1));
  const std::string_view name = path.substr(cache + kCache.size());
  std::string source(path.substr(0, cache));
  return source.append(name.substr(0, name.find('.'))).append(".py");
}

std::string function_key(std::string_view name, std::string_view file) {
  return std::string(name).append(1, '\0').append(file);
}

constexpr std::string_view kWritesPerfMap = "perf_map_write_entry";

// System calls that are one call of one built-in function each, and so tell whose calls a profile
// counted.
constexpr std::string_view kAnchors[] = {"accept4",    "bind",     "clock_nanosleep", "epoll_ctl",
                                         "epoll_wait", "listen",   "recvfrom",        "sendto",
                                         "setsockopt", "shutdown", "getpeername",     "poll"};
using AnchorCounts = std::array<std::uint64_t, std::size(kAnchors)>;

// Each anchor counts alike: of 0 where the numbers agree to 1 where one is nothing.
double distance(const AnchorCounts& counts, const AnchorCounts& expected) {
  double sum = 0;
  for (std::size_t at = 0; at < counts.size(); ++at) {
    const auto [least, most] = std::minmax(counts[at], expected[at]);
    if (most > 0) sum += static_cast<double>(most - least) / static_cast<double>(most);
  }
  return sum;
}

}  // namespace

Attribution::Attribution() = default;
Attribution::~Attribution() = default;

std::size_t Attribution::KeyHash::operator()(const Key& key) const {
  const std::uint64_t flags = static_cast<std::uint64_t>(key.target) << 1U |
                              (key.is_main ? 1U : 0U) | static_cast<std::uint64_t>(key.phase) << 4U;
  return mixed(mixed(mixed(key.pid, key.tid), std::uint64_t{key.syscall} << 32U | key.stack),
               std::uint64_t{key.greenlet} << 8U | flags);
}

std::uint32_t Attribution::intern(std::string_view text) {
  if (text.empty()) return 0;
  const auto found = text_numbers_.find(text);
  if (found != text_numbers_.end()) return found->second;
  const std::string_view kept = memory_.keep(text);
  texts_.push_back(kept);
  const auto number = static_cast<std::uint32_t>(texts_.size() - 1);
  text_numbers_.emplace(kept, number);
  return number;
}

void Attribution::add_profile_path(std::string_view path) {
  profile_names_.emplace(last_part(path, '/'));
}

void Attribution::note_phase(const record::Syscall& call, std::uint64_t pid) {
  if (call.path.empty() || !call.error.empty() || !call.syscall.starts_with("open")) return;
  Phase& phase = phases_[pid];
  if (phase == Phase::kBefore && module_files_.contains(source_of(call.path))) {
    phase = Phase::kProfiled;
    begun_.insert(pid);
  } else if (call.args.find("O_WRONLY") != std::string_view::npos &&
             profile_names_.contains(std::string(last_part(call.path, '/')))) {
    phase = Phase::kAfter;
  }
}

void Attribution::add(const record::Process& process) {
  if (process.event == "clone" && process.child && process.pid &&
      !process.is_thread.value_or(false)) {
    parents_[*process.child] = *process.pid;
  }
}

void Attribution::add(const record::Symbol& symbol) {
  summary_.has_symbols = true;
  Map& map = maps_[symbol.pid];
  map.entries.push_back({symbol.start, symbol.size, memory_.keep(symbol.name)});
  map.is_sorted = false;
}

Attribution::Cell Attribution::cell(const record::Syscall& call, std::string_view greenlet) {
  const std::uint64_t tid = call.tid.value_or(0);
  const std::uint64_t pid = call.pid.value_or(tid);
  const auto phase = phases_.find(pid);
  const Phase now = phase == phases_.end() ? Phase::kBefore : phase->second;
  note_phase(call, pid);
  const Key key{.pid = pid,
                .tid = seen_threads_.empty() ? 0 : tid,
                .syscall = intern(call.syscall),
                .stack = intern(call.stack),
                .greenlet = intern(greenlet),
                .target = is_socket(call.kind) ? Target::kSocket
                          : call.fd            ? Target::kOther
                                               : Target::kNone,
                .is_main = tid == pid,
                .phase = now};
  if (last_cell_ != UINT32_MAX && key == last_key_) return last_cell_;
  const auto [place, is_new] = cell_numbers_.try_emplace(key, static_cast<Cell>(cells_.size()));
  if (is_new) cells_.push_back({key, {}});
  last_key_ = key;
  return last_cell_ = place->second;
}

void Attribution::find_trusted_objects() {
  std::unordered_set<std::uint32_t, formats::io::NumberHash> seen;
  bool has_python = false;
  for (const CellData& data : cells_) {
    if (data.key.stack == 0 || !seen.insert(data.key.stack).second) continue;
    std::string_view stack = text(data.key.stack);
    strace::Frame frame;
    while (strace::take_frame(stack, frame)) {
      if (frame.symbol.empty() || is_system_library(frame.object)) continue;
      const std::string_view symbol = strace::plain_symbol(frame.symbol);
      if (is_static_symbol(symbol)) trusted_.insert(frame.object);
      has_python = has_python || python_frame(symbol) == PythonFrame::kEval ||
                   frame.object.find("python") != std::string_view::npos;
    }
  }
  summary_.is_stripped = has_python && trusted_.empty();
}

Attribution::Stack Attribution::read_stack(std::string_view text) const {
  Stack read;
  if (trusted_.empty()) return read;
  strace::Frame frame;
  while (strace::take_frame(text, frame)) {
    if (frame.object.empty()) {
      // Unwinding stops at code that is in no file: a perf trampoline.
      read.address = frame.address;
      return read;
    }
    if (frame.symbol.empty() || is_system_library(frame.object)) continue;
    const std::string_view symbol = strace::plain_symbol(frame.symbol);
    switch (python_frame(symbol)) {
      case PythonFrame::kEval:
        // With trampolines the next frame is where unwinding stops. Otherwise who called this code
        // is not in the stack.
        read.is_python = true;
        while (strace::take_frame(text, frame)) {
          if (frame.object.empty()) {
            read.address = frame.address;
            return read;
          }
          if (python_frame(strace::plain_symbol(frame.symbol)) != PythonFrame::kEval) break;
        }
        return read;
      case PythonFrame::kDispatch:
        break;
      case PythonFrame::kOther:
        // Writing the map is of -X perf itself, whatever was called then.
        if (read.symbol == kWritesPerfMap) break;
        read.symbol = symbol;
        read.object = frame.object;
        break;
    }
  }
  return read;
}

const Attribution::MapEntry* Attribution::lookup(Map& map, std::uint64_t address) {
  if (!map.is_sorted) {
    std::ranges::stable_sort(map.entries, {}, &MapEntry::start);
    map.is_sorted = true;
  }
  auto at = std::ranges::upper_bound(map.entries, address, {}, &MapEntry::start);
  if (at == map.entries.begin()) return nullptr;
  --at;
  return address - at->start < at->size ? &*at : nullptr;
}

// In the process's map, and in those of the processes that it was forked from: what had begun
// before the fork is only there.
std::string_view Attribution::symbol_at(std::uint64_t pid, std::uint64_t address) {
  const auto in = [&](std::optional<std::uint64_t> process) -> std::string_view {
    const auto map = maps_.find(process);
    if (map == maps_.end()) return {};
    const MapEntry* const entry = lookup(map->second, address);
    return entry == nullptr ? std::string_view() : entry->name;
  };
  constexpr int kMostAncestors = 64;
  std::uint64_t process = pid;
  for (int depth = 0; depth < kMostAncestors; ++depth) {
    if (const std::string_view name = in(process); !name.empty()) return name;
    const auto parent = parents_.find(process);
    if (parent == parents_.end()) break;
    process = parent->second;
  }
  // A map whose name tells no process, or a log without -f, which has none.
  if (const std::string_view name = in(std::nullopt); !name.empty()) return name;
  return pid == 0 && maps_.size() == 1 ? in(maps_.begin()->first) : std::string_view();
}

std::vector<std::string_view> Attribution::frames_of(const Key& key) {
  std::vector<std::string_view> frames = {text(key.syscall)};
  std::string_view stack = text(key.stack);
  strace::Frame frame;
  while (strace::take_frame(stack, frame)) {
    if (!frame.symbol.empty()) {
      frames.push_back(strace::plain_symbol(frame.symbol));
    } else if (!frame.object.empty()) {
      frames.push_back(last_part(frame.object, '/'));
    } else if (frame.address != 0) {
      // Whoever called it is not known: the stack ends here.
      const std::string_view symbol = symbol_at(key.pid, frame.address);
      if (!symbol.empty()) frames.push_back(symbol);
    }
  }
  std::ranges::reverse(frames);
  return frames;
}

void Attribution::index_functions(const CallGraph& graph) {
  graph.each([&](CallGraph::Index at, std::string_view file, std::uint32_t, std::string_view name) {
    if (formats::callgrind::is_builtin(file)) return;
    functions_[function_key(name, file)].push_back(at);
    const std::string_view base = last_part(file, '/');
    if (base != file) functions_[function_key(name, base)].push_back(at);
  });
}

// `py::BaseHandler.run:/usr/lib/python3.12/wsgiref/handlers.py`: the profile has the last part of
// the name, and the line, which is not in the map.
CallGraph::Index Attribution::python_function(std::string_view symbol, CallGraph::Index callee,
                                              CallGraph& graph) {
  constexpr std::string_view kPrefix = "py::";
  if (!symbol.starts_with(kPrefix)) return CallGraph::kNone;
  symbol.remove_prefix(kPrefix.size());
  const std::size_t colon = symbol.find(':');
  if (colon == std::string_view::npos) return CallGraph::kNone;
  const std::string_view qualified = symbol.substr(0, colon);
  const std::string_view file = symbol.substr(colon + 1);
  const std::string_view name = last_part(qualified, '.');
  auto known = functions_.find(function_key(name, file));
  if (known == functions_.end()) known = functions_.find(function_key(name, last_part(file, '/')));
  if (known != functions_.end()) {
    if (known->second.size() == 1) return known->second.front();
    // Several of that name in the file: the one that calls what was called.
    CallGraph::Index only = CallGraph::kNone;
    int callers = 0;
    for (const CallGraph::Index at : known->second) {
      if (callee == CallGraph::kNone || !graph.has_call(at, callee)) continue;
      only = at;
      ++callers;
    }
    if (callers == 1) return only;
  }
  return graph.node(file, 0, qualified);
}

CallGraph::Index Attribution::c_function(const Stack& stack, CallGraph& graph) {
  if (stack.symbol.empty()) return CallGraph::kNone;
  const auto [known, is_new] = c_functions_.try_emplace({stack.symbol, stack.object});
  if (is_new) known->second = find_c_function(stack, graph);
  return known->second;
}

CallGraph::Index Attribution::find_c_function(const Stack& stack, CallGraph& graph) {
  const std::vector<std::string> names = builtins_of(stack.symbol);
  for (const std::string& name : names) {
    if (name.find('*') == std::string::npos) {
      if (const CallGraph::Index found = graph.find_builtin(name); found != CallGraph::kNone) {
        return found;
      }
      continue;
    }
    CallGraph::Index found = CallGraph::kNone;
    graph.each(
        [&](CallGraph::Index at, std::string_view file, std::uint32_t, std::string_view each) {
          if (formats::callgrind::is_builtin(file) && is_builtin_named(name, each)) found = at;
        });
    if (found != CallGraph::kNone) return found;
  }
  // The profiler did not see it, or takes it for no function.
  if (!names.empty()) return graph.node("~", 0, names.front());
  return graph.node(stack.object, 0, stack.symbol, module_of(stack.object));
}

Attribution::Place Attribution::place_of(std::uint64_t pid, std::uint32_t stack, CallGraph& graph) {
  const auto [known, is_new] = places_.try_emplace({pid, stack});
  if (!is_new) return known->second;
  Place place;
  const Stack read = read_stack(text(stack));
  const std::string_view symbol =
      read.address == 0 ? std::string_view() : symbol_at(pid, read.address);
  if (read.is_python || !symbol.empty()) {
    place.callee = c_function(read, graph);
    if (!symbol.empty()) place.function = python_function(symbol, place.callee, graph);
    if (place.function != CallGraph::kNone) {
      place.evidence = Evidence::kStack;
    } else if (place.callee != CallGraph::kNone) {
      place.evidence = Evidence::kMethod;
    }
  }
  return known->second = place;
}

bool Attribution::is_seen(const Key& key) const {
  if (!seen_threads_.empty()) return seen_threads_.contains(key.tid);
  if (is_everything_) return true;
  return (seen_pid_ == 0 || key.pid == seen_pid_) && (!is_main_only_ || key.is_main);
}

bool Attribution::is_outside(const Key& key) const {
  return key.phase == Phase::kAfter || (key.phase == Phase::kBefore && begun_.contains(key.pid));
}

// Takes the threads whose calls agree best with the numbers of calls of the profile.
void Attribution::choose_threads(const CallGraph& graph) {
  struct Counts {
    AnchorCounts main{}, all{};
  };
  std::map<std::uint64_t, Counts> processes;
  Counts everything;
  for (const CellData& data : cells_) {
    if (is_outside(data.key)) continue;
    Counts& counts = processes[data.key.pid];
    const auto* const anchor = std::ranges::find(kAnchors, text(data.key.syscall));
    if (anchor == std::end(kAnchors)) continue;
    const auto at = static_cast<std::size_t>(anchor - std::begin(kAnchors));
    const std::uint64_t calls = data.costs[kSyscalls];
    counts.all[at] += calls;
    everything.all[at] += calls;
    if (!data.key.is_main) continue;
    counts.main[at] += calls;
    everything.main[at] += calls;
  }
  AnchorCounts expected{};
  for (std::size_t at = 0; at < expected.size(); ++at) {
    for (const Candidate& candidate : candidates(kAnchors[at], Target::kAny, graph)) {
      expected[at] += candidate.expected;
    }
  }
  struct Choice {
    double distance;
    std::uint64_t pid;
    bool is_main_only, is_everything;
  };
  std::vector<Choice> choices;
  const auto add_choices = [&](const Counts& counts, std::uint64_t pid, bool is_everything) {
    if (threads_ != Threads::kAll) {
      choices.push_back({distance(counts.main, expected), pid, true, false});
    }
    if (threads_ != Threads::kMain) {
      choices.push_back({distance(counts.all, expected), pid, false, is_everything});
    }
  };
  for (const auto& [pid, counts] : processes) add_choices(counts, pid, false);
  add_choices(everything, 0, true);
  // The first of equals: a process before everything, its main thread before all.
  const auto best = std::ranges::min_element(choices, {}, &Choice::distance);
  seen_pid_ = best->pid;
  is_main_only_ = best->is_main_only;
  is_everything_ = best->is_everything;
  summary_.threads = threads_in_words(processes.size());
}

std::string Attribution::threads_in_words(std::size_t processes) const {
  if (!seen_threads_.empty()) return "the threads named by --threads";
  if (is_everything_ || (seen_pid_ == 0 && processes > 1)) {
    return is_main_only_ ? "the main threads of all processes" : "all threads";
  }
  const std::string_view which = is_main_only_ ? "the main thread" : "all threads";
  return processes > 1 ? fmt::format("{} of process {}", which, seen_pid_) : std::string(which);
}

std::vector<Attribution::Candidate> Attribution::candidates(std::string_view syscall, Target target,
                                                            const CallGraph& graph) const {
  std::vector<Candidate> found;
  const auto take = [&](const BuiltinCall& row, CallGraph::Index builtin) {
    const std::uint64_t calls = graph.calls_of(builtin);
    const std::uint64_t most = row.most == 0 ? UINT64_MAX : calls * row.most;
    const auto same = std::ranges::find(found, builtin, &Candidate::builtin);
    if (calls > 0 && same == found.end()) found.push_back({builtin, calls * row.usual, most});
  };
  const std::string own = builtin_of_os(syscall);
  if (const CallGraph::Index builtin = graph.find_builtin(own); builtin != CallGraph::kNone) {
    take({syscall, own}, builtin);
  }
  for (const BuiltinCall& row : builtin_calls()) {
    if (row.syscall != syscall) continue;
    if (row.target != Target::kAny && target != Target::kAny && row.target != target) continue;
    if (row.builtin.find('*') == std::string_view::npos) {
      const CallGraph::Index builtin = graph.find_builtin(row.builtin);
      if (builtin != CallGraph::kNone) take(row, builtin);
      continue;
    }
    graph.each(
        [&](CallGraph::Index at, std::string_view file, std::uint32_t, std::string_view name) {
          if (formats::callgrind::is_builtin(file) && is_builtin_named(row.builtin, name)) {
            take(row, at);
          }
        });
  }
  return found;
}

// How many of the calls each candidate made. What they are expected to make comes first; of more
// than that, each takes what it can make at most.
std::vector<std::uint64_t> Attribution::shared_out(std::uint64_t calls,
                                                   const std::vector<Candidate>& candidates) {
  std::vector<std::uint64_t> shares(candidates.size(), 0);
  const auto spread = [&](std::uint64_t amount, const auto& weight_of) {
    long double all = 0;
    for (const Candidate& candidate : candidates)
      all += static_cast<long double>(weight_of(candidate));
    if (all <= 0) return;
    long double upto = 0;
    std::uint64_t given = 0;
    for (std::size_t at = 0; at < candidates.size(); ++at) {
      upto += static_cast<long double>(weight_of(candidates[at]));
      const auto now = static_cast<std::uint64_t>(
          std::llroundl(static_cast<long double>(amount) * (upto / all)));
      shares[at] += now - given;
      given = now;
    }
  };
  std::uint64_t expected = 0;
  std::uint64_t slack = 0;
  for (const Candidate& candidate : candidates) {
    expected += candidate.expected;
    const std::uint64_t more = candidate.most - std::min(candidate.most, candidate.expected);
    slack = more > UINT64_MAX - slack ? UINT64_MAX : slack + more;
  }
  spread(std::min(calls, expected), [](const Candidate& candidate) { return candidate.expected; });
  if (calls <= expected) return shares;
  // Those without a limit take a rest in proportion to their calls, as the others do.
  const std::uint64_t rest = std::min(calls - expected, slack);
  spread(rest, [&](const Candidate& candidate) {
    const std::uint64_t more = candidate.most - std::min(candidate.most, candidate.expected);
    return candidate.most == UINT64_MAX ? std::max<std::uint64_t>(candidate.expected, rest) : more;
  });
  return shares;
}

void Attribution::attribute_by_count(const std::vector<Cell>& cells, const CallGraph& graph,
                                     std::vector<Attributed>& found) {
  struct Group {
    std::uint64_t calls = 0;
    std::vector<Cell> cells;
  };
  std::map<std::pair<std::uint32_t, Target>, Group> groups;
  for (const Cell cell : cells) {
    const CellData& data = cells_[cell];
    Group& group = groups[{data.key.syscall, data.key.target}];
    group.calls += data.costs[kSyscalls];
    group.cells.push_back(cell);
  }
  // What each has made of a call by then.
  std::map<std::pair<std::uint32_t, CallGraph::Index>, std::uint64_t> used;
  for (const auto& [key, group] : groups) {
    std::vector<Candidate> makers = candidates(text(key.first), key.second, graph);
    for (Candidate& maker : makers) {
      const std::uint64_t before = used[{key.first, maker.builtin}];
      maker.expected -= std::min(maker.expected, before);
      if (maker.most != UINT64_MAX) maker.most -= std::min(maker.most, before);
    }
    const std::vector<std::uint64_t> shares = shared_out(group.calls, makers);
    for (std::size_t at = 0; at < makers.size(); ++at) {
      used[{key.first, makers[at].builtin}] += shares[at];
    }
    for (const Cell cell : group.cells) {
      const CellData& data = cells_[cell];
      Attributed piece;
      piece.syscall = text(data.key.syscall);
      piece.greenlet = text(data.key.greenlet);
      Shares pieces(data.costs, group.calls);
      std::uint64_t left = group.calls;
      for (std::size_t at = 0; at < makers.size(); ++at) {
        if (shares[at] == 0) continue;
        left -= shares[at];
        piece.evidence = Evidence::kCount;
        piece.callee = makers[at].builtin;
        piece.costs = pieces.next(shares[at]);
        piece.costs[kEstimated] = piece.costs[kSyscalls];
        found.push_back(piece);
      }
      piece.evidence = Evidence::kNone;
      piece.callee = CallGraph::kNone;
      piece.costs = pieces.next(left);
      if (left > 0) found.push_back(piece);
    }
  }
}

std::vector<Attributed> Attribution::attribute(CallGraph& graph) {
  std::vector<Attributed> found;
  if (cells_.empty()) return found;
  find_trusted_objects();
  // Names of Python functions come from perf maps alone.
  if (summary_.has_symbols) index_functions(graph);
  choose_threads(graph);
  std::vector<Cell> rest;
  for (Cell cell = 0; cell < cells_.size(); ++cell) {
    const CellData& data = cells_[cell];
    const bool is_known = is_seen(data.key);
    if (data.key.stack != 0) {
      summary_.with_stack += data.costs[kSyscalls];
      const Place place = place_of(data.key.pid, data.key.stack, graph);
      if (place.evidence == Evidence::kMethod && summary_.has_symbols) {
        summary_.unresolved += data.costs[kSyscalls];
      }
      if (place.evidence != Evidence::kNone) {
        found.push_back({.syscall = text(data.key.syscall),
                         .greenlet = text(data.key.greenlet),
                         .evidence = place.evidence,
                         .function = place.function,
                         .callee = place.callee,
                         .is_seen = is_known,
                         .costs = data.costs});
        continue;
      }
      // A stack in which no Python code runs says so.
      if (!summary_.is_stripped) {
        found.push_back({.syscall = text(data.key.syscall),
                         .greenlet = text(data.key.greenlet),
                         .costs = data.costs});
        continue;
      }
    }
    const bool is_in_time = !is_outside(data.key);
    if (is_known && is_in_time && graph.has_profile()) {
      rest.push_back(cell);
      continue;
    }
    if (graph.has_profile()) {
      (is_in_time ? summary_.unseen : summary_.outside) += data.costs[kSyscalls];
    }
    found.push_back({.syscall = text(data.key.syscall),
                     .greenlet = text(data.key.greenlet),
                     .costs = data.costs});
  }
  attribute_by_count(rest, graph, found);
  for (const Attributed& each : found) {
    summary_.by_evidence[static_cast<std::size_t>(each.evidence)] += each.costs[kSyscalls];
  }
  return found;
}

}  // namespace tracebraid::analyzers
