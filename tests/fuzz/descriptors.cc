// The replay of descriptors against a model of what the kernel does.
#include "converters/strace/descriptors.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "formats/record/syscall.h"
#include "formats/strace/line.h"
#include "tests/fuzz/targets.h"

namespace tracebraid::tests {
namespace {

namespace record = formats::record;
namespace strace = formats::strace;
using converters::strace::Descriptors;
using converters::strace::DescriptorTable;

void require(bool is_so) {
  if (!is_so) std::abort();
}

// An open file description.
struct File {
  std::uint64_t number = 0;  // as the replay has it; 0: it has not been named
  std::weak_ptr<File> pair;
  std::vector<std::shared_ptr<File>> queue;  // sent to it
};
using FilePtr = std::shared_ptr<File>;

struct Entry {
  FilePtr file;  // null: closed
  bool closes_on_exec = false;
};
using Files = std::map<int, Entry>;  // what is not in it is unknown

struct Process {
  std::shared_ptr<DescriptorTable> table = std::make_shared<DescriptorTable>();
  std::shared_ptr<Files> files = std::make_shared<Files>();
  // A call that has begun.
  std::string begun;
  converters::strace::FilePtr began;
  FilePtr of_begun;
  int fd = -1;
};

class Model {
 public:
  explicit Model(std::span<const char> input) : input_(input), has_notes_((next() & 1) != 0) {}

  // Gives a sum of the bytes that it was shown.
  std::size_t run() {
    constexpr int kMostSteps = 400;
    for (int step = 0; step < kMostSteps && !input_.empty(); ++step) act();
    finish();
    return sum_;
  }

 private:
  unsigned next() {
    if (input_.empty()) return 0;
    const auto byte = static_cast<unsigned char>(input_.front());
    input_ = input_.subspan(1);
    return byte;
  }

  // Few numbers, so that they meet; some beyond what the table keeps in its array.
  int number() {
    const unsigned byte = next();
    return byte >= 250 ? 16383 + static_cast<int>(byte - 250) : static_cast<int>(byte % 12);
  }

  // As -y would show it, or as anybody might forge it.
  std::string shown(int fd) {
    std::string text = std::to_string(fd);
    if (!has_notes_) return text;
    constexpr std::array<std::string_view, 13> kNotes = {"/a",
                                                         "/b\\74c",
                                                         "/memfd:x",
                                                         "/dev/null<char 1:3>",
                                                         "pipe:[7]",
                                                         "socket:[8]",
                                                         "TCP:[9]",
                                                         "TCP:[10.0.0.1:80->10.0.0.2:81]",
                                                         "TCPv6:[[::1]:80->[::1]:82]",
                                                         "UNIX-STREAM:[1->2,\"/s\"]",
                                                         "anon_inode:[eventpoll]",
                                                         "\\x2f\\x61",
                                                         "{eventfd-count=0x5}"};
    const unsigned kind = next();
    if (kind % 3 == 0) return text;
    if (kind % 16 == 1) {
      text += '<';
      for (unsigned left = next() % 8; left > 0; --left) {
        const char c = static_cast<char>(next());
        if (c != '\n') text += c;
      }
      return text + '>';
    }
    return text + "<" + std::string(kNotes[kind % kNotes.size()]) + ">";
  }

  static FilePtr file_of(const Process& process, int fd) {
    const auto found = process.files->find(fd);
    return found == process.files->end() ? nullptr : found->second.file;
  }

  FilePtr made() {
    FilePtr file = std::make_shared<File>();
    all_.push_back(file);
    return file;
  }

  // What the replay calls it is one thing for ever.
  void is_named(File& file, std::uint64_t number) {
    if (file.number == 0) {
      require(numbers_.insert(number).second);
      file.number = number;
    }
    require(file.number == number);
  }

  // Lets the replay see `text`, a call about `fd` (-1: none), or the end of what began.
  void replay(Process& process, const std::string& text, int fd, bool has_begun = false) {
    strace::Call call;
    require((strace::parse_call(text, call) == strace::Body::kCall &&
             call.ending == strace::Ending::kReturned) ||
            has_notes_);
    record_ = {};
    record_.line = ++line_;
    descriptors_.replay(call, call.row, process.table, has_begun ? &process.began : nullptr,
                        record_);
    // Reads every text: a view that no longer holds is seen by AddressSanitizer.
    for (const std::string_view view :
         {record_.fd_text, record_.kind, record_.path, record_.proto, record_.direction}) {
      for (const char c : view) sum_ += static_cast<unsigned char>(c);
    }
    require(record_.bytes.has_value() == !record_.direction.empty());
    if (fd < 0 || has_notes_) return;
    require(record_.fd == fd);
    const FilePtr file = has_begun ? process.of_begun : file_of(process, fd);
    if (file) {
      require(record_.file.has_value());
      is_named(*file, *record_.file);
      return;
    }
    require(!record_.file);
    // What is unknown is not closed.
    if (record_.kind == "closed") require(process.files->contains(fd) || had_ranges_);
  }

  void returned(Process& process, int fd, const FilePtr& file, bool closes_on_exec) {
    if (has_notes_) return;
    require(record_.new_file.has_value());
    is_named(*file, *record_.new_file);
    (*process.files)[fd] = {file, closes_on_exec};
  }

  // Of a call that needs an open descriptor.
  void fails(Process& process, const std::string& call, int fd) {
    replay(process, call + " = -1 EBADF (Bad file descriptor)", fd);
  }

  static void unshare(Process& process) {
    if (process.files.use_count() > 1) process.files = std::make_shared<Files>(*process.files);
  }

  void act() {
    Process& process = processes_[next() % processes_.size()];
    const unsigned what = next();
    const bool on_exec = (what & 0x20) != 0;
    const int fd = number();
    const FilePtr file = file_of(process, fd);
    const std::string first = shown(fd);
    switch (what % 20) {
      case 0:
        replay(process,
               "openat(AT_FDCWD, \"" + std::string(on_exec ? "/dev/fd/3" : "f\\n") +
                   "\", O_RDONLY" + (on_exec ? "|O_CLOEXEC" : "") + ") = " + first,
               -1);
        returned(process, fd, made(), on_exec);
        break;
      case 1:
        replay(process,
               "socket(AF_INET, SOCK_STREAM" + std::string(on_exec ? "|SOCK_CLOEXEC" : "") +
                   ", 0) = " + first,
               -1);
        returned(process, fd, made(), on_exec);
        break;
      case 2:
      case 3: {
        const bool is_pipe = what % 20 == 2;
        const int other = number();
        if (other == fd) break;
        const std::string ends = "[" + first + ", " + shown(other) + "]";
        replay(process,
               is_pipe ? "pipe2(" + ends + (on_exec ? ", O_CLOEXEC" : ", 0") + ") = 0"
                       : "socketpair(AF_UNIX, SOCK_STREAM" +
                             std::string(on_exec ? "|SOCK_CLOEXEC" : "") + ", 0, " + ends + ") = 0",
               -1);
        const FilePtr left = made();
        const FilePtr right = made();
        left->pair = right;
        right->pair = left;
        (*process.files)[fd] = {left, on_exec};
        (*process.files)[other] = {right, on_exec};
        break;
      }
      case 4: {
        const int copy = number();
        if (!file) return fails(process, "dup(" + first + ")", fd);
        replay(process, "dup(" + first + ") = " + shown(copy), fd);
        returned(process, copy, file, false);
        break;
      }
      case 5:
      case 6: {
        const int copy = number();
        const std::string to = shown(copy);
        const std::string call = on_exec ? "dup3(" + first + ", " + to + ", O_CLOEXEC)"
                                         : "dup2(" + first + ", " + to + ")";
        if (!file) return fails(process, call, fd);
        if (copy == fd && on_exec) break;  // EINVAL
        replay(process, call + " = " + to, fd);
        if (copy != fd) returned(process, copy, file, on_exec);
        break;
      }
      case 7:
        if (!file) return fails(process, "close(" + first + ")", fd);
        replay(process, "close(" + first + ")" + (on_exec ? " = -1 EIO (Input/output)" : " = 0"),
               fd);
        (*process.files)[fd] = {};
        break;
      case 8: {
        const int copy = number();
        const std::string call =
            "fcntl(" + first + (on_exec ? ", F_DUPFD_CLOEXEC, 0)" : ", F_DUPFD, 0)");
        if (!file) return fails(process, call, fd);
        replay(process, call + " = " + shown(copy), fd);
        returned(process, copy, file, on_exec);
        break;
      }
      case 9: {
        const std::string call =
            "fcntl(" + first + ", F_SETFD, " + (on_exec ? "FD_CLOEXEC)" : "0)");
        if (!file) return fails(process, call, fd);
        replay(process, call + " = 0", fd);
        (*process.files)[fd].closes_on_exec = on_exec;
        break;
      }
      case 10:
        replay(process, "execve(\"/x\", [\"x\"], NULL) = 0", -1);
        unshare(process);
        for (auto& [number, entry] : *process.files) {
          if (entry.closes_on_exec) entry = {};
        }
        break;
      case 11: {
        const int last = number();
        const bool is_unshared = (what & 0x40) != 0;
        replay(process,
               "close_range(" + std::to_string(fd) + ", " + std::to_string(last) + ", " +
                   (is_unshared ? "CLOSE_RANGE_UNSHARE|" : "") +
                   (on_exec ? "CLOSE_RANGE_CLOEXEC" : "0") + ") = 0",
               -1);
        if (is_unshared) unshare(process);
        had_ranges_ = true;
        for (auto& [number, entry] : *process.files) {
          if (number < fd || number > last) continue;
          if (on_exec) {
            entry.closes_on_exec = true;
          } else {
            entry = {};
          }
        }
        break;
      }
      case 12:
      case 13: {
        Process& child = processes_[next() % processes_.size()];
        if (&child == &process) break;
        child.begun.clear();
        child.began.reset();
        child.of_begun.reset();
        if (on_exec) {  // CLONE_FILES
          child.table = process.table;
          child.files = process.files;
        } else {
          child.table = std::make_shared<DescriptorTable>(*process.table);
          child.files = std::make_shared<Files>(*process.files);
        }
        break;
      }
      case 14:
        replay(process, "unshare(CLONE_FILES) = 0", -1);
        unshare(process);
        break;
      case 15: {
        const int made_fd = number();
        const std::string call = "accept4(" + first + ", NULL, NULL, " +
                                 (on_exec ? "SOCK_CLOEXEC|SOCK_NONBLOCK)" : "0)");
        if (!file) return fails(process, call, fd);
        replay(process, call + " = " + shown(made_fd), fd);
        returned(process, made_fd, made(), on_exec);
        break;
      }
      case 16: {
        const int sent = number();
        const FilePtr what_is_sent = file_of(process, sent);
        if (!file || (!what_is_sent && !has_notes_)) break;
        replay(process,
               "sendmsg(" + first +
                   ", {msg_name=NULL, msg_control=[{cmsg_level=SOL_SOCKET, cmsg_type=SCM_RIGHTS, "
                   "cmsg_data=[" +
                   shown(sent) + "]}], msg_flags=0}, 0) = 1",
               fd);
        if (const FilePtr pair = file->pair.lock()) pair->queue.push_back(what_is_sent);
        break;
      }
      case 17: {
        const int received = number();
        if (!file) break;
        replay(process,
               "recvmsg(" + first +
                   ", {msg_name=NULL, msg_control=[{cmsg_level=SOL_SOCKET, cmsg_type=SCM_RIGHTS, "
                   "cmsg_data=[" +
                   shown(received) + "]}], msg_flags=" + (on_exec ? "MSG_CMSG_CLOEXEC" : "0") +
                   "}, 0) = 1",
               fd);
        FilePtr arrived;
        if (file->queue.empty()) {
          arrived = made();
        } else {
          arrived = file->queue.front();
          file->queue.erase(file->queue.begin());
        }
        (*process.files)[received] = {arrived, on_exec};
        break;
      }
      case 18: {  // a call begins
        if (!process.begun.empty()) break;
        process.begun = on_exec ? "close(" + first : "read(" + first + ", ";
        const std::string text = process.begun + " <unfinished ...>";
        strace::Call call;
        (void)strace::parse_call(text, call);
        if (call.row == nullptr) break;
        process.began = descriptors_.begin(call, *call.row, *process.table);
        process.of_begun = file;
        process.fd = fd;
        if (on_exec) (*process.files)[fd] = {};
        break;
      }
      case 19: {  // and ends
        if (process.begun.empty()) {
          replay(process, "read(" + first + ", \"\", 1) = 0", fd);
          break;
        }
        const bool is_close = process.begun.starts_with("close");
        const std::string text = process.begun + (is_close ? ") = 0" : "\"abc\", 4096) = 3");
        replay(process, text, process.fd, true);
        process.begun.clear();
        process.began.reset();
        process.of_begun.reset();
        break;
      }
      default:
        break;
    }
    if ((what & 0x80) != 0) take_ended();
  }

  void take_ended() {
    for (;;) {
      const auto& ended = descriptors_.take_ended();
      if (ended.empty()) return;
      for (const converters::strace::OpenFile* const file : ended) {
        require(ended_.insert(file->number).second);
        sum_ += file->path().size() + file->text.size();
      }
    }
  }

  void finish() {
    for (Process& process : processes_) process = {};
    take_ended();
    // Sockets that were sent to each other hold each other.
    for (const std::weak_ptr<File>& each : all_) {
      if (const FilePtr file = each.lock()) file->queue.clear();
    }
  }

  std::span<const char> input_;
  bool has_notes_;
  bool had_ranges_ = false;  // what was unknown may be closed
  Descriptors descriptors_{true};
  std::array<Process, 4> processes_;
  std::vector<std::weak_ptr<File>> all_;
  std::set<std::uint64_t> numbers_, ended_;
  record::Syscall record_;
  std::uint64_t line_ = 0;
  std::size_t sum_ = 0;
};

}  // namespace

std::size_t fuzz_descriptors(std::span<const char> input) {
  return Model(input).run();
}

}  // namespace tracebraid::tests
