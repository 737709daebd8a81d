// Writes callgrind profiles, in the dialect that KCachegrind, callgrind_annotate, gprof2dot and
// speedscope all read with the same numbers (what gprof2dot then makes of them, see below).
//
// Definition: the manual's "Callgrind Format Specification" (version 1), narrowed by what the four
// readers do (their sources, and experiments): names always compressed, each number defined once
// and never again; one `events:` line; `fl` before `fn`, `cfl` before `cfn`; no jumps, no inlined
// files, no summary, no second part, no negative or fractional cost, no blank at a line's end;
// `totals:` at the end. E.g. main(), 6300 ns of its own, called sorted() ten times, which took 2354
// ns:
//
//   # callgrind format
//   version: 1
//   creator: cprof2callgrind 1.0
//   positions: line
//   event: ns : Nanoseconds
//   events: ns
//
//   ob=(1) shop
//   fl=(1) /srv/shop/a.py
//   fn=(1) main (/srv/shop/a.py:10)
//   10 6300
//   cob=(2) builtins
//   cfl=(2) ~
//   cfn=(2) <built-in method builtins.sorted>
//   calls=10 0
//   10 2354
//
//   totals: 6300
//
// With several events every cost has all its columns, zeros too: speedscope takes a missing one for
// NaN.
//
// All readers add up repeated blocks, so calls may come in any order, also grouped by callee, and
// nothing but the numbering needs to be remembered.
//
// KCachegrind takes two functions for one when name, file's base name and object's base name are
// equal, gprof2dot when the names are: the caller's names must be unique.
//
// Some true profiles gprof2dot cannot draw: it stops with an AssertionError in _integrate_cycle().
// It spreads the time of a cycle (functions that call each other in a circle) from each function
// that is called from outside of the cycle, along the shortest ways. A function that two or more of
// these calls reach, all of 0 ns, gets its share of each by ratio(0, 0), which is 1 for everyone
// instead of 1 in all: its time is there twice, and the sums differ by more than the 0.1 % that is
// allowed. Calls of 0 ns are what cProfile measures of greenlets that switch inside of a call, and
// of recursion: e.g. e calls x and y, both call m for 0 ns, m calls e, and m is called from outside
// of the four. Nothing but another cost than the true one would help: 1 ns for one of the calls, or
// no calls from outside. With 0/0 shared out among the calls, gprof2dot draws all that we have: of
// 40 profiles (samples, test corpus) it stops at four, and at one of them without the calls from
// outside; of the 22 of these that pyprof2calltree 1.4.5 can convert, and where it writes no calls
// from outside, at one, and two come out empty. `gprof2dot -f pstats` spreads no time.
//
// Memory: 40 bytes for every function, and three batches of 4,096 costs.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/io/background.h"
#include "formats/io/output.h"

namespace tracebraid::formats::callgrind {

// Dense numbers of the caller's choice, from 0.
using FileNumber = std::uint32_t;
using FunctionNumber = std::uint32_t;
using ObjectNumber = std::uint32_t;

// The names behind the numbers, asked for once each, when a number is first written. Must put
// into `out`, which is empty, valid UTF-8 without control characters, not empty, with no blank at
// either end.
class Names {
 public:
  virtual ~Names() = default;
  virtual void append_function(FunctionNumber function, std::string& out) = 0;
  virtual void append_file(FileNumber file, std::string& out) = 0;
  virtual void append_object(ObjectNumber object, std::string& out) = 0;
};

struct Header {
  std::string creator;
  std::string command;                    // what was profiled; one short line, empty for none
  std::vector<std::string> descriptions;  // one line each
  struct Event {
    std::string name;  // a word, e.g. "ns"
    std::string long_name;
    std::string formula;  // of a derived event, "Sent + Received"; it has no column
  };
  std::vector<Event> events;  // at least one with a column
};

// What a Writer has been told, until it is text.
struct Batch {
  // calls == 0: a self cost, of `function` at `line`.
  struct Cost {
    FunctionNumber function;
    FunctionNumber callee;
    std::uint32_t line;
    std::uint32_t callee_line;
    std::uint64_t calls;
    std::uint64_t cost;  // of the first event
  };
  struct Name {
    std::uint32_t number;
    std::uint32_t size;  // of its part of `text`; the parts stand in the order of the names
  };
  struct Placed {
    Name name;
    FileNumber file;
    ObjectNumber object;
  };

  std::vector<Cost> costs;
  std::vector<std::uint64_t> more_costs;  // of the other events, for each of `costs`
  std::vector<Placed> functions;          // those that are used in `costs` for the first time
  std::vector<Name> files;                // theirs, likewise
  std::vector<Name> objects;
  std::string function_text;
  std::string file_text;
  std::string object_text;
};

// The second half: writes batches, in a thread of its own when there is more than one.
class Formatter {
 public:
  explicit Formatter(io::BlockWriter& out) : out_(out) { set_more_events(0); }
  void write(Batch& batch);  // empties it
  // How many columns there are beyond the first.
  void set_more_events(std::size_t count);

 private:
  struct Function {
    FileNumber file = 0;
    ObjectNumber object = 0;
    std::uint32_t name_size = 0;  // 0 once it is defined
    std::uint32_t name_at = 0;
  };
  // Names of files, or objects. Which are still to be written is asked for with every call, and
  // answered from a few kilobytes.
  struct Named {
    std::vector<bool> is_pending;
    std::vector<Batch::Name> names;  // by number, where one is pending
    std::vector<std::size_t> starts;
  };
  static constexpr std::uint32_t kNone = UINT32_MAX;

  // A short line, ready to be copied.
  struct Line {
    std::array<char, 32> text;
    std::size_t size = 0;
  };

  void take_names(const Batch& batch);
  // These write at `at`, in the block of out_, and return where the next byte goes. `key` is
  // "fn=(" or the like.
  char* enter(char* at, FunctionNumber function);
  char* put_function(char* at, std::string_view key, FunctionNumber function);
  char* put_file(char* at, std::string_view key, FileNumber file) {
    return put_named(at, key, files_, file, batch_->file_text);
  }
  char* put_object(char* at, std::string_view key, ObjectNumber object) {
    return put_named(at, key, objects_, object, batch_->object_text);
  }
  char* put_named(char* at, std::string_view key, Named& named, std::uint32_t number,
                  const std::string& text);
  char* put_name(char* at, std::string_view name);
  // `more` points to the costs of the other events.
  char* put_self(char* at, const Batch::Cost& cost, const std::uint64_t* more);
  char* put_call(char* at, const Batch::Cost& cost, const std::uint64_t* more);
  char* put_costs(char* at, std::uint32_t line, std::uint64_t cost, const std::uint64_t* more);
  void prepare_callee(FunctionNumber callee);

  io::BlockWriter& out_;
  std::size_t more_events_ = 0;
  std::size_t room_ = 0;  // that a block may take, names left out
  std::vector<Function> functions_;
  Named files_;
  Named objects_;
  const Batch* batch_ = nullptr;
  FunctionNumber current_function_ = kNone;
  FileNumber current_file_ = kNone;
  ObjectNumber current_object_ = kNone;
  // Most callers of a function come one after another: its lines are made once.
  FunctionNumber prepared_callee_ = kNone;
  Line callee_object_;
  Line callee_file_;
  Line callee_function_;
};

class Writer {
 public:
  // Both must outlive the writer; `out` is the writer's alone until finish() or flush().
  Writer(io::BlockWriter& out, Names& names)
      : out_(out),
        names_(names),
        formatter_(out),
        background_([this](Batch& batch) { formatter_.write(batch); }) {}

  void write_header(const Header& header);

  // Says where a function is: once for each, before it is used.
  void place(FunctionNumber function, FileNumber file, std::uint32_t line, ObjectNumber object) {
    if (function >= functions_.size()) functions_.resize(function + std::size_t{1});
    functions_[function] = {file, line, object, true, false, false};
  }
  [[nodiscard]] bool is_placed(FunctionNumber function) const {
    return function < functions_.size() && functions_[function].is_placed;
  }
  // Fetches what will be needed of a function, placed or not.
  void prefetch(FunctionNumber function) const {
    if (function < functions_.size()) __builtin_prefetch(&functions_[function], 1);
  }
  [[nodiscard]] std::uint32_t line_of(FunctionNumber function) const {
    return functions_[function].line;
  }

  // Cost of the function's own at a line. A function may have several such lines.
  void self(FunctionNumber function, std::uint32_t line, std::uint64_t cost) {
    self(function, line, cost, {});
  }
  // With the costs of the header's other events, in its order; those that are left out are 0.
  void self(FunctionNumber function, std::uint32_t line, std::uint64_t cost,
            std::span<const std::uint64_t> more);

  // Cost of `calls` calls (at least 1) with all that the callee called.
  void call(FunctionNumber caller, std::uint32_t caller_line, FunctionNumber callee,
            std::uint32_t callee_line, std::uint64_t calls, std::uint64_t cost) {
    call(caller, caller_line, callee, callee_line, calls, cost, {});
  }
  void call(FunctionNumber caller, std::uint32_t caller_line, FunctionNumber callee,
            std::uint32_t callee_line, std::uint64_t calls, std::uint64_t cost,
            std::span<const std::uint64_t> more);

  // Gives every function that was used but never had self() a self cost of 0 (gprof2dot would lose
  // it), then writes the totals. Returns how many there were.
  std::uint64_t finish();

  // Hands all that was written to `out`.
  void flush() { background_.drain(batch_); }

  // Sum of all self costs of the first event, 2^64 - 1 if it is larger.
  [[nodiscard]] std::uint64_t total() const { return total_; }
  // Of the others.
  [[nodiscard]] std::span<const std::uint64_t> more_totals() const { return more_totals_; }

 private:
  struct Function {
    FileNumber file = 0;
    std::uint32_t line = 0;
    ObjectNumber object = 0;
    bool is_placed = false;
    bool is_used = false;
    bool has_self = false;
  };

  static constexpr std::size_t kBatchCosts = 4096;
  static constexpr std::size_t kBatchText = std::size_t{1} << 22;

  void use(FunctionNumber function) {
    if (!functions_[function].is_used) name(function);
  }
  void name(FunctionNumber function);
  void add(const Batch::Cost& cost, std::span<const std::uint64_t> more) {
    batch_.costs.push_back(cost);
    if (!more_totals_.empty()) {
      batch_.more_costs.insert(batch_.more_costs.end(), more.begin(), more.end());
      batch_.more_costs.resize(batch_.costs.size() * more_totals_.size());
    }
    const bool is_full =
        batch_.costs.size() >= kBatchCosts || batch_.function_text.size() >= kBatchText;
    if (is_full) background_.submit(batch_);
  }

  io::BlockWriter& out_;
  Names& names_;
  std::vector<Function> functions_;
  std::vector<bool> named_files_;
  std::vector<bool> named_objects_;
  std::string name_;  // reused
  std::uint64_t total_ = 0;
  std::vector<std::uint64_t> more_totals_;
  Batch batch_;
  Formatter formatter_;
  io::Background<Batch> background_;
};

}  // namespace tracebraid::formats::callgrind
