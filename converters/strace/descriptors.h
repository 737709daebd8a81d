// What descriptors stood for: a replay of the calls that make, copy and close them.
//
// As in the kernel: a process has a table of descriptors, which threads share and fork copies; an
// entry refers to an open file description, which dup and fork share; a socket or file is one of
// these. What the log does not show (inherited descriptors, calls left out by -e trace) is unknown
// and never taken for closed. What -y and -yy print fills gaps only: strace keeps a socket's text
// from when it first saw it (no peer for one that was bound before it connected). Where the text
// names another thing than the replay does, calls are missing from the log, and the text is right.
//
// Memory: as many open file descriptions as there were at the same time, and the tables.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "converters/strace/shared.h"
#include "formats/record/syscall.h"
#include "formats/strace/address.h"
#include "formats/strace/line.h"
#include "formats/strace/syscalls.h"

namespace tracebraid::converters::strace {

class Descriptors;
struct OpenFile;

// A share in an open file description, which ends with its last one. Not for several threads: a
// call costs some ten of these, and std::shared_ptr's counts would be a tenth of all time.
class FilePtr {
 public:
  FilePtr() = default;
  explicit FilePtr(OpenFile& file);
  FilePtr(const FilePtr& other);
  FilePtr(FilePtr&& other) noexcept : file_(std::exchange(other.file_, nullptr)) {}
  FilePtr& operator=(FilePtr other) noexcept {
    std::swap(file_, other.file_);
    return *this;
  }
  ~FilePtr();

  void reset() { *this = FilePtr(); }
  explicit operator bool() const { return file_ != nullptr; }
  [[nodiscard]] OpenFile* get() const { return file_; }
  OpenFile& operator*() const { return *file_; }
  OpenFile* operator->() const { return file_; }

 private:
  OpenFile* file_ = nullptr;
};

// An open file description.
struct OpenFile {
  std::uint64_t number = 0;  // in order of their making, from 1
  std::string_view kind;     // as record::Syscall::kind; empty: unknown
  std::string_view proto;
  formats::record::Address local_host, peer_host;
  std::optional<std::uint16_t> local_port, peer_port;
  std::string text;  // what -y printed of it last
  bool is_path_text = false;
  std::string own_path;  // where is_path_text is false
  bool is_listener = false;
  // Where the log shows it first: the call that made it, or one that names it.
  std::optional<formats::record::Time> ts;
  std::string_view made_by;  // empty: it was there before
  std::optional<std::uint64_t> pid, tid;
  std::int64_t fd = -1;
  std::uint64_t line = 0;
  std::string_view input;
  // The other end of a socketpair while it is there, and what was sent to this one with SCM_RIGHTS.
  OpenFile* pair = nullptr;
  std::vector<FilePtr> passed;

  Descriptors* home = nullptr;  // where it goes at its end
  std::uint32_t shares = 0;

  [[nodiscard]] std::string_view path() const { return is_path_text ? text : own_path; }
  void set_path(std::string_view path) {
    own_path = path;
    is_path_text = false;
  }
};

// Descriptors are small numbers, many of them where there are any. They stand in pages, which a
// copy of the table shares until one of the two changes something there: a fork copies a few
// pointers, whatever its parent has open.
//
// Memory: 16 bytes for each number, in pages of 32, and 8 for each page in groups of 64.
class DescriptorTable {
 public:
  struct Entry {
    FilePtr file;            // null: unknown, or closed
    bool is_closed = false;  // known not to be open
    bool closes_on_exec = false;
  };
  // Linux gives out no larger numbers, unless fs.nr_open was raised. Of those at most kMostHigh are
  // known at a time, for who forges a log could make each cost as much as a page.
  static constexpr std::int64_t kHigh = 1 << 20;
  static constexpr std::size_t kMostHigh = 64;

  // Null when nothing is known of it. Valid until the table changes.
  [[nodiscard]] const Entry* find(std::int64_t fd) const;
  void set(std::int64_t fd, FilePtr file, bool closes_on_exec);
  void set_closes_on_exec(std::int64_t fd, bool closes);
  void close(std::int64_t fd);
  void close_range(std::int64_t first, std::int64_t last, bool on_exec_only);
  void exec();
  // Takes over what is known in `other` and not here.
  void add(const DescriptorTable& other);

 private:
  static constexpr std::int64_t kInPage = 32;
  static constexpr std::int64_t kInGroup = 64 * kInPage;
  // What ends with a table does so in the order of its numbers; an array begins at its end.
  struct Page : Sharable {
    Page() = default;
    Page(const Page&) = default;
    ~Page() {
      for (Entry& entry : entries) entry.file.reset();
    }
    std::array<Entry, kInPage> entries;
  };
  struct Group : Sharable {
    Group() = default;
    Group(const Group&) = default;
    ~Group() {
      for (Shared<Page>& page : pages) page = {};
    }
    std::array<Shared<Page>, kInGroup / kInPage> pages;
  };

  [[nodiscard]] bool look_at_group(std::uint64_t number) const;
  [[nodiscard]] const Page* page_of(std::int64_t fd) const;
  // For changes; made where it is not yet.
  [[nodiscard]] Shared<Page>& place_of_page(std::int64_t fd);
  [[nodiscard]] Page& own_page(std::int64_t fd);
  [[nodiscard]] Entry* own_entry(std::int64_t fd);
  [[nodiscard]] Entry* made_entry(std::int64_t fd);
  // Numbers from this one on were never named.
  [[nodiscard]] std::int64_t end_of_groups() const {
    return static_cast<std::int64_t>(groups_.size()) * kInGroup;
  }
  static void add_page(Shared<Page>& page, const Shared<Page>& other);

  std::vector<Shared<Group>> groups_;
  // The group that was looked at last, one of groups_.
  static constexpr std::uint64_t kNone = UINT64_MAX;
  mutable std::uint64_t last_number_ = kNone;
  mutable const Group* last_group_ = nullptr;
  std::map<std::int64_t, Entry> high_;
};

class Descriptors {
 public:
  // `keeps_ended`: take_ended() will be called. All FilePtr end before it does.
  explicit Descriptors(bool keeps_ended) : keeps_ended_(keeps_ended) {}
  Descriptors(const Descriptors&) = delete;
  Descriptors& operator=(const Descriptors&) = delete;
  ~Descriptors();

  // Brings `table` up to date with a call that ended, and says in `record` what its descriptors
  // stood for (`fd` to `peer_p`, `bytes`, `direction`). Views in `record` are valid until the next
  // call of it. `began` is what begin() gave, where the call was printed in two parts.
  void replay(const formats::strace::Call& call, const formats::strace::SyscallRow* row,
              std::shared_ptr<DescriptorTable>& table, const FilePtr* began,
              formats::record::Syscall& record);

  // What the descriptor of a call that begins stands for: other threads may close or replace it
  // before the call ends. The number that a close frees is free from now on.
  [[nodiscard]] FilePtr begin(const formats::strace::Call& call,
                              const formats::strace::SyscallRow& row, DescriptorTable& table);

  // Those whose last descriptor was closed since the last call; valid until the next one.
  [[nodiscard]] const std::vector<OpenFile*>& take_ended();

  // How often a descriptor above DescriptorTable::kHigh was one too many.
  [[nodiscard]] std::uint64_t left_out() const { return left_out_; }

  // `bytes` and `direction` alone, of a call that succeeded and moves data.
  static void count_bytes(const formats::strace::Call& call, const formats::strace::SyscallRow& row,
                          formats::record::Syscall& record);

 private:
  friend class FilePtr;
  friend class DescriptorTable;
  class Replay;  // effects.cc

  // `made_by` is the call that made it, empty where it was there before.
  FilePtr make(std::string_view kind, std::string_view made_by = {});
  void end(OpenFile& file);
  void recycle(OpenFile& file);
  void note_origin(OpenFile& file) const;
  // What `fd` stands for, with `note` (what -y printed; may be empty) taken into account.
  FilePtr resolve(DescriptorTable& table, std::int64_t fd, const formats::strace::Note& note,
                  bool& is_closed);
  FilePtr from_note(const formats::strace::Note& note);
  void fill(OpenFile& file, const formats::strace::Note& note);

  bool keeps_ended_;
  bool is_recycling_ = false;
  std::deque<OpenFile> files_;
  std::vector<OpenFile*> free_;              // of files_: to be used again
  std::vector<OpenFile*> ended_, reported_;  // of files_
  std::vector<FilePtr> unreceived_;          // sent to descriptions that have ended
  std::uint64_t made_ = 0, left_out_ = 0;
  const formats::record::Syscall* now_ = nullptr;  // the call that is replayed
  FilePtr shown_;                                  // keeps the record's views alive
  std::string path_;
};

inline FilePtr::FilePtr(OpenFile& file) : file_(&file) {
  ++file.shares;
}

inline FilePtr::FilePtr(const FilePtr& other) : file_(other.file_) {
  if (file_ != nullptr) ++file_->shares;
}

inline FilePtr::~FilePtr() {
  if (file_ != nullptr && --file_->shares == 0) file_->home->end(*file_);
}

}  // namespace tracebraid::converters::strace
