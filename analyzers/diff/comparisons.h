// What the sides' values are, compared: the numbers behind every form of the output.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "analyzers/diff/collector.h"
#include "analyzers/diff/comparison.h"
#include "analyzers/diff/rank_test.h"

namespace tracebraid::analyzers::diff {

enum class Status : std::uint8_t { kSame, kChanged, kAppeared, kGone };
inline constexpr std::string_view kStatusNames[] = {"same", "changed", "appeared", "gone"};

struct Row {
  Values::Thing thing;
  std::uint8_t measure;
  bool may_be_noise;
  double weight;
};

class Comparisons {
 public:
  // The first `runs_of_a` runs are A's. `alpha` as in compare().
  Comparisons(const Collector& collector, std::size_t runs_of_a, double alpha)
      : collector_(collector), runs_of_a_(runs_of_a), alpha_(alpha) {}

  [[nodiscard]] const Collector& collector() const { return collector_; }
  [[nodiscard]] double alpha() const { return alpha_; }
  // A's runs that tell of the measure, or B's.
  [[nodiscard]] std::size_t runs(Side side, std::size_t kind, std::size_t measure) const;
  // Both sides have runs that tell of it.
  [[nodiscard]] bool is_told(std::size_t kind, std::size_t measure) const {
    return runs(kA, kind, measure) > 0 && runs(kB, kind, measure) > 0;
  }

  [[nodiscard]] Comparison of(std::size_t kind, Values::Thing thing, std::size_t measure) {
    return of(kind, std::span(&thing, 1), measure);
  }
  // Of several things together.
  [[nodiscard]] Comparison of(std::size_t kind, std::span<const Values::Thing> things,
                              std::size_t measure);
  // kAppeared and kGone by what runs have, else by `comparison`.
  [[nodiscard]] Status status(std::size_t kind, Values::Thing thing,
                              const Comparison& comparison) const;
  // Whether a run of the side has it.
  [[nodiscard]] bool is_in(Side side, std::size_t kind, Values::Thing thing) const;

  // Single things whose measure differs, or, if `with_all`, all; in no order.
  [[nodiscard]] std::vector<Row> rows(std::size_t kind, std::size_t measure, bool with_all);
  // What matters most comes first, and what may be noise last; those beyond `most` are in no order.
  static void sort(std::vector<Row>& rows, std::size_t most = SIZE_MAX);

 private:
  [[nodiscard]] std::pair<std::size_t, std::size_t> runs_of(Side side) const;

  const Collector& collector_;
  std::size_t runs_of_a_;
  double alpha_;
  RankTest test_;
  std::vector<std::int64_t> a_, b_;  // reused
};

// Texts by which people know a thing: of a function "run (eventlet/hubs/hub.py:331)", of a call
// "recvfrom tcp EAGAIN", of a flow "tcp http 127.0.0.1:80", of all of a kind "all".
[[nodiscard]] std::string shown_thing(const Collector& collector, std::size_t kind,
                                      Values::Thing thing);
// The same without the function's place.
[[nodiscard]] std::string_view name_of(const Collector& collector, std::size_t kind,
                                       Values::Thing thing);
// The path of a function's file, as B has it, or else A.
[[nodiscard]] std::string_view path_of(const Collector& collector, Values::Thing thing);

// Whether a shell pattern fits the whole name of a thing, or another whole part of what is known of
// it: of a function, when there is a / in it, its file's end, or "file:name"; of a call its target,
// its error, or all of these with blanks between; of flows and sockets the server's end, or it and
// the name.
[[nodiscard]] bool matches(const Collector& collector, std::size_t kind, Values::Thing thing,
                           const std::string& pattern);

}  // namespace tracebraid::analyzers::diff
