#include "converters/strace/descriptors.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace tracebraid::converters::strace {

using formats::strace::Family;
using formats::strace::Note;
using formats::strace::SocketAddress;

DescriptorTable::Entry* DescriptorTable::find(std::int64_t fd) {
  if (fd < 0) return nullptr;
  if (fd < kDense) {
    return static_cast<std::size_t>(fd) < dense_.size() ? &dense_[static_cast<std::size_t>(fd)]
                                                        : nullptr;
  }
  const auto found = sparse_.find(fd);
  return found == sparse_.end() ? nullptr : &found->second;
}

DescriptorTable::Entry& DescriptorTable::dense_entry(std::int64_t fd) {
  const auto at = static_cast<std::size_t>(fd);
  if (at >= dense_.size()) dense_.resize(at + 1);
  return dense_[at];
}

void DescriptorTable::set(std::int64_t fd, FilePtr file, bool closes_on_exec) {
  if (fd < 0) return;
  if (file && file->fd < 0) file->fd = fd;
  Entry& entry = fd < kDense ? dense_entry(fd) : sparse_[fd];
  entry = {std::move(file), false, closes_on_exec};
}

void DescriptorTable::close(std::int64_t fd) {
  if (fd < 0) return;
  if (fd >= kDense) {
    sparse_.erase(fd);
    return;
  }
  dense_entry(fd) = {.file = {}, .is_closed = true};
}

void DescriptorTable::close_range(std::int64_t first, std::int64_t last, bool on_exec_only) {
  const auto apply = [&](Entry& entry) {
    if (on_exec_only) {
      entry.closes_on_exec = true;
    } else {
      entry = {.file = {}, .is_closed = true};
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
    if (entry.closes_on_exec) entry = {.file = {}, .is_closed = true};
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

}  // namespace tracebraid::converters::strace
