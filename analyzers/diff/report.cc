#include "analyzers/diff/report.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "analyzers/checks/checks.h"
#include "analyzers/diff/shown.h"
#include "formats/callgrind/python_names.h"
#include "formats/io/error.h"

namespace tracebraid::analyzers::diff {
namespace {

namespace callgrind = formats::callgrind;

std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char each) { return (static_cast<unsigned char>(each) & 0xC0U) != 0x80; }));
}

// Rows of texts; all columns but the last are as wide as they need, and set to the right.
class Table {
 public:
  void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  [[nodiscard]] bool empty() const { return rows_.empty(); }

  void append_to(std::string& text, std::string_view indent) const {
    std::vector<std::size_t> widths;
    for (const auto& row : rows_) {
      widths.resize(std::max(widths.size(), row.size()));
      for (std::size_t at = 0; at < row.size(); ++at) {
        widths[at] = std::max(widths[at], width_of(row[at]));
      }
    }
    for (const auto& row : rows_) {
      std::string line(indent);
      for (std::size_t at = 0; at < row.size(); ++at) {
        if (widths[at] == 0) continue;
        if (at + 1 == row.size()) {
          line.append(row[at]);
        } else {
          line.append(widths[at] - width_of(row[at]), ' ').append(row[at]).append("  ");
        }
      }
      line.erase(line.find_last_not_of(' ') + 1);
      text.append(line).append("\n");
    }
  }

 private:
  std::vector<std::vector<std::string>> rows_;
};

// What functions of a file belong to, for counting them: the package of a library, else the file.
std::string module_of(std::string_view path) {
  if (callgrind::is_builtin(path)) return "built-in";
  if (const std::string_view library = callgrind::library_path(path); !library.empty()) {
    return std::string(library.substr(0, library.find_first_of("/\\")));
  }
  return formats::io::quoted(callgrind::path_tail(path));
}

class Report {
 public:
  Report(Comparisons& comparisons, const ReportOptions& options)
      : comparisons_(comparisons), options_(options) {}

  std::string text(const std::vector<Run>& a, const std::vector<Run>& b) {
    head(a, b);
    std::vector<std::size_t> kinds;
    std::string untold;
    for (std::size_t kind = 0; kind < kKindCount; ++kind) {
      const bool is_in_a = comparisons_.runs(kA, kind, 0) > 0 || has_any(kA, kind);
      const bool is_in_b = comparisons_.runs(kB, kind, 0) > 0 || has_any(kB, kind);
      if (is_in_a && is_in_b) {
        kinds.push_back(kind);
      } else if (is_in_a || is_in_b) {
        untold.append(kKinds[kind].heading).append(": only inputs of ");
        untold.append(is_in_a ? "A" : "B").append(" tell of them; they are not compared.\n");
      }
    }
    if (kinds.empty() && untold.empty()) {
      text_.append("\nThe inputs hold no records that are known.\n");
      return std::move(text_);
    }
    if (!kinds.empty()) {
      text_.append("\nIn short\n");
      for (const std::size_t kind : kinds) summarize(kind);
    }
    for (const std::size_t kind : kinds) section(kind);
    if (!untold.empty()) text_.append("\n").append(untold);
    return std::move(text_);
  }

 private:
  [[nodiscard]] bool has_any(Side side, std::size_t kind) const {
    for (std::size_t at = 0; at < kKinds[kind].measures.size(); ++at) {
      if (comparisons_.runs(side, kind, at) > 0) return true;
    }
    return false;
  }

  void head(const std::vector<Run>& a, const std::vector<Run>& b) {
    const auto side = [&](std::string_view name, const std::vector<Run>& runs) {
      text_.append(name).append(": ");
      if (runs.size() > 1) text_.append(std::to_string(runs.size())).append(" runs: ");
      for (std::size_t at = 0; at < runs.size(); ++at) {
        text_.append(at == 0 ? "" : "; ").append(formats::io::quoted(runs[at].name));
      }
      text_.append("\n");
    };
    side("A", a);
    side("B", b);
    is_single_ = a.size() == 1 && b.size() == 1;
    if (is_single_) {
      text_.append(
          "One run each: numbers, bytes and packets are what happened. Times differ from run to "
          "run "
          "by\nthemselves, and one run cannot tell by how much: no claim is made of them.\n");
      return;
    }
    const double least = RankTest::least_p(a.size(), b.size());
    text_.append(std::to_string(a.size())).append(" and ").append(std::to_string(b.size()));
    text_.append(" runs: medians, with the least and the largest. ");
    const std::string alpha = shown_p(comparisons_.alpha());
    if (least > comparisons_.alpha()) {
      text_.append("So few cannot tell more than p = ").append(shown_p(least));
      text_.append(", which is\nabove ")
          .append(alpha)
          .append(
              " (--alpha): no change is significant. Those come first whose ranges do not "
              "touch.\n");
      return;
    }
    text_.append("What differs with p <= ").append(alpha);
    text_.append(
        " (rank test\nof Mann and Whitney, two-sided) is shown; of a hundred measures that "
        "do not differ, ");
    constexpr double kHundred = 100;
    text_.append(shown_p(comparisons_.alpha() * kHundred)).append(" will seem to.\n");
  }

  // Numbers of things that appeared and went.
  struct Fate {
    std::size_t appeared = 0, gone = 0, both = 0;
    std::vector<Values::Thing> appeared_things, gone_things;
  };
  Fate fate(std::size_t kind) {
    Fate fate;
    const auto count = static_cast<Values::Thing>(comparisons_.collector().values(kind).size());
    for (Values::Thing thing = 1; thing < count; ++thing) {
      const bool is_in_a = comparisons_.is_in(kA, kind, thing);
      const bool is_in_b = comparisons_.is_in(kB, kind, thing);
      if (is_in_a && is_in_b) {
        ++fate.both;
      } else if (is_in_b) {
        fate.appeared_things.push_back(thing);
      } else if (is_in_a) {
        fate.gone_things.push_back(thing);
      }
    }
    fate.appeared = fate.appeared_things.size();
    fate.gone = fate.gone_things.size();
    return fate;
  }

  // "asyncio 60, selectors.py 14, 3 more"
  std::string modules(const std::vector<Values::Thing>& things) {
    std::map<std::string, std::size_t> counts;
    for (const Values::Thing thing : things) {
      ++counts[module_of(path_of(comparisons_.collector(), thing))];
    }
    std::vector<std::pair<std::string, std::size_t>> sorted(counts.begin(), counts.end());
    std::ranges::stable_sort(
        sorted, [](const auto& left, const auto& right) { return left.second > right.second; });
    std::string text;
    constexpr std::size_t kMost = 5;
    for (std::size_t at = 0; at < std::min(sorted.size(), kMost); ++at) {
      text.append(at == 0 ? "" : ", ").append(sorted[at].first).append(" ");
      text.append(checks::shown_count(sorted[at].second));
    }
    if (sorted.size() > kMost) {
      text.append(", ").append(std::to_string(sorted.size() - kMost)).append(" more");
    }
    return text;
  }

  void summarize(std::size_t kind) {
    const Collector& collector = comparisons_.collector();
    const Fate fate = this->fate(kind);
    std::string text;
    const auto add = [&](const std::string& part) {
      text.append(text.empty() ? "" : "; ").append(part);
    };
    if (kind == kFunction) {
      if (fate.appeared > 0) {
        add(checks::shown_count(fate.appeared) + " appeared (" + modules(fate.appeared_things) +
            ")");
      }
      if (fate.gone > 0) {
        add(checks::shown_count(fate.gone) + " went (" + modules(fate.gone_things) + ")");
      }
    }
    // The count that differs most, of those things that say so.
    if (comparisons_.is_told(kind, 0)) {
      std::size_t changed = 0;
      std::string most;
      constexpr std::size_t kMost = 4;
      std::size_t shown = 0;
      for (const Row& row : comparisons_.rows(kind, 0, false)) {
        if (row.may_be_noise) break;
        const Comparison comparison = comparisons_.of(kind, row.thing, 0);
        ++changed;
        const bool is_new_function =
            kind == kFunction &&
            comparisons_.status(kind, row.thing, comparison) != Status::kChanged;
        if (shown == kMost || is_new_function) continue;
        ++shown;
        most.append(most.empty() ? "" : ", ");
        most.append(kind == kFunction ? formats::io::quoted(name_of(collector, kind, row.thing))
                                      : shown_thing(collector, kind, row.thing));
        most.append(" ").append(shown_medians(kKinds[kind].measures[0].unit, comparison));
      }
      if (kind == kFunction) changed -= std::min(changed, fate.appeared + fate.gone);
      if (changed > 0) {
        std::string part = checks::shown_count(changed);
        part.append(kind == kFunction ? " of the others are called another number of times"
                                      : " differ in " + std::string(kKinds[kind].measures[0].name));
        if (!most.empty()) part.append(": ").append(most).append(changed > shown ? ", …" : "");
        add(part);
      }
    }
    if (text.empty()) {
      const auto all = comparisons_.of(kind, Values::kAll, 0);
      text = all.is_known() && all.change() == 0
                 ? "as many " + std::string(kKinds[kind].measures[0].name) + " on both sides, " +
                       shown_value(kKinds[kind].measures[0].unit, all.a->median)
                 : std::string(kKinds[kind].measures[0].name) + " " +
                       shown_medians(kKinds[kind].measures[0].unit, all);
    }
    text_.append("  ").append(kKinds[kind].heading).append(": ").append(text).append("\n");
  }

  // A, its range, B, its range, change, relative, p.
  std::vector<std::string> cells(std::size_t kind, Values::Thing thing, std::size_t measure) {
    const Unit unit = kKinds[kind].measures[measure].unit;
    const Comparison comparison = comparisons_.of(kind, thing, measure);
    const Status status = comparisons_.status(kind, thing, comparison);
    const auto median = [&](const std::optional<Summary>& side, bool is_absent) {
      return !side || is_absent ? "-" : shown_value(unit, side->median);
    };
    const auto range = [&](const std::optional<Summary>& side) {
      if (!side || side->runs < 2) return std::string();
      return "[" + shown_value(unit, side->least) + " .. " + shown_value(unit, side->most) + "]";
    };
    std::vector<std::string> cells;
    cells.push_back(median(comparison.a, status == Status::kAppeared));
    if (!is_single_) cells.push_back(range(comparison.a));
    cells.push_back(median(comparison.b, status == Status::kGone));
    if (!is_single_) cells.push_back(range(comparison.b));
    const bool is_known = comparison.is_known();
    cells.push_back(is_known ? shown_change(unit, comparison.change()) : "");
    cells.push_back(status == Status::kAppeared ? "new"
                    : status == Status::kGone   ? "gone"
                    : is_known && comparison.change() != 0
                        ? shown_relative(comparison.a->median, comparison.b->median)
                        : "");
    if (!is_single_) {
      cells.push_back(!comparison.p                             ? ""
                      : comparison.evidence == Evidence::kApart ? "apart"
                                                                : "p " + shown_p(*comparison.p));
    }
    return cells;
  }

  [[nodiscard]] std::vector<std::string> heading(std::string_view last) const {
    if (is_single_) return {"A", "B", "change", "", std::string(last)};
    return {"A", "", "B", "", "change", "", "", std::string(last)};
  }

  void section(std::size_t kind) {
    text_.append("\n").append(kKinds[kind].heading);
    const Fate fate = this->fate(kind);
    const bool has_things = comparisons_.collector().values(kind).size() > 1;
    if (has_things) {
      text_.append(": ").append(
          checks::counted(fate.both + fate.gone, kKinds[kind].one, kKinds[kind].many));
      text_.append(" in A, ").append(checks::shown_count(fate.both + fate.appeared));
      text_.append(" in B; ").append(checks::shown_count(fate.appeared)).append(" appeared, ");
      text_.append(checks::shown_count(fate.gone)).append(" went");
    }
    text_.append("\n");
    constexpr std::size_t kFew = 3;
    const bool is_by_thing = kind == kFlow || kind == kSocket || kind == kSwitch;
    if (is_by_thing || kKinds[kind].measures.size() < kFew) {
      by_thing(kind);
    } else {
      totals(kind);
      for (std::size_t at = 0; at < kKinds[kind].measures.size(); ++at) by_measure(kind, at);
    }
  }

  void totals(std::size_t kind) {
    Table table;
    table.add(heading("all together"));
    for (std::size_t at = 0; at < kKinds[kind].measures.size(); ++at) {
      const Measure& measure = kKinds[kind].measures[at];
      if (!comparisons_.is_told(kind, at) || measure.together != Together::kSum) continue;
      std::vector<std::string> row = cells(kind, Values::kAll, at);
      row.emplace_back(measure.name);
      table.add(std::move(row));
    }
    table.append_to(text_, "  ");
  }

  // What was left out of a table.
  void rest(std::size_t more, std::size_t noise) {
    if (more == 0 && noise == 0) return;
    text_.append("    ");
    if (more > 0) text_.append(checks::shown_count(more)).append(" more differ (-n 0 shows all)");
    if (noise > 0) {
      text_.append(more > 0 ? "; " : "").append(checks::shown_count(noise));
      text_.append(" that may be noise (--all shows them)");
    }
    text_.append("\n");
  }

  void by_measure(std::size_t kind, std::size_t at) {
    const Measure& measure = kKinds[kind].measures[at];
    if (measure.is_of_all_only || !comparisons_.is_told(kind, at)) return;
    std::vector<Row> rows = comparisons_.rows(kind, at, options_.with_all);
    const std::size_t all = rows.size();
    if (!options_.with_all) std::erase_if(rows, [](const Row& row) { return row.may_be_noise; });
    const std::size_t noise = all - rows.size();
    text_.append("\n  ").append(measure.name);
    if (rows.empty() && noise == 0) {
      text_.append(": all alike\n");
      return;
    }
    text_.append(": ").append(measure.doc).append("\n");
    const std::size_t shown =
        options_.most == 0 ? rows.size() : std::min(rows.size(), options_.most);
    Table table;
    if (shown > 0) table.add(heading(kKinds[kind].one));
    for (std::size_t row = 0; row < shown; ++row) {
      std::vector<std::string> line = cells(kind, rows[row].thing, at);
      line.push_back(shown_thing(comparisons_.collector(), kind, rows[row].thing));
      table.add(std::move(line));
    }
    table.append_to(text_, "    ");
    rest(rows.size() - shown, noise);
  }

  // All measures of one thing together, the thing that differs most first.
  void by_thing(std::size_t kind) {
    struct Differing {
      Values::Thing thing;
      double weight = 0;
      bool has_news = false;  // a difference that is no noise
      std::vector<std::size_t> measures;
    };
    const std::span<const Measure> measures = kKinds[kind].measures;
    const auto count = static_cast<Values::Thing>(comparisons_.collector().values(kind).size());
    std::vector<Differing> things(count);
    for (Values::Thing thing = 0; thing < count; ++thing) things[thing].thing = thing;
    for (std::size_t at = 0; at < measures.size(); ++at) {
      if (!comparisons_.is_told(kind, at)) continue;
      // Measures are made alike by what all things have of them.
      const Comparison all = comparisons_.of(kind, Values::kAll, at);
      const double most =
          all.is_known() ? static_cast<double>(std::max(all.a->median, all.b->median)) : 0;
      for (Differing& each : things) {
        const Comparison comparison = comparisons_.of(kind, each.thing, at);
        if (!comparison.a && !comparison.b) continue;
        const bool differs = !comparison.is_known() || comparison.change() != 0;
        if (!options_.with_all && (!differs || comparison.may_be_noise())) continue;
        each.measures.push_back(at);
        each.has_news = each.has_news || (differs && !comparison.may_be_noise());
        if (most > 0) each.weight = std::max(each.weight, comparison.weight() / most);
      }
    }
    // With one thing, all is that thing.
    const bool is_single_thing = count == 2;
    std::vector<Differing> shown;
    for (Differing& each : things) {
      if (each.measures.empty() || (is_single_thing && each.thing == Values::kAll)) continue;
      shown.push_back(std::move(each));
    }
    std::ranges::stable_sort(shown, [](const Differing& left, const Differing& right) {
      const bool is_all_left = left.thing == Values::kAll;
      const bool is_all_right = right.thing == Values::kAll;
      if (is_all_left != is_all_right) return is_all_left;
      return left.weight > right.weight;
    });
    if (shown.empty()) {
      text_.append("    all alike").append(is_single_ ? "" : ", or noise").append("\n");
      return;
    }
    const std::size_t most =
        options_.most == 0 ? shown.size() : std::min(shown.size(), options_.most);
    Table table;
    std::vector<std::pair<std::size_t, std::string>> names;  // row, and what stands in front of it
    for (std::size_t at = 0; at < most; ++at) {
      const std::string name = shown_thing(comparisons_.collector(), kind, shown[at].thing);
      bool is_first = true;
      for (const std::size_t measure : shown[at].measures) {
        if (is_first && at == 0) table.add(heading(""));
        std::vector<std::string> row = cells(kind, shown[at].thing, measure);
        std::string last(measures[measure].name);
        if (count > 1) last.append(" of ").append(name);
        row.push_back(std::move(last));
        table.add(std::move(row));
        is_first = false;
      }
    }
    table.append_to(text_, "    ");
    if (shown.size() > most) {
      text_.append("    ").append(checks::shown_count(shown.size() - most));
      text_.append(" more differ (-n 0 shows all)\n");
    }
  }

  Comparisons& comparisons_;
  const ReportOptions& options_;
  std::string text_;
  bool is_single_ = true;
};

}  // namespace

std::string report_text(Comparisons& comparisons, const std::vector<Run>& a,
                        const std::vector<Run>& b, const ReportOptions& options) {
  return Report(comparisons, options).text(a, b);
}

}  // namespace tracebraid::analyzers::diff
