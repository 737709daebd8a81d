#include "converters/strace/log_files.h"

#include <algorithm>
#include <charconv>
#include <memory>

#include <sys/stat.h>
#include <unistd.h>

#include "converters/input.h"
#include "converters/strace/unwrapped.h"
#include "formats/cli/clock_options.h"
#include "formats/io/error.h"
#include "formats/io/source.h"
#include "formats/strace/wrapping.h"

namespace tracebraid::converters::strace {
namespace io = formats::io;

std::uint32_t thread_of_path(std::string_view path) {
  const std::size_t point = path.rfind('.');
  if (point == std::string_view::npos || point + 1 == path.size()) return 0;
  std::uint32_t tid = 0;
  const auto [end, error] =
      std::from_chars(path.data() + point + 1, path.data() + path.size(), tid);
  return error == std::errc{} && end == path.data() + path.size() ? tid : 0;
}

bool is_thread_log(std::string_view path, std::string_view head) {
  if (thread_of_path(path) == 0) return false;
  formats::strace::Line line;
  formats::strace::parse_line(head.substr(0, head.find('\n')), line);
  return line.prefix.pid == 0;
}

std::optional<std::int64_t> modified(const std::string& path) {
  struct stat status {};
  const int result = path == "-" ? ::fstat(STDIN_FILENO, &status) : ::stat(path.c_str(), &status);
  if (result != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  return static_cast<std::int64_t>(status.st_mtim.tv_sec);
}

bool looks_like_log(std::string_view head) {
  const std::string_view all = head;
  formats::strace::Line line;
  std::string plain;
  while (!head.empty()) {
    const std::size_t end = std::min(head.find('\n'), head.size());
    std::string_view text = head.substr(0, end);
    if (text.ends_with('\r')) text.remove_suffix(1);
    formats::strace::remove_colors(text, plain);
    formats::strace::parse_line(plain, line);
    // One suffices: what is around it may be damaged, or the program's output.
    if (line.body != formats::strace::Body::kForeign &&
        line.body != formats::strace::Body::kDamaged &&
        line.body != formats::strace::Body::kEmpty) {
      return true;
    }
    head.remove_prefix(std::min(end + 1, head.size()));
  }
  return !formats::strace::Wrapping::of(all).is_none();
}

void LogFiles::add(const std::string& path, std::unique_ptr<io::Rewound> source, bool is_only) {
  source = unwrapped(std::move(source));
  const std::string name = source->name();
  const std::uint32_t tid = is_only ? 0 : thread_of_path(path);
  if (tid != 0 && is_thread_log(path, source->head())) {
    together_.push_back({source.get(), name, tid, modified(path)});
    sources_.push_back(std::move(source));
    return;
  }
  log_.read(*source, is_only ? std::string() : name, modified(path));
}

void LogFiles::finish() {
  try {
    if (!together_.empty()) log_.read_together(together_);
  } catch (const io::Error& error) {
    diagnostics_.report(error);
  }
  log_.finish();
}

namespace {

namespace record = formats::record;

class Input final : public InputReader, public StraceSink {
 public:
  Input(const StraceLog::Options& options, const Wanted& wanted, InputSink& sink,
        io::Diagnostics& diagnostics)
      : wanted_(wanted),
        sink_(sink),
        log_(options, *this, diagnostics),
        files_(log_, diagnostics) {}
  void read(std::unique_ptr<io::Rewound> source, const InputFile& file) override {
    files_.add(file.path, flushing(std::move(source), sink_), file.name.empty());
  }
  void finish() override {
    files_.finish();
    if (wanted_.ledgers) sink_.put(record::AnyRecord(log_.ledger()));
  }

  void syscall(const record::Syscall& call) override {
    if (wanted_.is_wanted_call != nullptr && has_calls_ && !wanted_.is_wanted_call(call)) return;
    has_calls_ = true;
    sink_.put(record::AnyRecord(call));
  }
  void file(const record::File& file) override {
    if (wanted_.is_wanted_file != nullptr && !wanted_.is_wanted_file(file)) return;
    sink_.put(record::AnyRecord(file));
  }
  void signal(const record::Signal& signal) override { sink_.put(record::AnyRecord(signal)); }
  void process(const record::Process& process) override { sink_.put(record::AnyRecord(process)); }
  void problem(const record::Problem& problem) override { sink_.put(record::AnyRecord(problem)); }

 private:
  Wanted wanted_;
  InputSink& sink_;
  StraceLog log_;
  LogFiles files_;
  bool has_calls_ = false;
};

MakeReader prepare(const formats::cli::Arguments& arguments, const Wanted& wanted) {
  StraceLog::Options options;
  options.clock = formats::cli::clock_options(arguments);
  options.files = wanted.files;
  return [options, wanted](InputSink& sink, formats::cli::Context& context) {
    return std::make_unique<Input>(options, wanted, sink, context.diagnostics);
  };
}

std::string_view common_path(std::string_view path, std::string_view head) {
  const std::size_t point = path.rfind('.');
  return is_thread_log(path, head) ? path.substr(0, point) : std::string_view();
}

constexpr const record::TypeInfo* kTypes[] = {
    &record::kTypeInfo<record::Syscall>,    &record::kTypeInfo<record::Signal>,
    &record::kTypeInfo<record::Process>,    &record::kTypeInfo<record::Problem>,
    &record::kTypeInfo<record::LineLedger>, &record::kTypeInfo<record::File>,
};

}  // namespace

extern constinit const InputKind kInput = {
    .name = "log",
    .described = "an strace log",
    .plural = "strace logs",
    .rank = 3,
    .types = kTypes,
    .recognize = looks_like_log,
    .prepare = prepare,
    .common_path = common_path,
};

}  // namespace tracebraid::converters::strace
