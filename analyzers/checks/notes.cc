#include "analyzers/checks/notes.h"

#include "analyzers/checks/detector.h"
#include "analyzers/checks/scene.h"
#include "formats/io/error.h"
#include "formats/record/syscall.h"

namespace tracebraid::analyzers::checks {

void DescriptorNote::set(const formats::record::Syscall& call, const SocketLife* socket) {
  if (socket != nullptr) {
    kind.assign(socket->kind);
    path.assign(socket->path);
    local = socket->local;
    peer = socket->peer;
    is_listener = socket->is_listener;
    return;
  }
  kind.assign(call.kind);
  path.assign(call.path);
  local = {};
  peer = {};
  is_listener = false;
}

std::string DescriptorNote::shown() const {
  if (local.port || peer.port || is_listener || kind == "unix") {
    return shown_socket(kind, path, local, peer, is_listener);
  }
  std::string text = kind.empty() ? std::string("descriptor") : kind;
  constexpr std::size_t kShown = 60;
  if (!path.empty()) text += " " + formats::io::quoted(path, kShown);
  return text;
}

void CallNote::set(const CallEvent& event) {
  call_.set(event.call);
  has_socket_ = event.socket != nullptr;
  if (has_socket_) what_.set(event.call, event.socket);
  ts_ = event.begin;
  fd_ = event.call.fd;
  lane_ = event.thread.lane;
  pid_ = event.thread.pid;
  tid_ = event.thread.tid;
  file_.reset();
  uid_.clear();
  greenlet_.assign(event.thread.greenlet);
  if (!has_socket_) return;
  file_ = event.socket->file;
  if (event.socket->wire) uid_.assign(event.socket->wire->uid);
}

Finding CallNote::finding(const Scene& scene, bool with_call) const {
  Finding finding;
  finding.ts = finding.last_ts = ts_;
  if (pid_ != 0) finding.pid = pid_;
  if (tid_ != 0) finding.tid = tid_;
  finding.fd = fd_;
  finding.file = file_;
  if (has_socket_) finding.socket = what_.shown();
  finding.uid = uid_;
  finding.greenlet = greenlet_;
  if (with_call) finding.evidence.push_back(scene.evidence(call_));
  return finding;
}

}  // namespace tracebraid::analyzers::checks
