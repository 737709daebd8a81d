#include "analyzers/inputs.h"

#include <algorithm>
#include <deque>
#include <initializer_list>
#include <memory>
#include <utility>

#include "converters/cprof/profile_calls.h"
#include "converters/pcap/capture_flows.h"
#include "converters/pcap/pcapflows.h"
#include "converters/strace/log_files.h"
#include "converters/strace/strace_log.h"
#include "converters/strace/stracecalls.h"
#include "formats/cli/inputs.h"
#include "formats/io/error.h"
#include "formats/io/looks_like.h"
#include "formats/io/rewound.h"
#include "formats/io/source.h"
#include "formats/pcap/capture_reader.h"
#include "formats/record/call.h"
#include "formats/record/flow.h"
#include "formats/record/function.h"
#include "formats/record/reader.h"
#include "formats/record/syscall.h"

namespace tracebraid::analyzers {
namespace {

namespace cli = formats::cli;
namespace io = formats::io;
namespace record = formats::record;
using converters::strace::StraceLog;

class Logs final : public converters::strace::StraceSink {
 public:
  explicit Logs(RecordVisitor& visitor) : visitor_(visitor) {}
  void syscall(const record::Syscall& call) override { visitor_.visit(record::AnyRecord(call)); }
  void signal(const record::Signal& signal) override { visitor_.visit(record::AnyRecord(signal)); }
  void process(const record::Process& process) override {
    visitor_.visit(record::AnyRecord(process));
  }
  void problem(const record::Problem& problem) override {
    visitor_.visit(record::AnyRecord(problem));
  }

 private:
  RecordVisitor& visitor_;
};

class Flows final : public converters::pcap::FlowSink {
 public:
  explicit Flows(RecordVisitor& visitor) : visitor_(visitor) {}
  void flow(const record::Flow& flow) override { visitor_.visit(record::AnyRecord(flow)); }
  void segment(const record::Segment& segment) override {
    visitor_.visit(record::AnyRecord(segment));
  }
  void flush() override {}

 private:
  RecordVisitor& visitor_;
};

class Calls final : public converters::cprof::CallSink {
 public:
  explicit Calls(RecordVisitor& visitor) : visitor_(visitor) {}
  void function(const record::Function& function) override {
    visitor_.visit(record::AnyRecord(function));
  }
  void call(const record::Call& call) override { visitor_.visit(record::AnyRecord(call)); }

 private:
  RecordVisitor& visitor_;
};

constexpr const record::TypeInfo* kKnown[] = {
    &record::kTypeInfo<record::Syscall>,    &record::kTypeInfo<record::Signal>,
    &record::kTypeInfo<record::Process>,    &record::kTypeInfo<record::Problem>,
    &record::kTypeInfo<record::LineLedger>, &record::kTypeInfo<record::Flow>,
    &record::kTypeInfo<record::Segment>,    &record::kTypeInfo<record::Ledger>,
    &record::kTypeInfo<record::Function>,   &record::kTypeInfo<record::Call>,
};

void read_records(io::Source& source, RecordVisitor& visitor, cli::Context& context) {
  record::StreamReader reader(source, kKnown);
  for (;;) {
    try {
      if (!reader.next()) return;
    } catch (const io::Error& error) {
      context.diagnostics.report(error);
      continue;
    }
    visitor.visit(record::AnyRecord(reader.type(), reader.values()));
  }
}

bool has_any(std::string_view head, std::initializer_list<std::string_view> starts) {
  return std::ranges::any_of(starts,
                             [&](std::string_view start) { return head.starts_with(start); });
}

}  // namespace

InputKind recognize(std::string_view head) {
  using namespace std::string_view_literals;
  if (head.empty()) return InputKind::kRecords;
  // pcap in both byte orders, with micro- and nanoseconds and Kuznetzov's form; pcapng.
  if (has_any(head, {"\xd4\xc3\xb2\xa1"sv, "\xa1\xb2\xc3\xd4"sv, "\x4d\x3c\xb2\xa1"sv,
                     "\xa1\xb2\x3c\x4d"sv, "\x34\xcd\xb2\xa1"sv, "\xa1\xb2\xcd\x34"sv,
                     "\x0a\x0d\x0d\x0a"sv})) {
    return InputKind::kCapture;
  }
  // A header is a map of a few pairs.
  const auto first = static_cast<unsigned char>(head[0]);
  if (((first & 0xf0U) == 0x80 || first == 0xde || first == 0xdf) &&
      head.substr(0, 512).find("tracebraid") != std::string_view::npos) {
    return InputKind::kRecords;
  }
  if (head[0] == '{' || first == 0xfb) {
    const std::size_t next = head.find_first_not_of(" \t", 1);
    if (next != std::string_view::npos && (head[next] == '"' || head[next] == '}')) {
      return InputKind::kRecords;
    }
    // marshal: a dictionary whose first key is a tuple, or that ends at once.
    if (head.size() > 1 && "()0\xa8\xa9"sv.find(head[1]) != std::string_view::npos) {
      return InputKind::kProfile;
    }
  }
  if (converters::strace::looks_like_log(head)) return InputKind::kLog;
  return InputKind::kUnknown;
}

void read_inputs(const cli::Arguments& arguments, RecordVisitor& visitor, cli::Context& context) {
  const std::vector<std::string> paths = cli::input_paths(arguments);
  StraceLog::Options log_options;
  log_options.clock = converters::strace::clock_options(arguments);

  Logs logs(visitor);
  Flows flow_sink(visitor);
  Calls call_sink(visitor);
  converters::cprof::ProfileCalls profiles(call_sink, context.diagnostics);
  std::deque<std::string> profile_inputs;
  std::unique_ptr<StraceLog> log;
  std::unique_ptr<converters::strace::LogFiles> log_files;
  std::unique_ptr<converters::pcap::CaptureFlows> flows;
  cli::for_each_input(
      paths, context, [&](std::unique_ptr<io::Source> opened, const std::string& path) {
        std::unique_ptr<io::Rewound> source = io::rewound(std::move(opened));
        const std::string input = paths.size() > 1 ? source->name() : std::string();
        InputKind kind = recognize(source->head());
        while (kind == InputKind::kUnknown && source->more()) kind = recognize(source->head());
        const std::string_view head = source->head();
        switch (kind) {
          case InputKind::kRecords:
            read_records(*source, visitor, context);
            break;
          case InputKind::kCapture: {
            if (!flows) {
              flows = std::make_unique<converters::pcap::CaptureFlows>(
                  converters::pcap::default_options(), flow_sink, context.diagnostics);
            }
            if (!input.empty()) flows->set_input(input);
            formats::pcap::CaptureReader reader(*source, context.diagnostics);
            converters::pcap::read_all(reader, *flows, context.diagnostics);
            break;
          }
          case InputKind::kLog:
            if (!log) {
              log = std::make_unique<StraceLog>(log_options, logs, context.diagnostics);
              log_files = std::make_unique<converters::strace::LogFiles>(*log, context.diagnostics);
            }
            log_files->add(path, std::move(source), paths.size() == 1);
            break;
          case InputKind::kProfile:
            profile_inputs.push_back(input);
            profiles.read(*source, profile_inputs.back());
            break;
          case InputKind::kUnknown: {
            const std::string_view what = io::looks_like(head);
            throw io::Error{
                source->name(), "",
                "neither a capture, nor an strace log, nor a profile, nor records" +
                    (what.empty() ? std::string() : "; looks like " + std::string(what))};
          }
        }
      });
  if (log_files) log_files->finish();
  if (flows) flows->finish();
}

}  // namespace tracebraid::analyzers
