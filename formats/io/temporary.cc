#include "formats/io/temporary.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <string>

#include <fcntl.h>
#include <unistd.h>

namespace tracebraid::formats::io {
namespace {

std::string folder() {
  const char* const named = std::getenv("TMPDIR");
  return named != nullptr && *named != '\0' ? named : "/tmp";
}

[[noreturn]] void fail(const char* what) {
  const int why = errno;
  throw Error{folder(), "", std::string(what) + ": " + errno_text(why),
              "TMPDIR names the folder for temporary files"};
}

class Part final : public Source {
 public:
  Part(int fd, std::uint64_t begin, std::uint64_t end) : fd_(fd), at_(begin), end_(end) {}

  std::size_t read(std::span<char> into) override {
    const std::size_t most = std::min<std::uint64_t>(into.size(), end_ - at_);
    if (most == 0) return 0;
    for (;;) {
      const ssize_t got = ::pread(fd_, into.data(), most, static_cast<off_t>(at_));
      if (got > 0) {
        at_ += static_cast<std::uint64_t>(got);
        return static_cast<std::size_t>(got);
      }
      if (got == 0) errno = EIO;
      if (errno != EINTR) fail("cannot read a temporary file");
    }
  }

  [[nodiscard]] const std::string& name() const override { return name_; }

 private:
  int fd_;
  std::uint64_t at_;
  std::uint64_t end_;
  std::string name_ = "temporary file";
};

}  // namespace

TemporaryFile::TemporaryFile() : fd_(-1) {
  std::string path = folder();
  fd_ = ::open(path.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (fd_ >= 0) return;
  // Not every file system has files without a name.
  path += "/.tracebraid-XXXXXX";
  fd_ = ::mkostemp(path.data(), O_CLOEXEC);
  if (fd_ < 0) fail("cannot create a temporary file");
  ::unlink(path.c_str());
}

TemporaryFile::~TemporaryFile() {
  ::close(fd_);
}

void TemporaryFile::write(std::string_view block) {
  while (!block.empty()) {
    const ssize_t put = ::pwrite(fd_, block.data(), block.size(), static_cast<off_t>(size_));
    if (put < 0) {
      if (errno == EINTR) continue;
      fail("cannot write a temporary file");
    }
    block.remove_prefix(static_cast<std::size_t>(put));
    size_ += static_cast<std::uint64_t>(put);
  }
}

std::unique_ptr<Source> TemporaryFile::read(std::uint64_t begin, std::uint64_t end) const {
  return std::make_unique<Part>(fd_, begin, end);
}

}  // namespace tracebraid::formats::io
