#include "converters/strace/descriptors.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace tracebraid::converters::strace {

using formats::strace::Family;
using formats::strace::Note;
using formats::strace::SocketAddress;

const DescriptorTable::Entry* DescriptorTable::find(std::int64_t fd) const {
  // Negative ones are larger than all.
  const std::uint64_t number = static_cast<std::uint64_t>(fd) / kInGroup;
  if (number != last_number_ && !look_at_group(number)) {
    const auto found = high_.find(fd);
    return found == high_.end() ? nullptr : &found->second;
  }
  const Page* const page =
      last_group_->pages[static_cast<std::size_t>(fd) % kInGroup / kInPage].get();
  return page == nullptr ? nullptr : &page->entries[static_cast<std::size_t>(fd) % kInPage];
}

// Whether there is one. Not in line, since most are of the group before.
[[gnu::noinline]] bool DescriptorTable::look_at_group(std::uint64_t number) const {
  if (number >= groups_.size() || !groups_[number]) return false;
  last_group_ = groups_[number].get();
  last_number_ = number;
  return true;
}

const DescriptorTable::Page* DescriptorTable::page_of(std::int64_t fd) const {
  const std::uint64_t number = static_cast<std::uint64_t>(fd) / kInGroup;
  if (number != last_number_ && !look_at_group(number)) return nullptr;
  return last_group_->pages[static_cast<std::size_t>(fd) % kInGroup / kInPage].get();
}

[[gnu::noinline]] Shared<DescriptorTable::Page>& DescriptorTable::place_of_page(std::int64_t fd) {
  const std::uint64_t number = static_cast<std::uint64_t>(fd) / kInGroup;
  if (number >= groups_.size()) groups_.resize(number + 1);
  Group& group = groups_[number].own();
  last_group_ = &group;
  last_number_ = number;
  return group.pages[static_cast<std::size_t>(fd) % kInGroup / kInPage];
}

[[gnu::noinline]] DescriptorTable::Page& DescriptorTable::own_page(std::int64_t fd) {
  return place_of_page(fd).own();
}

// Null where it is not this table's alone, or not yet.
inline DescriptorTable::Entry* DescriptorTable::own_entry(std::int64_t fd) {
  const auto at = static_cast<std::size_t>(fd);
  if (at / kInGroup != last_number_ || last_group_->shares > 1) return nullptr;
  const Page* const page = last_group_->pages[at % kInGroup / kInPage].get();
  if (page == nullptr || page->shares > 1) return nullptr;
  return &const_cast<Page*>(page)->entries[at % kInPage];
}

// Null for one that is too high.
[[gnu::noinline]] DescriptorTable::Entry* DescriptorTable::made_entry(std::int64_t fd) {
  if (fd < kHigh) return &own_page(fd).entries[static_cast<std::size_t>(fd) % kInPage];
  if (high_.size() >= kMostHigh && !high_.contains(fd)) return nullptr;
  return &high_[fd];
}

void DescriptorTable::set(std::int64_t fd, FilePtr file, bool closes_on_exec) {
  if (fd < 0) return;
  if (file && file->fd < 0) file->fd = fd;
  Entry* entry = own_entry(fd);
  if (entry == nullptr) entry = made_entry(fd);
  if (entry == nullptr) {
    if (file) ++file->home->left_out_;
    return;
  }
  *entry = {std::move(file), false, closes_on_exec};
}

void DescriptorTable::set_closes_on_exec(std::int64_t fd, bool closes) {
  if (fd < 0 || find(fd) == nullptr) return;
  if (Entry* const entry = made_entry(fd)) entry->closes_on_exec = closes;
}

void DescriptorTable::close(std::int64_t fd) {
  if (fd < 0) return;
  Entry* entry = own_entry(fd);
  if (entry == nullptr) {
    if (fd >= kHigh) {
      high_.erase(fd);
      return;
    }
    entry = made_entry(fd);
  }
  *entry = {.file = {}, .is_closed = true};
}

void DescriptorTable::close_range(std::int64_t first, std::int64_t last, bool on_exec_only) {
  const auto apply = [&](Entry& entry) {
    if (on_exec_only) {
      entry.closes_on_exec = true;
    } else {
      entry = {.file = {}, .is_closed = true};
    }
  };
  // Who closes all that may be open (3 to ~0U) closes a lot that never was: pages that are alike.
  Shared<Page> whole;
  const std::int64_t end = std::min(last, end_of_groups() - 1) + 1;
  for (std::int64_t fd = std::max<std::int64_t>(first, 0); fd < end;) {
    const std::int64_t until = std::min(fd - fd % kInPage + kInPage, end);
    const bool is_whole = until - fd == kInPage;
    if (is_whole && (!on_exec_only || page_of(fd) == nullptr)) {
      if (!whole) std::ranges::for_each(whole.own().entries, apply);
      place_of_page(fd) = whole;
    } else {
      Page& page = own_page(fd);
      for (std::int64_t at = fd; at < until; ++at) {
        apply(page.entries[static_cast<std::size_t>(at % kInPage)]);
      }
    }
    fd = until;
  }
  for (auto& [fd, entry] : high_) {
    if (fd >= first && fd <= last) apply(entry);
  }
}

void DescriptorTable::exec() {
  const auto closes = [](const Entry& entry) { return entry.closes_on_exec; };
  std::int64_t all_from = -1;  // whole pages
  for (std::int64_t fd = 0; fd < end_of_groups(); fd += kInPage) {
    const Page* const page = page_of(fd);
    if (page != nullptr && std::ranges::all_of(page->entries, closes)) {
      if (all_from < 0) all_from = fd;
      continue;
    }
    if (all_from >= 0) close_range(std::exchange(all_from, -1), fd - 1, false);
    if (page == nullptr || std::ranges::none_of(page->entries, closes)) continue;
    for (Entry& entry : own_page(fd).entries) {
      if (entry.closes_on_exec) entry = {.file = {}, .is_closed = true};
    }
  }
  if (all_from >= 0) close_range(all_from, end_of_groups() - 1, false);
  std::erase_if(high_, [](const auto& item) { return item.second.closes_on_exec; });
}

void DescriptorTable::add(const DescriptorTable& other) {
  if (other.groups_.size() > groups_.size()) groups_.resize(other.groups_.size());
  for (std::size_t at = 0; at < other.groups_.size(); ++at) {
    const Shared<Group>& from = other.groups_[at];
    if (!from || groups_[at] == from) continue;
    if (!groups_[at]) {
      groups_[at] = from;
      continue;
    }
    Group& group = groups_[at].own();
    for (std::size_t page = 0; page < group.pages.size(); ++page) {
      add_page(group.pages[page], from->pages[page]);
    }
  }
  last_number_ = kNone;
  for (const auto& [fd, entry] : other.high_) {
    if (high_.size() < kMostHigh) high_.try_emplace(fd, entry);
  }
}

void DescriptorTable::add_page(Shared<Page>& page, const Shared<Page>& other) {
  if (!other || page == other) return;
  if (!page) {
    page = other;
    return;
  }
  Page& own = page.own();
  for (std::size_t at = 0; at < own.entries.size(); ++at) {
    Entry& entry = own.entries[at];
    if (!entry.file && !entry.is_closed) entry = other->entries[at];
  }
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
  const DescriptorTable::Entry* const entry = table.find(fd);
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
