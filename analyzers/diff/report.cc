#include "analyzers/diff/report.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "analyzers/diff/shown.h"
#include "analyzers/util/shown.h"
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
  void add(std::vector<std::string> cells) { rows_.push_back({std::move(cells), {}}); }
  // Between rows, as it is.
  void add_line(std::string line) { rows_.push_back({{}, std::move(line)}); }

  void append_to(std::string& text, std::string_view indent) const {
    std::vector<std::size_t> widths;
    for (const auto& [row, plain] : rows_) {
      widths.resize(std::max(widths.size(), row.size()));
      for (std::size_t at = 0; at < row.size(); ++at) {
        widths[at] = std::max(widths[at], width_of(row[at]));
      }
    }
    for (const auto& [row, plain] : rows_) {
      std::string line(row.empty() ? plain : indent);
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
  struct Row {
    std::vector<std::string> cells;
    std::string line;  // where there are no cells
  };
  std::vector<Row> rows_;
};

// Words of `text` in lines of at most kWidth columns, all but the first behind `indent`.
constexpr std::size_t kWidth = 100;
void append_wrapped(std::string& out, std::string_view text, std::size_t indent) {
  std::size_t column = 0;
  bool is_first = true;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    const std::size_t width = width_of(word);
    if (!is_first && column + 1 + width > kWidth) {
      out.append("\n").append(indent, ' ');
      column = indent;
    } else if (!is_first) {
      out.push_back(' ');
      ++column;
    }
    out.append(word);
    column += width;
    is_first = false;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  out.push_back('\n');
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
        if (!is_empty(kind)) kinds.push_back(kind);
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

  // No run has anything of the kind.
  [[nodiscard]] bool is_empty(std::size_t kind) {
    return comparisons_.collector().values(kind).size() == 1 &&
           !comparisons_.is_in(kA, kind, Values::kAll) &&
           !comparisons_.is_in(kB, kind, Values::kAll);
  }

  void head(const std::vector<Run>& a, const std::vector<Run>& b) {
    const auto side = [&](std::string name, const std::vector<Run>& runs) {
      name.append(": ");
      if (runs.size() > 1) name.append(std::to_string(runs.size())).append(" runs: ");
      for (std::size_t at = 0; at < runs.size(); ++at) {
        name.append(at == 0 ? "" : "; ").append(formats::io::quoted(runs[at].name));
      }
      constexpr std::size_t kIndent = 3;
      append_wrapped(text_, name, kIndent);
    };
    side("A", a);
    side("B", b);
    is_single_ = a.size() == 1 && b.size() == 1;
    std::string text;
    const double least = RankTest::least_p(a.size(), b.size());
    const std::string alpha = shown_p(comparisons_.alpha());
    if (is_single_) {
      text =
          "One run each: numbers, bytes and packets are what happened. Times differ from run to "
          "run "
          "by themselves, and one run cannot tell by how much: no claim is made of them.";
    } else {
      text = std::to_string(a.size()) + " and " + std::to_string(b.size()) +
             " runs: medians, with the least and the largest. ";
      if (least > comparisons_.alpha()) {
        text.append("So few cannot tell more than p = ").append(shown_p(least));
        text.append(", which is above ").append(alpha);
        text.append(
            " (--alpha): no change is significant. What differs so that the sides' ranges do not "
            "touch (apart) is shown.");
      } else {
        constexpr double kHundred = 100;
        text.append("What differs with p <= ").append(alpha);
        text.append(
            " (rank test of Mann and Whitney, two-sided) is shown; of a hundred measures that do "
            "not differ, ");
        text.append(shown_number(comparisons_.alpha() * kHundred)).append(" will seem to.");
      }
    }
    append_wrapped(text_, text, 0);
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
      text.append(shown_count(sorted[at].second));
    }
    if (sorted.size() > kMost) {
      text.append(", ").append(std::to_string(sorted.size() - kMost)).append(" more");
    }
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
    for (const Row& row : rows) {
      most.text.append(most.text.empty() ? "" : ", ");
      most.text.append(kind == kFunction
                           ? formats::io::quoted(name_of(comparisons_.collector(), kind, row.thing))
                           : shown_thing(comparisons_.collector(), kind, row.thing));
      most.text.append(" ").append(
          shown_medians(kKinds[kind].measures[0].unit, comparisons_.of(kind, row.thing, 0)));
    }
    if (most.count > kMost) most.text.append(", …");
    return most;
  }

  void summarize(std::size_t kind) {
    constexpr std::size_t kIndent = 4;
    const Measure& number = kKinds[kind].measures[0];
    const auto line = [&](const std::string& text) { append_wrapped(text_, "  " + text, kIndent); };
    const std::string heading = std::string(kKinds[kind].heading) + ": ";
    bool is_alike = true;
    if (kind == kFunction) {
      const Fate fate = this->fate(kind);
      for (const auto& [things, what] : {std::pair(&fate.appeared_things, " appeared: "),
                                         std::pair(&fate.gone_things, " went: ")}) {
        if (things->empty()) continue;
        is_alike = false;
        line(heading + shown_count(things->size()) + what + modules(*things));
      }
    }
    if (!comparisons_.is_told(kind, 0)) return;
    const Most most = most_of(kind, kind != kFunction);
    if (most.count > 0) {
      line(heading +
           (kind == kFunction
                ? shown_count(most.count) + " of the others are called another number of "
                                            "times: "
                : std::string(number.name) + " differ for " +
                      counted(most.count, kKinds[kind].one, kKinds[kind].many) + ": ") +
           most.text);
    } else if (is_alike) {
      const Comparison all = comparisons_.of(kind, Values::kAll, 0);
      const bool is_same = all.is_known() && all.change() == 0;
      line(heading + std::string(number.name) + " " +
           (is_same ? "alike, " + shown_value(number.unit, all.a->median)
                    : shown_medians(number.unit, all)) +
           (all.may_be_noise() && !is_same ? ", which may be noise" : ""));
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
    text_.append("\n").append(kKinds[kind].heading);
    const Fate fate = this->fate(kind);
    const bool has_things = comparisons_.collector().values(kind).size() > 1;
    if (has_things) {
      text_.append(": ").append(
          counted(fate.both + fate.gone, kKinds[kind].one, kKinds[kind].many));
      text_.append(" in A, ").append(shown_count(fate.both + fate.appeared));
      text_.append(" in B; ").append(shown_count(fate.appeared)).append(" appeared, ");
      text_.append(shown_count(fate.gone)).append(" went");
    }
    text_.append("\n");
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
      std::string names;
      for (std::size_t at = 0; at < kKinds[kind].measures.size(); ++at) {
        if (comparisons_.runs(side, kind, at) == 0 || comparisons_.is_told(kind, at)) continue;
        names.append(names.empty() ? "" : ", ").append(kKinds[kind].measures[at].name);
      }
      if (names.empty()) continue;
      text_.append("  not compared, for only inputs of ").append(side == kA ? "A" : "B");
      text_.append(" tell: ").append(names).append("\n");
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

  static std::string shown_more(std::size_t count) {
    return counted(count, "more differs", "more differ") + " (-n 0 shows all)";
  }

  // What was left out of a table.
  void rest(std::size_t more, std::size_t noise) {
    if (more == 0 && noise == 0) return;
    text_.append("    ");
    if (more > 0) text_.append(shown_more(more));
    if (noise > 0) {
      text_.append(more > 0 ? "; " : "").append(shown_count(noise));
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
    Comparisons::sort(rows, options_.most == 0 ? rows.size() : options_.most);
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
    // All in one table, so that columns stand below each other; names between the rows.
    Table table;
    table.add(heading(""));
    for (std::size_t at = 0; at < most; ++at) {
      if (count > 1) {
        table.add_line("  " + shown_thing(comparisons_.collector(), kind, shown[at].thing));
      }
      for (const std::size_t measure : shown[at].measures) {
        std::vector<std::string> row = cells(kind, shown[at].thing, measure);
        row.emplace_back(measures[measure].name);
        table.add(std::move(row));
      }
    }
    table.append_to(text_, "    ");
    if (shown.size() > most) {
      text_.append("    ").append(shown_more(shown.size() - most)).append("\n");
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
