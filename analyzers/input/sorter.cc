#include "analyzers/input/sorter.h"

#include <algorithm>
#include <queue>
#include <utility>

#include "converters/inputs.h"
#include "formats/record/writer.h"

namespace tracebraid::analyzers {
namespace {

namespace io = formats::io;
namespace record = formats::record;
using record::AnyRecord;

// In a run in front of a record without a time of its own: where it stands.
struct Place {
  record::Time ts;

  static constexpr std::string_view kType = "tracebraid.place";
  static constexpr std::string_view kDoc = "moment of the next record";
  static constexpr auto kFields = record::Fields{record::Field{&Place::ts, "ts", "", ""}};
};

}  // namespace

void Sorter::add(const AnyRecord& record, std::int64_t shift_ns) {
  const AnyRecord copy = record.kept_in(memory_, shift_ns);
  const auto own = moments_.of(copy);
  last_ = own.value_or(last_);
  entries_.push_back({copy, last_, own.has_value()});
  if (memory_.size() + entries_.size() * sizeof(Entry) >= most_bytes_) put_run();
}

void Sorter::sort() {
  const auto is_earlier = [](const Entry& left, const Entry& right) {
    return left.moment < right.moment;
  };
  if (!std::ranges::is_sorted(entries_, is_earlier)) std::ranges::stable_sort(entries_, is_earlier);
}

void Sorter::put_run() {
  sort();
  if (!file_) file_ = std::make_unique<io::TemporaryFile>();
  const std::uint64_t begin = file_->size();
  const auto writer = record::make_writer(record::Format::kMsgpack, *file_);
  for (const Entry& entry : entries_) {
    if (!entry.is_own) writer->write(Place{{entry.moment}});
    entry.record.write_to(*writer);
  }
  writer->finish();
  runs_.push_back({begin, file_->size(), nullptr, nullptr, INT64_MIN});
  entries_.clear();
  memory_.clear();
}

// To the next record of the run; false at its end.
bool Sorter::advance(Run& run) {
  if (!run.reader->next()) return false;
  if (run.reader->is<Place>()) {
    Place place;
    run.reader->get(place);
    run.moment = place.ts.ns;
    return run.reader->next();
  }
  run.moment =
      moments_.of(AnyRecord(run.reader->type(), run.reader->values())).value_or(run.moment);
  return true;
}

void Sorter::show_all(const std::function<void(const AnyRecord&)>& show) {
  if (runs_.empty()) {
    sort();
    for (const Entry& entry : entries_) show(entry.record);
    return;
  }
  if (!entries_.empty()) put_run();
  entries_ = {};
  const auto is_later = [](const Run* left, const Run* right) {
    return std::pair(left->moment, left->begin) > std::pair(right->moment, right->begin);
  };
  std::priority_queue<Run*, std::vector<Run*>, decltype(is_later)> queue(is_later);
  for (Run& run : runs_) {
    run.source = file_->read(run.begin, run.end);
    run.reader = std::make_unique<record::StreamReader>(*run.source, converters::known_types());
    if (advance(run)) queue.push(&run);
  }
  while (!queue.empty()) {
    Run* const first = queue.top();
    queue.pop();
    const record::StreamReader& reader = *first->reader;
    show(AnyRecord(reader.type(), reader.values(), reader.packed()));
    if (advance(*first)) queue.push(first);
  }
}

}  // namespace tracebraid::analyzers
