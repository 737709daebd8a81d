"""What traced programs wrote down (noted.py), put together: each socket's life as its users saw it,
and how long bytes lay between being sent and being read.
"""
import collections
import glob
import json

# What a receiver of loopback takes at once, with room to spare: more waits at the sender.
WINDOW = 60_000


class Told:
    """A socket."""

    def __init__(self, number):
        self.id = number
        self.kind = self.by = self.name = self.local = self.peer = self.listener = self.made = None
        self.other = None  # the other end
        self.pids, self.fds = set(), set()
        self.calls = []
        self.is_traced = True

    def of(self, *what):
        return [call for call in self.calls if call["do"] in what]

    def done(self, what):
        return [call for call in self.of(what) if "error" not in call]

    def bytes(self, what):
        return sum(call["bytes"] for call in self.done(what))

    @property
    def role(self):
        if self.done("listen"):
            return "listener"
        if self.by == "accept4":
            return "accepted"
        if self.of("connect"):
            return "connecting"
        return "unconnected" if self.kind == "udp" else "bound" if self.local else "other"

    @property
    def errors(self):
        return collections.Counter(call["error"] for call in self.calls
                                   if call.get("error") and call.get("fd", 0) >= 0)

    @property
    def closes(self):
        return self.of("close")

    def __repr__(self):
        return f"{self.id} ({self.role} {self.name} {self.local}->{self.peer}, {self.made})"


def notes_of(folder):
    """All processes' notes, in order of time."""
    notes = []
    for path in glob.glob(f"{folder}/*.notes"):
        with open(path, encoding="ascii") as file:
            notes += map(json.loads, file)
    return sorted(notes, key=lambda each: each.get("after", 0))


def end(address):
    host, port = address
    return host.removeprefix("::ffff:"), port


def sockets_of(notes):
    untraced = {each["pid"] for each in notes if each["do"] == "untraced"}
    all_told = {}
    for each in notes:
        if "socket" not in each:
            continue
        told = all_told.setdefault(each["socket"], Told(each["socket"]))
        told.is_traced = each["pid"] not in untraced
        if each["do"] == "make":
            told.kind, told.by = each["kind"], each["by"]
            told.made = (each["before"], each["after"])
        elif each["do"] == "own":
            told.local = end(each["local"])
        elif each["do"] == "peer":
            told.peer = end(each["peer"])
            told.listener = each["listener"]
        elif each["do"] == "name":
            told.name = each["name"]
        else:
            told.calls.append(each)
            told.pids.add(each["pid"])
            if each["do"] == "connect":
                told.peer = end(each["peer"])
        if each.get("fd", -1) >= 0:
            told.fds.add(each["fd"])
            told.pids.add(each["pid"])
    for told in all_told.values():
        if told.listener:
            told.local = (None, all_told[told.listener].local[1])
    pair_up([told for told in all_told.values() if told.kind == "tcp" and told.role != "listener"])
    return all_told


def pair_up(talking):
    by_name, by_ends = {}, {}
    for told in talking:
        if told.name is not None:
            by_name.setdefault(told.name, []).append(told)
        if told.local and told.peer:
            by_ends.setdefault((told.local[1], told.peer[1]), []).append(told)
    for told in talking:
        others = [other for other in by_name.get(told.name, []) if other is not told]
        if told.name is None and told.local and told.peer:
            others = by_ends.get((told.peer[1], told.local[1]), [])
        if len(others) != 1:
            continue
        told.other = others[0]
        if not told.local:
            told.local = told.other.peer


def marks(calls):
    """Where in the stream each call's bytes end."""
    offset, ends = 0, []
    for call in calls:
        if call["bytes"]:
            offset += call["bytes"]
            ends.append((offset, call["before"], call["after"]))
    return ends


class Range:
    """Bytes that were sent by one call and received by one."""

    def __init__(self, sent, received, is_sent_at_once):
        _, self.send_entered, self.send_left = sent
        _, self.receive_entered, self.receive_left = received
        # When they arrived: they leave during the call when there is room for them.
        latest = self.send_left if is_sent_at_once else self.receive_left
        self.least = max(0, self.receive_entered - latest)
        self.most = self.receive_left - self.send_entered


def is_tight(sent, received):
    """Whether there was room at the receiver for all that one call sent."""
    taken = max((mark[0] for mark in received if mark[2] <= sent[1]), default=0)
    return sent[0] - taken <= WINDOW


def ranges(sender, receiver):
    sent, received = marks(sender.done("out")), marks(receiver.done("in"))
    found, at = [], 0
    for there in received:
        while at < len(sent):
            here = sent[at]
            found.append(Range(here, there, is_tight(here, received)))
            if here[0] > there[0]:
                break
            at += 1
            if here[0] == there[0]:
                break
    return found


def datagram_ranges(sockets):
    """Of datagrams between sockets whose addresses are both known: the n-th sent is the n-th
    received."""
    sent, received = {}, {}
    for told in sockets:
        if told.kind != "udp" or not told.local:
            continue
        connected = None
        for call in told.calls:
            peer = end(call["peer"]) if "peer" in call else connected
            if call["do"] == "connect":
                connected = peer
            if not peer or call["do"] not in ("in", "out") or "error" in call:
                continue
            if call["do"] == "out":
                sent.setdefault((told.local, peer), []).append(call)
            else:
                received.setdefault((peer, told.local), []).append((told, call))
    found = collections.defaultdict(list)
    for way, calls in received.items():
        for (told, there), here in zip(calls, sent.get(way, [])):
            found[told.id].append(Range((0, here["before"], here["after"]),
                                        (0, there["before"], there["after"]), True))
    return found


def longest_send(sender, receiver):
    """How long the bytes of a call can take to the wire at most; None: as long as they like."""
    sent, received = marks(sender.done("out")), marks(receiver.done("in"))
    if not sent or not all(is_tight(mark, received) for mark in sent):
        return None
    return max(mark[2] - mark[1] for mark in sent)
