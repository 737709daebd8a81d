// What calls do to descriptors: the replay's handlers, one for each effect that a call can have
// (formats/strace/syscalls.h), and how they read arguments.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "converters/strace/descriptors.h"
#include "formats/io/digits.h"

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

// The items of a list such as "[3, 4]" or "[3<pipe:[1]>, 4<pipe:[1]>]".
std::vector<std::string_view> list(std::string_view text) {
  constexpr std::size_t kMost = 1024;  // the kernel passes 253 at once (SCM_MAX_FD)
  std::vector<std::string_view> items;
  if (!text.starts_with('[')) return items;
  text.remove_prefix(1);
  while (!text.empty() && text[0] != ']' && items.size() < kMost) {
    std::size_t length = std::min(text.find_first_of(",]"), text.size());
    if (text.substr(0, length).find('<') != std::string_view::npos) {
      const std::string_view note = formats::strace::annotation(text);
      if (!note.empty()) {
        length = static_cast<std::size_t>(note.data() + note.size() + 1 - text.data());
      }
    }
    items.push_back(text.substr(0, length));
    text.remove_prefix(length);
    while (text.starts_with(',') || text.starts_with(' ')) text.remove_prefix(1);
  }
  return items;
}

// The descriptors of sendmsg's and recvmsg's control data.
std::vector<std::string_view> passed_descriptors(std::string_view args) {
  constexpr std::string_view kRights = "cmsg_type=SCM_RIGHTS, cmsg_data=";
  const std::size_t at = args.find(kRights);
  if (at == std::string_view::npos) return {};
  return list(args.substr(at + kRights.size()));
}

// What sendmmsg and recvmmsg moved: their `count` messages' msg_len. Nothing where strace did not
// print all of them.
std::optional<std::uint64_t> bytes_of_messages(std::string_view args, std::int64_t count) {
  constexpr std::string_view kLength = "msg_len=";
  std::uint64_t sum = 0;
  for (; count > 0; --count) {
    const std::size_t at = args.find(kLength);
    if (at == std::string_view::npos) return std::nullopt;
    args.remove_prefix(at + kLength.size());
    std::int64_t bytes = 0;
    std::size_t length = 0;
    if (formats::strace::parse_number(args, bytes, length) && bytes > 0) {
      sum += static_cast<std::uint64_t>(bytes);
    }
  }
  return sum;
}

// Of a call that returned what it says, rather than -1 or ?.
bool has_succeeded(const Call& call) {
  // -e raw=all prints -1 without an error.
  return call.has_result && call.error.empty() && call.result != -1;
}

constexpr std::int64_t kNoDescriptor = INT64_MIN;

}  // namespace

// A call that is replayed. Its handlers are named for what the kernel does.
class Descriptors::Replay {
 public:
  Replay(Descriptors& all, const Call& call, std::shared_ptr<DescriptorTable>& table,
         const FilePtr* began, Syscall& record)
      : all_(all),
        call_(call),
        table_(table),
        began_(began),
        record_(record),
        has_succeeded_(has_succeeded(call)) {}

  // A call of which nothing is known: its first argument is a descriptor when -y says so.
  void unknown();
  void known(const SyscallRow& row);

 private:
  using Handler = void (Replay::*)();
  struct Row {
    Handler handler = nullptr;
    bool is_for_failed = false;  // what the kernel does even where the call fails
  };
  static Row row_of(Effect effect);

  void take_path();
  void take_descriptor();
  void take_second_descriptor();
  void describe(const OpenFile& file);
  void add_what_was_told();

  // Descriptors that are returned.
  void open_file();
  void make_socket();
  void accept_connection();
  void make_other();
  void duplicate();
  void duplicate_to();
  // Descriptors that are written into arguments.
  void make_pipe() { make_pair("pipe", call_.argument(0), "O_CLOEXEC"); }
  void make_socketpair() { make_pair("unix", call_.argument(3), "SOCK_CLOEXEC"); }
  void make_pair(std::string_view kind, std::string_view ends, std::string_view on_exec);
  void receive_message();
  // Addresses.
  void bind_address();
  void listen_for_connections();
  void connect_to_peer();
  void tell_local_address();
  void tell_peer_address();
  void receive_from_peer() { (void)peer_of_datagram(); }
  void send_to_peer();
  void send_message();
  // Whole tables, and what stands in them.
  void control_descriptor();
  void control_device();
  void close_descriptor();
  void close_descriptors();
  void close_on_exec();
  void unshare_table();

  // What `fd` stands for, of which -y printed `note`.
  FilePtr find(std::int64_t fd, const Note& note = {}) {
    bool is_closed = false;
    return all_.resolve(*table_, fd, note, is_closed);
  }
  [[nodiscard]] FilePtr file_or_unknown() const { return file_ ? file_ : all_.make({}); }
  // A descriptor that the call gave for `file`.
  void returned(FilePtr file, bool closes_on_exec);
  void name_peer(const SocketAddress& address);
  std::optional<SocketAddress> peer_of_datagram();
  void name_peer_of_message();
  void pass_descriptors();
  void receive_descriptors();
  void close_those_on_exec(bool is);
  bool is_socket(const SocketAddress& address);
  // Before it is changed for this process alone.
  void own_table() {
    if (table_.use_count() > 1) table_ = std::make_shared<DescriptorTable>(*table_);
  }

  Descriptors& all_;
  const Call& call_;
  const SyscallRow* row_ = nullptr;
  std::shared_ptr<DescriptorTable>& table_;
  const FilePtr* began_;
  Syscall& record_;
  const bool has_succeeded_;
  std::int64_t fd_ = kNoDescriptor;
  FilePtr file_;  // what fd_ stands for
  bool is_path_of_file_ = false;
};

Descriptors::Replay::Row Descriptors::Replay::row_of(Effect effect) {
  static constexpr std::pair<Effect, Row> kRows[] = {
      {Effect::kOpen, {&Replay::open_file}},
      {Effect::kSocket, {&Replay::make_socket}},
      {Effect::kSocketpair, {&Replay::make_socketpair}},
      {Effect::kBind, {&Replay::bind_address}},
      {Effect::kListen, {&Replay::listen_for_connections}},
      {Effect::kConnect, {.handler = &Replay::connect_to_peer, .is_for_failed = true}},
      {Effect::kAccept, {&Replay::accept_connection}},
      {Effect::kGetsockname, {&Replay::tell_local_address}},
      {Effect::kGetpeername, {&Replay::tell_peer_address}},
      {Effect::kReceiveFrom, {&Replay::receive_from_peer}},
      {Effect::kSendTo, {.handler = &Replay::send_to_peer, .is_for_failed = true}},
      {Effect::kSendMessage, {&Replay::send_message}},
      {Effect::kReceiveMessage, {&Replay::receive_message}},
      {Effect::kDup, {&Replay::duplicate}},
      {Effect::kDup2, {&Replay::duplicate_to}},
      {Effect::kFcntl, {&Replay::control_descriptor}},
      {Effect::kIoctl, {&Replay::control_device}},
      {Effect::kClose, {.handler = &Replay::close_descriptor, .is_for_failed = true}},
      {Effect::kCloseRange, {&Replay::close_descriptors}},
      {Effect::kPipe, {&Replay::make_pipe}},
      {Effect::kNew, {&Replay::make_other}},
      {Effect::kExec, {&Replay::close_on_exec}},
      {Effect::kUnshare, {&Replay::unshare_table}},
  };
  // Effects without a row do nothing to descriptors.
  static constexpr auto kByEffect = [] {
    std::array<Row, formats::strace::kEffects> by_effect{};
    for (const auto& [of, row] : kRows) by_effect[static_cast<std::size_t>(of)] = row;
    return by_effect;
  }();
  return kByEffect[static_cast<std::size_t>(effect)];
}

inline void Descriptors::Replay::describe(const OpenFile& file) {
  record_.file = file.number;
  record_.kind = file.kind;
  record_.proto = file.proto;
  record_.local_h = file.local_host;
  record_.peer_h = file.peer_host;
  if (file.local_port) record_.local_p = *file.local_port;
  if (file.peer_port) record_.peer_p = *file.peer_port;
  if (record_.path.empty()) record_.path = file.path();
}

void Descriptors::Replay::unknown() {
  const std::string_view argument = call_.argument(0);
  const Note note = call_.note(argument);
  if (note.text.empty() || !formats::io::is_digit(argument[0])) return;
  const std::optional<std::int64_t> fd = descriptor(argument);
  if (!fd) return;
  record_.fd = *fd;
  record_.fd_text = note.text;
  all_.shown_ = find(*fd, note);
  if (all_.shown_) describe(*all_.shown_);
}

// Inline, as the others that every call needs: the only caller is below.
inline void Descriptors::Replay::known(const SyscallRow& row) {
  row_ = &row;
  if (row.path >= 0) take_path();
  if (row.fd >= 0) take_descriptor();
  if (row.fd2 >= 0) take_second_descriptor();
  if (row.direction != Direction::kNone && has_succeeded_) count_bytes(call_, row, record_);
  const Row effect = row_of(row.effect);
  if (effect.handler != nullptr && (has_succeeded_ || effect.is_for_failed)) {
    (this->*effect.handler)();
  }
  add_what_was_told();
}

void Descriptors::Replay::take_path() {
  const std::string_view quoted =
      formats::strace::quoted_string(call_.argument(static_cast<std::size_t>(row_->path)));
  if (quoted.size() <= 2) return;
  record_.path = quoted.substr(1, quoted.size() - 2);
  if (record_.path.find('\\') == std::string_view::npos) return;
  all_.path_.clear();
  formats::strace::append_unescaped(all_.path_, record_.path);
  record_.path = all_.path_;
}

inline void Descriptors::Replay::take_descriptor() {
  const bool is_mapping = row_->fd == 4;  // mmap and mmap2
  if (is_mapping && has_flag(call_.args, "MAP_ANONYMOUS")) return;
  std::string_view argument;
  const auto fd = descriptor(call_, static_cast<std::size_t>(row_->fd), argument);
  const Note note = call_.note(argument);
  record_.fd_text = note.text;
  if (!fd || (*fd == -1 && is_mapping)) return;  // a mapping of no file
  fd_ = *fd;
  record_.fd = fd_;
  bool is_closed = false;
  file_ = began_ != nullptr ? *began_ : all_.resolve(*table_, fd_, note, is_closed);
  if (file_) {
    if (file_->line == 0) all_.note_origin(*file_);
    all_.shown_ = file_;
    is_path_of_file_ = record_.path.empty();
    describe(*file_);
  } else if (is_closed || fd_ < 0) {
    record_.kind = "closed";
  }
}

void Descriptors::Replay::take_second_descriptor() {
  std::string_view argument;
  const auto fd = descriptor(call_, static_cast<std::size_t>(row_->fd2), argument);
  if (!fd) return;
  record_.fd2 = *fd;
  // dup2 closes what its second one stood for.
  if (row_->effect != Effect::kDup2) (void)find(*fd, call_.note(argument));
}

// The record says what is known behind the call.
inline void Descriptors::Replay::add_what_was_told() {
  if (!file_ || record_.file != file_->number) return;
  if (is_path_of_file_) record_.path = file_->path();
  if (record_.local_h.size == 0) record_.local_h = file_->local_host;
  if (!record_.local_p && file_->local_port) record_.local_p = *file_->local_port;
  if (record_.peer_h.size == 0) record_.peer_h = file_->peer_host;
  if (!record_.peer_p && file_->peer_port) record_.peer_p = *file_->peer_port;
}

void Descriptors::Replay::returned(FilePtr file, bool closes_on_exec) {
  if (call_.result < 0 || call_.result > INT32_MAX) return;
  all_.fill(*file, {formats::strace::annotation(call_.result_text)});
  record_.new_file = file->number;
  table_->set(call_.result, std::move(file), closes_on_exec);
}

void Descriptors::Replay::open_file() {
  FilePtr made = all_.make("file", row_->name);
  made->set_path(record_.path);
  if (const std::optional<std::int64_t> named = named_descriptor(record_.path)) {
    // Another description of the same pipe, file or device.
    const FilePtr same = find(*named);
    made->kind = same ? same->kind : std::string_view{};
    if (same && !same->path().empty()) made->set_path(same->path());
  }
  const formats::strace::DescriptorText shown =
      formats::strace::parse_descriptor_text(formats::strace::annotation(call_.result_text));
  if (!shown.kind.empty()) made->kind = shown.kind;
  // Relative to a directory that -y names.
  if (!made->path().starts_with('/') && !record_.fd_text.empty()) {
    std::string folder;
    formats::strace::append_unescaped(folder, record_.fd_text);
    folder.append("/").append(made->path());
    made->set_path(folder);
  }
  returned(std::move(made), has_flag(call_.args, "O_CLOEXEC"));
}

void Descriptors::Replay::make_socket() {
  FilePtr made = all_.make({}, row_->name);
  made->kind = socket_kind(call_.argument(0), call_.argument(1), call_.argument(2), made->proto);
  returned(std::move(made), has_flag(call_.argument(1), "SOCK_CLOEXEC"));
}

void Descriptors::Replay::make_pair(std::string_view kind, std::string_view ends,
                                    std::string_view on_exec) {
  const std::vector<std::string_view> both = list(ends);
  if (both.size() != 2) return;
  const bool closes_on_exec = has_flag(call_.argument(1), on_exec);
  const FilePtr files[] = {all_.make(kind, row_->name), all_.make(kind, row_->name)};
  files[0]->pair = files[1].get();
  files[1]->pair = files[0].get();
  for (std::size_t end = 0; end < 2; ++end) {
    all_.fill(*files[end], {formats::strace::annotation(both[end])});
  }
  for (std::size_t end = 0; end < 2; ++end) {
    if (const auto fd = descriptor(both[end])) table_->set(*fd, files[end], closes_on_exec);
  }
}

void Descriptors::Replay::bind_address() {
  if (file_) set_local(*file_, address_argument(call_, 1));
}

void Descriptors::Replay::listen_for_connections() {
  if (file_) file_->is_listener = true;
}

void Descriptors::Replay::name_peer(const SocketAddress& address) {
  if (address.family != Family::kInternet) return;
  record_.peer_h = address.host;
  if (address.port) record_.peer_p = *address.port;
}

// One that fails, or goes on behind EINPROGRESS, is shown with the address that it is for, too.
void Descriptors::Replay::connect_to_peer() {
  const SocketAddress address = address_argument(call_, 1);
  if (file_) {
    set_peer(*file_, address);
    if (address.family == Family::kUnix) record_.path = file_->path();
  }
  name_peer(address);
}

// A socket of its own, with the listener's end as its own end.
void Descriptors::Replay::accept_connection() {
  FilePtr made = all_.make(file_ ? file_->kind : std::string_view{}, row_->name);
  if (file_) {
    made->proto = file_->proto;
    made->local_port = file_->local_port;
    const SocketAddress local{
        .family = Family::kInternet, .host = file_->local_host, .port = {}, .path = {}};
    if (!local.is_any()) made->local_host = file_->local_host;
    if (file_->kind == "unix") made->set_path(file_->path());
  }
  const SocketAddress peer = address_argument(call_, 1);
  set_peer(*made, peer);
  if (made->kind.empty() && peer.family == Family::kInternet) {
    made->kind = made->proto = "tcp";
  } else if (made->kind.empty() && peer.family == Family::kUnix) {
    made->kind = "unix";
  }
  // accept4's flags; most calls have none, and need not be taken apart.
  const bool closes_on_exec =
      has_flag(call_.args, "SOCK_CLOEXEC") && has_flag(call_.argument(3), "SOCK_CLOEXEC");
  returned(std::move(made), closes_on_exec);
}

void Descriptors::Replay::tell_local_address() {
  const SocketAddress address = address_argument(call_, 1);
  if (is_socket(address)) set_local(*file_, address);
}

void Descriptors::Replay::tell_peer_address() {
  const SocketAddress address = address_argument(call_, 1);
  if (is_socket(address)) set_peer(*file_, address);
}

// Whether fd_ is known to be a socket: what has an address is one.
bool Descriptors::Replay::is_socket(const SocketAddress& address) {
  if (file_) return true;
  if (fd_ < 0 || address.family == Family::kNone) return false;
  file_ = all_.make(address.family == Family::kUnix ? "unix" : "socket");
  table_->set(fd_, file_, false);
  return true;
}

// The address that sendto names, or recvfrom was given.
std::optional<SocketAddress> Descriptors::Replay::peer_of_datagram() {
  if (!has_flag(call_.args, "{sa_family=")) return std::nullopt;
  const std::string_view argument = call_.argument(4);
  if (!argument.starts_with('{')) return std::nullopt;
  SocketAddress address = formats::strace::parse_address(argument);
  if (address.family != Family::kInternet) return std::nullopt;
  name_peer(address);
  return address;
}

void Descriptors::Replay::send_to_peer() {
  const std::optional<SocketAddress> address = peer_of_datagram();
  // It connects and sends at once.
  if (address && file_ && file_->kind == "tcp" && has_flag(call_.args, "MSG_FASTOPEN") &&
      has_flag(call_.argument(3), "MSG_FASTOPEN")) {
    set_peer(*file_, *address);
  }
}

void Descriptors::Replay::name_peer_of_message() {
  constexpr std::string_view kName = "msg_name=";
  const std::size_t name = call_.args.find(kName);
  if (name == std::string_view::npos) return;
  const std::string_view rest = call_.args.substr(name + kName.size());
  if (!rest.starts_with("{sa_family=")) return;
  name_peer(formats::strace::parse_address(rest.substr(0, rest.find('}') + 1)));
}

void Descriptors::Replay::send_message() {
  name_peer_of_message();
  pass_descriptors();
}

void Descriptors::Replay::receive_message() {
  name_peer_of_message();
  receive_descriptors();
}

// SCM_RIGHTS: the message holds descriptions until it is received at the other end.
void Descriptors::Replay::pass_descriptors() {
  if (!file_ || file_->pair == nullptr) return;
  const FilePtr pair(*file_->pair);  // what -y says of the passed ones may end it
  constexpr std::size_t kMostPassed = 4096;
  for (const std::string_view item : passed_descriptors(call_.args)) {
    const std::optional<std::int64_t> sent = descriptor(item);
    if (!sent || pair->passed.size() >= kMostPassed) break;
    FilePtr passed = find(*sent, {formats::strace::annotation(item)});
    pair->passed.push_back(passed ? std::move(passed) : all_.make({}));
  }
}

void Descriptors::Replay::receive_descriptors() {
  for (const std::string_view item : passed_descriptors(call_.args)) {
    const std::optional<std::int64_t> fd = descriptor(item);
    if (!fd) continue;
    FilePtr received;
    if (file_ && !file_->passed.empty()) {
      received = std::move(file_->passed.front());
      file_->passed.erase(file_->passed.begin());
    } else {
      received = all_.make({}, "recvmsg");
    }
    all_.fill(*received, {formats::strace::annotation(item)});
    table_->set(*fd, std::move(received), has_flag(call_.args, "MSG_CMSG_CLOEXEC"));
  }
}

void Descriptors::Replay::duplicate() {
  returned(file_or_unknown(), false);
}

// dup2 and dup3. Of a descriptor on itself, dup2 does nothing.
void Descriptors::Replay::duplicate_to() {
  if (record_.fd2 && *record_.fd2 == record_.fd) return;
  returned(file_or_unknown(), has_flag(call_.argument(2), "O_CLOEXEC"));
}

void Descriptors::Replay::close_those_on_exec(bool is) {
  table_->set_closes_on_exec(fd_, is);
}

// fcntl; numbers are those of -X raw.
void Descriptors::Replay::control_descriptor() {
  const std::string_view command = call_.argument(1);
  if (is_either(command, "F_DUPFD", "0") || is_either(command, "F_DUPFD_CLOEXEC", "0x406")) {
    returned(file_or_unknown(), has_flag(command, "CLOEXEC"));
  } else if (is_either(command, "F_SETFD", "0x2")) {
    close_those_on_exec(has_flag(call_.argument(2), "FD_CLOEXEC"));
  }
}

// ioctl; numbers are those of -X raw.
void Descriptors::Replay::control_device() {
  const std::string_view command = call_.argument(1);
  if (is_either(command, "FIOCLEX", "0x5451")) close_those_on_exec(true);
  if (is_either(command, "FIONCLEX", "0x5450")) close_those_on_exec(false);
}

// The number is free whatever close() returns, unless it was not open. Of a call in two lines it is
// free from its first one on (Descriptors::begin()), and may have been given again.
void Descriptors::Replay::close_descriptor() {
  if (began_ == nullptr && call_.error != "EBADF") table_->close(fd_);
}

// close_range.
void Descriptors::Replay::close_descriptors() {
  std::int64_t first = 0;
  std::int64_t last = 0;
  std::size_t length = 0;
  if (!formats::strace::parse_number(call_.argument(0), first, length) ||
      !formats::strace::parse_number(call_.argument(1), last, length)) {
    return;
  }
  if (last < 0) last = INT64_MAX;
  const std::string_view flags = call_.argument(2);
  if (has_flag(flags, "CLOSE_RANGE_UNSHARE")) own_table();
  table_->close_range(first, last, has_flag(flags, "CLOSE_RANGE_CLOEXEC"));
}

void Descriptors::Replay::make_other() {
  returned(all_.make(row_->makes, row_->name), has_flag(call_.args, "_CLOEXEC"));
}

void Descriptors::Replay::close_on_exec() {
  if (call_.result != 0) return;
  own_table();
  table_->exec();
}

void Descriptors::Replay::unshare_table() {
  if (has_flag(call_.args, "CLONE_FILES")) own_table();
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

void Descriptors::count_bytes(const Call& call, const SyscallRow& row, Syscall& record) {
  if (call.result < 0) return;
  if (row.effect == Effect::kMessages) {
    record.bytes = bytes_of_messages(call.args, call.result);
  } else {
    if (row.direction == Direction::kIn && row.wait == Wait::kNet && has_flag(call.args, "MSG_")) {
      // Data that is only looked at is received again; that of the error queue was sent.
      const std::string_view flags = call.argument(row.effect == Effect::kReceiveMessage ? 2 : 3);
      if (has_flag(flags, "MSG_PEEK") || has_flag(flags, "MSG_ERRQUEUE")) return;
    }
    record.bytes = static_cast<std::uint64_t>(call.result);
  }
  if (record.bytes) record.direction = direction_name(row.direction);
}

void Descriptors::replay(const Call& call, const SyscallRow* row,
                         std::shared_ptr<DescriptorTable>& table, const FilePtr* began,
                         Syscall& record) {
  now_ = &record;
  Replay replay(*this, call, table, began, record);
  if (row == nullptr) {
    replay.unknown();
  } else {
    replay.known(*row);
  }
}

}  // namespace tracebraid::converters::strace
