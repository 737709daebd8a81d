"""Sockets that write down what is done with them: which call, when it was entered and had returned,
how many bytes, which error. What a traced program knows of itself, for comparing with what was
recorded of it.

Notes stay in memory until dump(), so that writing them down is no system call in between; so do the
ids of processes and threads.
"""
import ctypes
import errno
import faulthandler
import itertools
import json
import os
import signal
import socket
import sys
import threading
import time

now = time.time_ns
notes = []
_folder = None
_pid = os.getpid()
_tids = {}
_numbers = itertools.count()


def _forget():
    global _pid
    _pid = os.getpid()
    notes.clear()
    _tids.clear()


os.register_at_fork(after_in_child=_forget)


def pid():
    return _pid


def tid():
    ident = threading.get_ident()
    if ident not in _tids:
        _tids[ident] = threading.get_native_id()
    return _tids[ident]


def note(do, **what):
    notes.append({"do": do, "pid": _pid, "tid": tid(), **what})


def greenlet():
    """The running greenlet's C++ object, whose address bpftrace's log has (greenlet 2.0 and later):
    it comes behind the Python object's head, its list of weak references and its dictionary."""
    import greenlet as library
    current = library.getcurrent()
    return hex(ctypes.c_void_p.from_address(id(current) + 4 * ctypes.sizeof(ctypes.c_void_p)).value)


def use(folder):
    global _folder
    _folder = folder
    # Asked by the test when the program does not end.
    faulthandler.register(signal.SIGUSR2, chain=False)


def dump():
    with open(f"{_folder}/{_pid}.notes", "w", encoding="ascii") as file:
        file.write("".join(json.dumps(each) + "\n" for each in notes))


def fork(run, *arguments):
    """Runs a function in a child, with notes of its own."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        run(*arguments)
        dump()
        status = 0
    except BaseException:
        import traceback
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(status)


def join(*children):
    for child in children:
        _, status = os.waitpid(child, 0)
        if status:
            raise SystemExit(f"a child ended with {status}")


class Noted(socket.socket):
    """With an id: the socket of that id, whose descriptor has come from elsewhere."""

    def __init__(self, family=socket.AF_INET, type=socket.SOCK_STREAM, proto=0, fileno=None, *,
                 by="socket", before=0, id=None):
        before = before or now()
        super().__init__(family, type, proto, fileno)
        after = now()
        self.id = id or f"{_pid}.{next(_numbers)}"
        if not id:
            self._note("make", before, after, by=by,
                       kind="udp" if self.type == socket.SOCK_DGRAM else "tcp")

    def _note(self, do, before, after, **what):
        # -1 once it is closed: what follows is found by its id.
        notes.append({"do": do, "pid": _pid, "tid": tid(), "socket": self.id, "fd": self.fileno(),
                      "before": before, "after": after, **what})

    def _noting(self, do, method, *arguments, size=None, **what):
        before = now()
        try:
            result = method(*arguments)
        except OSError as error:
            what["error"] = errno.errorcode.get(error.errno, str(error))
            self._note(do, before, now(), **what)
            raise
        after = now()
        self._note(do, before, after, **what, **(size(result) if size else {}))
        return result

    def named(self, name):
        """The connection's name, the same at both its ends."""
        self._note("name", now(), now(), name=name)

    def own(self):
        """Asks for its own address, which the kernel chose."""
        self._note("own", now(), now(), local=list(self.getsockname()[:2]))

    def bind(self, address):
        self._noting("bind", super().bind, address)
        self.own()

    def listen(self, backlog=128):
        self._noting("listen", super().listen, backlog)

    def accept(self):
        before = now()
        try:
            fd, address = self._accept()
        except OSError as error:
            self._note("accept", before, now(), error=errno.errorcode[error.errno])
            raise
        after = now()
        self._note("accept", before, after)
        accepted = type(self)(self.family, self.type, self.proto, fileno=fd, by="accept4",
                              before=before)
        accepted._note("peer", before, after, peer=list(address[:2]), listener=self.id)
        accepted.at_once()
        if self.gettimeout():
            accepted.setblocking(True)
        return accepted, address

    def at_once(self):
        """What is sent leaves at once, so that the time of sending is known (no Nagle)."""
        if self.type == socket.SOCK_STREAM:
            self.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def connect(self, address):
        self._noting("connect", super().connect, address, peer=list(address[:2]))

    def connect_ex(self, address):
        before = now()
        error = super().connect_ex(address)
        self._note("connect", before, now(), peer=list(address[:2]),
                   **({"error": errno.errorcode[error]} if error else {}))
        return error

    def recv(self, size, flags=0):
        do = "peek" if flags & socket.MSG_PEEK else "in"
        return self._noting(do, super().recv, size, flags, size=lambda data: {"bytes": len(data)})

    def recv_into(self, buffer, size=0, flags=0):
        return self._noting("in", super().recv_into, buffer, size, flags,
                            size=lambda count: {"bytes": count})

    def send(self, data, flags=0):
        return self._noting("out", super().send, data, flags, size=lambda count: {"bytes": count})

    def sendall(self, data, flags=0):
        return self._noting("out", super().sendall, data, flags,
                            size=lambda _: {"bytes": len(data), "all": True})

    def sendmsg(self, buffers, *arguments):
        return self._noting("out", super().sendmsg, buffers, *arguments,
                            size=lambda count: {"bytes": count})

    def recvmsg(self, size, *arguments):
        return self._noting("in", super().recvmsg, size, *arguments,
                            size=lambda result: {"bytes": len(result[0])})

    def sendto(self, data, address):
        return self._noting("out", super().sendto, data, address, peer=list(address[:2]),
                            size=lambda count: {"bytes": count})

    def recvfrom(self, size):
        return self._noting("in", super().recvfrom, size,
                            size=lambda got: {"bytes": len(got[0]), "peer": list(got[1][:2])})

    def shutdown(self, how):
        self._noting("shutdown", super().shutdown, how, how=how)

    def getsockopt(self, level, option, *size):
        before = now()
        value = super().getsockopt(level, option, *size)
        if (level, option) == (socket.SOL_SOCKET, socket.SO_ERROR):
            self._note("asked", before, now(), value=value)
        return value

    def getpeername(self):
        try:
            return super().getpeername()
        except OSError as error:
            self._note("getpeername", now(), now(), error=errno.errorcode[error.errno])
            raise

    def _real_close(self):
        before, fd = now(), self.fileno()
        super()._real_close()
        if fd < 0:  # again
            return
        notes.append({"do": "close", "pid": _pid, "tid": tid(), "socket": self.id, "fd": fd,
                      "before": before, "after": now()})


def listener(host="127.0.0.1", port=0, *, backlog=128, reuse_port=False):
    made = Noted(socket.AF_INET6 if ":" in host else socket.AF_INET)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if reuse_port:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    made.bind((host, port))
    made.listen(backlog)
    return made


def port_of(bound):
    """As bind() has noted it."""
    return next(each["local"][1] for each in notes
                if each["do"] == "own" and each["socket"] == bound.id)


def connected(address, bind=None, timeout=None):
    made = Noted(socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
    if bind:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(bind)
    if timeout is not None:
        made.settimeout(timeout)
    made.at_once()
    made.connect(address)
    return made


def receive(connection, size):
    """Exactly so many bytes, or what there is until the end."""
    data = b""
    while len(data) < size:
        more = connection.recv(size - len(data))
        if not more:
            break
        data += more
    return data
