#include "formats/io/lines.h"

#include <cstring>
#include <span>
#include <utility>

namespace tracebraid::formats::io {

// Reads more behind end_, and makes room for that. False at the end of input.
bool LineReader::refill() {
  if (has_ended_) return false;
  if (at_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + at_, end_ - at_);
    end_ -= at_;
    at_ = 0;
  }
  if (end_ == buffer_.size()) buffer_.resize(buffer_.size() * 2);
  std::size_t count = 0;
  try {
    count = source_.read(std::span(buffer_).subspan(end_, buffer_.size() - end_));
  } catch (const Error&) {
    failure_ = std::current_exception();
  }
  has_ended_ = count == 0;
  end_ += count;
  return count > 0;
}

bool LineReader::next() {
  is_cut_ = false;
  has_end_ = true;
  std::size_t searched = 0;  // bytes from at_
  const char* newline = nullptr;
  for (;;) {
    newline = static_cast<const char*>(
        std::memchr(buffer_.data() + at_ + searched, '\n', end_ - at_ - searched));
    if (newline != nullptr) {
      // What follows has to be here before the view is made: refill() moves the buffer.
      const std::size_t length = static_cast<std::size_t>(newline - buffer_.data()) - at_;
      if (end_ - at_ - length - 1 >= kPeek || has_ended_) break;
      searched = length;
      refill();
      continue;
    }
    searched = end_ - at_;
    if (searched > kMostLine) {
      is_cut_ = true;
      break;
    }
    if (!refill()) break;
  }
  const char* const begin = buffer_.data() + at_;
  if (is_cut_) {
    line_ = {begin, kMostLine};
    // The rest is read behind what is kept of it.
    const std::size_t keep = at_ + kMostLine;
    for (;;) {
      end_ = keep;
      if (buffer_.size() < keep + kWindow) {
        buffer_.resize(keep + kWindow);
        line_ = {buffer_.data() + at_, kMostLine};
      }
      const std::size_t count =
          has_ended_ ? 0 : source_.read(std::span(buffer_).subspan(keep, kWindow));
      end_ += count;
      if (count == 0) {
        has_ended_ = true;
        has_end_ = false;
        at_ = end_;
        return true;
      }
      newline = static_cast<const char*>(std::memchr(buffer_.data() + keep, '\n', count));
      if (newline != nullptr) {
        at_ = static_cast<std::size_t>(newline - buffer_.data()) + 1;
        return true;
      }
    }
  }
  if (newline == nullptr) {
    if (at_ == end_) {
      if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
      return false;
    }
    line_ = {begin, end_ - at_};
    has_end_ = false;
    at_ = end_;
  } else {
    line_ = {begin, static_cast<std::size_t>(newline - begin)};
    at_ = static_cast<std::size_t>(newline - buffer_.data()) + 1;
  }
  if (line_.ends_with('\r')) line_.remove_suffix(1);
  return true;
}

}  // namespace tracebraid::formats::io
