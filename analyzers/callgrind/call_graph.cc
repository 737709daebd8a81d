#include "analyzers/callgrind/call_graph.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "analyzers/callgrind/cost_flow.h"
#include "analyzers/util/mix.h"
#include "formats/callgrind/outside_calls.h"
#include "formats/io/hash.h"
#include "formats/io/saturate.h"

namespace tracebraid::analyzers {
namespace {

namespace callgrind = formats::callgrind;
namespace record = formats::record;

constexpr std::uint64_t kUntimed = std::numeric_limits<std::uint64_t>::max();
constexpr std::string_view kBuiltinFile = "~";
constexpr std::size_t kFirstSlots = 1024;

std::uint64_t positive(record::Duration duration) {
  return duration.ns > 0 ? static_cast<std::uint64_t>(duration.ns) : 0;
}

std::uint64_t rounded(double amount) {
  constexpr double kHalf = 0.5;
  return static_cast<std::uint64_t>(amount + kHalf);
}

// Profilers write the file of built-in functions differently.
std::string_view known_path(std::string_view path) {
  return callgrind::is_builtin(path) ? kBuiltinFile : path;
}

bool is_zero(const Costs& costs) {
  return std::ranges::all_of(costs, [](std::uint64_t cost) { return cost == 0; });
}

// What each call of a circle's functions takes of the circle's costs: what goes out adds up to the
// whole.
void append_pieces(const CostFlow& flow, const std::vector<bool>& is_inside, const Costs& whole,
                   std::vector<Costs>& pieces) {
  CostFlow::Amounts out{};
  for (std::size_t at = 0; at < is_inside.size(); ++at) {
    for (std::size_t event = 0; event < out.size() && !is_inside[at]; ++event) {
      out[event] += flow.through(at)[event];
    }
  }
  CostFlow::Amounts so_far{};
  Costs given{};
  for (std::size_t at = 0; at < is_inside.size(); ++at) {
    Costs& piece = pieces.emplace_back();
    for (std::size_t event = 0; event < piece.size(); ++event) {
      const double through = flow.through(at)[event];
      if (is_inside[at]) {
        piece[event] = std::min(rounded(through), whole[event]);
      } else if (out[event] > 0) {
        so_far[event] += through;
        const std::uint64_t upto =
            so_far[event] >= out[event]
                ? whole[event]
                : std::min(rounded(static_cast<double>(whole[event]) * so_far[event] / out[event]),
                           whole[event]);
        piece[event] = upto - std::min(upto, given[event]);
        given[event] = std::max(upto, given[event]);
      }
    }
  }
  // The last one takes what rounding left, and a circle that nobody has called its costs.
  for (std::size_t event = 0; event < whole.size(); ++event) {
    pieces.back()[event] += whole[event] - given[event];
  }
}

}  // namespace

Shares::Shares(const Costs& whole, std::uint64_t all)
    : whole_(whole), all_(all), is_nothing_(all == 0 || is_zero(whole)) {}

Costs Shares::next(std::uint64_t weight) {
  Costs piece{};
  if (is_nothing_) return piece;
  weights_ += weight;
  for (std::size_t at = 0; at < whole_.size(); ++at) {
    if (whole_[at] == 0) continue;
    std::uint64_t upto = 0;
    if (__builtin_mul_overflow(whole_[at], weights_, &upto) ||
        __builtin_add_overflow(upto, all_ / 2, &upto)) {
      upto = callgrind::share(whole_[at], weights_, all_);
    } else {
      upto /= all_;
    }
    piece[at] = upto - given_[at];
    given_[at] = upto;
  }
  return piece;
}

void add_costs(Costs& sum, const Costs& more) {
  for (std::size_t at = 0; at < sum.size(); ++at)
    sum[at] = formats::io::saturated_sum(sum[at], more[at]);
}

CallGraph::CallGraph(const Counted& counted) : slots_(kFirstSlots), counted_(counted) {}

CallGraph::~CallGraph() = default;

// `path_hash` is of hash_text(), whose seed nobody knows.
formats::io::WideHash CallGraph::hash_of(std::uint64_t path_hash, std::uint32_t line,
                                         std::string_view name) {
  return formats::io::wide_hash(name, path_hash + line * kGoldenOdd);
}

// Where the function is, or where it would be.
std::size_t CallGraph::slot_of(const formats::io::WideHash& hash) const {
  std::size_t at = hash.low & (slots_.size() - 1);
  while (slots_[at].function != kNone && !(slots_[at].hash == hash)) {
    at = (at + 1) & (slots_.size() - 1);
  }
  return at;
}

void CallGraph::grow() {
  std::vector<Slot> old(slots_.size() * 2);
  old.swap(slots_);
  for (const Slot& slot : old) {
    if (slot.function != kNone) slots_[slot_of(slot.hash)] = slot;
  }
}

std::uint32_t CallGraph::file_number(std::string_view path, std::uint64_t path_hash,
                                     std::string_view object) {
  const File* const found =
      file_index_.find(path_hash, [&](const File& file) { return file.path == path; });
  if (found != nullptr) return found->number;
  const std::string_view kept = texts_.keep(path);
  const std::string_view group = !object.empty()                ? object
                                 : path == callgrind::kRootFile ? path
                                                                : callgrind::package_of(kept);
  auto known = object_numbers_.find(group);
  if (known == object_numbers_.end()) {
    const std::string_view text = texts_.keep(group);
    known = object_numbers_.emplace(text, static_cast<std::uint32_t>(objects_.size())).first;
    objects_.push_back(text);
  }
  const auto number = static_cast<std::uint32_t>(files_.size());
  files_.push_back({kept, object.empty() ? names_.take_place(kept) : "", known->second, number});
  file_index_.insert(path_hash, &files_.back());
  return number;
}

CallGraph::Index CallGraph::intern(std::string_view file, std::uint32_t line, std::string_view name,
                                   std::string_view object) {
  const std::string_view path = known_path(file);
  const std::uint64_t path_hash = formats::io::hash_text(path);
  const formats::io::WideHash hash = hash_of(path_hash, line, name);
  std::size_t at = slot_of(hash);
  if (slots_[at].function != kNone) return slots_[at].function;
  if (functions_.size() * 2 >= slots_.size()) {
    grow();
    at = slot_of(hash);
  }
  const auto index = static_cast<Index>(functions_.size());
  functions_.push_back(
      {.name = texts_.keep(name), .file = file_number(path, path_hash, object), .line = line});
  slots_[at] = {hash, index};
  return index;
}

void CallGraph::enter_dump(std::uint32_t dump) {
  if (dump == dump_) return;
  dump_ = dump;
  by_number_.clear();
  kept_names_.clear();
}

CallGraph::Index CallGraph::numbered(std::uint32_t number, std::string_view file,
                                     std::uint32_t line, std::string_view name) {
  if (number == 0) return intern(file, line, name);
  if (number >= by_number_.size()) by_number_.resize(number + std::size_t{1}, kNone);
  Index& index = by_number_[number];
  if (index != kNone) return index;
  if (const auto known = kept_names_.find(number); known != kept_names_.end()) {
    index = intern(known->second.file, known->second.line, known->second.name);
  } else {
    index = intern(file, line, name);
  }
  return index;
}

// The caller of a call that counts for nothing may not be named again, when one that counts comes.
void CallGraph::keep_name(const record::Call& call) {
  if (call.caller_number == 0 || call.caller_name.empty()) return;
  kept_names_.try_emplace(call.caller_number,
                          KeptName{texts_.keep(call.caller_file), texts_.keep(call.caller_name),
                                   call.sampled ? 0 : call.caller_line});
}

CallGraph::Index CallGraph::find(std::string_view file, std::uint32_t line,
                                 std::string_view name) const {
  const std::uint64_t path_hash = formats::io::hash_text(known_path(file));
  return slots_[slot_of(hash_of(path_hash, line, name))].function;
}

CallGraph::Index CallGraph::find_builtin(std::string_view name) const {
  return find(kBuiltinFile, 0, name);
}

CallGraph::Index CallGraph::node(std::string_view file, std::uint32_t line, std::string_view name,
                                 std::string_view object) {
  const std::size_t before = functions_.size();
  const Index index = intern(file, line, name, object);
  if (functions_.size() > before) functions_[index].is_lineless = line == 0;
  return index;
}

CallGraph::Index CallGraph::root() {
  if (root_ == kNone) root_ = node(callgrind::kRootFile, 0, callgrind::kRootName);
  return root_;
}

void CallGraph::add(const record::Function& function) {
  has_profile_ = true;
  enter_dump(function.dump);
  const Index index =
      numbered(function.number, function.file, function.sampled ? 0 : function.line, function.name);
  Function& sum = functions_[index];
  sum.calls += function.calls.value_or(0);
  sum.primitive_calls += function.primitive_calls.value_or(0);
  sum.self_ns += positive(function.tottime);
  sum.inclusive_ns += positive(function.cumtime);
  sum.is_lineless = sum.is_lineless || function.sampled;
  total_ns_ += positive(function.tottime);
}

void CallGraph::add(const record::Call& call) {
  has_profile_ = true;
  enter_dump(call.dump);
  // A call that had not returned when the profile was taken: it is nobody's cost, and no viewer's.
  if (call.calls.value_or(0) == 0 && positive(call.cumtime.value_or(record::Duration{})) == 0) {
    keep_name(call);
    return;
  }
  const auto index = [&](std::uint32_t number, std::string_view file, std::uint32_t line,
                         std::string_view name) {
    return numbered(number, file, call.sampled ? 0 : line, name);
  };
  const Index caller =
      index(call.caller_number, call.caller_file, call.caller_line, call.caller_name);
  // A profile's calls come callee by callee.
  const bool is_last = call.callee_number == 0 && last_callee_ != kNone && !call.sampled &&
                       functions_[last_callee_].name == call.callee_name &&
                       functions_[last_callee_].line == call.callee_line &&
                       files_[functions_[last_callee_].file].path == known_path(call.callee_file);
  if (!is_last) {
    last_callee_ = index(call.callee_number, call.callee_file, call.callee_line, call.callee_name);
  }
  calls_.push_back({.caller = caller,
                    .callee = last_callee_,
                    .calls = call.calls.value_or(0),
                    .ns = call.cumtime ? positive(*call.cumtime) : kUntimed,
                    .link = kNone});
}

void CallGraph::bear(Index node, const Costs& costs) {
  add_costs(borne_[node], costs);
}

void CallGraph::link(Index caller, Index callee, std::uint64_t calls, const Costs& costs) {
  const auto [place, is_new] =
      link_numbers_.try_emplace({callee, caller}, static_cast<std::uint32_t>(links_.size()));
  if (is_new) links_.push_back({caller, callee, 0, {}});
  Link& link = links_[place->second];
  link.calls += calls;
  add_costs(link.costs, costs);
}

void CallGraph::share(Index function, const Costs& costs) {
  add_costs(shared_before_[function], costs);
}

void CallGraph::sort_calls() {
  first_call_.assign(functions_.size() + 1, 0);
  for (const Call& call : calls_) ++first_call_[call.callee + 1];
  for (std::size_t at = 1; at < first_call_.size(); ++at) first_call_[at] += first_call_[at - 1];
  // Calls of one profile stand together already.
  if (std::ranges::is_sorted(calls_, {}, &Call::callee)) return;
  std::vector<std::uint32_t> next(first_call_.begin(), first_call_.end() - 1);
  std::vector<Call> sorted(calls_.size());
  for (const Call& call : calls_) sorted[next[call.callee]++] = call;
  calls_.swap(sorted);
}

bool CallGraph::has_call(Index caller, Index callee) const {
  if (callee + std::size_t{1} >= first_call_.size()) return false;
  for (std::uint32_t at = first_call_[callee]; at < first_call_[callee + 1]; ++at) {
    if (calls_[at].caller == caller) return true;
  }
  return false;
}

void CallGraph::bind_links() {
  // By callee, as link_numbers_ is.
  std::unordered_map<Index, std::uint32_t> by_caller;
  Index callee = kNone;
  for (const auto& [pair, number] : link_numbers_) {
    if (pair.first != callee) {
      callee = pair.first;
      by_caller.clear();
      for (std::uint32_t at = first_call_[callee]; at < first_call_[callee + 1]; ++at) {
        by_caller.try_emplace(calls_[at].caller, at);
      }
    }
    const auto found = by_caller.find(pair.second);
    if (found == by_caller.end() || pair.second == callee) continue;
    calls_[found->second].link = number;
    links_[number].is_written = true;
  }
}

// Tarjan's strongly connected components, without recursion; a component comes after all that it
// calls.
void CallGraph::find_components() {
  const std::size_t count = functions_.size();
  std::vector<std::uint32_t> first(count + 1, 0);
  for (const Call& call : calls_) ++first[call.caller + 1];
  for (std::size_t at = 1; at < first.size(); ++at) first[at] += first[at - 1];
  std::vector<Index> callees(calls_.size());
  {
    std::vector<std::uint32_t> next(first.begin(), first.end() - 1);
    for (const Call& call : calls_) callees[next[call.caller]++] = call.callee;
  }
  constexpr std::uint32_t kUnseen = 0;
  std::vector<std::uint32_t> number(count, kUnseen);
  std::vector<std::uint32_t> low(count, 0);
  component_of_.assign(count, kNone);
  std::vector<Index> open;
  struct Step {
    Index function;
    std::uint32_t next;
  };
  std::vector<Step> path;
  std::uint32_t last = 0;
  for (Index start = 0; start < count; ++start) {
    if (number[start] != kUnseen) continue;
    path.push_back({start, first[start]});
    number[start] = low[start] = ++last;
    open.push_back(start);
    while (!path.empty()) {
      Step& step = path.back();
      const Index at = step.function;
      if (step.next < first[at + 1]) {
        const Index callee = callees[step.next++];
        if (number[callee] == kUnseen) {
          number[callee] = low[callee] = ++last;
          open.push_back(callee);
          path.push_back({callee, first[callee]});
        } else if (component_of_[callee] == kNone) {
          low[at] = std::min(low[at], number[callee]);
        }
        continue;
      }
      path.pop_back();
      if (!path.empty()) {
        const Index caller = path.back().function;
        low[caller] = std::min(low[caller], low[at]);
      }
      if (low[at] != number[at]) continue;
      for (Index member = kNone; member != at;) {
        member = open.back();
        open.pop_back();
        component_of_[member] = static_cast<std::uint32_t>(component_ends_.size());
        members_.push_back(member);
      }
      component_ends_.push_back(members_.size());
    }
  }
}

// Where a profiler took no time for callers, the function's is shared out by their calls.
void CallGraph::time_counted_calls(std::span<Call> calls, const Function& callee) {
  std::uint64_t all = 0;
  std::uint64_t counted = 0;
  for (const Call& call : calls) {
    counted += call.calls;
    if (call.caller != call.callee) all += call.calls;
  }
  all += callee.calls > counted ? callee.calls - counted : 0;
  Costs whole{callee.inclusive_ns};
  Shares shares(whole, all);
  for (Call& call : calls) {
    call.ns = call.caller == call.callee ? 0 : shares.next(call.calls)[0];
  }
}

void CallGraph::write_self(callgrind::Writer& writer, Index function) {
  const Function& placed = functions_[function];
  const auto borne = borne_.find(function);
  if (borne == borne_.end()) {
    // Made for its costs alone, it had none of its own: finish() writes the line.
    if (placed.calls > 0 || placed.self_ns > 0 || placed.inclusive_ns > 0) {
      writer.self(function, placed.line, placed.self_ns);
    }
    return;
  }
  add_costs(totals_, borne->second);
  writer.self(function, placed.line, placed.self_ns, std::span(borne->second).first(cost_count_));
}

callgrind::OutsideCalls CallGraph::prepare(Index member) {
  const Function& function = functions_[member];
  const std::span<Call> calls(calls_.data() + first_call_[member],
                              calls_.data() + first_call_[member + 1]);
  if (std::ranges::any_of(calls, [](const Call& call) { return call.ns == kUntimed; })) {
    time_counted_calls(calls, function);
  }
  callgrind::CallsOfFunction of = {.calls = function.calls,
                                   .primitive_calls = function.primitive_calls,
                                   .inclusive_ns = function.inclusive_ns};
  for (const Call& call : calls) {
    of.callers_calls += call.calls;
    if (call.caller == member) continue;
    of.outer_calls += call.calls;
    of.outer_ns += call.ns;
  }
  return callgrind::outside_calls(of);
}

// What each of its callers has of a function's costs, into pieces_: of those in the profile but
// itself, and of the code outside.
void CallGraph::share_among_callers(Index member, const callgrind::OutsideCalls& outside) {
  std::uint64_t all_ns = outside.inclusive_ns;
  std::uint64_t all_calls = outside.calls;
  const std::span<const Call> calls(calls_.data() + first_call_[member],
                                    calls_.data() + first_call_[member + 1]);
  for (const Call& call : calls) {
    if (call.caller == member) continue;
    all_ns += call.ns;
    all_calls += call.calls;
  }
  if (all_ns == 0 && all_calls == 0) {
    // Nobody called it.
    for (const Call& call : calls) {
      if (call.caller != member) pieces_.emplace_back();
    }
    pieces_.push_back(shared_[member]);
    return;
  }
  Costs timed = shared_[member];
  Costs counted{};
  if (CostFlow::goes_by_calls(static_cast<double>(timed[0]), static_cast<double>(all_calls))) {
    for (std::size_t at = 0; at < timed.size(); ++at) {
      if (counted_[at]) counted[at] = std::exchange(timed[at], 0);
    }
  }
  Shares by_time(timed, all_ns > 0 ? all_ns : all_calls);
  Shares by_calls(counted, all_calls > 0 ? all_calls : all_ns);
  const auto add_share = [&](std::uint64_t ns, std::uint64_t number) {
    pieces_.push_back(by_time.next(all_ns > 0 ? ns : number));
    add_costs(pieces_.back(), by_calls.next(all_calls > 0 ? number : ns));
  };
  for (const Call& call : calls) {
    if (call.caller != member) add_share(call.ns, call.calls);
  }
  add_share(outside.inclusive_ns, outside.calls);
}

// The same for all functions of a circle, one after another; nothing where they cost nothing.
void CallGraph::share_circle(std::span<const Index> members,
                             std::span<const callgrind::OutsideCalls> outside) {
  const std::uint32_t own = component_of_[members.front()];
  Costs whole{};
  places_.resize(functions_.size());
  for (std::uint32_t place = 0; place < members.size(); ++place) {
    places_[members[place]] = place;
    add_costs(whole, shared_[members[place]]);
  }
  if (is_zero(whole)) return;
  CostFlow flow(members.size(), counted_);
  const auto amounts = [](const Costs& costs) {
    CostFlow::Amounts made{};
    std::ranges::copy(costs, made.begin());
    return made;
  };
  std::vector<bool> is_inside;
  for (std::uint32_t place = 0; place < members.size(); ++place) {
    const Index member = members[place];
    flow.add_costs(place, amounts(shared_[member]));
    for (std::uint32_t at = first_call_[member]; at < first_call_[member + 1]; ++at) {
      const Call& call = calls_[at];
      if (call.caller == member) continue;
      is_inside.push_back(component_of_[call.caller] == own);
      flow.add_call(place, is_inside.back() ? places_[call.caller] : CostFlow::kOutside, call.ns,
                    call.calls);
    }
    is_inside.push_back(false);
    flow.add_call(place, CostFlow::kOutside, outside[place].inclusive_ns, outside[place].calls);
  }
  flow.solve();
  append_pieces(flow, is_inside, whole, pieces_);
}

void CallGraph::write_component(callgrind::Writer& writer, std::span<const Index> members) {
  const std::uint32_t own = component_of_[members.front()];
  outside_.clear();
  for (const Index member : members) outside_.push_back(prepare(member));
  pieces_.clear();
  if (members.size() == 1) {
    share_among_callers(members.front(), outside_.front());
  } else {
    share_circle(members, outside_);
  }
  auto piece = pieces_.begin();
  const auto next_piece = [&] { return piece == pieces_.end() ? Costs{} : *piece++; };
  for (std::size_t at = 0; at < members.size(); ++at) {
    const Index member = members[at];
    const Function& function = functions_[member];
    write_self(writer, member);
    for (std::uint32_t index = first_call_[member]; index < first_call_[member + 1]; ++index) {
      const Call& call = calls_[index];
      Costs costs{};
      std::uint64_t ns = 0;
      if (call.caller != member) {
        costs = next_piece();
        ns = call.ns;
        if (component_of_[call.caller] != own) add_costs(shared_[call.caller], costs);
      }
      if (call.link != kNone) add_costs(costs, links_[call.link].costs);
      if (call.calls == 0 && ns == 0 && is_zero(costs)) continue;
      writer.call(call.caller, functions_[call.caller].line, member, function.line,
                  std::max<std::uint64_t>(call.calls, 1), ns, std::span(costs).first(cost_count_));
    }
    Costs costs = next_piece();
    std::uint64_t calls = outside_[at].calls;
    const auto linked = link_numbers_.find({member, root()});
    if (linked != link_numbers_.end()) {
      Link& link = links_[linked->second];
      link.is_written = true;
      if (calls == 0) calls = link.calls;
      add_costs(costs, link.costs);
    }
    if (calls == 0 && is_zero(costs)) continue;
    writer.call(root(), 0, member, function.line, std::max<std::uint64_t>(calls, 1),
                outside_[at].inclusive_ns, std::span(costs).first(cost_count_));
  }
}

Costs CallGraph::write(formats::io::Output& output, const callgrind::Header& header,
                       std::size_t cost_count) {
  cost_count_ = cost_count;
  (void)root();
  formats::io::BlockWriter block(output);
  callgrind::Writer writer(block, *this);
  writer.write_header(header);
  for (Index at = 0; at < functions_.size(); ++at) {
    const Function& function = functions_[at];
    writer.place(at, function.file, function.line, files_[function.file].object);
  }
  sort_calls();
  bind_links();
  find_components();
  shared_.assign(functions_.size(), Costs{});
  for (const auto& [function, costs] : shared_before_) shared_[function] = costs;
  std::size_t begin = 0;
  for (const std::size_t end : component_ends_) {
    write_component(writer, std::span(members_).subspan(begin, end - begin));
    begin = end;
  }
  for (const Link& link : links_) {
    if (link.is_written) continue;
    writer.call(link.caller, functions_[link.caller].line, link.callee,
                functions_[link.callee].line, std::max<std::uint64_t>(link.calls, 1), 0,
                std::span(link.costs).first(cost_count_));
  }
  (void)writer.finish();
  block.flush();
  return totals_;
}

void CallGraph::append_function(callgrind::FunctionNumber function, std::string& out) {
  const Function& named = functions_[function];
  names_.append_function(out, named.name, files_[named.file].place,
                         named.is_lineless ? callgrind::PythonNames::kAllLines
                                           : static_cast<std::int32_t>(named.line));
}

void CallGraph::append_file(callgrind::FileNumber file, std::string& out) {
  callgrind::append_name(out, files_[file].path);
}

void CallGraph::append_object(callgrind::ObjectNumber object, std::string& out) {
  callgrind::append_name(out, objects_[object]);
}

}  // namespace tracebraid::analyzers
