// What was measured of all things of a kind, in every run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "analyzers/diff/measures.h"

namespace tracebraid::analyzers::diff {

// Memory: 8 bytes for every thing, run and measure.
class Values {
 public:
  using Thing = std::uint32_t;
  static constexpr Thing kAll = 0;  // all things of the kind together; it is always there

  Values(const Kind& kind, std::size_t runs)
      : kind_(&kind), runs_(runs), covered_(runs * kind.measures.size()) {
    add();
  }

  [[nodiscard]] const Kind& kind() const { return *kind_; }
  // kAll included.
  [[nodiscard]] std::size_t size() const { return is_in_.size() / runs_; }
  [[nodiscard]] std::size_t runs() const { return runs_; }

  // One more, which no run has yet.
  Thing add() {
    const auto thing = static_cast<Thing>(size());
    is_in_.resize(is_in_.size() + runs_);
    for (std::size_t run = 0; run < runs_; ++run) {
      for (const Measure& measure : kind_->measures) {
        values_.push_back(measure.absent_is_zero ? 0 : kNone);
      }
    }
    return thing;
  }

  // The run has the thing.
  void mark(Thing thing, std::size_t run) { is_in_[thing * runs_ + run] = true; }
  [[nodiscard]] bool is_in(Thing thing, std::size_t run) const {
    return is_in_[thing * runs_ + run];
  }
  void set(Thing thing, std::size_t run, std::size_t measure, std::optional<std::int64_t> value) {
    values_[place(thing, run, measure)] = value.value_or(kNone);
  }

  // The run's inputs tell of the measure, or of none.
  void cover(std::size_t run, std::size_t measure, bool covers = true) {
    covered_[run * kind_->measures.size() + measure] = covers;
  }
  [[nodiscard]] bool covers(std::size_t run, std::size_t measure) const {
    return covered_[run * kind_->measures.size() + measure];
  }

  // Nothing where the run does not tell.
  [[nodiscard]] std::optional<std::int64_t> get(Thing thing, std::size_t run,
                                                std::size_t measure) const {
    const std::int64_t value = values_[place(thing, run, measure)];
    if (value == kNone || !covers(run, measure)) return std::nullopt;
    return value;
  }

 private:
  static constexpr std::int64_t kNone = INT64_MIN;

  [[nodiscard]] std::size_t place(Thing thing, std::size_t run, std::size_t measure) const {
    return (thing * runs_ + run) * kind_->measures.size() + measure;
  }

  const Kind* kind_;
  std::size_t runs_;
  std::vector<bool> covered_;
  std::vector<bool> is_in_;
  std::vector<std::int64_t> values_;
};

}  // namespace tracebraid::analyzers::diff
