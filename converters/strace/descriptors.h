// What descriptors stood for: a replay of the calls that make, copy and close them.
//
// As in the kernel: a process has a table of descriptors, which threads share and fork copies; an
// entry refers to an open file description, which dup and fork share; a socket or file is one of
// these. What the log does not show (inherited descriptors, calls left out by -e trace) is unknown
// and never taken for closed. What -y and -yy print fills gaps only: strace keeps a socket's text
// from when it first saw it (no peer for one that was bound before it connected). Where the text
// names another thing than the replay does, calls are missing from the log, and the text is right.
//
// Memory: the open descriptors of live processes.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "formats/record/syscall.h"
#include "formats/strace/address.h"
#include "formats/strace/line.h"
#include "formats/strace/syscalls.h"

namespace tracebraid::converters::strace {

// An open file description.
struct OpenFile {
  std::uint64_t number = 0;  // in order of their making, from 1
  std::string_view kind;     // as record::Syscall::kind; empty: unknown
  std::string_view proto;
  formats::record::Address local_host, peer_host;
  std::optional<std::uint16_t> local_port, peer_port;
  std::string path;
  std::string text;  // what -y printed of it last
  bool is_listener = false;
  // Where the log shows it first: the call that made it, or one that names it.
  std::optional<formats::record::Time> ts;
  std::string_view made_by;  // empty: it was there before
  std::optional<std::uint64_t> pid, tid;
  std::int64_t fd = -1;
  std::uint64_t line = 0;
  std::string_view input;
  // The other end of a socketpair, and what was sent to this one with SCM_RIGHTS.
  std::weak_ptr<OpenFile> pair;
  std::vector<std::shared_ptr<OpenFile>> passed;
};

class DescriptorTable {
 public:
  struct Entry {
    std::shared_ptr<OpenFile> file;  // null: unknown, or closed
    bool is_closed = false;          // known not to be open
    bool closes_on_exec = false;
  };

  // Null when nothing is known of it.
  [[nodiscard]] Entry* find(std::int64_t fd);
  void set(std::int64_t fd, std::shared_ptr<OpenFile> file, bool closes_on_exec);
  void close(std::int64_t fd);
  void close_range(std::int64_t first, std::int64_t last, bool on_exec_only);
  void exec();
  // Takes over what is known in `other` and not here.
  void add(const DescriptorTable& other);

 private:
  static constexpr std::int64_t kDense = 16384;
  // Descriptors are small numbers; larger ones than kDense are rare, or forged.
  std::vector<Entry> dense_;
  std::unordered_map<std::int64_t, Entry> sparse_;
};

class Descriptors {
 public:
  // `keeps_ended`: take_ended() will be called.
  explicit Descriptors(bool keeps_ended) : keeps_ended_(keeps_ended) {}
  Descriptors(const Descriptors&) = delete;
  Descriptors& operator=(const Descriptors&) = delete;

  // Brings `table` up to date with a call that ended, and says in `record` what its descriptors
  // stood for (`fd` to `peer_p`, `bytes`, `direction`). Views in `record` are valid until the next
  // call of it. `began` is what begin() gave, where the call was printed in two parts.
  void replay(const formats::strace::Call& call, const formats::strace::SyscallRow* row,
              std::shared_ptr<DescriptorTable>& table, const std::shared_ptr<OpenFile>* began,
              formats::record::Syscall& record);

  // What the descriptor of a call that begins stands for: other threads may close or replace it
  // before the call ends. The number that a close frees is free from now on.
  [[nodiscard]] std::shared_ptr<OpenFile> begin(const formats::strace::Call& call,
                                                const formats::strace::SyscallRow& row,
                                                DescriptorTable& table);

  // Those whose last descriptor was closed since the last call.
  [[nodiscard]] std::vector<std::unique_ptr<OpenFile>> take_ended();

  // `bytes` and `direction` alone, of a call that succeeded and moves data.
  static void count_bytes(const formats::strace::Call& call, const formats::strace::SyscallRow& row,
                          formats::record::Syscall& record);

 private:
  // `made_by` is the call that made it, empty where it was there before.
  std::shared_ptr<OpenFile> make(std::string_view kind, std::string_view made_by = {});
  void note_origin(OpenFile& file) const;
  // What `fd` stands for, with `text` (what -y printed; may be empty) taken into account.
  std::shared_ptr<OpenFile> resolve(DescriptorTable& table, std::int64_t fd, std::string_view text,
                                    bool& is_closed);
  std::shared_ptr<OpenFile> from_text(std::string_view text);
  void fill(OpenFile& file, std::string_view text);
  void describe(const OpenFile& file, formats::record::Syscall& record);
  void returned(const formats::strace::Call& call, DescriptorTable& table,
                std::shared_ptr<OpenFile> file, bool closes_on_exec,
                formats::record::Syscall& record);
  void receive_descriptors(const formats::strace::Call& call, DescriptorTable& table,
                           OpenFile* from);

  bool keeps_ended_;
  std::vector<std::unique_ptr<OpenFile>> ended_;
  std::uint64_t made_ = 0;
  const formats::record::Syscall* now_ = nullptr;  // the call that is replayed
  // Of descriptors that the log never opened, used again: logs of -e trace name one in every close.
  std::array<std::shared_ptr<OpenFile>, 4> spares_;
  std::size_t next_spare_ = 0;
  std::shared_ptr<OpenFile> shown_;  // keeps the record's views alive
  std::string path_;
};

}  // namespace tracebraid::converters::strace
