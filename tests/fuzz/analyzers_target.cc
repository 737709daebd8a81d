// Whole analyzers over several inputs at once, with files as a person has them.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "analyzers/analyzer.h"
#include "tests/fuzz/analyzer_case.h"
#include "tests/fuzz/targets.h"

namespace tracebraid::tests {
namespace {

using Words = std::vector<std::string>;

// Every analyzer with every form of its output.
const std::vector<Words>& forms() {
  static const std::vector<Words> kForms = {
      {"check"},
      {"check", "-f", "jsonl"},
      {"timeline"},
      {"timeline", "--no-fold", "-e"},
      {"timeline", "-f", "chrome"},
      {"sockets", "-a"},
      {"sockets", "-f", "csv"},
      {"sockets", "-f", "msgpack", "--shift", "0=0.5"},
      {"merge", "-f", "jsonl"},
      {"merge", "-f", "msgpack", "--sort", "--memory", "1"},
      {"merge", "--join-parts", "--segments", "--files", "-f", "jsonl"},
      {"top"},
      {"top", "--by", "pid,syscall,error", "-f", "tsv"},
      {"top", "--callers", "e"},
      {"callgrind"},
      {"callgrind", "--by-greenlet", "--connections", "3", "--threads", "all"},
      {"callgrind", "-f", "jsonl"},
      {"diff"},
      {"diff", "--runs", "one", "-a"},
      {"diff", "-f", "jsonl"},
      {"diff", "-f", "callgrind"},
  };
  return kForms;
}

// Takes what is written to a descriptor, while it lives.
class Taken {
 public:
  explicit Taken(int fd) : fd_(fd), kept_(::dup(fd)), memory_(::memfd_create("taken", 0)) {
    if (kept_ < 0 || memory_ < 0 || ::dup2(memory_, fd_) < 0) std::abort();
  }
  Taken(const Taken&) = delete;
  Taken& operator=(const Taken&) = delete;
  ~Taken() {
    (void)::dup2(kept_, fd_);
    (void)::close(kept_);
    (void)::close(memory_);
  }

  [[nodiscard]] std::string text() const {
    constexpr off_t kMost = off_t{1} << 20;
    const off_t size = std::min(::lseek(memory_, 0, SEEK_END), kMost);
    std::string text(static_cast<std::size_t>(size), '\0');
    if (::pread(memory_, text.data(), text.size(), 0) != size) std::abort();
    return text;
  }

 private:
  int fd_;
  int kept_;
  int memory_;
};

const std::filesystem::path& folder() {
  static const struct Folder {
    std::filesystem::path path;
    Folder() {
      const bool has_memory = ::access("/dev/shm", W_OK) == 0;
      std::string name = std::string(has_memory ? "/dev/shm" : "/tmp") + "/tracebraid-fuzz-XXXXXX";
      if (::mkdtemp(name.data()) == nullptr) std::abort();
      path = name;
    }
    ~Folder() {
      std::error_code ignored;
      std::filesystem::remove_all(path, ignored);
    }
  } kFolder;
  return kFolder.path;
}

Words words_of(const AnalyzerCase& one) {
  const Words& form = forms()[one.form % forms().size()];
  Words words = {"tracebraid"};
  words.insert(words.end(), form.begin(), form.end());
  Words second;
  std::size_t number = 0;
  for (const AnalyzerCase::Part& part : one.parts) {
    const std::string path = folder() / std::to_string(number++);
    std::ofstream(path, std::ios::binary) << part.bytes;
    (part.is_second ? second : words).push_back(path);
  }
  if (form[0] == "diff") {
    words.emplace_back("--");
    words.insert(words.end(), second.begin(), second.end());
  } else {
    words.insert(words.begin() + static_cast<std::ptrdiff_t>(1 + form.size()), second.begin(),
                 second.end());
  }
  return words;
}

// Whether the program itself says it, not an input that is quoted.
bool says(std::string_view messages, std::string_view what) {
  while (!messages.empty()) {
    const std::string_view line = messages.substr(0, messages.find('\n'));
    messages.remove_prefix(std::min(line.size() + 1, messages.size()));
    const std::size_t colon = line.find(": ");
    if (colon != std::string_view::npos && line.substr(colon + 2).starts_with(what)) return true;
  }
  return false;
}

}  // namespace

void fuzz_analyzers(std::span<const char> input) {
  const AnalyzerCase one = AnalyzerCase::of({input.data(), input.size()});
  Words words = words_of(one);
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  std::fflush(nullptr);
  std::string messages;
  int status = 0;
  {
    const Taken out(STDOUT_FILENO);
    const Taken errors(STDERR_FILENO);
    status = analyzers::run_tracebraid(static_cast<int>(arguments.size()), arguments.data());
    std::fflush(nullptr);
    messages = errors.text();
  }
  constexpr int kUsage = 2;
  const bool is_wrong = status < 0 || status > kUsage ||
                        says(messages, "internal error") || says(messages, "out of memory") ||
                        messages.find('\x1b') != std::string::npos;
  if (!is_wrong) return;
  std::fprintf(stderr, "exit status %d: %s\n", status, messages.c_str());
  std::abort();
}

}  // namespace tracebraid::tests
