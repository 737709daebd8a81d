#include "converters/strace/descriptors.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace tracebraid::converters::strace {
namespace {

using formats::record::Syscall;
using formats::strace::Call;
using formats::strace::Direction;
using formats::strace::Effect;
using formats::strace::Family;
using formats::strace::Note;
using formats::strace::SocketAddress;
using formats::strace::SyscallRow;
using formats::strace::Wait;

// A descriptor that was printed as `value`; nothing for AT_FDCWD and what is none.
std::optional<std::int64_t> as_descriptor(std::int64_t value) {
  // -e raw=all prints them as unsigned.
  if (value == 0xffffffff || value == -1) return -1;
  if (value > INT32_MAX || value < 0) return std::nullopt;  // 0xffffff9c: AT_FDCWD
  return value;
}

// "3</etc/hosts>" as 3.
std::optional<std::int64_t> descriptor(std::string_view argument) {
  const bool is_negative = argument.starts_with('-');
  std::int64_t value = 0;
  std::size_t length = 0;
  if (!formats::strace::parse_number(argument.substr(is_negative ? 1 : 0), value, length)) {
    return std::nullopt;
  }
  const std::optional<std::int64_t> fd = as_descriptor(value);
  constexpr std::int64_t kWorkingFolder = 100;  // AT_FDCWD, negated
  if (!is_negative || !fd || *fd < 0) return fd;
  return *fd == kWorkingFolder ? std::nullopt : std::optional(-*fd);
}

// That of argument `index`, which becomes `argument`.
std::optional<std::int64_t> descriptor(const Call& call, std::size_t index,
                                       std::string_view& argument) {
  if (index == 0 && !call.first.empty()) {
    argument = call.first;
    return as_descriptor(call.first_number);
  }
  argument = call.argument(index);
  return descriptor(argument);
}

bool has_flag(std::string_view argument, std::string_view name) {
  return argument.find(name) != std::string_view::npos;
}

SocketAddress address_argument(const Call& call, std::size_t index) {
  SocketAddress address;
  if (index == 1 && !call.first.empty()) {
    const std::string_view rest = call.args.substr(call.first.size());
    if (rest.starts_with(", ") && formats::strace::parse_usual_address(rest.substr(2), address)) {
      return address;
    }
  }
  return formats::strace::parse_address(call.argument(index));
}

// Of a symbolic or numeric argument.
bool is_either(std::string_view argument, std::string_view name, std::string_view number) {
  const std::string_view word = argument.substr(0, argument.find_first_of("| "));
  return word == name || word == number;
}

std::string_view socket_kind(std::string_view domain, std::string_view type,
                             std::string_view protocol, std::string_view& proto) {
  proto = {};
  if (is_either(domain, "AF_UNIX", "0x1") || is_either(domain, "AF_LOCAL", "0x1")) return "unix";
  if (is_either(domain, "AF_NETLINK", "0x10")) return "netlink";
  if (!is_either(domain, "AF_INET", "0x2") && !is_either(domain, "AF_INET6", "0xa")) {
    return "socket";
  }
  if (has_flag(protocol, "IPPROTO_SCTP")) {
    proto = "sctp";
    return "socket";
  }
  const auto is_type = [&](std::string_view name, std::int64_t number) {
    if (has_flag(type, name)) return true;
    std::int64_t value = 0;
    std::size_t length = 0;
    return formats::strace::parse_number(type, value, length) && (value & 0xf) == number;
  };
  if (is_type("SOCK_STREAM", 1)) {
    proto = "tcp";
    return "tcp";
  }
  if (is_type("SOCK_DGRAM", 2)) {
    if (has_flag(protocol, "IPPROTO_ICMP")) {
      proto = "icmp";
      return "socket";
    }
    proto = "udp";
    return "udp";
  }
  return "socket";
}

void set_local(OpenFile& file, const SocketAddress& address) {
  if (address.family == Family::kInternet) {
    if (address.host.size != 0) file.local_host = address.host;
    // Port 0 asks the kernel to choose one.
    if (address.port && *address.port != 0) file.local_port = address.port;
  } else if (address.family == Family::kUnix && !address.path.empty()) {
    file.set_path(address.path);
  }
}

void set_peer(OpenFile& file, const SocketAddress& address) {
  if (address.family == Family::kInternet) {
    file.peer_host = address.host;
    file.peer_port = address.port;
  } else if (address.family == Family::kUnix && !address.path.empty()) {
    file.set_path(address.path);
  } else if (address.family == Family::kUnspecified) {
    file.peer_host = {};
    file.peer_port.reset();
  }
}

std::string_view direction_name(Direction direction) {
  constexpr std::string_view kNames[] = {"", "in", "out", "both"};
  return kNames[static_cast<std::size_t>(direction)];
}

// The N of /dev/fd/N, /proc/self/fd/N, and of /dev/stdin and the like.
std::optional<std::int64_t> named_descriptor(std::string_view path) {
  constexpr std::string_view kStreams[] = {"/dev/stdin", "/dev/stdout", "/dev/stderr"};
  for (std::size_t fd = 0; fd < std::size(kStreams); ++fd) {
    if (path == kStreams[fd]) return static_cast<std::int64_t>(fd);
  }
  for (const std::string_view folder : {"/dev/fd/", "/proc/self/fd/"}) {
    std::int64_t fd = 0;
    std::size_t length = 0;
    if (path.starts_with(folder) &&
        formats::strace::parse_number(path.substr(folder.size()), fd, length) &&
        length + folder.size() == path.size()) {
      return fd;
    }
  }
  return std::nullopt;
}

// The numbers of a list such as "[3, 4]" or "[3<pipe:[1]>, 4<pipe:[1]>]", with their texts.
std::vector<std::string_view> list(std::string_view text) {
  std::vector<std::string_view> items;
  if (!text.starts_with('[')) return items;
  text.remove_prefix(1);
  while (!text.empty() && text[0] != ']' && items.size() < 1024) {
    const std::string_view note = formats::strace::annotation(
        text.substr(0, std::min(text.size(), text.find_first_of(",]"))).find('<') !=
                std::string_view::npos
            ? text
            : std::string_view{});
    std::size_t length = text.find_first_of(",]");
    if (!note.empty()) {
      length = static_cast<std::size_t>(note.data() + note.size() + 1 - text.data());
    }
    length = std::min(length, text.size());
    items.push_back(text.substr(0, length));
    text.remove_prefix(length);
    while (!text.empty() && (text[0] == ',' || text[0] == ' ')) text.remove_prefix(1);
  }
  return items;
}

}  // namespace

DescriptorTable::Entry* DescriptorTable::find(std::int64_t fd) {
  if (fd < 0) return nullptr;
  if (fd < kDense) {
    return static_cast<std::size_t>(fd) < dense_.size() ? &dense_[static_cast<std::size_t>(fd)]
                                                        : nullptr;
  }
  const auto found = sparse_.find(fd);
  return found == sparse_.end() ? nullptr : &found->second;
}

void DescriptorTable::set(std::int64_t fd, FilePtr file, bool closes_on_exec) {
  if (fd < 0) return;
  if (file && file->fd < 0) file->fd = fd;
  Entry entry{std::move(file), false, closes_on_exec};
  if (fd < kDense) {
    if (static_cast<std::size_t>(fd) >= dense_.size()) {
      dense_.resize(static_cast<std::size_t>(fd) + 1);
    }
    dense_[static_cast<std::size_t>(fd)] = std::move(entry);
  } else {
    sparse_[fd] = std::move(entry);
  }
}

void DescriptorTable::close(std::int64_t fd) {
  if (fd < 0) return;
  if (fd >= kDense) {
    sparse_.erase(fd);
    return;
  }
  if (static_cast<std::size_t>(fd) >= dense_.size()) {
    dense_.resize(static_cast<std::size_t>(fd) + 1);
  }
  dense_[static_cast<std::size_t>(fd)] = Entry{{}, true, false};
}

void DescriptorTable::close_range(std::int64_t first, std::int64_t last, bool on_exec_only) {
  const auto apply = [&](Entry& entry) {
    if (on_exec_only) {
      entry.closes_on_exec = true;
    } else {
      entry = Entry{{}, true, false};
    }
  };
  for (std::size_t fd = static_cast<std::size_t>(std::max<std::int64_t>(first, 0));
       fd < dense_.size() && static_cast<std::int64_t>(fd) <= last; ++fd) {
    apply(dense_[fd]);
  }
  for (auto& [fd, entry] : sparse_) {
    if (fd >= first && fd <= last) apply(entry);
  }
}

void DescriptorTable::exec() {
  for (Entry& entry : dense_) {
    if (entry.closes_on_exec) entry = Entry{{}, true, false};
  }
  std::erase_if(sparse_, [](const auto& item) { return item.second.closes_on_exec; });
}

void DescriptorTable::add(const DescriptorTable& other) {
  if (other.dense_.size() > dense_.size()) dense_.resize(other.dense_.size());
  for (std::size_t fd = 0; fd < other.dense_.size(); ++fd) {
    if (!dense_[fd].file && !dense_[fd].is_closed) dense_[fd] = other.dense_[fd];
  }
  for (const auto& [fd, entry] : other.sparse_) sparse_.try_emplace(fd, entry);
}

Descriptors::~Descriptors() {
  shown_.reset();
  for (OpenFile& file : files_) file.passed.clear();
}

FilePtr Descriptors::make(std::string_view kind, std::string_view made_by) {
  if (free_.empty()) {
    free_.push_back(&files_.emplace_back());
    free_.back()->home = this;
  }
  OpenFile& file = *free_.back();
  free_.pop_back();
  file.number = ++made_;
  file.kind = kind;
  file.proto = {};
  file.local_host = file.peer_host = {};
  file.local_port = file.peer_port = std::nullopt;
  file.set_path({});
  file.text.clear();
  file.is_listener = false;
  file.made_by = made_by;
  file.fd = -1;
  if (now_ != nullptr) {
    note_origin(file);
  } else {
    file.ts.reset();
    file.pid = file.tid = std::nullopt;
    file.line = 0;
    file.input = {};
  }
  return FilePtr(file);
}

// Of a description that nothing refers to any more.
void Descriptors::end(OpenFile& file) {
  if (file.pair != nullptr) {
    file.pair->pair = nullptr;
    file.pair = nullptr;
  }
  if (keeps_ended_) {
    ended_.push_back(&file);
  } else {
    recycle(file);
  }
}

void Descriptors::recycle(OpenFile& file) {
  constexpr std::size_t kMostKept = 1024;
  if (file.own_path.capacity() > kMostKept) file.own_path = {};
  if (file.text.capacity() > kMostKept) file.text = {};
  free_.push_back(&file);
  if (file.passed.empty()) return;
  // One may hold another, and so on: without recursion.
  std::ranges::move(file.passed, std::back_inserter(unreceived_));
  file.passed.clear();
  if (std::exchange(is_recycling_, true)) return;
  while (!unreceived_.empty()) {
    const FilePtr last = std::move(unreceived_.back());
    unreceived_.pop_back();
  }
  is_recycling_ = false;
}

void Descriptors::note_origin(OpenFile& file) const {
  // Copies of whole optionals would wait for their halves, which have just been written.
  const auto copy = [](const auto& from, auto& to) {
    if (from) {
      to = *from;
    } else {
      to.reset();
    }
  };
  copy(now_->end_ts ? now_->end_ts : now_->ts, file.ts);
  copy(now_->pid, file.pid);
  copy(now_->tid, file.tid);
  file.line = now_->line;
  file.input = now_->input;
}

const std::vector<OpenFile*>& Descriptors::take_ended() {
  shown_.reset();
  for (OpenFile* const file : reported_) recycle(*file);
  reported_.clear();
  std::swap(ended_, reported_);
  return reported_;
}

FilePtr Descriptors::from_note(const Note& note) {
  FilePtr file = make({});
  fill(*file, note);
  return file;
}

void Descriptors::fill(OpenFile& file, const Note& note) {
  const std::string_view text = note.text;
  if (text.empty() || file.text == text) return;
  if (note.is_plain && text[0] == '/' && (file.kind.empty() || file.kind == "file") &&
      !text.starts_with("/memfd:")) {
    // What parse_descriptor_text() says of a file.
    file.kind = "file";
    file.text = text;
    file.is_path_text = true;
    return;
  }
  if (file.is_path_text) file.set_path(file.text);
  file.text = text;
  formats::strace::DescriptorText found = formats::strace::parse_descriptor_text(text);
  if (file.kind.empty() || file.kind == "anon" || file.kind == "socket") {
    if (!found.kind.empty()) file.kind = found.kind;
  }
  if (file.proto.empty()) file.proto = found.proto;
  if (file.local_host.size == 0 ||
      SocketAddress{.family = Family::kInternet, .host = file.local_host, .port = {}, .path = {}}
          .is_any()) {
    if (found.local.host.size != 0) file.local_host = found.local.host;
  }
  if (!file.local_port && found.local.port && *found.local.port != 0) {
    file.local_port = found.local.port;
  }
  if (file.peer_host.size == 0 && found.peer.host.size != 0) {
    file.peer_host = found.peer.host;
    file.peer_port = found.peer.port;
  }
  if (!found.path.empty() && (file.path().empty() || file.kind == "file")) {
    file.set_path(found.path);
  }
}

FilePtr Descriptors::resolve(DescriptorTable& table, std::int64_t fd, const Note& note,
                             bool& is_closed) {
  const std::string_view text = note.text;
  is_closed = false;
  DescriptorTable::Entry* const entry = table.find(fd);
  if (entry != nullptr && entry->file) {
    OpenFile& file = *entry->file;
    if (text.empty() || file.text == text) return entry->file;
    const formats::strace::DescriptorText found = formats::strace::parse_descriptor_text(text);
    const bool is_vague = found.kind.empty() || file.kind.empty() || found.kind == "socket" ||
                          file.kind == "socket" || found.kind == "anon" || file.kind == "anon" ||
                          (found.kind == "file" && file.kind == "memfd");
    const bool is_other_peer =
        found.peer.host.size != 0 && file.peer_host.size != 0 && file.kind == "tcp" &&
        (found.peer.host != file.peer_host || found.peer.port != file.peer_port);
    if ((!is_vague && found.kind != file.kind) || is_other_peer) {
      FilePtr other = from_note(note);
      table.set(fd, other, false);
      return other;
    }
    fill(file, note);
    return entry->file;
  }
  if (!text.empty()) {
    FilePtr file = from_note(note);
    table.set(fd, file, false);
    return file;
  }
  is_closed = entry != nullptr && entry->is_closed;
  return {};
}

void Descriptors::describe(const OpenFile& file, Syscall& record) {
  record.file = file.number;
  record.kind = file.kind;
  record.proto = file.proto;
  record.local_h = file.local_host;
  record.peer_h = file.peer_host;
  if (file.local_port) record.local_p = *file.local_port;
  if (file.peer_port) record.peer_p = *file.peer_port;
  if (record.path.empty()) record.path = file.path();
}

FilePtr Descriptors::begin(const Call& call, const SyscallRow& row, DescriptorTable& table) {
  if (row.fd < 0) return {};
  std::string_view argument;
  const std::optional<std::int64_t> fd =
      descriptor(call, static_cast<std::size_t>(row.fd), argument);
  if (!fd || *fd < 0) return {};
  now_ = nullptr;
  bool is_closed = false;
  FilePtr file = resolve(table, *fd, call.note(argument), is_closed);
  if (row.effect == Effect::kClose) table.close(*fd);
  return file;
}

void Descriptors::returned(const Call& call, DescriptorTable& table, FilePtr file,
                           bool closes_on_exec, Syscall& record) {
  if (!call.has_result || call.result < 0 || call.result > INT32_MAX || !call.error.empty()) return;
  fill(*file, {formats::strace::annotation(call.result_text)});
  record.new_file = file->number;
  table.set(call.result, std::move(file), closes_on_exec);
}

void Descriptors::receive_descriptors(const Call& call, DescriptorTable& table, OpenFile* from) {
  constexpr std::string_view kRights = "cmsg_type=SCM_RIGHTS, cmsg_data=";
  const std::size_t at = call.args.find(kRights);
  if (at == std::string_view::npos) return;
  for (const std::string_view item : list(call.args.substr(at + kRights.size()))) {
    const std::optional<std::int64_t> fd = descriptor(item);
    if (!fd) continue;
    FilePtr file;
    if (from != nullptr && !from->passed.empty()) {
      file = from->passed.front();
      from->passed.erase(from->passed.begin());
    } else {
      file = make({}, "recvmsg");
    }
    fill(*file, {formats::strace::annotation(item)});
    table.set(*fd, std::move(file), has_flag(call.args, "MSG_CMSG_CLOEXEC"));
  }
}

void Descriptors::count_bytes(const Call& call, const SyscallRow& row, Syscall& record) {
  if (call.result < 0) return;
  if (row.effect == Effect::kMessages) {
    std::uint64_t sum = 0;
    std::int64_t left = call.result;
    std::string_view rest = call.args;
    constexpr std::string_view kLength = "msg_len=";
    for (std::size_t at = rest.find(kLength); at != std::string_view::npos && left > 0;
         at = rest.find(kLength)) {
      rest.remove_prefix(at + kLength.size());
      std::int64_t bytes = 0;
      std::size_t length = 0;
      if (formats::strace::parse_number(rest, bytes, length) && bytes > 0) {
        sum += static_cast<std::uint64_t>(bytes);
      }
      --left;
    }
    // Where strace did not print all messages, nothing is said.
    if (left != 0) return;
    record.bytes = sum;
    record.direction = direction_name(row.direction);
    return;
  }
  if (row.direction == Direction::kIn && row.wait == Wait::kNet && has_flag(call.args, "MSG_")) {
    // Data that is only looked at is received again; that of the error queue was sent.
    const std::string_view flags = call.argument(row.effect == Effect::kReceiveMessage ? 2 : 3);
    if (has_flag(flags, "MSG_PEEK") || has_flag(flags, "MSG_ERRQUEUE")) return;
  }
  record.bytes = static_cast<std::uint64_t>(call.result);
  record.direction = direction_name(row.direction);
}

void Descriptors::replay(const Call& call, const SyscallRow* row,
                         std::shared_ptr<DescriptorTable>& table, const FilePtr* began,
                         Syscall& record) {
  now_ = &record;
  const bool has_succeeded = call.has_result && call.error.empty() && call.result != -1;
  FilePtr file;
  FilePtr file2;
  bool is_path_of_file = false;
  constexpr std::int64_t kNoDescriptor = INT64_MIN;
  std::int64_t fd = kNoDescriptor;
  if (row == nullptr) {
    // An unknown call: its first argument is a descriptor when -y says so.
    const std::string_view argument = call.argument(0);
    const Note note = call.note(argument);
    if (!note.text.empty() && argument[0] >= '0' && argument[0] <= '9') {
      fd = descriptor(argument).value_or(kNoDescriptor);
    }
    if (fd != kNoDescriptor) {
      record.fd = fd;
      record.fd_text = note.text;
      bool is_closed = false;
      if ((shown_ = resolve(*table, fd, note, is_closed))) describe(*shown_, record);
    }
    return;
  }
  if (row->path >= 0) {
    const std::string_view quoted =
        formats::strace::quoted_string(call.argument(static_cast<std::size_t>(row->path)));
    if (quoted.size() > 2) {
      record.path = quoted.substr(1, quoted.size() - 2);
      if (record.path.find('\\') != std::string_view::npos) {
        path_.clear();
        formats::strace::append_unescaped(path_, record.path);
        record.path = path_;
      }
    }
  }
  const bool is_anonymous_mapping =
      row->fd == 4 && call.args.find("MAP_ANONYMOUS") != std::string_view::npos;
  if (row->fd >= 0 && !is_anonymous_mapping) {
    std::string_view argument;
    fd = descriptor(call, static_cast<std::size_t>(row->fd), argument).value_or(kNoDescriptor);
    // A mapping of no file.
    if (fd == -1 && row->name.starts_with("mmap")) fd = kNoDescriptor;
    const Note note = call.note(argument);
    record.fd_text = note.text;
    if (fd != kNoDescriptor) {
      record.fd = fd;
      bool is_closed = false;
      file = began != nullptr ? *began : resolve(*table, fd, note, is_closed);
      if (file) {
        if (file->line == 0) note_origin(*file);
        shown_ = file;
        is_path_of_file = record.path.empty();
        describe(*file, record);
      } else if (is_closed || fd < 0) {
        record.kind = "closed";
      }
    }
  }
  if (row->fd2 >= 0) {
    std::string_view argument;
    if (const auto second = descriptor(call, static_cast<std::size_t>(row->fd2), argument)) {
      record.fd2 = *second;
      bool is_closed = false;
      if (row->effect != Effect::kDup2) {
        file2 = resolve(*table, *second, call.note(argument), is_closed);
      }
    }
  }

  if (row->direction != Direction::kNone && has_succeeded) count_bytes(call, *row, record);

  switch (row->effect) {
    case Effect::kNone:
    case Effect::kExit:
    case Effect::kPeek:
    case Effect::kListen:
      if (row->effect == Effect::kListen && has_succeeded && file) file->is_listener = true;
      break;
    case Effect::kOpen:
      if (has_succeeded) {
        FilePtr made = make("file", row->name);
        made->set_path(record.path);
        if (const std::optional<std::int64_t> named = named_descriptor(record.path)) {
          // Another description of the same pipe, file or device.
          bool is_closed = false;
          const FilePtr same = resolve(*table, *named, {}, is_closed);
          made->kind = same ? same->kind : std::string_view{};
          if (same && !same->path().empty()) made->set_path(same->path());
        }
        const formats::strace::DescriptorText shown =
            formats::strace::parse_descriptor_text(formats::strace::annotation(call.result_text));
        if (!shown.kind.empty()) made->kind = shown.kind;
        // Relative to a directory that -y names.
        if (!made->path().starts_with('/') && !record.fd_text.empty()) {
          std::string folder;
          formats::strace::append_unescaped(folder, record.fd_text);
          folder.append("/").append(made->path());
          made->set_path(folder);
        }
        returned(call, *table, std::move(made), has_flag(call.args, "O_CLOEXEC"), record);
      }
      break;
    case Effect::kSocket: {
      if (!has_succeeded) break;
      FilePtr made = make({}, row->name);
      made->kind = socket_kind(call.argument(0), call.argument(1), call.argument(2), made->proto);
      returned(call, *table, std::move(made), has_flag(call.argument(1), "SOCK_CLOEXEC"), record);
      break;
    }
    case Effect::kSocketpair:
    case Effect::kPipe: {
      if (!has_succeeded) break;
      const bool is_pipe = row->effect == Effect::kPipe;
      const std::vector<std::string_view> ends = list(call.argument(is_pipe ? 0 : 3));
      if (ends.size() != 2) break;
      const bool on_exec = has_flag(call.argument(1), is_pipe ? "O_CLOEXEC" : "SOCK_CLOEXEC");
      FilePtr first = make(is_pipe ? "pipe" : "unix", row->name);
      FilePtr second = make(is_pipe ? "pipe" : "unix", row->name);
      first->pair = second.get();
      second->pair = first.get();
      fill(*first, {formats::strace::annotation(ends[0])});
      fill(*second, {formats::strace::annotation(ends[1])});
      if (const auto end = descriptor(ends[0])) table->set(*end, first, on_exec);
      if (const auto end = descriptor(ends[1])) table->set(*end, second, on_exec);
      break;
    }
    case Effect::kBind:
      if (has_succeeded && file) set_local(*file, address_argument(call, 1));
      break;
    case Effect::kConnect: {
      const SocketAddress address = address_argument(call, 1);
      if (file) {
        // One that fails is shown with the address that it was for, all the same.
        set_peer(*file, address);
        if (address.family == Family::kUnix) record.path = file->path();
      }
      if (address.family == Family::kInternet) {
        record.peer_h = address.host;
        if (address.port) record.peer_p = *address.port;
      }
      break;
    }
    case Effect::kAccept: {
      if (!has_succeeded) break;
      FilePtr made = make(file ? file->kind : std::string_view{}, row->name);
      if (file) {
        made->proto = file->proto;
        made->local_port = file->local_port;
        const SocketAddress local{
            .family = Family::kInternet, .host = file->local_host, .port = {}, .path = {}};
        if (!local.is_any()) made->local_host = file->local_host;
        if (file->kind == "unix") made->set_path(file->path());
      }
      const SocketAddress peer = address_argument(call, 1);
      set_peer(*made, peer);
      if (made->kind.empty() && peer.family == Family::kInternet) {
        made->kind = made->proto = "tcp";
      } else if (made->kind.empty() && peer.family == Family::kUnix) {
        made->kind = "unix";
      }
      const bool on_exec =
          has_flag(call.args, "SOCK_CLOEXEC") && has_flag(call.argument(3), "SOCK_CLOEXEC");
      returned(call, *table, std::move(made), on_exec, record);
      break;
    }
    case Effect::kGetsockname:
    case Effect::kGetpeername:
      if (has_succeeded) {
        if (!file && fd >= 0) {
          const SocketAddress address = address_argument(call, 1);
          if (address.family == Family::kNone) break;
          file = make(address.family == Family::kUnix ? "unix" : "socket");
          table->set(fd, file, false);
        }
        if (!file) break;
        const SocketAddress address = address_argument(call, 1);
        if (row->effect == Effect::kGetsockname) {
          set_local(*file, address);
        } else {
          set_peer(*file, address);
        }
      }
      break;
    case Effect::kGetsockopt:
      break;
    case Effect::kReceiveFrom:
    case Effect::kSendTo: {
      if (!has_flag(call.args, "{sa_family=")) break;
      const std::string_view argument = call.argument(4);
      if (!argument.starts_with('{') || (!has_succeeded && row->effect == Effect::kReceiveFrom)) {
        break;
      }
      const SocketAddress address = formats::strace::parse_address(argument);
      if (address.family != Family::kInternet) break;
      record.peer_h = address.host;
      if (address.port) record.peer_p = *address.port;
      if (file && file->kind == "tcp" && has_flag(call.args, "MSG_FASTOPEN") &&
          has_flag(call.argument(3), "MSG_FASTOPEN")) {
        set_peer(*file, address);
      }
      break;
    }
    case Effect::kSendMessage:
    case Effect::kReceiveMessage: {
      const std::size_t name = call.args.find("msg_name=");
      if (name != std::string_view::npos && has_succeeded) {
        const std::string_view rest = call.args.substr(name + 9);
        if (rest.starts_with("{sa_family=")) {
          const SocketAddress address =
              formats::strace::parse_address(rest.substr(0, rest.find('}') + 1));
          if (address.family == Family::kInternet) {
            record.peer_h = address.host;
            if (address.port) record.peer_p = *address.port;
          }
        }
      }
      if (!has_succeeded) break;
      if (row->effect == Effect::kReceiveMessage) {
        receive_descriptors(call, *table, file.get());
        break;
      }
      constexpr std::string_view kRights = "cmsg_type=SCM_RIGHTS, cmsg_data=";
      const std::size_t at = call.args.find(kRights);
      OpenFile* const pair = file ? file->pair : nullptr;
      if (at == std::string_view::npos || pair == nullptr) break;
      constexpr std::size_t kMostPassed = 4096;
      for (const std::string_view item : list(call.args.substr(at + kRights.size()))) {
        bool is_closed = false;
        const std::optional<std::int64_t> sent = descriptor(item);
        if (!sent || pair->passed.size() >= kMostPassed) break;
        FilePtr passed = resolve(*table, *sent, {formats::strace::annotation(item)}, is_closed);
        pair->passed.push_back(passed ? passed : make({}));
      }
      break;
    }
    case Effect::kMessages:
      break;
    case Effect::kDup:
      if (has_succeeded) returned(call, *table, file ? file : make({}), false, record);
      break;
    case Effect::kDup2:
      if (has_succeeded && (!record.fd2 || *record.fd2 != record.fd)) {
        returned(call, *table, file ? file : make({}), has_flag(call.argument(2), "O_CLOEXEC"),
                 record);
      }
      break;
    case Effect::kFcntl: {
      if (!has_succeeded) break;
      const std::string_view command = call.argument(1);
      if (is_either(command, "F_DUPFD", "0") || is_either(command, "F_DUPFD_CLOEXEC", "0x406")) {
        returned(call, *table, file ? file : make({}), has_flag(command, "CLOEXEC"), record);
      } else if (is_either(command, "F_SETFD", "0x2")) {
        if (DescriptorTable::Entry* const entry = table->find(fd)) {
          entry->closes_on_exec = has_flag(call.argument(2), "FD_CLOEXEC");
        }
      }
      break;
    }
    case Effect::kIoctl:
      if (has_succeeded) {
        const std::string_view command = call.argument(1);
        if (DescriptorTable::Entry* const entry = table->find(fd)) {
          if (is_either(command, "FIOCLEX", "0x5451")) entry->closes_on_exec = true;
          if (is_either(command, "FIONCLEX", "0x5450")) entry->closes_on_exec = false;
        }
      }
      break;
    case Effect::kClose:
      // The number is free whatever close() returns, unless it was not open.
      if (began == nullptr && call.error != "EBADF") table->close(fd);
      break;
    case Effect::kCloseRange: {
      if (!has_succeeded) break;
      std::int64_t first = 0;
      std::int64_t last = 0;
      std::size_t length = 0;
      if (!formats::strace::parse_number(call.argument(0), first, length) ||
          !formats::strace::parse_number(call.argument(1), last, length)) {
        break;
      }
      if (last < 0) last = INT64_MAX;
      const std::string_view flags = call.argument(2);
      if (has_flag(flags, "CLOSE_RANGE_UNSHARE") && table.use_count() > 1) {
        table = std::make_shared<DescriptorTable>(*table);
      }
      table->close_range(first, last, has_flag(flags, "CLOSE_RANGE_CLOEXEC"));
      break;
    }
    case Effect::kNew:
      if (has_succeeded) {
        returned(call, *table, make(row->makes, row->name), has_flag(call.args, "_CLOEXEC"),
                 record);
      }
      break;
    case Effect::kExec:
      if (has_succeeded && call.result == 0) {
        if (table.use_count() > 1) table = std::make_shared<DescriptorTable>(*table);
        table->exec();
      }
      break;
    case Effect::kUnshare:
      if (has_succeeded && has_flag(call.args, "CLONE_FILES") && table.use_count() > 1) {
        table = std::make_shared<DescriptorTable>(*table);
      }
      break;
    case Effect::kClone:
    case Effect::kIoUring:
    case Effect::kOwnId:
    case Effect::kProcessId:
      break;
  }
  if (file && record.file == file->number) {
    // What the call itself has told.
    if (is_path_of_file) record.path = file->path();
    if (record.local_h.size == 0) record.local_h = file->local_host;
    if (!record.local_p && file->local_port) record.local_p = *file->local_port;
    if (record.peer_h.size == 0) record.peer_h = file->peer_host;
    if (!record.peer_p && file->peer_port) record.peer_p = *file->peer_port;
  }
}

}  // namespace tracebraid::converters::strace
