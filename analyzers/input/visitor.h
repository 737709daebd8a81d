// Who is shown the records of all inputs.
#pragma once

#include <cstddef>

#include "analyzers/input/kinds.h"
#include "analyzers/util/distance.h"
#include "formats/record/any_record.h"

namespace tracebraid::analyzers {

// All functions are called in the thread that called read_inputs…(), never two at a time:
//
//   begin(kinds)                     once
//   enter(lane)                      before the first record of a lane, and whenever the lane is
//                                    another than that of the record before
//     expect(record, …)              any number of times, or never, for records of that lane
//     visit(record)                  once for each record, in the order that the reading function
//                                    promises
//   flush()                          between two records, when an input may last
//   at_end()                         once, after the last record of all inputs
//
// What is wrong with an input is reported and the others go on; at_end() comes all the same. It
// does not when the run ends by an exception (the output's, or a wrong option).
//
// A lane is what one converter makes: of one record stream, or of all inputs of another kind.
// Lanes are numbered from 0. Numbers of open files (`file`, `new_file`) and of functions (`number`)
// are those of their lane: the key of a socket is the lane and the file.
//
// A record's views are valid during the call. A type that is not a constant (that of a record
// stream whose fields differ) lives until at_end() returns: types may be known by their addresses.
class RecordVisitor {
 public:
  virtual ~RecordVisitor() = default;
  virtual void begin(const InputKinds& kinds) { (void)kinds; }
  virtual void enter(std::size_t lane) { (void)lane; }
  // This one comes soon, from the lane of those that come now: what it is about can be brought near
  // the processor, step by step. It may be of any type.
  virtual void expect(const formats::record::AnyRecord& record, Distance distance) {
    (void)record, (void)distance;
  }
  virtual void visit(const formats::record::AnyRecord& record) = 0;
  // An input that may wait, such as a pipe, has nothing more at the moment: show what there is.
  virtual void flush() {}
  virtual void at_end() {}
};

}  // namespace tracebraid::analyzers
