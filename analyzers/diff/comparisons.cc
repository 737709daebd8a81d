#include "analyzers/diff/comparisons.h"

#include <algorithm>
#include <initializer_list>
#include <tuple>

#include <fnmatch.h>

#include "formats/callgrind/python_names.h"
#include "formats/io/text.h"

namespace tracebraid::analyzers::diff {

namespace callgrind = formats::callgrind;

std::pair<std::size_t, std::size_t> Comparisons::runs_of(Side side) const {
  return side == kA ? std::pair(std::size_t{0}, runs_of_a_)
                    : std::pair(runs_of_a_, collector_.values(kFunction).runs());
}

std::size_t Comparisons::runs(Side side, std::size_t kind, std::size_t measure) const {
  const Values& values = collector_.values(kind);
  const auto [first, end] = runs_of(side);
  std::size_t count = 0;
  for (std::size_t run = first; run < end; ++run) {
    if (values.covers(run, measure)) ++count;
  }
  return count;
}

Comparison Comparisons::of(std::size_t kind, std::span<const Values::Thing> things,
                           std::size_t measure) {
  const Values& values = collector_.values(kind);
  const bool is_sum = kKinds[kind].measures[measure].together == Together::kSum;
  const auto fill = [&](Side side, std::vector<std::int64_t>& numbers) {
    numbers.clear();
    const auto [first, end] = runs_of(side);
    for (std::size_t run = first; run < end; ++run) {
      std::optional<std::int64_t> all;
      for (const Values::Thing thing : things) {
        const auto value = values.get(thing, run, measure);
        if (!value) continue;
        if (!all) {
          all = value;
        } else if (!is_sum) {
          all = std::max(*all, *value);
        } else if (__builtin_add_overflow(*all, *value, &*all)) {
          all = INT64_MAX;
        }
      }
      if (things.empty() && values.covers(run, measure)) all = 0;
      if (all) numbers.push_back(*all);
    }
  };
  fill(kA, a_);
  fill(kB, b_);
  return compare(a_, b_, alpha_, test_);
}

bool Comparisons::is_in(Side side, std::size_t kind, Values::Thing thing) const {
  const Values& values = collector_.values(kind);
  const auto [first, end] = runs_of(side);
  for (std::size_t run = first; run < end; ++run) {
    if (values.is_in(thing, run)) return true;
  }
  return false;
}

Status Comparisons::status(std::size_t kind, Values::Thing thing,
                           const Comparison& comparison) const {
  if (thing != Values::kAll) {
    if (!is_in(kA, kind, thing)) return Status::kAppeared;
    if (!is_in(kB, kind, thing)) return Status::kGone;
  }
  const bool is_same =
      comparison.is_known() ? comparison.change() == 0 : !comparison.a && !comparison.b;
  return is_same ? Status::kSame : Status::kChanged;
}

std::vector<Row> Comparisons::rows(std::size_t kind, std::size_t measure, bool with_all) {
  std::vector<Row> rows;
  const auto count = static_cast<Values::Thing>(collector_.values(kind).size());
  for (Values::Thing thing = 1; thing < count; ++thing) {
    const Comparison comparison = of(kind, thing, measure);
    if (!comparison.a && !comparison.b) continue;
    // One side's alone is a difference, if that has runs that tell.
    const bool is_other = !comparison.is_known() || comparison.change() != 0;
    if (!is_other && !with_all) continue;
    rows.push_back({thing, static_cast<std::uint8_t>(measure), comparison.may_be_noise(),
                    comparison.weight()});
  }
  return rows;
}

void Comparisons::sort(std::vector<Row>& rows, std::size_t most) {
  const auto middle = rows.begin() + static_cast<std::ptrdiff_t>(std::min(most, rows.size()));
  std::ranges::partial_sort(rows, middle, [](const Row& left, const Row& right) {
    return std::tuple(left.may_be_noise, -left.weight, left.thing) <
           std::tuple(right.may_be_noise, -right.weight, right.thing);
  });
}

std::string_view path_of(const Collector& collector, Values::Thing thing) {
  const FunctionMatch& functions = collector.functions();
  for (const Side side : {kB, kA}) {
    if (const auto path = functions.path(thing - 1, side)) return collector.texts().text(*path);
  }
  return {};
}

std::string_view name_of(const Collector& collector, std::size_t kind, Values::Thing thing) {
  if (thing == Values::kAll) return {};
  const std::string_view name = kind == kFunction
                                    ? collector.texts().text(collector.functions().name(thing - 1))
                                    : std::string_view(collector.name(kind, thing).name);
  return name.empty() ? "<unnamed>" : name;
}

std::string shown_thing(const Collector& collector, std::size_t kind, Values::Thing thing) {
  if (thing == Values::kAll) return "all";
  std::string text;
  formats::io::append_escaped(text, name_of(collector, kind, thing));
  if (kind != kFunction) {
    const ThingName& name = collector.name(kind, thing);
    const auto& [a, b] = name.target;
    if (!a.empty() || !b.empty()) {
      text.push_back(' ');
      formats::io::append_escaped(text, a.empty() ? b : a);
      if (!a.empty() && !b.empty() && a != b) {
        text.append(" → ");
        formats::io::append_escaped(text, b);
      }
    }
    if (!name.error.empty()) {
      text.push_back(' ');
      formats::io::append_escaped(text, name.error);
    }
    return text;
  }
  const std::string_view path = path_of(collector, thing);
  if (callgrind::is_builtin(path)) return text;
  text.append(" (");
  formats::io::append_escaped(text, callgrind::path_tail(path));
  const auto a = collector.functions().line(thing - 1, kA);
  const auto b = collector.functions().line(thing - 1, kB);
  const auto shown = a ? a : b;
  if (shown.value_or(0) != 0) {
    text.append(":").append(std::to_string(*shown));
    if (a && b && *a != *b) text.append("→").append(std::to_string(*b));
  }
  return text.append(")");
}

namespace {

// Whether a pattern with folders fits the end of a path, or that with ":NAME": "shop/*" fits
// /srv/shop/pricing.py. Folders may be parted by either slash on both sides.
bool fits_end(std::string pattern, std::string path, const std::string& name) {
  std::ranges::replace(pattern, '\\', '/');
  std::ranges::replace(path, '\\', '/');
  const auto fits = [&](const std::string& text) {
    return fnmatch(pattern.c_str(), text.c_str(), FNM_NOESCAPE) == 0;
  };
  for (;;) {
    if (fits(path) || fits(path + ":" + name)) return true;
    const std::size_t slash = path.find('/');
    if (slash == std::string::npos) return false;
    path.erase(0, slash + 1);
  }
}

}  // namespace

bool matches(const Collector& collector, std::size_t kind, Values::Thing thing,
             const std::string& pattern) {
  const auto fits = [&](const std::string& text) {
    return !text.empty() && fnmatch(pattern.c_str(), text.c_str(), 0) == 0;
  };
  const std::string name(name_of(collector, kind, thing));
  if (fits(name)) return true;
  if (kind == kFunction) {
    return pattern.find_first_of("/\\") != std::string::npos &&
           fits_end(pattern, std::string(path_of(collector, thing)), name);
  }
  const ThingName& known = collector.name(kind, thing);
  if (fits(known.error)) return true;
  for (const std::string& target : known.target) {
    std::string text = name;
    for (const std::string* const part : {&target, &known.error}) {
      if (!part->empty()) text.append(" ").append(*part);
    }
    if (fits(target) || fits(text)) return true;
  }
  return false;
}

}  // namespace tracebraid::analyzers::diff
