#include "formats/io/source.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

namespace tracebraid::formats::io {
namespace {

constexpr std::size_t kCompressedChunk = std::size_t{64} * 1024;

class FdSource final : public Source {
 public:
  FdSource(std::string name, int fd, bool owned, ReadObserver* observer)
      : name_(std::move(name)), fd_(fd), owned_(owned), observer_(observer) {
    struct stat status {};
    if (fstat(fd_, &status) == 0 && S_ISREG(status.st_mode)) {
      total_ = static_cast<std::uint64_t>(status.st_size);
      (void)posix_fadvise(fd_, 0, 0, POSIX_FADV_SEQUENTIAL);
    }
  }
  FdSource(const FdSource&) = delete;
  FdSource& operator=(const FdSource&) = delete;
  ~FdSource() override {
    if (owned_) ::close(fd_);
  }

  std::size_t read(std::span<char> into) override {
    for (;;) {
      const ssize_t got = ::read(fd_, into.data(), into.size());
      if (got >= 0) {
        done_ += static_cast<std::uint64_t>(got);
        if (observer_ != nullptr) observer_->on_read(done_, total_);
        return static_cast<std::size_t>(got);
      }
      if (errno == EINTR) continue;
      throw Error{name_, byte_position(done_), "cannot read: " + errno_text(errno)};
    }
  }

  [[nodiscard]] const std::string& name() const override { return name_; }

 private:
  std::string name_;
  int fd_;
  bool owned_;
  ReadObserver* observer_;
  std::uint64_t done_ = 0;
  std::uint64_t total_ = 0;
};

class MemorySource final : public Source {
 public:
  MemorySource(std::string name, std::span<const char> content, std::size_t piece)
      : name_(std::move(name)), rest_(content), piece_(piece) {}

  std::size_t read(std::span<char> into) override {
    const std::size_t count = std::min({into.size(), rest_.size(), piece_});
    if (count > 0) std::memcpy(into.data(), rest_.data(), count);
    rest_ = rest_.subspan(count);
    return count;
  }

  [[nodiscard]] const std::string& name() const override { return name_; }

 private:
  std::string name_;
  std::span<const char> rest_;
  std::size_t piece_;
};

// The bytes that were read to recognise an input, then the input itself.
class PrefixedSource final : public Source {
 public:
  PrefixedSource(std::string prefix, std::unique_ptr<Source> rest)
      : prefix_(std::move(prefix)), rest_(std::move(rest)) {}

  std::size_t read(std::span<char> into) override {
    if (used_ == prefix_.size()) return rest_->read(into);
    const std::size_t count = prefix_.copy(into.data(), into.size(), used_);
    used_ += count;
    return count;
  }

  [[nodiscard]] const std::string& name() const override { return rest_->name(); }

 private:
  std::string prefix_;
  std::size_t used_ = 0;
  std::unique_ptr<Source> rest_;
};

// What gzip and zstd have in common: a chunk of compressed bytes that is topped up.
class CompressedSource : public Source {
 public:
  [[nodiscard]] const std::string& name() const override { return raw_->name(); }

 protected:
  explicit CompressedSource(std::unique_ptr<Source> raw)
      : raw_(std::move(raw)), chunk_(kCompressedChunk) {}

  // Compressed bytes not used yet; reads more when there are none. Empty at the end of the input.
  std::span<const char> pending() {
    if (from_ == to_ && !raw_ended_) {
      from_ = 0;
      to_ = raw_->read(chunk_);
      raw_ended_ = to_ == 0;
    }
    return std::span<const char>(chunk_).subspan(from_, to_ - from_);
  }

  void use(std::size_t count) {
    from_ += count;
    offset_ += count;
  }

  [[noreturn]] void fail(const std::string& what) const {
    throw Error{name(), "compressed byte " + std::to_string(offset_), what};
  }

 private:
  std::unique_ptr<Source> raw_;
  std::vector<char> chunk_;
  std::size_t from_ = 0;
  std::size_t to_ = 0;
  bool raw_ended_ = false;
  std::uint64_t offset_ = 0;
};

class GzipSource final : public CompressedSource {
 public:
  explicit GzipSource(std::unique_ptr<Source> raw) : CompressedSource(std::move(raw)) {
    constexpr int kGzipOnly = 16;
    if (inflateInit2(&stream_, kGzipOnly + MAX_WBITS) != Z_OK) fail("cannot start zlib");
  }
  GzipSource(const GzipSource&) = delete;
  GzipSource& operator=(const GzipSource&) = delete;
  ~GzipSource() override { inflateEnd(&stream_); }

  std::size_t read(std::span<char> into) override {
    while (!ended_) {
      const std::span<const char> in = pending();
      if (in.empty()) {
        if (in_member_) fail("gzip data ends in the middle");
        ended_ = true;
        break;
      }
      if (!in_member_ && any_member_) {
        // gzip itself ignores zero padding and anything else that is no further member.
        if (static_cast<unsigned char>(in[0]) != 0x1F) {
          ended_ = true;
          break;
        }
        inflateReset(&stream_);
      }
      in_member_ = true;
      any_member_ = true;
      stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
      stream_.avail_in = static_cast<uInt>(in.size());
      stream_.next_out = reinterpret_cast<Bytef*>(into.data());
      stream_.avail_out = static_cast<uInt>(std::min<std::size_t>(into.size(), 1U << 30));
      const uInt room = stream_.avail_out;
      const int status = inflate(&stream_, Z_NO_FLUSH);
      use(in.size() - stream_.avail_in);
      if (status == Z_STREAM_END) {
        in_member_ = false;
      } else if (status != Z_OK && status != Z_BUF_ERROR) {
        // What this call produced is delivered first; the next call finds the damage again.
        if (stream_.avail_out == room) {
          fail(std::string("damaged gzip data") +
               (stream_.msg != nullptr ? std::string(": ") + stream_.msg : std::string()));
        }
      }
      if (stream_.avail_out < room) return room - stream_.avail_out;
    }
    return 0;
  }

 private:
  z_stream stream_{};
  bool in_member_ = false;
  bool any_member_ = false;
  bool ended_ = false;
};

class ZstdSource final : public CompressedSource {
 public:
  explicit ZstdSource(std::unique_ptr<Source> raw)
      : CompressedSource(std::move(raw)), stream_(ZSTD_createDStream()) {
    if (stream_ == nullptr) fail("cannot start zstd");
  }
  ZstdSource(const ZstdSource&) = delete;
  ZstdSource& operator=(const ZstdSource&) = delete;
  ~ZstdSource() override { ZSTD_freeDStream(stream_); }

  std::size_t read(std::span<char> into) override {
    for (;;) {
      const std::span<const char> in = pending();
      ZSTD_inBuffer input{in.data(), in.size(), 0};
      ZSTD_outBuffer output{into.data(), into.size(), 0};
      if (in.empty() && !may_hold_output_) {
        if (in_frame_) fail("zstd data ends in the middle");
        return 0;
      }
      const std::size_t status = ZSTD_decompressStream(stream_, &output, &input);
      if (ZSTD_isError(status) != 0) {
        fail(std::string("damaged zstd data: ") + ZSTD_getErrorName(status));
      }
      use(input.pos);
      in_frame_ = status != 0;
      may_hold_output_ = output.pos == output.size && in_frame_;
      if (output.pos > 0) return output.pos;
    }
  }

 private:
  ZSTD_DStream* stream_;
  bool in_frame_ = false;
  bool may_hold_output_ = false;
};

}  // namespace

std::unique_ptr<Source> memory_source(std::string name, std::span<const char> content,
                                      std::size_t piece) {
  return std::make_unique<MemorySource>(std::move(name), content, piece);
}

std::unique_ptr<Source> look_through_compression(std::unique_ptr<Source> raw) {
  constexpr std::size_t kMagicSize = 4;
  std::string magic(kMagicSize, '\0');
  std::size_t have = 0;
  while (have < kMagicSize) {
    const std::size_t got = raw->read(std::span(magic).subspan(have));
    if (got == 0) break;
    have += got;
  }
  magic.resize(have);
  auto whole = std::make_unique<PrefixedSource>(magic, std::move(raw));
  if (magic.starts_with("\x1F\x8B\x08")) return std::make_unique<GzipSource>(std::move(whole));
  if (magic == "\x28\xB5\x2F\xFD") return std::make_unique<ZstdSource>(std::move(whole));
  return whole;
}

std::unique_ptr<Source> open_source(const std::string& path, ReadObserver* observer) {
  if (path == "-") {
    return look_through_compression(
        std::make_unique<FdSource>("standard input", STDIN_FILENO, false, observer));
  }
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) throw Error{path, "", "cannot open: " + errno_text(errno)};
  return look_through_compression(std::make_unique<FdSource>(path, fd, true, observer));
}

bool may_wait(const std::string& path) {
  struct stat status {};
  const int result = path == "-" ? ::fstat(STDIN_FILENO, &status) : ::stat(path.c_str(), &status);
  return result == 0 && !S_ISREG(status.st_mode);
}

}  // namespace tracebraid::formats::io
