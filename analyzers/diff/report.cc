#include "analyzers/diff/report.h"

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <range/v3/range/conversion.hpp>
#include <range/v3/view/filter.hpp>
#include <range/v3/view/iota.hpp>
#include <range/v3/view/take.hpp>
#include <range/v3/view/transform.hpp>

#include "analyzers/diff/columns.h"
#include "analyzers/diff/shown.h"
#include "analyzers/util/shown.h"
#include "formats/callgrind/python_names.h"
#include "formats/io/error.h"

namespace tracebraid::analyzers::diff {
namespace {

namespace callgrind = formats::callgrind;
namespace views = ranges::views;

std::string_view shown_side(Side side) {
  return side == kA ? "A" : "B";
}

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
  Report(Comparisons& comparisons, const ReportOptions& options, formats::io::TextOutput& out)
      : comparisons_(comparisons), options_(options), out_(out) {}

  void write(const std::vector<Run>& a, const std::vector<Run>& b) {
    head(a, b);
    std::vector<std::size_t> kinds;
    std::vector<std::string> untold;
    for (std::size_t kind = 0; kind < kKindCount; ++kind) {
      const bool is_in_a = comparisons_.runs(kA, kind, 0) > 0 || has_any(kA, kind);
      const bool is_in_b = comparisons_.runs(kB, kind, 0) > 0 || has_any(kB, kind);
      if (is_in_a && is_in_b) {
        if (!is_empty(kind)) kinds.push_back(kind);
      } else if (is_in_a || is_in_b) {
        untold.push_back(fmt::format("{}: only inputs of {} tell of them; they are not compared.",
                                     kKinds[kind].heading, shown_side(is_in_a ? kA : kB)));
      }
    }
    if (kinds.empty() && untold.empty()) {
      out_.line();
      out_.line("The inputs hold no records that are known.");
    }
    if (!kinds.empty()) {
      out_.line();
      out_.line("In short");
      for (const std::size_t kind : kinds) summarize(kind);
    }
    for (const std::size_t kind : kinds) section(kind);
    if (!untold.empty()) out_.line();
    for (const std::string& line : untold) out_.line(line);
    out_.flush();
  }

 private:
  [[nodiscard]] bool has_any(Side side, std::size_t kind) const {
    for (std::size_t at = 0; at < kKinds[kind].measures.size(); ++at) {
      if (comparisons_.runs(side, kind, at) > 0) return true;
    }
    return false;
  }

  // No run has anything of the kind.
  [[nodiscard]] bool is_empty(std::size_t kind) {
    return comparisons_.collector().values(kind).size() == 1 &&
           !comparisons_.is_in(kA, kind, Values::kAll) &&
           !comparisons_.is_in(kB, kind, Values::kAll);
  }

  void head(const std::vector<Run>& a, const std::vector<Run>& b) {
    const auto side = [&](Side of, const std::vector<Run>& runs) {
      const std::string names = joined(
          runs | views::transform([](const Run& run) { return formats::io::quoted(run.name); }),
          "; ");
      const std::string count = runs.size() > 1 ? fmt::format("{} runs: ", runs.size()) : "";
      constexpr std::size_t kIndent = 3;
      write_wrapped(out_, fmt::format("{}: {}{}", shown_side(of), count, names), kIndent);
    };
    side(kA, a);
    side(kB, b);
    is_single_ = a.size() == 1 && b.size() == 1;
    write_wrapped(out_,
                  is_single_ ? "One run each: numbers, bytes and packets are what happened. "
                               "Times differ from run to run by themselves, and one run "
                               "cannot tell by how much: no claim is made of them."
                             : claim_of(a.size(), b.size()),
                  0);
  }

  // What so many runs can tell.
  [[nodiscard]] std::string claim_of(std::size_t a, std::size_t b) const {
    const std::string medians =
        fmt::format("{} and {} runs: medians, with the least and the largest. ", a, b);
    const double least = RankTest::least_p(a, b);
    const std::string alpha = shown_p(comparisons_.alpha());
    if (least > comparisons_.alpha()) {
      return fmt::format(
          "{}So few cannot tell more than p = {}, which is above {} (--alpha): no change is "
          "significant. What differs so that the sides' ranges do not touch (apart) is shown.",
          medians, shown_p(least), alpha);
    }
    constexpr double kHundred = 100;
    return fmt::format(
        "{}What differs with p <= {} (rank test of Mann and Whitney, two-sided) is shown; of a "
        "hundred measures that do not differ, {} will seem to.",
        medians, alpha, shown_number(comparisons_.alpha() * kHundred));
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
    using Count = std::pair<std::string, std::size_t>;
    auto sorted = counts | ranges::to<std::vector<Count>>();
    std::ranges::stable_sort(sorted, std::greater<>(), &Count::second);
    constexpr std::size_t kMost = 5;
    std::string text = joined(sorted | views::take(kMost) | views::transform([](const Count& each) {
                                return fmt::format("{} {}", each.first, shown_count(each.second));
                              }));
    if (sorted.size() > kMost) text += fmt::format(", {} more", sorted.size() - kMost);
    return text;
  }

  // The things whose number differs most, with the number of those that differ.
  struct Most {
    std::size_t count = 0;
    std::string text;
  };
  Most most_of(std::size_t kind, bool with_new) {
    constexpr std::size_t kMost = 4;
    Most most;
    std::vector<Row> rows = comparisons_.rows(kind, 0, false);
    std::erase_if(rows, [&](const Row& row) {
      return row.may_be_noise ||
             (!with_new &&
              comparisons_.status(kind, row.thing, comparisons_.of(kind, row.thing, 0)) !=
                  Status::kChanged);
    });
    Comparisons::sort(rows, kMost);
    most.count = rows.size();
    rows.resize(std::min(rows.size(), kMost));
    most.text = joined(
        rows | views::transform([&](const Row& row) {
          return fmt::format(
              "{} {}",
              kind == kFunction
                  ? formats::io::quoted(name_of(comparisons_.collector(), kind, row.thing))
                  : shown_thing(comparisons_.collector(), kind, row.thing),
              shown_medians(kKinds[kind].measures[0].unit, comparisons_.of(kind, row.thing, 0)));
        }));
    if (most.count > kMost) most.text.append(", …");
    return most;
  }

  void summarize(std::size_t kind) {
    constexpr std::size_t kIndent = 4;
    const Measure& number = kKinds[kind].measures[0];
    const auto line = [&](std::string_view text) {
      write_wrapped(out_, fmt::format("  {}: {}", kKinds[kind].heading, text), kIndent);
    };
    bool is_alike = true;
    if (kind == kFunction) {
      const Fate fate = this->fate(kind);
      for (const auto& [things, what] :
           {std::pair(&fate.appeared_things, "appeared"), std::pair(&fate.gone_things, "went")}) {
        if (things->empty()) continue;
        is_alike = false;
        line(fmt::format("{} {}: {}", shown_count(things->size()), what, modules(*things)));
      }
    }
    if (!comparisons_.is_told(kind, 0)) return;
    const Most most = most_of(kind, kind != kFunction);
    if (most.count > 0 && kind == kFunction) {
      line(fmt::format("{} of the others are called another number of times: {}",
                       shown_count(most.count), most.text));
    } else if (most.count > 0) {
      line(fmt::format("{} differ for {}: {}", number.name,
                       counted(most.count, kKinds[kind].one, kKinds[kind].many), most.text));
    } else if (is_alike) {
      const Comparison all = comparisons_.of(kind, Values::kAll, 0);
      const bool is_same = all.is_known() && all.change() == 0;
      line(fmt::format("{} {}{}", number.name,
                       is_same ? "alike, " + shown_value(number.unit, all.a->median)
                               : shown_medians(number.unit, all),
                       all.may_be_noise() && !is_same ? ", which may be noise" : ""));
    }
  }

  // A, its range, B, its range, change, relative, p.
  std::vector<std::string> cells(std::size_t kind, Values::Thing thing, std::size_t measure) {
    const Unit unit = kKinds[kind].measures[measure].unit;
    const Comparison comparison = comparisons_.of(kind, thing, measure);
    const Status status = comparisons_.status(kind, thing, comparison);
    const auto median = [&](const std::optional<Summary>& side, bool is_absent) {
      return !side || is_absent ? "-" : shown_value(unit, side->median);
    };
    const auto range = [&](const std::optional<Summary>& side, bool is_absent) {
      if (!side || side->least == side->most || is_absent) return std::string();
      return "[" + shown_value(unit, side->least) + " .. " + shown_value(unit, side->most) + "]";
    };
    std::vector<std::string> cells;
    cells.push_back(median(comparison.a, status == Status::kAppeared));
    if (!is_single_) cells.push_back(range(comparison.a, status == Status::kAppeared));
    cells.push_back(median(comparison.b, status == Status::kGone));
    if (!is_single_) cells.push_back(range(comparison.b, status == Status::kGone));
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
    std::string title(kKinds[kind].heading);
    const bool has_things = comparisons_.collector().values(kind).size() > 1;
    if (has_things) {
      const Fate fate = this->fate(kind);
      title += fmt::format(": {} in A, {} in B; {} appeared, {} went",
                           counted(fate.both + fate.gone, kKinds[kind].one, kKinds[kind].many),
                           shown_count(fate.both + fate.appeared), shown_count(fate.appeared),
                           shown_count(fate.gone));
    }
    out_.line();
    out_.line(title);
    untold_measures(kind);
    constexpr std::size_t kFew = 3;
    const bool is_by_thing = kind == kFlow || kind == kSocket || kind == kSwitch;
    if (is_by_thing || kKinds[kind].measures.size() < kFew) {
      by_thing(kind);
    } else {
      totals(kind);
      for (std::size_t at = 0; at < kKinds[kind].measures.size(); ++at) by_measure(kind, at);
    }
  }

  // Measures that one side alone tells.
  void untold_measures(std::size_t kind) {
    for (const Side side : {kA, kB}) {
      const auto measures = kKinds[kind].measures;
      const std::string names =
          joined(views::iota(std::size_t{0}, measures.size()) | views::filter([&](std::size_t at) {
                   return comparisons_.runs(side, kind, at) > 0 && !comparisons_.is_told(kind, at);
                 }) |
                 views::transform([&](std::size_t at) { return measures[at].name; }));
      if (names.empty()) continue;
      out_.line(
          fmt::format("  not compared, for only inputs of {} tell: {}", shown_side(side), names));
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
    table.write_to(out_, "  ");
  }

  static std::string shown_more(std::size_t count) {
    return counted(count, "more differs", "more differ") + " (-n 0 shows all)";
  }

  // What was left out of a table.
  void rest(std::size_t more, std::size_t noise) {
    if (more == 0 && noise == 0) return;
    out_.line(fmt::format(
        "    {}{}{}", more > 0 ? shown_more(more) : "", more > 0 && noise > 0 ? "; " : "",
        noise > 0 ? shown_count(noise) + " that may be noise (--all shows them)" : ""));
  }

  void by_measure(std::size_t kind, std::size_t at) {
    const Measure& measure = kKinds[kind].measures[at];
    if (measure.is_of_all_only || !comparisons_.is_told(kind, at)) return;
    std::vector<Row> rows = comparisons_.rows(kind, at, options_.with_all);
    const std::size_t all = rows.size();
    if (!options_.with_all) std::erase_if(rows, [](const Row& row) { return row.may_be_noise; });
    const std::size_t noise = all - rows.size();
    Comparisons::sort(rows, options_.most == 0 ? rows.size() : options_.most);
    if (rows.empty() && noise == 0) {
      out_.line();
      out_.line(fmt::format("  {}: all alike", measure.name));
      return;
    }
    out_.line();
    out_.line(fmt::format("  {}: {}", measure.name, measure.doc));
    const std::size_t shown =
        options_.most == 0 ? rows.size() : std::min(rows.size(), options_.most);
    Table table;
    if (shown > 0) table.add(heading(kKinds[kind].one));
    for (std::size_t row = 0; row < shown; ++row) {
      std::vector<std::string> line = cells(kind, rows[row].thing, at);
      line.push_back(shown_thing(comparisons_.collector(), kind, rows[row].thing));
      table.add(std::move(line));
    }
    table.write_to(out_, "    ");
    rest(rows.size() - shown, noise);
  }

  // All measures of one thing together, the thing that differs most first.
  void by_thing(std::size_t kind) {
    std::vector<Differing> things = differing(kind);
    const std::size_t count = things.size();
    // With one thing, all is that thing.
    const bool is_single_thing = count == 2;
    std::erase_if(things, [&](const Differing& each) {
      return each.measures.empty() || (is_single_thing && each.thing == Values::kAll);
    });
    std::ranges::stable_sort(things, [](const Differing& left, const Differing& right) {
      const bool is_all_left = left.thing == Values::kAll;
      const bool is_all_right = right.thing == Values::kAll;
      if (is_all_left != is_all_right) return is_all_left;
      return left.weight > right.weight;
    });
    if (things.empty()) {
      out_.line(fmt::format("    all alike{}", is_single_ ? "" : ", or noise"));
      return;
    }
    const std::size_t most =
        options_.most == 0 ? things.size() : std::min(things.size(), options_.most);
    // All in one table, so that columns stand below each other; names between the rows.
    Table table;
    table.add(heading(""));
    for (const Differing& each : things | views::take(most)) {
      if (count > 1) {
        table.add_line("  " + shown_thing(comparisons_.collector(), kind, each.thing));
      }
      for (const std::size_t measure : each.measures) {
        std::vector<std::string> row = cells(kind, each.thing, measure);
        row.emplace_back(kKinds[kind].measures[measure].name);
        table.add(std::move(row));
      }
    }
    table.write_to(out_, "    ");
    if (things.size() > most) {
      out_.line(fmt::format("    {}", shown_more(things.size() - most)));
    }
  }

  struct Differing {
    Values::Thing thing;
    double weight = 0;
    std::vector<std::size_t> measures;  // that are to be shown
  };

  // All things of the kind, by number.
  std::vector<Differing> differing(std::size_t kind) {
    std::vector<Differing> things(comparisons_.collector().values(kind).size());
    for (Values::Thing thing = 0; Differing & each : things) each.thing = thing++;
    for (std::size_t at = 0; at < kKinds[kind].measures.size(); ++at) {
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
        if (most > 0) each.weight = std::max(each.weight, comparison.weight() / most);
      }
    }
    return things;
  }

  Comparisons& comparisons_;
  const ReportOptions& options_;
  formats::io::TextOutput& out_;
  bool is_single_ = true;
};

}  // namespace

void write_report(Comparisons& comparisons, const std::vector<Run>& a, const std::vector<Run>& b,
                  const ReportOptions& options, formats::io::TextOutput& out) {
  Report(comparisons, options, out).write(a, b);
}

}  // namespace tracebraid::analyzers::diff
