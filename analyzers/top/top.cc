// tracebraid top: records in groups, the heaviest first.
#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <range/v3/view/transform.hpp>

#include "analyzers/input/inputs.h"
#include "analyzers/top/profile.h"
#include "analyzers/top/table.h"
#include "analyzers/top/tally.h"
#include "analyzers/util/shown.h"
#include "formats/cli/clock_options.h"
#include "formats/cli/numbers.h"
#include "formats/cli/record_output.h"
#include "formats/io/error.h"
#include "formats/io/output.h"
#include "formats/io/saturate.h"
#include "formats/record/any_record.h"
#include "formats/record/function.h"
#include "formats/record/writer.h"

namespace tracebraid::analyzers {
namespace {

namespace cli = formats::cli;
namespace io = formats::io;
namespace record = formats::record;
using cli::Argument;
using record::AnyRecord;
using record::FieldInfo;
using record::Kind;
using record::TypeInfo;
using record::Value;

class TopVisitor final : public RecordVisitor {
 public:
  explicit TopVisitor(const TopRequest& request) {
    const bool is_any = request.type.empty();
    if (is_any || request.type == "syscall") {
      tables_.emplace_back(make_call_tally(), request);
    }
    if (is_any || request.type == "flow") {
      tables_.emplace_back(make_flow_tally(), request);
    }
    if (is_any || request.type == "function") {
      if (request.by.empty()) {
        profile_.emplace(request.profile, request.most);
      } else {
        tables_.emplace_back(make_function_tally(), request);
      }
    }
    if (tables_.empty() && !profile_) {
      tables_.emplace_back(make_other_tally(request.type), request);
    }
  }

  void visit(const AnyRecord& record) override {
    if (last_type_ != &record.type()) {
      last_type_ = &record.type();
      last_ = nullptr;
      for (TopTable& table : tables_) {
        if (table.record_type() == record.type().name) last_ = &table;
      }
      is_profiles_ = last_ == nullptr && profile_ && TopProfile::takes(record.type().name);
      constexpr std::size_t kMostOthers = 8;
      if (last_ == nullptr && !is_profiles_ && others_.size() < kMostOthers) {
        others_.emplace(record.type().name);
      }
    }
    if (last_ != nullptr) {
      last_->add(record);
    } else if (is_profiles_) {
      profile_->add(record);
    }
  }

  [[nodiscard]] std::deque<TopTable>& tables() { return tables_; }
  [[nodiscard]] std::optional<TopProfile>& profile() { return profile_; }
  // Types of records that were not counted.
  [[nodiscard]] const std::set<std::string, std::less<>>& others() const { return others_; }

 private:
  std::deque<TopTable> tables_;
  std::optional<TopProfile> profile_;
  bool is_profiles_ = false;  // the last type of records
  const TypeInfo* last_type_ = nullptr;
  TopTable* last_ = nullptr;
  std::set<std::string, std::less<>> others_;
};

TopRequest understand(const cli::Arguments& arguments) {
  TopRequest request;
  const std::string by = arguments.value("by").value_or("");
  for (const std::string_view name : cli::split_list(by)) request.by.emplace_back(name);
  request.type = arguments.value("type").value_or("");
  request.measure = arguments.value("measure").value_or("duration");
  request.sort = arguments.value("sort").value_or("");
  if (const auto most = arguments.value("number")) {
    request.most = cli::number<std::size_t>("-n", *most);
  }
  if (request.type.empty()) check_keys(request.by);
  request.is_reversed = arguments.has("reverse");
  request.profile = ProfileRequest(arguments);
  if (const std::string option(request.profile.own_option()); !option.empty()) {
    if (!request.by.empty()) throw io::UsageError{option + " does not go with --by"};
    if (!request.type.empty() && request.type != "function") {
      throw io::UsageError{option + " is for functions: it does not go with --type " +
                           io::quoted(request.type)};
    }
    if (request.profile.show != ProfileRequest::Show::kFunctions) request.type = "function";
  }
  if (request.profile.is_numbered() && !arguments.has("number")) request.most = 0;
  return request;
}

using TakeRow = TopProfile::TakeRow;

// One table of the output, whatever it is made of.
struct Shown {
  std::string_view record_type;
  const TypeInfo* type;
  std::vector<std::string> columns;  // for a person
  bool can_sort;
  std::string sort_keys;
  std::function<void(const TakeRow&)> show;
  std::vector<std::string> notes;
};

Shown shown(TopTable& table, const TopRequest& request) {
  Shown shown{table.record_type(), &table.type(), {}, table.sort_column() != kMissing, {}, {}, {}};
  for (const FieldInfo& field : shown.type->fields) {
    if (field.name != "percentiles") shown.columns.emplace_back(field.name);
  }
  const auto names = shown.type->fields | ranges::views::transform(&FieldInfo::name);
  shown.sort_keys = joined(names);
  shown.show = [&table](const TakeRow& take) { table.show(take); };
  const std::size_t count = request.most == 0 ? table.size() : std::min(request.most, table.size());
  std::string note =
      fmt::format("{} {} records in {} groups", table.records(), table.record_type(), table.size());
  if (count < table.size()) note += fmt::format(", {} shown (-n 0 shows all)", count);
  shown.notes.push_back(std::move(note));
  return shown;
}

Shown shown(TopProfile& profile, bool is_table) {
  profile.select(is_table);
  return {record::Function::kType, &profile.type(),
          profile.table_columns(), profile.can_sort(),
          profile_sort_keys(),     [&profile](const TakeRow& take) { profile.show(take); },
          profile.notes()};
}

// Each table is sorted by what it has; what none has is a mistake.
void check_sort(const TopRequest& request, const std::vector<Shown>& tables,
                cli::Context& context) {
  if (request.sort.empty() || tables.empty()) return;
  if (std::ranges::none_of(tables, &Shown::can_sort)) {
    const auto keys_of = [&](const Shown& table) {
      return tables.size() > 1 ? fmt::format("of {}s: {}", table.record_type, table.sort_keys)
                               : table.sort_keys;
    };
    throw io::UsageError{"--sort: no such column: " + io::quoted(request.sort),
                         joined(tables | ranges::views::transform(keys_of), "; ")};
  }
  for (const Shown& table : tables) {
    if (table.can_sort) continue;
    context.diagnostics.note(std::string(table.record_type) + " records have no column " +
                             io::quoted(request.sort) + " to sort by");
  }
}

// What there is to show; says what was left out of it.
std::vector<Shown> shown_tables(TopVisitor& visitor, const TopRequest& request, bool is_table,
                                cli::Context& context) {
  const auto left_out = [&](std::string_view type, std::string_view what, std::uint64_t count) {
    if (count == 0) return;
    context.diagnostics.note(
        fmt::format("{} records have not all {}: {} left out", type, what, count));
  };
  std::vector<Shown> tables;
  for (TopTable& table : visitor.tables()) {
    left_out(table.record_type(), "fields of --by", table.left_out());
    if (table.records() > 0) tables.push_back(shown(table, request));
  }
  if (std::optional<TopProfile>& profile = visitor.profile()) {
    left_out("function and call", "of file, line and name", profile->left_out());
    const std::string option(request.profile.own_option());
    if (profile->has_records()) {
      tables.push_back(shown(*profile, is_table));
    } else if (!option.empty() && !tables.empty()) {
      context.diagnostics.note(option + " is for functions, and the inputs hold none");
    }
  }
  return tables;
}

bool is_end_of_numbers(const Value& value) {
  return (value.kind() == Kind::kUint && value.as_uint() == UINT64_MAX) ||
         (value.kind() == Kind::kDuration && value.as_int() == INT64_MAX);
}

// Tables for a person stand below each other; of other forms all rows are one stream. False when a
// number did not fit.
bool write(const std::vector<Shown>& tables, const cli::RecordRequest& form, io::Output& output,
           cli::Context& context) {
  const bool is_table = form.format == record::Format::kTable;
  const record::WriterOptions options = form.writer_options("tracebraid top");
  std::vector<const TypeInfo*> types;
  for (const Shown& table : tables) types.push_back(table.type);
  if (!options.fields.empty() && !types.empty()) record::check_fields(options.fields, types);
  std::unique_ptr<record::Writer> writer;
  bool fits = true;
  for (const Shown& table : tables) {
    if (!writer || is_table) {
      record::WriterOptions own = options;
      if (is_table && own.fields.empty()) own.fields = table.columns;
      if (writer) {
        writer->finish();
        output.write("\n");
      }
      writer = record::make_writer(form.format, output, std::move(own));
    }
    writer->declare(*table.type);
    table.show([&](std::span<const Value> values) {
      fits = fits && std::ranges::none_of(values, is_end_of_numbers);
      writer->write_values(*table.type, values);
    });
  }
  if (!writer) return true;
  writer->finish();
  form.tell_of_formulas(*writer, context.diagnostics);
  return fits;
}

void run(const cli::Arguments& arguments, cli::Context& context) {
  const TopRequest request = understand(arguments);
  const cli::RecordRequest form(arguments);
  const std::unique_ptr<io::Output> output = io::open_output(form.path);
  TopVisitor visitor(request);
  read_inputs_in_turn(arguments, {}, visitor, context);

  const bool is_table = form.format == record::Format::kTable;
  const std::vector<Shown> tables = shown_tables(visitor, request, is_table, context);
  check_sort(request, tables, context);
  if (tables.size() > 1 && !record::holds_several(form.format) && !is_table) {
    throw io::UsageError{"the inputs hold several types of records, and this form one",
                         "--type chooses one: syscall, flow or function"};
  }
  if (!write(tables, form, *output, context)) {
    context.diagnostics.note(std::string(io::kEndOfNumbers));
  }
  output->commit();
  if (arguments.has("quiet")) return;
  if (tables.empty() && visitor.others().empty()) {
    context.diagnostics.note("no records");
  } else if (tables.empty()) {
    std::string others;
    for (const std::string& type : visitor.others()) {
      others.append(others.empty() ? "" : ", ").append(io::quoted(type));
    }
    context.diagnostics.note("no records of that type; --type counts others: " + others);
  }
  for (const Shown& table : tables) {
    for (const std::string& note : table.notes) context.diagnostics.note(note);
  }
}

constexpr std::string_view kUsage[] = {"[OPTION…] [INPUT…]"};

constexpr cli::Option kOptions[] = {
    {0, "by", Argument::kText, "LIST", "Groups", "fields that make a group",
     "With commas between: any field of the records, as --schema of pcapflows, stracecalls and "
     "cprofcalls lists them, without Zeek's id. in front; or process, thread, fd, socket, peer, "
     "errno, server, client. Default: syscall of system calls; resp_h,resp_p,proto of flows; "
     "name,file,line of functions."},
    {0, "type", Argument::kText, "TYPE", "Groups", "type of records",
     "Such as syscall, flow, function; others (signal, process, call) are counted. Default: those "
     "three."},
    {0, "measure", Argument::kText, "FIELD", "Groups", "duration that is measured (duration)",
     "Its sum, mean and percentiles are shown. Of flows also response_latency, synack_rtt and the "
     "like."},
    {0, "sort", Argument::kText, "COLUMN", "Groups", "sort by a column, the largest first",
     "Names are sorted upwards. Default: time, or the number where the records have no times. Of "
     "functions also what pstats' sort_stats() takes, several with commas between: calls or "
     "ncalls, cumulative or cumtime, filename or module, line, name, nfl, pcalls, stdname, time or "
     "tottime (the default), and clear beginnings of these; besides percall and the other columns. "
     "Equal ones stay in the order of the profile."},
    {0, "reverse", Argument::kNone, "", "Groups", "sort the other way round"},
    {'n', "number", Argument::kText, "NUMBER", "Groups",
     "groups, or functions, to show (20); 0: all",
     "Where --only gives a number, the default is all that are left."},
    kOnlyOption,
    kCallersOption,
    kCalleesOption,
    kStripDirsOption,
    cli::kClockOptions[0],
    cli::kClockOptions[1],
    cli::kClockOptions[2],
    cli::kFormatOption,
    cli::kOutputOption,
    {0, "fields", Argument::kText, "LIST", "Output", "write these columns only, in this order"},
    cli::kCsvSafeOption,
    {'q', "quiet", Argument::kNone, "", "Output", "do not show numbers on standard error"},
};

constexpr cli::Section kSections[] = {
    kInputSection,
    {"Columns",
     "Of system calls: calls, errors, time (from entry to exit), wait (the part of it in calls "
     "that "
     "wait for peers, locks, children, timers or disks), mean, p50, p99, max, bytes_in, bytes_out, "
     "by_error. Of flows: flows, failed (refused, reset, never answered), time, mean, p50, p99, "
     "max, bytes and packets of both sides, rexmit_pkts, by_state. Of functions, as pstats has "
     "them: calls, primitive_calls, tottime, percall_tottime, cumtime, percall_cumtime; a table "
     "has "
     "both numbers of calls as ncalls, such as 21/1. With --by also functions, how many.\n\n"
     "All are exact but p50 and p99, which are exact up to 256 values of a group and within 1/128 "
     "beyond that; percentiles says which. What the inputs do not tell is null: a log without -T "
     "has times of interrupted calls only."},
    {"Profiles",
     "What one types in pstats, and here:\n\n"
     "  sort_stats('cumulative', 'name')   --sort cumulative,name\n"
     "  reverse_order()                    --reverse\n"
     "  strip_dirs()                       --strip-dirs\n"
     "  print_stats()                      -n 0\n"
     "  print_stats('server', 0.1, 20)     --only server --only 0.1 --only 20\n"
     "  print_callers('recv')              --callers recv\n"
     "  print_callees('handle', 5)         --callees handle --only 5\n"
     "  print_callers(5)                   --callers '' --only 5\n"
     "  Stats('a', 'b'), add('c')          a b c\n\n"
     "The sums that pstats prints in front, and what a restriction left, are on standard error. "
     "Times are added up as whole nanoseconds. Patterns are PCRE2's, and mean what they mean in "
     "Python; {,3} alone is {0,3} here. One that takes more than a million steps for one function "
     "is refused.\n\n"
     "Callers need call records: a stream must have them besides function records, as cprofcalls "
     "writes it with -f msgpack or -f jsonl."},
    {"Exit status",
     "0: done. 1: an input was damaged or unreadable; the rest is shown. 2: the "
     "command line was wrong."},
};

constexpr cli::Example kExamples[] = {
    {"Which system calls take the time, and which fail:", "tracebraid top server.strace"},
    {"Which sockets moved how much:", "tracebraid top server.strace --by socket --sort bytes_out"},
    {"Which calls fail how, in which process:",
     "tracebraid top server.strace --by pid,syscall,error --sort errors"},
    {"The functions of a profile with the most time of their own:",
     "tracebraid top profile.cprof -n 10"},
    {"Who makes the program send, and what it costs there:",
     "tracebraid top profile.cprof --callers \"'send' of\""},
    {"What the server's own functions take with all that they call, workers added up:",
     "tracebraid top worker-*.cprof --sort cumulative --only /srv/ --only 10"},
    {"The slowest servers of a capture:",
     "tracebraid top server.pcap --by resp_h --measure response_latency --sort p99"},
    {"A table on standard output of another program:",
     "stracecalls -f msgpack server.strace | tracebraid top -f table -"},
};

}  // namespace

extern constinit const cli::Program kTop = {
    .name = "tracebraid top",
    .summary = "show the heaviest system calls, flows or functions",
    .usage = kUsage,
    .options = kOptions,
    .sections = kSections,
    .examples = kExamples,
    .body = run,
};

}  // namespace tracebraid::analyzers
