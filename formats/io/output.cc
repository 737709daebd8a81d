#include "formats/io/output.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/io/text.h"

namespace tracebraid::formats::io {
namespace {

void write_all(int fd, std::string_view block, const std::string& name) {
  while (!block.empty()) {
    const ssize_t put = ::write(fd, block.data(), block.size());
    if (put >= 0) {
      block.remove_prefix(static_cast<std::size_t>(put));
    } else if (errno == EPIPE) {
      throw DownstreamClosed{};
    } else if (errno != EINTR) {
      throw Error{name, "", "cannot write: " + errno_text(errno)};
    }
  }
}

// Standard output, a pipe, a device: bytes are out as soon as they are written.
class StreamOutput final : public Output {
 public:
  StreamOutput(std::string name, int fd, bool owned)
      : name_(std::move(name)), fd_(fd), owned_(owned) {}
  StreamOutput(const StreamOutput&) = delete;
  StreamOutput& operator=(const StreamOutput&) = delete;
  ~StreamOutput() override {
    if (owned_) ::close(fd_);
  }

  void write(std::string_view block) override { write_all(fd_, block, name_); }

  void commit() override {
    // Only close() tells of a delayed write error; standard output stays open for its owner.
    const int fd = owned_ ? std::exchange(fd_, -1) : ::dup(fd_);
    owned_ = false;
    if (fd >= 0 && ::close(fd) != 0 && errno != EINTR) {
      throw Error{name_, "", "cannot write: " + errno_text(errno)};
    }
  }

 private:
  std::string name_;
  int fd_;
  bool owned_;
};

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

mode_t permissions_for(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0) return status.st_mode & 07777;
  const mode_t mask = ::umask(0);
  ::umask(mask);
  return 0666 & ~mask;
}

// Where a link leads that leads to nothing yet: the file appears there, and the link stays.
std::string end_of_links(std::string path) {
  constexpr int kMost = 40;  // as Linux has it (path_resolution(7))
  std::error_code error;
  for (int count = 0; count < kMost; ++count) {
    const std::filesystem::path target = std::filesystem::read_symlink(path, error);
    if (error) return path;
    path = target.is_absolute() ? target.string() : folder_of(path) + "/" + target.string();
  }
  throw Error{path, "", "cannot create: " + errno_text(ELOOP)};
}

class FileOutput final : public Output {
 public:
  // `path` names a regular file or nothing; `shown` is what the user calls it.
  FileOutput(std::string path, std::string shown)
      : path_(std::move(path)), shown_(std::move(shown)) {
    const std::string folder = folder_of(path_);
    // Its name will come by way of /proc.
    if (::access("/proc/self/fd", X_OK) == 0) {
      fd_ = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    }
    if (fd_ < 0) {
      temporary_ = folder + "/.tracebraid-XXXXXX";
      fd_ = ::mkostemp(temporary_.data(), O_CLOEXEC);
      if (fd_ < 0) {
        const int why = errno;
        temporary_.clear();
        throw Error{shown_, "", "cannot create: " + errno_text(why)};
      }
    }
  }
  FileOutput(const FileOutput&) = delete;
  FileOutput& operator=(const FileOutput&) = delete;
  ~FileOutput() override {
    if (fd_ >= 0) ::close(fd_);
    if (!temporary_.empty()) ::unlink(temporary_.c_str());
  }

  void write(std::string_view block) override { write_all(fd_, block, shown_); }

  void commit() override {
    keep_owner();
    if (::fchmod(fd_, permissions_for(path_)) != 0) fail("cannot set permissions");
    if (temporary_.empty()) give_name();
    if (::close(std::exchange(fd_, -1)) != 0 && errno != EINTR) fail("cannot write");
    if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail("cannot replace");
    temporary_.clear();
  }

 private:
  [[noreturn]] void fail(const char* what) const {
    throw Error{shown_, "", std::string(what) + ": " + errno_text(errno)};
  }

  // Of a file that is replaced, as far as we may: root may, others lose nothing but the group.
  void keep_owner() const {
    struct stat status {};
    if (::stat(path_.c_str(), &status) != 0) return;
    if (::fchown(fd_, status.st_uid, status.st_gid) != 0) {
      (void)!::fchown(fd_, static_cast<uid_t>(-1), status.st_gid);
    }
  }

  // linkat() does not replace a file, so the unnamed file gets a hidden name, for rename().
  void give_name() {
    const std::string self = "/proc/self/fd/" + std::to_string(fd_);
    constexpr int kTries = 100;
    for (int serial = 0; serial < kTries; ++serial) {
      std::string name = folder_of(path_) + "/.tracebraid-" + std::to_string(::getpid()) + "-" +
                         std::to_string(serial);
      if (::linkat(AT_FDCWD, self.c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) == 0) {
        temporary_ = std::move(name);
        return;
      }
      if (errno != EEXIST) break;
    }
    fail("cannot name the finished file");
  }

  std::string path_;
  std::string shown_;
  int fd_ = -1;
  std::string temporary_;
};

class TerminalOutput final : public Output {
 public:
  explicit TerminalOutput(std::unique_ptr<Output> output) : output_(std::move(output)) {}

  void write(std::string_view block) override {
    // A sequence may stand in two blocks.
    waiting_.append(block);
    const std::string_view all = waiting_;
    const std::size_t end = all.size() - unfinished_end(all);
    show(all.substr(0, end));
    waiting_.erase(0, end);
  }

  void commit() override {
    show(waiting_);
    waiting_.clear();
    output_->commit();
  }

  [[nodiscard]] bool is_terminal() const override { return true; }

 private:
  void show(std::string_view text) {
    shown_.clear();
    while (!text.empty()) {
      const std::size_t end = std::min(text.find_first_of("\n\t"), text.size());
      append_escaped(shown_, text.substr(0, end));
      shown_.append(text.substr(end, 1));
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    output_->write(shown_);
  }

  std::unique_ptr<Output> output_;
  std::string waiting_;
  std::string shown_;  // reused
};

class MemoryOutput final : public Output {
 public:
  explicit MemoryOutput(std::string& text) : text_(text) {}
  void write(std::string_view block) override { text_.append(block); }
  void commit() override {}

 private:
  std::string& text_;
};

std::unique_ptr<Output> stream_output(std::string name, int fd, bool owned) {
  auto output = std::make_unique<StreamOutput>(std::move(name), fd, owned);
  if (::isatty(fd) != 1) return output;
  return terminal_output(std::move(output));
}

}  // namespace

std::unique_ptr<Output> open_output(const std::string& path) {
  if (path == "-") return stream_output("standard output", STDOUT_FILENO, false);
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    if (errno != ENOENT) throw Error{path, "", "cannot create: " + errno_text(errno)};
    return std::make_unique<FileOutput>(end_of_links(path), path);
  }
  if (S_ISDIR(status.st_mode)) throw Error{path, "", "cannot create: it is a folder"};
  if (S_ISREG(status.st_mode)) {
    char* resolved = ::realpath(path.c_str(), nullptr);
    const std::string target = resolved != nullptr ? resolved : path;
    std::free(resolved);
    return std::make_unique<FileOutput>(target, path);
  }
  const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) throw Error{path, "", "cannot open for writing: " + errno_text(errno)};
  return stream_output(path, fd, true);
}

std::unique_ptr<Output> terminal_output(std::unique_ptr<Output> output) {
  return std::make_unique<TerminalOutput>(std::move(output));
}

std::unique_ptr<Output> memory_output(std::string& text) {
  return std::make_unique<MemoryOutput>(text);
}

void BlockWriter::append(std::string_view text) {
  while (!text.empty()) {
    if (filled_ == kBlock) flush();
    const std::size_t count = text.copy(block_.get() + filled_, kBlock - filled_);
    filled_ += count;
    text.remove_prefix(count);
  }
}

void BlockWriter::flush() {
  const std::size_t count = std::exchange(filled_, 0);
  if (count > 0) output_.write({block_.get(), count});
}

}  // namespace tracebraid::formats::io
