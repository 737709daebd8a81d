// Reads pstats dumps: what cProfile, profile, pstats.Stats.dump_stats, yappi, pyinstrument and
// Python 3.15's profiling.sampling write.
//
// A dump is one marshalled dict (formats/marshal/reader.h) of
//
//   (file, line, name): (cc, nc, tt, ct, {caller: value, …})
//
// with cc = calls that were no recursion, nc = all calls, tt = own seconds, ct = seconds with
// callees. yappi swaps cc and nc, hence nc = the larger. A caller's value is
//
//   (nc, cc, tt, ct)        cProfile: mind the order
//   (nc, cc, tt, ct)*k      pstats of old, concatenated by adding dumps
//   n                       profile, profiling.sampling: a number of calls or samples
//
// and the entry ('__sampled__',): True marks sampled dumps, as their last one.
//
// Memory: the functions and their names, the callers of one function, 8 bytes an object that the
// dump shares, and until the dump's form is known its entries: a sampled dump, or one of the
// profile module whose ('profile', 0, …) key comes late, is held until then; one of cProfile is
// not.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "converters/cprof/profile.h"
#include "formats/io/cursor.h"
#include "formats/io/diagnostics.h"
#include "formats/marshal/reader.h"

namespace tracebraid::converters::cprof {

using formats::io::Counter;
using formats::io::Severity;

inline constexpr Counter kNanTime{"nan_time", Severity::kWarning,
                                  "a time is not a number; taken as 0"};
inline constexpr Counter kInfiniteTime{"infinite_time", Severity::kWarning,
                                       "a time is infinite; taken as 0"};
inline constexpr Counter kNegativeTime{"negative_time", Severity::kWarning,
                                       "a time is negative; taken as 0"};
inline constexpr Counter kHugeTime{"huge_time", Severity::kWarning,
                                   "a time is 2^64 ns or more; taken as 2^64 - 1 ns"};
inline constexpr Counter kHugeCount{"huge_count", Severity::kWarning,
                                    "a number of calls or a line is out of range; cut to it"};
inline constexpr Counter kUnknownCount{"unknown_count", Severity::kNote,
                                       "a number of calls is negative, i.e. not known"};
inline constexpr Counter kEmptyProfile{"empty_profile", Severity::kNote,
                                       "the profile is empty: no function was called under it"};
inline constexpr Counter kTrailingData{"trailing_data", Severity::kNote,
                                       "data after the end of the dump; ignored, as by Python"};

class ProfileReader {
 public:
  // All must outlive the reader, which reads any number of dumps, one after another.
  ProfileReader(formats::marshal::StringTable& strings, FunctionTable& functions,
                formats::io::Diagnostics& diagnostics)
      : strings_(strings), functions_(functions), diagnostics_(diagnostics) {}

  // Reads one dump to its end. Throws Error, which says after how many entries; those have been
  // handed over. entries() counts those of the last dump.
  void read(formats::io::Cursor& cursor, EntryHandler& handler);
  [[nodiscard]] std::uint64_t entries() const { return entries_; }

 private:
  using Object = formats::marshal::Object;

  // What a reference to a container of ours stands for: Object::role, with Object::note.
  enum Role : std::uint8_t { kNoRole, kKey, kNumbers, kCallers, kValue, kCodeLabel, kMarker };

  struct HeldEntry {
    Entry entry;
    std::size_t first_caller;
    std::size_t caller_count;
  };

  struct Key {
    bool is_marker = false;
    bool is_known = false;
    FunctionId id = 0;       // where it is known
    Function function = {};  // where it is not: to be interned
  };

  // Passes on what the marshal reader sees coming up.
  class Watcher final : public formats::marshal::Reader::Watcher {
   public:
    explicit Watcher(EntryHandler& handler) : handler_(handler) {}
    void expect(std::uint8_t role, std::uint32_t note) override {
      if (role == kKey) handler_.expect(note);
    }

   private:
    EntryHandler& handler_;
  };

  void refuse_what_is_no_profile(formats::io::Cursor& cursor);
  void read_entries(formats::marshal::Reader& reader, EntryHandler& handler);
  void hand_over(EntryHandler& handler);
  Key read_key(formats::marshal::Reader& reader, const Object& head, std::uint64_t start);
  StringId read_label(formats::marshal::Reader& reader);
  Entry read_value(formats::marshal::Reader& reader);
  void read_callers(formats::marshal::Reader& reader, const Object& head, std::uint64_t start);
  Caller read_caller_value(formats::marshal::Reader& reader);
  [[noreturn, gnu::cold]] void fail(std::uint64_t start, const char* needed,
                                    const Object& met) const;
  [[noreturn, gnu::cold]] void fail_tuple(std::uint64_t start, const char* needed,
                                          const Object& met) const;
  std::int64_t to_count(const Object& number, std::uint64_t start);
  std::uint64_t to_nanoseconds(const Object& number, std::uint64_t start);
  std::uint64_t odd_time(const Counter& counter, std::uint64_t start);

  void hold(const Entry& entry);
  void decide_form(DumpForm form, EntryHandler& handler);
  void note_form(const Entry& entry, EntryHandler& handler);

  formats::marshal::StringTable& strings_;
  FunctionTable& functions_;
  formats::io::Diagnostics& diagnostics_;

  std::string input_;
  std::uint64_t entries_ = 0;
  std::vector<Caller> callers_;  // of the entry at hand
  Entry last_entry_{};           // the one before, not handed over yet
  std::vector<Caller> last_callers_;
  bool has_last_entry_ = false;
  std::vector<Caller> shared_numbers_;    // flagged caller values
  std::vector<HeldEntry> shared_values_;  // flagged entry values, and flagged dicts of callers
  std::vector<Caller> shared_callers_;    // theirs
  bool form_known_ = false;
  bool counted_ = false;  // some caller came without times
  std::vector<HeldEntry> held_;
  std::vector<Caller> held_callers_;
};

}  // namespace tracebraid::converters::cprof
