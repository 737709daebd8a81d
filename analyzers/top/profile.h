// What tracebraid top shows of profiles: the functions, or the callers or callees of some, added
// up, sorted and restricted as by pstats' print_stats(), print_callers() and print_callees()
// (CPython's Lib/pstats.py).
//
//   TopProfile profile(request, 20);
//   profile.add(record);                      // for every record
//   profile.select(is_table);
//   writer->declare(profile.type());
//   profile.show([&](auto values) { writer->write_values(profile.type(), values); });
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "analyzers/input/typed.h"
#include "analyzers/top/pattern.h"
#include "analyzers/top/profile_columns.h"
#include "analyzers/top/profile_request.h"
#include "analyzers/top/profile_sums.h"
#include "formats/record/any_record.h"
#include "formats/record/call.h"
#include "formats/record/function.h"
#include "formats/record/schema.h"

namespace tracebraid::analyzers {

class TopProfile {
 public:
  using TakeRow = std::function<void(std::span<const formats::record::Value>)>;

  // `request` must outlive the object. Of the functions at most `most` are shown; 0: all.
  TopProfile(const ProfileRequest& request, std::size_t most);

  // Whether records of this type are for add().
  [[nodiscard]] static bool takes(std::string_view type) {
    return type == formats::record::Function::kType || type == formats::record::Call::kType;
  }
  void add(const formats::record::AnyRecord& record);

  [[nodiscard]] bool has_records() const { return records_ + call_records_ > 0; }
  // Those that do not tell file, line and name.
  [[nodiscard]] std::uint64_t left_out() const { return left_out_; }

  // Whether all of the request's sort keys are known.
  [[nodiscard]] bool can_sort() const { return can_sort_; }

  // After the last record: chooses and sorts. A table for a person (`is_table`) has ncalls, such as
  // 21/1, where records have calls and primitive_calls. Throws io::Error where callers or callees
  // are wanted and the records do not tell them.
  void select(bool is_table);

  // Of what was selected. A function that has no callers, or callees, has a row without.
  [[nodiscard]] const formats::record::TypeInfo& type() const { return type_; }
  // What a table shows when nobody asks for columns.
  [[nodiscard]] std::vector<std::string> table_columns() const;
  // The values' texts are valid during the call.
  void show(const TakeRow& take) const;
  // What a person wants to know besides: sums, and how many of how many are shown.
  [[nodiscard]] std::vector<std::string> notes() const;

 private:
  using Function = ProfileSums::Function;
  using Call = ProfileSums::Call;

  void look_at(const formats::record::TypeInfo& type);
  // Whether it tells which function, or which two, it is about.
  [[nodiscard]] bool is_whole(const formats::record::AnyRecord& record) const;
  void add_function(const formats::record::Function& function,
                    const formats::record::AnyRecord& record);
  void add_call(const formats::record::Call& call);
  [[nodiscard]] bool is_wanted(const Function& function);
  [[nodiscard]] bool is_found(const Pattern& pattern, const Function& function);
  void check_calls() const;
  void restrict_to(const ProfileRequest::Restriction& restriction);
  void sort(std::size_t needed);
  void collect_calls();
  [[nodiscard]] std::string shown_note() const;

  const ProfileRequest& request_;
  std::size_t most_;
  std::vector<ProfileColumn> keys_;
  bool can_sort_ = true;

  ProfileSums sums_;
  Typed<formats::record::Function> functions_;
  Typed<formats::record::Call> calls_;
  const formats::record::TypeInfo* last_type_ = nullptr;
  bool has_key_ = true;                 // it has the fields that tell functions apart
  std::vector<std::size_t> needed_at_;  // its fields that no record is without
  std::size_t tottime_at_ = 0, cumtime_at_ = 0, callers_at_ = 0;
  bool tells_callers_ = true;        // every function tells how many it has
  std::vector<std::int8_t> wanted_;  // by id: whether OF is found, -1: not known yet
  std::uint64_t records_ = 0, left_out_ = 0;
  std::uint64_t call_records_ = 0, expected_calls_ = 0, untimed_calls_ = 0;

  std::vector<const Function*> selected_;
  std::vector<std::vector<const Call*>> selected_calls_;  // of each
  std::vector<std::string> restriction_notes_;
  std::size_t left_ = 0;  // by the restrictions, before -n
  std::uint64_t calls_shown_ = 0;
  std::vector<ProfileColumn> columns_;
  std::vector<formats::record::FieldInfo> fields_;
  formats::record::TypeInfo type_{};
  std::string text_;  // reused
};

}  // namespace tracebraid::analyzers
