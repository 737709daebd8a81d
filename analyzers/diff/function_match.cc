#include "analyzers/diff/function_match.h"

#include <algorithm>
#include <limits>
#include <map>
#include <numeric>
#include <string>
#include <tuple>
#include <utility>

namespace tracebraid::analyzers::diff {
namespace {

// As far from where it is expected a function may be.
constexpr std::int64_t kNear = 40;

// __init__, <lambda>: there are many of them, so that one here and one there says little.
bool is_common_name(std::string_view name) {
  return (name.starts_with("__") && name.ends_with("__")) || name.starts_with('<');
}

}  // namespace

std::string_view stable_name(std::string_view name, std::string& room) {
  constexpr std::string_view kAt = " at 0x";
  std::size_t at = name.find(kAt);
  if (at == std::string_view::npos) return name;
  room.clear();
  while (at != std::string_view::npos) {
    const std::size_t digits = at + kAt.size();
    const std::size_t end =
        std::min(name.find_first_not_of("0123456789abcdefABCDEF", digits), name.size());
    room.append(name.substr(0, end > digits ? at : digits));
    name.remove_prefix(end);
    at = name.find(kAt);
  }
  return room.append(name);
}

// One run's functions of a file, in order of names and lines, and those that are known of it.
class FunctionMatch::InFile {
 public:
  InFile(FunctionMatch& owner, FileMatch::FileNumber file, Side side, std::span<Seen> seen,
         const Texts& texts)
      : owner_(owner), file_(owner.of_file_[file]), side_(side), seen_(seen), texts_(texts) {
    const bool was_here = file_.paths[side].has_value();
    for (const Number number : file_.functions) {
      const Function& function = owner.functions_[number];
      const Place& here = function.places[side];
      const bool is_here = was_here && (here.is_seen || here.is_expected);
      const Place& place = is_here ? here : function.places[1 - side];
      known_.push_back({function.name, place.line, number, is_here && here.is_seen, false});
    }
    std::ranges::sort(known_, {},
                      [](const Known& each) { return std::pair(each.name, each.line); });
    is_found_.resize(seen_.size());
  }

  void match() {
    find_anchors();
    each_group(
        [&](std::size_t known, std::size_t known_end, std::size_t seen, std::size_t seen_end) {
          if (!known_[known].is_found) align(known, known_end, seen, seen_end);
        });
    // Of the others' lines the anchors tell what to expect.
    for (const Known& known : known_) {
      Place& place = owner_.functions_[known.function].places[side_];
      if (known.is_found || place.is_seen) continue;
      place.line = static_cast<std::uint32_t>(
          std::clamp<std::int64_t>(expected(known.line).first, 0, UINT32_MAX));
      place.is_expected = true;
    }
  }

  [[nodiscard]] bool is_found(std::size_t seen) const { return is_found_[seen]; }

 private:
  struct Known {
    TextNumber name;
    std::uint32_t line;
    Number function;
    bool is_seen;  // on this side: its line does not move
    bool is_found;
  };
  // A function that moved from a line to another.
  struct Anchor {
    std::int64_t from, to;
    std::size_t known, seen;
    bool is_common;
    [[nodiscard]] std::int64_t moved() const { return to - from; }
  };

  void take(std::size_t known, std::size_t seen) {
    known_[known].is_found = true;
    is_found_[seen] = true;
    seen_[seen].function = known_[known].function;
    owner_.functions_[known_[known].function].places[side_] = {seen_[seen].line, true, true};
  }

  template <typename Visit>
  void each_group(Visit visit) {
    for (std::size_t known = 0, seen = 0; known < known_.size() && seen < seen_.size();) {
      const TextNumber name = std::max(known_[known].name, seen_[seen].name);
      while (known < known_.size() && known_[known].name < name) ++known;
      while (seen < seen_.size() && seen_[seen].name < name) ++seen;
      std::size_t known_end = known;
      std::size_t seen_end = seen;
      while (known_end < known_.size() && known_[known_end].name == name) ++known_end;
      while (seen_end < seen_.size() && seen_[seen_end].name == name) ++seen_end;
      if (known_end > known && seen_end > seen) visit(known, known_end, seen, seen_end);
      known = known_end;
      seen = seen_end;
    }
  }

  [[nodiscard]] std::vector<Anchor> single_names();
  [[nodiscard]] static std::vector<std::size_t> longest_chain(const std::vector<Anchor>& pairs);
  [[nodiscard]] static bool is_alone(const std::vector<Anchor>& pairs,
                                     const std::vector<std::size_t>& chain, std::size_t at);
  void find_anchors();
  void guess_moved();
  void align(std::size_t known, std::size_t known_end, std::size_t seen, std::size_t seen_end);
  void align_near(const std::vector<std::size_t>& known, const std::vector<std::size_t>& seen);

  // Where what was at `line` is now, by the anchors in front of it and behind it.
  [[nodiscard]] std::pair<std::int64_t, std::int64_t> expected(std::int64_t line) const {
    if (anchors_.empty()) return {line + moved_, line + moved_};
    const auto behind = std::ranges::upper_bound(anchors_, line, {}, &Anchor::from);
    const Anchor& before = behind == anchors_.begin() ? *behind : *(behind - 1);
    const Anchor& after = behind == anchors_.end() ? before : *behind;
    return {line + before.moved(), line + after.moved()};
  }
  // How far `seen` is from where `known` is expected.
  [[nodiscard]] std::int64_t distance(std::size_t known, std::size_t seen) const {
    const auto [before, after] = expected(known_[known].line);
    const std::int64_t line = seen_[seen].line;
    return std::min(std::abs(line - before), std::abs(line - after));
  }

  FunctionMatch& owner_;
  File& file_;
  Side side_;
  std::span<Seen> seen_;
  const Texts& texts_;
  std::vector<Known> known_;
  std::vector<bool> is_found_;
  std::vector<Anchor> anchors_;  // in order of both lines
  std::int64_t moved_ = 0;       // where there are no anchors
  bool is_same_ = false;         // nothing has moved
};

// Functions whose name is there once, on both sides; in order of the known lines.
std::vector<FunctionMatch::InFile::Anchor> FunctionMatch::InFile::single_names() {
  std::vector<Anchor> pairs;
  each_group([&](std::size_t known, std::size_t known_end, std::size_t seen, std::size_t seen_end) {
    if (known_end - known == 1 && seen_end - seen == 1) {
      pairs.push_back({known_[known].line, seen_[seen].line, known, seen,
                       is_common_name(texts_.text(known_[known].name))});
    }
  });
  std::ranges::sort(pairs, {}, [](const Anchor& each) { return std::pair(each.from, each.to); });
  return pairs;
}

// The places of the longest chain of pairs that stand in the same order on both sides.
std::vector<std::size_t> FunctionMatch::InFile::longest_chain(const std::vector<Anchor>& pairs) {
  std::vector<std::size_t> ends;  // of the best chain of each length
  std::vector<std::size_t> before(pairs.size());
  for (std::size_t at = 0; at < pairs.size(); ++at) {
    const auto place = std::ranges::upper_bound(ends, pairs[at].to, {},
                                                [&](std::size_t end) { return pairs[end].to; });
    before[at] = place == ends.begin() ? SIZE_MAX : *(place - 1);
    if (place == ends.end()) {
      ends.push_back(at);
    } else {
      *place = at;
    }
  }
  std::vector<std::size_t> chain;
  for (std::size_t at = ends.empty() ? SIZE_MAX : ends.back(); at != SIZE_MAX; at = before[at]) {
    chain.push_back(at);
  }
  std::ranges::reverse(chain);
  return chain;
}

// Whether the pair at a place of the chain moved while its neighbours did not.
bool FunctionMatch::InFile::is_alone(const std::vector<Anchor>& pairs,
                                     const std::vector<std::size_t>& chain, std::size_t at) {
  const auto moved = [&](std::size_t place) { return pairs[chain[place]].moved(); };
  const bool is_inner = at > 0 && at + 1 < chain.size();
  if (is_inner) return moved(at - 1) == moved(at + 1) && moved(at) != moved(at - 1);
  if (chain.size() <= 2 || !pairs[chain[at]].is_common) return false;
  const std::size_t next = at == 0 ? 1 : at - 2;
  return moved(next) == moved(next + 1) && moved(at) != moved(next);
}

// Two different functions of the same name look as if one had moved: such a pair stands across
// others, or moved while its neighbours did not.
void FunctionMatch::InFile::find_anchors() {
  const std::vector<Anchor> pairs = single_names();
  const std::vector<std::size_t> chain = longest_chain(pairs);
  std::vector<bool> is_anchor(pairs.size());
  for (std::size_t at = 0; at < chain.size(); ++at) {
    is_anchor[chain[at]] = !is_alone(pairs, chain, at);
  }
  for (std::size_t at = 0; at < pairs.size(); ++at) {
    if (is_anchor[at]) anchors_.push_back(pairs[at]);
  }
  is_same_ = !anchors_.empty() &&
             std::ranges::all_of(anchors_, [](const Anchor& each) { return each.moved() == 0; });
  for (std::size_t at = 0; at < pairs.size(); ++at) {
    constexpr std::int64_t kDecorator = 2;  // Pythons number decorated functions differently
    const bool may_have_moved =
        !pairs[at].is_common && (!is_same_ || std::abs(pairs[at].moved()) <= kDecorator);
    if (is_anchor[at] || may_have_moved) take(pairs[at].known, pairs[at].seen);
  }
  if (anchors_.empty()) guess_moved();
}

// No name is there once: the distance that most pairs of equal name have.
void FunctionMatch::InFile::guess_moved() {
  constexpr std::size_t kMost = 100'000;
  std::map<std::int64_t, std::size_t> counts;
  std::size_t pairs = 0;
  each_group([&](std::size_t known, std::size_t known_end, std::size_t seen, std::size_t seen_end) {
    for (std::size_t from = known; from < known_end; ++from) {
      for (std::size_t to = seen; to < seen_end && pairs < kMost; ++to, ++pairs) {
        ++counts[std::int64_t{seen_[to].line} - known_[from].line];
      }
    }
  });
  std::size_t most = 0;
  for (const auto& [moved, count] : counts) {
    if (count > most || (count == most && std::abs(moved) < std::abs(moved_))) {
      moved_ = moved;
      most = count;
    }
  }
  is_same_ = most > 0 && moved_ == 0;
}

void FunctionMatch::InFile::align(std::size_t known, std::size_t known_end, std::size_t seen,
                                  std::size_t seen_end) {
  std::vector<std::size_t> left_known;
  for (std::size_t from = known; from < known_end; ++from) {
    const auto [before, after] = expected(known_[from].line);
    for (const std::int64_t line : {before, after}) {
      const auto of_name = seen_.subspan(seen, seen_end - seen);
      const auto found = std::ranges::lower_bound(of_name, line, {}, &Seen::line);
      if (found == of_name.end() || found->line != line) continue;
      const auto to = static_cast<std::size_t>(found - of_name.begin()) + seen;
      if (is_found_[to]) continue;
      take(from, to);
      break;
    }
    const bool may_move = !is_same_ || !known_[from].is_seen;
    if (!known_[from].is_found && may_move) left_known.push_back(from);
  }
  std::vector<std::size_t> left_seen;
  for (std::size_t to = seen; to < seen_end; ++to) {
    if (!is_found_[to]) left_seen.push_back(to);
  }
  // In a file that has not moved, only what was merely expected can be elsewhere.
  if (is_same_ && file_.paths[side_] == std::nullopt) return;
  align_near(left_known, left_seen);
  if (is_same_ || (known_end - known == 1 && seen_end - seen == 1)) return;
  std::erase_if(left_known, [&](std::size_t from) { return known_[from].is_found; });
  std::erase_if(left_seen, [&](std::size_t to) { return is_found_[to]; });
  if (left_known.size() != left_seen.size()) return;
  for (std::size_t at = 0; at < left_known.size(); ++at) take(left_known[at], left_seen[at]);
}

// The pairs, in order on both sides, that are nearest to where they are expected: as many as
// possible that are not far.
void FunctionMatch::InFile::align_near(const std::vector<std::size_t>& known,
                                       const std::vector<std::size_t>& seen) {
  constexpr std::size_t kMostCells = 1'000'000;
  const std::size_t rows = known.size() + 1;
  const std::size_t columns = seen.size() + 1;
  if (known.empty() || seen.empty() || rows * columns > kMostCells) return;
  // Each cell: the least cost of aligning the first so many of both; one left out costs more than
  // half of the farthest pair.
  constexpr std::int64_t kLeftOut = kNear / 2 + 1;
  std::vector<std::int64_t> costs(rows * columns);
  const auto cost = [&](std::size_t row, std::size_t column) -> std::int64_t& {
    return costs[row * columns + column];
  };
  const auto of_pair = [&](std::size_t row, std::size_t column) {
    const std::int64_t far = distance(known[row - 1], seen[column - 1]);
    return far <= kNear ? far : 2 * kLeftOut + 1;
  };
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t column = 0; column < columns; ++column) {
      if (row == 0 || column == 0) {
        cost(row, column) = static_cast<std::int64_t>(row + column) * kLeftOut;
        continue;
      }
      cost(row, column) =
          std::min({cost(row - 1, column - 1) + of_pair(row, column),
                    cost(row - 1, column) + kLeftOut, cost(row, column - 1) + kLeftOut});
    }
  }
  for (std::size_t row = known.size(), column = seen.size(); row > 0 && column > 0;) {
    if (cost(row, column) == cost(row - 1, column) + kLeftOut) {
      --row;
    } else if (cost(row, column) == cost(row, column - 1) + kLeftOut) {
      --column;
    } else {
      take(known[--row], seen[--column]);
    }
  }
}

void FunctionMatch::match(Side side, std::span<Seen> run) {
  std::ranges::sort(run, [](const Seen& left, const Seen& right) {
    if (left.path != right.path) return left.path < right.path;
    return left.name != right.name ? left.name < right.name : left.line < right.line;
  });
  std::vector<TextNumber> names;
  std::vector<std::size_t> name_starts;
  std::vector<std::size_t> starts;  // of each file's functions in `run`
  std::vector<FileMatch::Seen> files;
  for (std::size_t at = 0; at < run.size(); ++at) {
    if (at == 0 || run[at].path != run[at - 1].path) {
      starts.push_back(at);
      name_starts.push_back(names.size());
      files.push_back({run[at].path, {}});
    }
    if (names.size() == name_starts.back() || names.back() != run[at].name) {
      names.push_back(run[at].name);
    }
  }
  starts.push_back(run.size());
  name_starts.push_back(names.size());
  for (std::size_t at = 0; at < files.size(); ++at) {
    files[at].names =
        std::span(names).subspan(name_starts[at], name_starts[at + 1] - name_starts[at]);
  }
  files_.match(files);
  of_file_.resize(files_.size());
  for (std::size_t at = 0; at < files.size(); ++at) {
    const FileMatch::FileNumber number = files[at].file;
    const std::span<Seen> seen = run.subspan(starts[at], starts[at + 1] - starts[at]);
    InFile in_file(*this, number, side, seen, files_.texts());
    in_file.match();
    File& file = of_file_[number];
    file.paths[side] = files[at].path;
    for (std::size_t each = 0; each < seen.size(); ++each) {
      if (in_file.is_found(each)) continue;
      seen[each].function = static_cast<Number>(functions_.size());
      Function& function = functions_.emplace_back(Function{seen[each].name, number, {}});
      function.places[side] = {seen[each].line, true, true};
      file.functions.push_back(seen[each].function);
    }
  }
}

std::optional<TextNumber> FunctionMatch::path(Number function, Side side) const {
  const Function& known = functions_[function];
  if (!known.places[side].is_seen) return std::nullopt;
  return of_file_[known.file].paths[side];
}

std::optional<std::uint32_t> FunctionMatch::line(Number function, Side side) const {
  const Place& place = functions_[function].places[side];
  return place.is_seen ? std::optional(place.line) : std::nullopt;
}

}  // namespace tracebraid::analyzers::diff
