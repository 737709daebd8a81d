// Records of one type in groups, as tracebraid top shows them: what makes a group (--by), what is
// counted of it (top_tally.h), and which come first.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "analyzers/top/profile.h"
#include "analyzers/top/tally.h"
#include "formats/io/hash.h"
#include "formats/record/any_record.h"
#include "formats/record/schema.h"

namespace tracebraid::analyzers {

// What the command line asks for.
struct TopRequest {
  std::vector<std::string> by;  // empty: the tally's default keys
  std::string type;             // of records; empty: all that top knows
  std::string measure = "duration";
  std::string sort;
  bool is_reversed = false;
  std::size_t most = 20;  // rows to show; 0: all
  ProfileRequest profile;
};

// A name of --by that no known type of records has is a mistake: throws io::UsageError.
void check_keys(const std::vector<std::string>& by);

// The groups of one type of records.
//
// Memory: the groups, each with its key and what the tally adds up.
class TopTable {
 public:
  // `request` must outlive the object.
  TopTable(std::unique_ptr<Tally> tally, const TopRequest& request)
      : tally_(std::move(tally)), request_(request) {}

  // A record of the tally's type. Left out when its type has not all of the key's fields.
  void add(const formats::record::AnyRecord& record);

  [[nodiscard]] std::string_view record_type() const { return tally_->record_type(); }
  [[nodiscard]] std::uint64_t records() const { return records_; }
  [[nodiscard]] std::uint64_t left_out() const { return left_out_; }
  // How many groups.
  [[nodiscard]] std::size_t size() const { return groups_.size(); }

  // Of the rows: the key's fields, and the tally's columns. Valid until the next add().
  [[nodiscard]] const formats::record::TypeInfo& type() {
    type_ = {"top", "records in groups", fields_};
    return type_;
  }
  // The column that the request names; kMissing for one that there is not.
  [[nodiscard]] std::size_t sort_column() const;
  // The heaviest groups, in order. The values' texts are valid during the call.
  void show(const TopProfile::TakeRow& take);

 private:
  // Numbers by size, texts in reverse, so that what sorts downwards shows texts upwards.
  static int compare(const formats::record::Value& left, const formats::record::Value& right);
  // Looks up the key's fields.
  void bind(const formats::record::TypeInfo& type);
  [[nodiscard]] std::size_t keys() const { return columns_.size(); }
  [[nodiscard]] std::size_t time_column() const;
  TopGroup& group_of(const formats::record::AnyRecord& record);
  // By a text alone, such as the call's name: most have been there before, and need no key.
  TopGroup& group_of_text(std::string_view text, const formats::record::AnyRecord& record);
  TopGroup& find_group(const formats::record::AnyRecord& record);
  void append_key(const formats::record::Value& value);

  std::unique_ptr<Tally> tally_;
  const TopRequest& request_;
  const formats::record::TypeInfo* bound_ = nullptr;
  bool is_usable_ = true;                           // the type has all of the key's fields
  std::vector<std::size_t> columns_;                // of the key
  std::vector<formats::record::FieldInfo> fields_;  // of the result
  std::deque<std::string> names_, units_, docs_;
  formats::record::TypeInfo type_;
  std::unordered_map<std::string, TopGroup, formats::io::TextHash, std::equal_to<>> groups_;
  std::string key_, last_key_;
  TopGroup* last_ = nullptr;
  struct Known {
    std::string_view text;
    TopGroup* group = nullptr;
  };
  std::array<Known, 256> known_;  // groups of texts, by some of their bytes
  std::uint64_t records_ = 0, left_out_ = 0;
};

}  // namespace tracebraid::analyzers
