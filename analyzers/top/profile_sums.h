// Profiles added up as pstats.Stats.add() does: functions that have the same file, line and name
// are one, with the sums of their numbers, and so are the calls from one of them to another.
//
// Memory: the distinct functions and calls that were added, whatever the number of profiles.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "analyzers/util/hash_index.h"
#include "formats/io/hash.h"
#include "formats/record/arena.h"
#include "formats/record/value.h"

namespace tracebraid::analyzers {

// Its order is that of pstats.
struct FunctionKey {
  std::string_view file;
  std::uint32_t line = 0;
  std::string_view name;

  auto operator<=>(const FunctionKey&) const = default;

  // What pstats prints and searches for patterns: "server.py:12(handle)", and of a built-in one
  // "{built-in method builtins.len}".
  void append_shown(std::string& out) const;
};

// A number is missing where no profile tells it; else it is the sum over those that do, and stays
// at the largest number there is when that is more.
struct ProfileCost {
  std::optional<std::uint64_t> calls, primitive_calls;
  std::optional<formats::record::Duration> tottime, cumtime;

  void add(const ProfileCost& other);
};

class ProfileSums {
 public:
  struct Function {
    FunctionKey key;
    std::uint32_t id;      // in the order in which they became known
    bool is_told = false;  // by add(), not by calls alone
    ProfileCost cost;
  };
  struct Call {
    const Function* caller;
    const Function* callee;
    ProfileCost cost;
  };

  // `strip_folders`: of a file's path only the last part counts, as after pstats' strip_dirs().
  explicit ProfileSums(bool strip_folders) : strip_folders_(strip_folders) {}

  void add(const FunctionKey& key, const ProfileCost& cost);

  // The function of this key, to which nothing is added. Valid as long as the sums.
  [[nodiscard]] const Function& known(const FunctionKey& key) { return find_or_add(key); }

  void add_call(const Function& caller, const Function& callee, const ProfileCost& cost);

  // Those that were added, in the order in which they first were.
  [[nodiscard]] const std::vector<const Function*>& functions() const { return functions_; }
  [[nodiscard]] const std::deque<Call>& calls() const { return calls_; }
  // Of all functions.
  [[nodiscard]] const ProfileCost& total() const { return total_; }
  [[nodiscard]] std::size_t known_count() const { return known_.size(); }

 private:
  [[nodiscard]] Function& find_or_add(FunctionKey key);
  [[nodiscard]] std::string_view kept_file(std::string_view file);

  bool strip_folders_;
  formats::record::Arena texts_;
  std::unordered_set<std::string_view, formats::io::TextHash> files_;
  std::deque<Function> known_;
  HashIndex<Function> by_key_;
  Function* last_ = nullptr;  // that was looked up
  std::vector<const Function*> functions_;
  std::deque<Call> calls_;
  HashIndex<Call> by_ends_;
  ProfileCost total_;
};

}  // namespace tracebraid::analyzers
