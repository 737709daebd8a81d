"""Calls that end a service are told by name, and what programs do without is not."""
import json
import sys

sys.path.append(f"{sys.path[0]}/../../support")
import harness
from harness import check, equal

INET = '{{sa_family=AF_INET, sin_port=htons({}), sin_addr=inet_addr("{}")}}, 16'
IN_USE = "-1 EADDRINUSE (Address already in use)"
DENIED = "-1 EACCES (Permission denied)"


def bind(port, result, host="0.0.0.0", fd=3):
    return f"bind({fd}, {INET.format(port, host)}) = {result}"


def found(*lines):
    with open("log", "w") as file:
        file.write("".join(f"{line}\n" for line in lines))
    done = harness.run("tracebraid", "check", "-f", "jsonl", "--only", "call_failed", "log", status={0, 1})
    return [json.loads(line) for line in done.out.splitlines()]


# Lines, severity, what the finding must name.
FAULTS = [
    ([bind(80, IN_USE)], "error", ["0.0.0.0:80", "EADDRINUSE"]),
    ([bind(80, IN_USE)] * 3, "error", ["0.0.0.0:80", "3 times"]),
    ([bind(80, DENIED)], "error", ["0.0.0.0:80", "EACCES"]),
    ([bind(80, "-1 EADDRNOTAVAIL (Cannot assign requested address)", "192.0.2.7")], "error",
     ["192.0.2.7:80", "no such address"]),
    ([f'bind(3, {{sa_family=AF_UNIX, sun_path="/run/a.sock"}}, 110) = {IN_USE}'], "error", ["/run/a.sock"]),
    # It gets the address, or the next one.
    ([bind(80, IN_USE), bind(80, "0")], "note", ["0.0.0.0:80"]),
    ([bind(80, IN_USE)] * 3 + [bind(80, "0")], "warning", ["3 times"]),
    ([bind(8000, IN_USE), bind(8001, "0", fd=4)], "note", ["0.0.0.0:8000"]),
    ([bind(8000, IN_USE), bind(9100, "0", fd=4)], "error", ["0.0.0.0:8000"]),
    (['write(4</srv/a.log>, "x", 1) = -1 ENOSPC (No space left on device)'] * 2, "error", ["/srv/a.log", "2 times"]),
    (['write(4, "x", 1) = -1 EDQUOT (Disk quota exceeded)'], "error", ["descriptor 4", "quota"]),
    (['openat(AT_FDCWD, "/srv/new", O_WRONLY|O_CREAT, 0666) = -1 ENOSPC (No space left on device)'], "error",
     ["/srv/new"]),
    (['fallocate(4</srv/db>, 0, 0, 1000) = -1 EFBIG (File too large)'], "error", ["/srv/db"]),
    (['mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = -1 ENOMEM (Cannot allocate memory)'],
     "error", ["8,192 bytes"]),
    (['clone(child_stack=NULL, flags=SIGCHLD) = -1 ENOMEM (Cannot allocate memory)'], "error", ["clone", "ENOMEM"]),
    (['clone3({flags=CLONE_VM|CLONE_THREAD}, 88) = -1 EAGAIN (Resource temporarily unavailable)'] * 4, "error",
     ["4 times", "threads"]),
    (['fork() = -1 EAGAIN (Resource temporarily unavailable)'], "error", ["processes"]),
    (['inotify_add_watch(5, "/srv", IN_MODIFY) = -1 ENOSPC (No space left on device)'], "warning", ["watches"]),
    (['inotify_init1(IN_CLOEXEC) = -1 EMFILE (Too many open files)'], "warning", ["instances"]),
    (['read(5</srv/db>, 0x1, 4096) = -1 EIO (Input/output error)'], "error", ["/srv/db"]),
    ([f'openat(AT_FDCWD, "/srv/a.log", O_WRONLY|O_CREAT|O_APPEND, 0666) = {DENIED}',
      'write(2, "PermissionError: [Errno 13] Permi"..., 60) = 60'], "warning", ["/srv/a.log", "says so"]),
    ([f'openat(AT_FDCWD, "/srv/a.log", O_WRONLY|O_CREAT|O_APPEND, 0666) = {DENIED}', 'exit_group(1) = ?'], "error",
     ["/srv/a.log", "not 0"]),
    (['mkdir("/srv/run", 0777) = -1 EROFS (Read-only file system)', 'exit_group(3) = ?'], "error", ["/srv/run"]),
]

SILENT = [
    [bind(80, "0")],
    ['write(4</srv/a.log>, "x", 1) = 1'],
    # A reservation, and a large page.
    ['mmap(NULL, 9, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_NORESERVE, -1, 0) = -1 ENOMEM (Cannot allocate memory)'],
    ['mmap(NULL, 9, PROT_READ, MAP_ANONYMOUS|MAP_HUGETLB, -1, 0) = -1 ENOMEM (Cannot allocate memory)'],
    ['clone3({flags=CLONE_VM}, 88) = -1 ENOSYS (Function not implemented)'],
    ['recvfrom(3, 0x1, 10, 0, NULL, NULL) = -1 EAGAIN (Resource temporarily unavailable)'],
    # Nobody minds.
    [f'openat(AT_FDCWD, "/srv/a.log", O_WRONLY) = {DENIED}', 'write(1, "ready", 5) = 5', 'exit_group(0) = ?'],
    ['openat(AT_FDCWD, "/srv/__pycache__/a.pyc.1", O_WRONLY|O_CREAT) = -1 EROFS (Read-only file system)',
     'exit_group(1) = ?'],
    [f'openat(AT_FDCWD, "/srv/a.log", O_WRONLY) = {DENIED}'] + ['getpid() = 7'] * 300 + ['exit_group(1) = ?'],
    ['read(0</dev/pts/0<char 136:0>>, 0x1, 4096) = 0'],
]


def test_faults():
    for lines, severity, words in FAULTS:
        findings = found(*lines)
        equal(len(findings), 1, lines[0])
        equal(findings[0]["severity"], severity, f"the severity of {lines}")
        for word in words:
            check(word in findings[0]["summary"] + (findings[0]["detail"] or ""), f"{word} in {findings[0]['summary']}")


def test_healthy():
    for lines in SILENT:
        equal(found(*lines), [], lines[0])


def test_its_own_socket_is_named():
    findings = found(bind(80, "0"), bind(80, IN_USE, fd=4))
    check("had been bound" in findings[0]["detail"], findings[0]["detail"])
    check("log:1:" in findings[0]["evidence"], findings[0]["evidence"])
    # A listener of both families has it.
    both = 'bind(3, {sa_family=AF_INET6, sin6_port=htons(80), sin6_flowinfo=htonl(0), ' \
           'inet_pton(AF_INET6, "::", &sin6_addr), sin6_scope_id=0}, 28) = 0'
    equal(found(both, bind(80, IN_USE, fd=4))[0]["severity"], "note", "it serves both families")


harness.each_test(globals())
harness.finish(40)
