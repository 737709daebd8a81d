#include "formats/chrome/trace_writer.h"

#include "formats/record/text.h"

namespace tracebraid::formats::chrome {

TraceWriter::TraceWriter(io::Output& output, std::int64_t origin_ns)
    : out_(output), origin_ns_(origin_ns) {
  out_.append("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[");
}

void TraceWriter::begin(std::string_view kind, std::uint64_t pid, std::uint64_t tid) {
  line_.assign(events_++ == 0 ? "\n" : ",\n");
  line_.append("{\"ph\":\"").append(kind).append("\",\"pid\":").append(std::to_string(pid));
  line_.append(",\"tid\":").append(std::to_string(tid));
}

void TraceWriter::end() {
  line_.append("}");
  out_.append(line_);
}

void TraceWriter::time(std::string_view name, std::int64_t ns) {
  line_.append(",\"").append(name).append("\":");
  if (ns < 0) line_.append("-");
  const auto size = static_cast<std::uint64_t>(ns < 0 ? -ns : ns);
  constexpr std::uint64_t kThousand = 1000;
  const std::string rest = std::to_string(kThousand + size % kThousand);
  line_.append(std::to_string(size / kThousand)).append(".").append(rest, 1, 3);
}

void TraceWriter::name_process(std::uint64_t pid, std::string_view name) {
  begin("M", pid, 0);
  line_.append(",\"name\":\"process_name\",\"args\":{\"name\":\"");
  record::append_json_text(line_, name);
  line_.append("\"}");
  end();
}

void TraceWriter::name_thread(std::uint64_t pid, std::uint64_t tid, std::string_view name) {
  begin("M", pid, tid);
  line_.append(",\"name\":\"thread_name\",\"args\":{\"name\":\"");
  record::append_json_text(line_, name);
  line_.append("\"}");
  end();
}

void TraceWriter::complete(std::uint64_t pid, std::uint64_t tid, std::int64_t ts_ns,
                           std::int64_t duration_ns, std::string_view name,
                           std::span<const Argument> arguments) {
  begin("X", pid, tid);
  time("ts", ts_ns - origin_ns_);
  time("dur", duration_ns);
  line_.append(",\"name\":\"");
  record::append_json_text(line_, name);
  line_.append("\"");
  if (!arguments.empty()) {
    line_.append(",\"args\":{");
    bool is_first = true;
    for (const Argument& argument : arguments) {
      line_.append(is_first ? "\"" : ",\"").append(argument.name).append("\":\"");
      record::append_json_text(line_, argument.value);
      line_.append("\"");
      is_first = false;
    }
    line_.append("}");
  }
  end();
}

void TraceWriter::arrow(const Place& from, const Place& to, std::string_view name) {
  ++arrows_;
  for (const bool is_start : {true, false}) {
    const Place& place = is_start ? from : to;
    begin(is_start ? "s" : "f", place.pid, place.tid);
    time("ts", place.ts_ns - origin_ns_);
    line_.append(",\"cat\":\"bytes\",\"name\":\"").append(name).append("\",\"id\":");
    line_.append(std::to_string(arrows_));
    if (!is_start) line_.append(",\"bp\":\"e\"");
    end();
  }
}

void TraceWriter::finish() {
  line_.assign("\n],\"otherData\":{\"origin_ns\":\"").append(std::to_string(origin_ns_));
  line_.append("\"}}\n");
  out_.append(line_);
  out_.flush();
}

}  // namespace tracebraid::formats::chrome
