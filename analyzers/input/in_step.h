// Several inputs read at the same time, so that what happened at the same time is seen together.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "analyzers/input/inputs.h"
#include "formats/cli/program.h"
#include "formats/record/any_record.h"

namespace tracebraid::analyzers {

// The moment that stands for a record.
enum class Order : std::uint8_t {
  // When what it tells was over, and so was known: of a call its return, of a flow its last packet.
  kKnown,
  kTs,  // its field ts
};

class Moments {
 public:
  explicit Moments(Order order) : order_(order) {}

  // Nothing for records without a time.
  [[nodiscard]] std::optional<std::int64_t> of(const formats::record::AnyRecord& record);

 private:
  struct Places {
    const formats::record::TypeInfo* type;
    std::size_t end;
    std::size_t begin;
  };
  [[nodiscard]] Places find(const formats::record::TypeInfo& type) const;

  Order order_;
  std::vector<Places> places_;
};

// Where a lane's converter puts its records.
class LaneOutput : public RecordVisitor {
 public:
  // Hands on what there is: the input may have nothing more for a while.
  void flush() override = 0;
  // Added to all times of the records that follow.
  virtual void shift_by(std::int64_t ns) = 0;
};

// What one thread reads: one converter, with one input or several one after another.
struct Lane {
  // Runs in a thread of its own.
  std::function<void(LaneOutput& output, formats::cli::Context& context)> read;
  bool may_wait = false;  // a pipe: may not end when nobody wants its records any more
};

// Runs all lanes, and shows their records to `visitor` in this thread: each lane's in their order,
// and always those of the lane that has come least far (by Moments), the first among equals. A lane
// is at most a few batches ahead of the others.
//
// Memory: six batches of 512 KiB for each lane.
void read_in_step(std::vector<Lane> lanes, Order order, RecordVisitor& visitor,
                  formats::cli::Context& context);

}  // namespace tracebraid::analyzers
