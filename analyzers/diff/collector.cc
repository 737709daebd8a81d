#include "analyzers/diff/collector.h"

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "analyzers/diff/groups.h"
#include "analyzers/diff/numbers.h"
#include "analyzers/diff/run_functions.h"
#include "analyzers/input/by_type.h"
#include "analyzers/sockets/table.h"
#include "analyzers/util/hash_index.h"
#include "analyzers/util/mix.h"
#include "formats/io/hash.h"
#include "formats/record/call.h"
#include "formats/record/flow.h"
#include "formats/record/function.h"
#include "formats/record/socket.h"
#include "formats/record/switch.h"
#include "formats/record/syscall.h"

namespace tracebraid::analyzers::diff {

namespace record = formats::record;
using record::AnyRecord;

// What is kept while a run is being read.
class Collector::Run final
    : public ByType<Collector::Run, record::Syscall, record::Segment, record::Function,
                    record::Call, record::File, record::Flow, record::Switch, record::Signal,
                    record::Process>,
      public SocketSink {
 public:
  Run(Collector& owner, std::size_t number, Side side, const InputKinds& kinds)
      : owner_(owner),
        number_(number),
        side_(side),
        kinds_(kinds),
        functions_(owner.texts_),
        sockets_(*this) {
    sockets_.begin(kinds);
    may_have_calls_ = kinds.may_give<record::Syscall>();
  }

  void on(const record::Syscall& call);
  void on(const record::Segment& segment) { sockets_.segment(segment); }
  void on(const record::Function& function) { functions_.add(function); }
  void on(const record::Call& call) {
    if (owner_.with_calls_) functions_.add(call);
  }
  void on(const record::File& file) { sockets_.file(file, lane_); }
  void on(const record::Flow& flow);
  void on(const record::Switch& change) {
    ++switches_;
    if (change.ran) longest_ran_ = std::max(longest_ran_.value_or(0), change.ran->ns);
  }
  void on(const record::Signal& signal) { ++signals_[std::string(signal.signal)]; }
  void on(const record::Process& process);
  void enter(std::size_t lane) override { lane_ = lane; }
  void at_end() override {
    functions_.let_texts_stay(false);
    ByType::at_end();
  }
  void let_texts_stay(bool stay) { functions_.let_texts_stay(stay); }

  void finish() {
    sockets_.finish();
    finish_functions();
    finish_syscalls();
    finish_ends(kFlow, flows_, owner_.flow_ends_);
    finish_ends(kSocket, socket_groups_, owner_.socket_ends_);
    finish_switches();
    finish_counts(kSignal, signals_, has_log());
    finish_counts(kProcess, processes_, has_log());
  }

  void socket(const SocketLife& life, const record::Socket& socket) override;

 private:
  [[nodiscard]] bool has_log() const { return kinds_.give<record::Syscall>() || calls_.calls > 0; }
  // Without -T, calls that others interrupt have a time, and only those.
  [[nodiscard]] bool is_timed() const { return untimed_calls_ * 2 <= calls_.calls; }
  void finish_functions();
  void finish_calls(std::span<const FunctionMatch::Seen> seen);
  void finish_syscalls();
  template <typename Group>
  void finish_ends(std::size_t kind, ByEnd<Group>& groups, EndMatch& ends);
  void finish_switches();
  void finish_counts(std::size_t kind, const std::map<std::string, std::uint64_t>& counts,
                     bool is_covered);
  void cover(std::size_t kind) {
    for (std::size_t at = 0; at < kKinds[kind].measures.size(); ++at) {
      owner_.values_[kind].cover(number_, at);
    }
  }

  Collector& owner_;
  std::size_t number_;
  Side side_;
  InputKinds kinds_;
  bool may_have_calls_ = false;
  std::size_t lane_ = 0;

  RunFunctions functions_;

  std::deque<CallGroup> call_groups_;
  HashIndex<CallGroup> by_call_;
  CallGroup calls_;  // all of them
  std::uint64_t errors_ = 0, untimed_calls_ = 0;

  SocketTable sockets_;
  ByEnd<SocketGroup> socket_groups_;
  SocketGroup all_sockets_;
  ByEnd<FlowGroup> flows_;
  FlowGroup all_flows_;
  std::uint64_t switches_ = 0;
  std::optional<std::int64_t> longest_ran_;
  std::map<std::string, std::uint64_t> signals_, processes_;
};

void Collector::Run::finish_functions() {
  if (!kinds_.give<record::Function>() && functions_.functions().empty()) return;
  std::vector<FunctionMatch::Seen> seen;
  seen.reserve(functions_.functions().size());
  for (const RunFunctions::Function& each : functions_.functions()) {
    seen.push_back({each.path, each.name, each.line, each.id});
  }
  owner_.functions_.match(side_, seen);
  Values& values = owner_.values_[kFunction];
  while (values.size() <= owner_.functions_.size()) values.add();
  cover(kFunction);
  values.cover(number_, 0, !functions_.lacks_calls());
  std::int64_t all_calls = 0;
  std::int64_t all_ns = 0;
  std::int64_t longest_ns = 0;
  for (const FunctionMatch::Seen& each : seen) {
    const RunFunctions::Function& function = functions_.functions()[each.id];
    if (!function.is_told) continue;
    const Values::Thing thing = each.function + 1;
    const std::int64_t calls = to_signed(function.sum.calls);
    const std::int64_t self_ns = to_signed(function.sum.self_ns);
    const std::int64_t inclusive_ns = to_signed(function.sum.inclusive_ns);
    values.mark(thing, number_);
    values.set(thing, number_, 0, calls);
    values.set(thing, number_, 1, self_ns);
    values.set(thing, number_, 2, inclusive_ns);
    all_calls = saturated_sum(all_calls, calls);
    all_ns = saturated_sum(all_ns, self_ns);
    longest_ns = std::max(longest_ns, inclusive_ns);
  }
  values.mark(Values::kAll, number_);
  values.set(Values::kAll, number_, 0, all_calls);
  values.set(Values::kAll, number_, 1, all_ns);
  values.set(Values::kAll, number_, 2, longest_ns);
  if (owner_.with_calls_) finish_calls(seen);
}

void Collector::Run::finish_calls(std::span<const FunctionMatch::Seen> seen) {
  RunProfile& profile = owner_.profiles_[number_];
  std::vector<FunctionMatch::Number> numbers(seen.size());
  profile.functions.resize(owner_.functions_.size());
  for (const FunctionMatch::Seen& each : seen) {
    numbers[each.id] = each.function;
    profile.functions[each.function] = functions_.functions()[each.id].sum;
  }
  const std::vector<CallSum> calls = functions_.take_calls();
  std::vector<std::size_t> places(owner_.functions_.size() + 1);
  for (const CallSum& call : calls) ++places[numbers[call.callee] + 1];
  for (std::size_t at = 1; at < places.size(); ++at) places[at] += places[at - 1];
  profile.calls.resize(calls.size());
  for (const CallSum& call : calls) {
    const FunctionMatch::Number callee = numbers[call.callee];
    profile.calls[places[callee]++] = {numbers[call.caller], callee, call.calls, call.inclusive_ns};
  }
}

void Collector::Run::on(const record::Syscall& call) {
  sockets_.syscall(call, lane_);
  constexpr std::string_view kPath = "path";
  const std::string_view target = !call.kind.empty()  ? call.kind
                                  : call.path.empty() ? std::string_view()
                                                      : kPath;
  const std::uint64_t hash =
      mixed(mixed(formats::io::hash_text(call.syscall), formats::io::hash_text(call.error)),
            formats::io::hash_text(target));
  CallGroup* group = by_call_.find(hash, [&](const CallGroup& each) {
    return each.name == call.syscall && each.error == call.error && each.target == target;
  });
  if (group == nullptr) {
    group = &call_groups_.emplace_back();
    group->name = call.syscall;
    group->error = call.error;
    group->target = target;
    by_call_.insert(hash, group);
  }
  group->add(call);
  calls_.add(call);
  if (!call.error.empty()) ++errors_;
  if (!call.duration) ++untimed_calls_;
}

void Collector::Run::finish_syscalls() {
  if (!has_log()) return;
  Values& values = owner_.values_[kSyscall];
  cover(kSyscall);
  constexpr std::size_t kTime = 2;
  constexpr std::size_t kWait = 3;
  values.cover(number_, kTime, is_timed());
  values.cover(number_, kWait, is_timed());
  for (const CallGroup& group : call_groups_) {
    const std::string key = group.name + '\0' + group.error + '\0' + group.target;
    const Values::Thing thing =
        owner_.thing(kSyscall, key, {group.name, group.error, {group.target, group.target}});
    values.mark(thing, number_);
    group.put(values, thing, number_, group.error.empty() ? 0 : group.calls);
  }
  values.mark(Values::kAll, number_);
  calls_.put(values, Values::kAll, number_, errors_);
}

void Collector::Run::on(const record::Flow& flow) {
  if (may_have_calls_) sockets_.flow(flow);
  all_flows_.add(flow);
  flows_.of(end_of(flow)).add(flow);
}

void Collector::Run::socket(const SocketLife& life, const record::Socket& socket) {
  (void)life;
  socket_groups_.of(end_of(socket)).add(socket);
  all_sockets_.add(socket);
}

template <typename Group>
void Collector::Run::finish_ends(std::size_t kind, ByEnd<Group>& groups, EndMatch& ends) {
  constexpr bool kIsFlow = std::is_same_v<Group, FlowGroup>;
  Group* all = nullptr;
  if constexpr (kIsFlow) {
    all = &all_flows_;
    if (!kinds_.give<record::Flow>() && all->flows == 0) return;
  } else {
    all = &all_sockets_;
    if (!has_log()) return;
  }
  Values& values = owner_.values_[kind];
  cover(kind);
  if constexpr (!kIsFlow) {
    constexpr std::size_t kBlocked = 6;
    values.cover(number_, kBlocked, is_timed());
  }
  std::vector<EndMatch::Seen> seen;
  std::vector<Group*> of_seen;
  groups.each([&](const ServerEnd& end, Group& group) {
    seen.push_back({end});
    of_seen.push_back(&group);
  });
  ends.match(seen);
  auto& names = owner_.names_[kind];
  while (values.size() <= ends.size()) values.add();
  names.resize(values.size());
  for (std::size_t at = 0; at < seen.size(); ++at) {
    const Values::Thing thing = seen[at].number + 1;
    ThingName& name = names[thing];
    const ServerEnd& end = seen[at].end;
    if (name.name.empty()) {
      name.name = end.service.empty() ? end.proto : end.proto + " " + end.service;
    }
    name.target[side_] = shown_end(end);
    values.mark(thing, number_);
    of_seen[at]->put(values, thing, number_);
  }
  values.mark(Values::kAll, number_);
  all->put(values, Values::kAll, number_);
}

void Collector::Run::on(const record::Process& event) {
  std::string name(event.event);
  if (event.event == "clone" && event.is_thread) name += *event.is_thread ? " thread" : " process";
  if (!event.signal.empty()) name.append(" ").append(event.signal);
  if (event.code.value_or(0) != 0) name.append(" ").append(std::to_string(*event.code));
  ++processes_[name];
}

void Collector::Run::finish_switches() {
  if (!kinds_.give<record::Switch>() && switches_ == 0) return;
  cover(kSwitch);
  Values& values = owner_.values_[kSwitch];
  values.mark(Values::kAll, number_);
  values.set(Values::kAll, number_, 0, to_signed(switches_));
  values.set(Values::kAll, number_, 1, longest_ran_);
}

void Collector::Run::finish_counts(std::size_t kind,
                                   const std::map<std::string, std::uint64_t>& counts,
                                   bool is_covered) {
  if (!is_covered && counts.empty()) return;
  cover(kind);
  Values& values = owner_.values_[kind];
  std::uint64_t all = 0;
  for (const auto& [name, count] : counts) {
    const Values::Thing thing = owner_.thing(kind, name, {name, {}, {}});
    values.mark(thing, number_);
    values.set(thing, number_, 0, to_signed(count));
    all = saturated_sum(all, count);
  }
  if (all > 0) values.mark(Values::kAll, number_);
  values.set(Values::kAll, number_, 0, to_signed(all));
}

Collector::Collector(std::size_t runs, bool with_calls)
    : functions_(texts_), profiles_(with_calls ? runs : 0), with_calls_(with_calls) {
  for (const Kind& kind : kKinds) values_.emplace_back(kind, runs);
  for (auto& names : names_) names.resize(1);
}

Collector::~Collector() = default;

void Collector::begin_run(std::size_t run, Side side, const InputKinds& kinds) {
  run_ = std::make_unique<Run>(*this, run, side, kinds);
}

void Collector::end_run() {
  run_->finish();
  run_.reset();
}

void Collector::let_texts_stay(bool stay) {
  run_->let_texts_stay(stay);
}

void Collector::enter(std::size_t lane) {
  run_->enter(lane);
}

void Collector::visit(const AnyRecord& any) {
  run_->visit(any);
}

void Collector::at_end() {
  run_->at_end();
}

Values::Thing Collector::thing(std::size_t kind, const std::string& key, const ThingName& name) {
  const auto [found, is_new] =
      by_key_[kind].try_emplace(key, static_cast<Values::Thing>(values_[kind].size()));
  if (is_new) {
    values_[kind].add();
    names_[kind].push_back(name);
  }
  return found->second;
}

}  // namespace tracebraid::analyzers::diff
