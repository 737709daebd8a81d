#include "analyzers/diff/gate.h"

#include <algorithm>
#include <span>
#include <utility>

#include <fmt/format.h>
#include <range/v3/view/transform.hpp>

#include "analyzers/diff/shown.h"
#include "analyzers/util/shown.h"
#include "formats/io/error.h"
#include "formats/record/text.h"

namespace tracebraid::analyzers::diff {
namespace {

namespace io = formats::io;
__extension__ using Int128 = __int128;

constexpr std::string_view kExample =
    "such as 'function.calls > +10%', 'syscall.calls[EBADF] > 0' or 'any function.tottime[shop/*] "
    "> +50ms'";

std::string_view trimmed(std::string_view text) {
  const auto is_blank = [](char each) { return each == ' ' || each == '\t'; };
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

template <typename Named>
std::string names_of(std::span<const Named> all) {
  return joined(all | ranges::views::transform(&Named::name));
}

[[noreturn]] void fail(std::string_view gate, const std::string& what, std::string_view hint) {
  throw io::UsageError{fmt::format("--fail-if {}: {}", io::quoted(gate), what), std::string(hint)};
}

struct Suffix {
  std::string_view text;
  int scale;            // powers of ten
  std::int64_t factor;  // besides
};
constexpr Suffix kTimes[] = {{"s", 9, 1}, {"ms", 6, 1}, {"us", 3, 1}, {"µs", 3, 1}, {"ns", 0, 1}};
constexpr std::int64_t kKibi = 1024;
constexpr Suffix kSizes[] = {{"", 0, 1},
                             {"B", 0, 1},
                             {"kB", 3, 1},
                             {"MB", 6, 1},
                             {"GB", 9, 1},
                             {"KiB", 0, kKibi},
                             {"MiB", 0, kKibi* kKibi},
                             {"GiB", 0, kKibi* kKibi* kKibi}};
constexpr Suffix kNumbers[] = {{"", 0, 1}};
constexpr Suffix kPercent[] = {{"%", 4, 1}};  // of millionths

std::span<const Suffix> suffixes(Unit unit) {
  switch (unit) {
    case Unit::kNs:
      return kTimes;
    case Unit::kBytes:
      return kSizes;
    default:
      return kNumbers;
  }
}

// KIND.MEASURE
void parse_measure(Gate& gate, std::string_view text) {
  const std::size_t point = text.find('.');
  const std::string_view kind = text.substr(0, point);
  const auto* const known = std::ranges::find(kKinds, kind, &Kind::name);
  if (known == std::end(kKinds)) {
    fail(gate.text, "no such kind: " + io::quoted(kind),
         "there is " + names_of(std::span<const Kind>(kKinds)));
  }
  gate.kind = static_cast<std::size_t>(known - std::begin(kKinds));
  const std::string_view measure =
      point == std::string_view::npos ? std::string_view() : text.substr(point + 1);
  const auto found = std::ranges::find(known->measures, measure, &Measure::name);
  if (found == known->measures.end()) {
    fail(gate.text, fmt::format("no such measure of {}: {}", kind, io::quoted(measure)),
         "there is " + names_of(known->measures));
  }
  gate.measure = static_cast<std::size_t>(found - known->measures.begin());
}

struct Sign {
  std::string_view text;
  Gate::Operator comparison;
};
constexpr Sign kSigns[] = {
    {"<=", Gate::Operator::kLessOrEqual}, {">=", Gate::Operator::kMoreOrEqual},
    {"==", Gate::Operator::kEqual},       {"!=", Gate::Operator::kUnequal},
    {"<", Gate::Operator::kLess},         {">", Gate::Operator::kMore}};

void parse_value(Gate& gate, std::string_view text) {
  const std::string_view whole = text;
  const bool is_negative = text.starts_with('-');
  gate.is_change = is_negative || text.starts_with('+');
  if (gate.is_change) text.remove_prefix(1);
  const std::size_t digits = std::min(text.find_first_not_of("0123456789."), text.size());
  const std::string_view suffix = trimmed(text.substr(digits));
  const Unit unit = kKinds[gate.kind].measures[gate.measure].unit;
  gate.is_percent = suffix == "%";
  gate.is_change |= gate.is_percent;
  for (const Suffix& each : gate.is_percent ? std::span<const Suffix>(kPercent) : suffixes(unit)) {
    if (each.text != suffix) continue;
    formats::record::Decimal number{};
    if (!formats::record::parse_decimal(text.substr(0, digits), each.scale, number) ||
        !number.is_exact ||
        number.magnitude > static_cast<std::uint64_t>(INT64_MAX / each.factor)) {
      break;
    }
    gate.value = static_cast<std::int64_t>(number.magnitude) * each.factor;
    if (is_negative) gate.value = -gate.value;
    return;
  }
  const std::string_view units = unit == Unit::kNs      ? "a time, such as 50ms: s, ms, us or ns"
                                 : unit == Unit::kBytes ? "a size, such as 10kB: B, kB, MB, GB, "
                                                          "KiB, MiB or GiB"
                                                        : "a whole number";
  fail(gate.text, "not a value: " + io::quoted(whole),
       fmt::format("{}, or a percentage; with a sign, and with %, it is compared with the change",
                   units));
}

template <typename Value>
bool is_so(Gate::Operator comparison, const Value& left, const Value& right) {
  switch (comparison) {
    case Gate::Operator::kLess:
      return left < right;
    case Gate::Operator::kLessOrEqual:
      return left <= right;
    case Gate::Operator::kMore:
      return left > right;
    case Gate::Operator::kMoreOrEqual:
      return left >= right;
    case Gate::Operator::kEqual:
      return left == right;
    case Gate::Operator::kUnequal:
      return left != right;
  }
  return false;
}

// Things of the gate's kind that its pattern fits.
std::vector<Values::Thing> things_of(const Gate& gate, const Collector& collector) {
  std::vector<Values::Thing> things;
  const auto count = static_cast<Values::Thing>(collector.values(gate.kind).size());
  for (Values::Thing thing = 1; thing < count; ++thing) {
    if (!gate.pattern || matches(collector, gate.kind, thing, *gate.pattern)) {
      things.push_back(thing);
    }
  }
  return things;
}

std::string told(Unit unit, const Comparison& comparison) {
  std::string text = shown_medians(unit, comparison);
  if (!comparison.p) return text;
  return fmt::format("{}, p = {}{}", text, shown_p(*comparison.p),
                     comparison.evidence == Evidence::kApart ? ", ranges apart" : "");
}

// Says which gates hold, and of which it cannot be told.
class Judge {
 public:
  Judge(bool may_be_missing, Comparisons& comparisons, formats::cli::Context& context)
      : may_be_missing_(may_be_missing),
        comparisons_(comparisons),
        diagnostics_(context.diagnostics) {}

  // Whether a gate asked for functions that there are not.
  [[nodiscard]] bool has_missed() const { return has_missed_; }

  bool holds(const Gate& gate) {
    if (!is_told(gate)) return false;
    if (!gate.is_any && !gate.pattern) return holds_for_all_of(gate, {Values::kAll});
    const std::vector<Values::Thing> things = things_of(gate, comparisons_.collector());
    if (things.empty()) {
      diagnostics_.note(name_of(gate) + " does not hold: nothing has such a name");
      has_missed_ |= gate.kind == kFunction && !may_be_missing_;
      return false;
    }
    return gate.is_any ? holds_for_one_of(gate, things) : holds_for_all_of(gate, things);
  }

 private:
  static std::string name_of(const Gate& gate) {
    return fmt::format("--fail-if {}", io::quoted(gate.text));
  }
  static const Measure& measure_of(const Gate& gate) {
    return kKinds[gate.kind].measures[gate.measure];
  }

  // Both sides tell what the gate asks of them.
  bool is_told(const Gate& gate) {
    bool is_told = true;
    for (const Side side : {kA, kB}) {
      if (side == kA && !gate.is_change) continue;
      if (comparisons_.runs(side, gate.kind, gate.measure) > 0) continue;
      is_told = false;
      diagnostics_.report(
          {name_of(gate), "",
           fmt::format("cannot be told: no input of {} tells of {}.{}", side == kA ? "A" : "B",
                       kKinds[gate.kind].name, measure_of(gate).name)});
    }
    return is_told;
  }

  static bool holds(const Gate& gate, const Comparison& comparison) {
    if (!gate.is_change) return comparison.b && gate.holds(0, comparison.b->median);
    return comparison.is_known() && !comparison.may_be_noise() &&
           gate.holds(comparison.a->median, comparison.b->median);
  }

  // Together.
  bool holds_for_all_of(const Gate& gate, const std::vector<Values::Thing>& things) {
    const Comparison comparison = comparisons_.of(gate.kind, things, gate.measure);
    if (!holds(gate, comparison)) return false;
    const Kind& kind = kKinds[gate.kind];
    diagnostics_.note(fmt::format(
        "{} holds: {} of {}: {}", name_of(gate), measure_of(gate).name,
        things.size() == 1 ? shown_thing(comparisons_.collector(), gate.kind, things.front())
                           : counted(things.size(), kind.one, kind.many),
        told(measure_of(gate).unit, comparison)));
    return true;
  }

  // Each by itself; the one that differs most is shown.
  bool holds_for_one_of(const Gate& gate, const std::vector<Values::Thing>& things) {
    std::size_t count = 0;
    double most = -1;
    std::string worst;
    for (const Values::Thing thing : things) {
      const Comparison comparison = comparisons_.of(gate.kind, thing, gate.measure);
      if (!holds(gate, comparison)) continue;
      ++count;
      if (comparison.weight() <= most) continue;
      most = comparison.weight();
      worst = fmt::format("{}: {}", shown_thing(comparisons_.collector(), gate.kind, thing),
                          told(measure_of(gate).unit, comparison));
    }
    if (count == 0) return false;
    const Kind& kind = kKinds[gate.kind];
    diagnostics_.note(fmt::format("{} holds for {}: {} of {}", name_of(gate),
                                  counted(count, kind.one, kind.many), measure_of(gate).name,
                                  worst));
    return true;
  }

  bool may_be_missing_;
  bool has_missed_ = false;
  Comparisons& comparisons_;
  io::Diagnostics& diagnostics_;
};

}  // namespace

bool Gate::holds(std::int64_t a, std::int64_t b) const {
  if (!is_change) return is_so(comparison, b, value);
  const Int128 change = Int128{b} - a;
  if (!is_percent) return is_so(comparison, change, Int128{value});
  constexpr Int128 kMillion = 1'000'000;
  if (a == 0) {
    // From nothing to something is more than any percentage.
    const Int128 much = b == 0 ? 0 : Int128{INT64_MAX} + 1;
    return is_so(comparison, b < 0 ? -much : much, Int128{value});
  }
  const Int128 size = a < 0 ? -Int128{a} : Int128{a};
  return is_so(comparison, change * kMillion, Int128{value} * size);
}

Gate parse_gate(std::string_view text) {
  Gate gate;
  gate.text = trimmed(text);
  std::string_view rest = gate.text;
  constexpr std::string_view kAny = "any ";
  if (rest.starts_with(kAny)) {
    gate.is_any = true;
    rest = trimmed(rest.substr(kAny.size()));
  }
  constexpr std::string_view kOperators = "<>=!";
  const std::size_t bracket = rest.find('[');
  const std::size_t first_operator = rest.find_first_of(kOperators);
  const std::string_view what = rest.substr(0, std::min(bracket, first_operator));
  if (bracket < first_operator) {
    const std::size_t end = rest.rfind(']');
    if (end == std::string_view::npos || end < bracket) {
      fail(gate.text, "a [ without ]", kExample);
    }
    gate.pattern = rest.substr(bracket + 1, end - bracket - 1);
    rest = rest.substr(end + 1);
  } else {
    rest = rest.substr(what.size());
  }
  parse_measure(gate, trimmed(what));
  rest = trimmed(rest);
  const Sign* const sign =
      std::ranges::find_if(kSigns, [&](const Sign& each) { return rest.starts_with(each.text); });
  if (sign == std::end(kSigns)) {
    fail(gate.text, "no comparison at " + io::quoted(rest), "there is <, <=, >, >=, == and !=");
  }
  gate.comparison = sign->comparison;
  parse_value(gate, trimmed(rest.substr(sign->text.size())));
  return gate;
}

bool show_gates(const std::vector<Gate>& gates, bool may_be_missing, Comparisons& comparisons,
                formats::cli::Context& context) {
  Judge judge(may_be_missing, comparisons, context);
  // All of them speak.
  const auto count =
      std::ranges::count_if(gates, [&](const Gate& gate) { return judge.holds(gate); });
  constexpr int kWrong = 2;
  if (judge.has_missed()) context.status = kWrong;
  return count > 0;
}

}  // namespace tracebraid::analyzers::diff
