#include "analyzers/top/profile_sums.h"

#include "analyzers/util/mix.h"
#include "formats/io/hash.h"
#include "formats/io/saturate.h"

namespace tracebraid::analyzers {
namespace {

namespace record = formats::record;
using formats::io::saturated_sum;

void add_to(std::optional<std::uint64_t>& sum, const std::optional<std::uint64_t>& number) {
  if (number) sum = saturated_sum(sum.value_or(0), *number);
}

void add_to(std::optional<record::Duration>& sum, const std::optional<record::Duration>& time) {
  if (time) sum = record::Duration{saturated_sum(sum.value_or(record::Duration{}).ns, time->ns)};
}

std::uint64_t hash_of(const FunctionKey& key) {
  using formats::io::hash_text;
  return mixed(mixed(hash_text(key.name), key.line), hash_text(key.file));
}

}  // namespace

void ProfileCost::add(const ProfileCost& other) {
  add_to(calls, other.calls);
  add_to(primitive_calls, other.primitive_calls);
  add_to(tottime, other.tottime);
  add_to(cumtime, other.cumtime);
}

void FunctionKey::append_shown(std::string& out) const {
  if (file == "~" && line == 0) {
    if (name.starts_with('<') && name.ends_with('>')) {
      out.append("{").append(name.substr(1, name.size() - 2)).append("}");
    } else {
      out.append(name);
    }
    return;
  }
  out.append(file).append(":").append(std::to_string(line));
  out.append("(").append(name).append(")");
}

void ProfileSums::add(const FunctionKey& key, const ProfileCost& cost) {
  Function& function = find_or_add(key);
  if (!function.is_told) {
    function.is_told = true;
    functions_.push_back(&function);
  }
  function.cost.add(cost);
  total_.add(cost);
}

void ProfileSums::add_call(const Function& caller, const Function& callee,
                           const ProfileCost& cost) {
  const std::uint64_t hash = mixed(caller.id, callee.id);
  Call* call = by_ends_.find(
      hash, [&](const Call& other) { return other.caller == &caller && other.callee == &callee; });
  if (call == nullptr) {
    call = &calls_.emplace_back(Call{&caller, &callee, {}});
    by_ends_.insert(hash, call);
  }
  call->cost.add(cost);
}

ProfileSums::Function& ProfileSums::find_or_add(FunctionKey key) {
  // As os.path.basename, of Windows, too, where the dump may come from.
  if (strip_folders_) key.file.remove_prefix(key.file.find_last_of("/\\") + 1);
  if (last_ != nullptr && last_->key == key) return *last_;
  const std::uint64_t hash = hash_of(key);
  last_ = by_key_.find(hash, [&](const Function& other) { return other.key == key; });
  if (last_ == nullptr) {
    const auto id = static_cast<std::uint32_t>(known_.size());
    key = {kept_file(key.file), key.line, texts_.keep(key.name)};
    last_ = &known_.emplace_back(Function{key, id, false, {}});
    by_key_.insert(hash, last_);
  }
  return *last_;
}

std::string_view ProfileSums::kept_file(std::string_view file) {
  const auto found = files_.find(file);
  if (found != files_.end()) return *found;
  return *files_.insert(texts_.keep(file)).first;
}

}  // namespace tracebraid::analyzers
