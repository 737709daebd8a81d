// Records in order of time, more of them than memory holds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "formats/io/temporary.h"
#include "formats/record/any_record.h"
#include "formats/record/arena.h"
#include "formats/record/moments.h"
#include "formats/record/reader.h"

namespace tracebraid::analyzers {

// By ts; among equals in the order in which they were added. A record without ts stays behind the
// one that was added before it.
//
// Memory: `most_bytes` and as much again while they are sorted, at most; beyond that runs of sorted
// records go to a temporary file as binary streams, and of each run 256 KiB are read at a time.
class Sorter {
 public:
  explicit Sorter(std::size_t most_bytes)
      : most_bytes_(most_bytes), moments_(formats::record::Order::kTs) {}

  // Takes a copy with `shift_ns` added to its times; its type must outlive the sorter. Throws
  // io::Error when a temporary file cannot be written.
  void add(const formats::record::AnyRecord& record, std::int64_t shift_ns = 0);

  // Shows all of them, once. Their types live as long as the sorter.
  void show_all(const std::function<void(const formats::record::AnyRecord&)>& show);

 private:
  struct Entry {
    formats::record::AnyRecord record;
    std::int64_t moment;
    bool is_own;  // not that of the record before
  };
  struct Run {
    std::uint64_t begin;
    std::uint64_t end;
    std::unique_ptr<formats::io::Source> source;
    std::unique_ptr<formats::record::StreamReader> reader;
    std::int64_t moment;
  };

  void sort();
  void put_run();
  [[nodiscard]] bool advance(Run& run);

  std::size_t most_bytes_;
  formats::record::Moments moments_;
  formats::record::Arena memory_;
  std::vector<Entry> entries_;
  std::int64_t last_ = INT64_MIN;
  std::unique_ptr<formats::io::TemporaryFile> file_;
  std::vector<Run> runs_;
};

}  // namespace tracebraid::analyzers
