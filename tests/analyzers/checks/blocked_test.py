"""Threads that wait for what does not come, and those that wait for work."""
import json
import sys

sys.path.append(f"{sys.path[0]}/../../support")
import harness
from harness import check, equal

START = 1795418241
SERVER = '{sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("127.0.0.1")}'
CLIENT = '{sa_family=AF_INET, sin_port=htons(40000), sin_addr=inet_addr("127.0.0.1")}'
SOCKET = "socket(AF_INET, SOCK_STREAM, IPPROTO_IP) = 4"
CONNECT = f"connect(4, {SERVER}, 16) = 0"
ASK = 'sendto(4, "GET", 3, 0, NULL, 0) = 3'
AGAIN = "-1 EAGAIN (Resource temporarily unavailable)"
THREAD = "flags=CLONE_VM|CLONE_THREAD|CLONE_SIGHAND|CLONE_FILES"
HEAP = "0x55c1000000"


def found(*lines):
    """Of lines (second, thread, text)."""
    with open("log", "w") as file:
        file.write("".join(f"{tid} {START + at:.6f} {text}\n" for at, tid, text in lines))
    return checked()


def bare(*lines):
    with open("log", "w") as file:
        file.write("".join(f"{line}\n" for line in lines))
    return checked()


def checked():
    done = harness.run("tracebraid", "check", "-f", "jsonl", "--only", "blocked", "log", status={0, 1})
    return [json.loads(line) for line in done.out.splitlines()]


def severities(findings):
    return [one["severity"] for one in findings]


def request(waits, *end):
    return found((0, 7, SOCKET), (0.1, 7, CONNECT), (0.2, 7, ASK), (0.3, 7, "recvfrom(4,  <unfinished ...>"),
                 *[(0.3 + waits, tid, text) for tid, text in end])


def test_request_without_an_answer():
    equal(severities(request(2.1, (8, "getpid() = 8"))), ["warning"], "to the end")
    check("127.0.0.1:80" in request(2.1, (8, "getpid() = 8"))[0]["summary"], "the peer is named")
    equal(request(1.9, (8, "getpid() = 8")), [], "it has just asked")
    equal(request(3, (7, '<... recvfrom resumed>"x", 9, 0, NULL, NULL) = 1')), [], "answered")
    cut = "<... recvfrom resumed>0x1, 9, 0, NULL, NULL) = ? ERESTARTSYS (To be restarted if SA_RESTART is set)"
    equal(severities(request(3, (7, cut))), ["warning"], "until a signal")
    equal(severities(bare(SOCKET, CONNECT, ASK, "recvfrom(4, ")), ["note"], "without times nobody knows how long")
    equal(bare(SOCKET, CONNECT, ASK, 'recvfrom(4, "x", 9, 0, NULL, NULL) = 1', "recvfrom(4, "), [], "answered before")
    equal(severities(bare("recvfrom(12, ")), ["warning"], "all that the log has")
    equal(bare("getpid() = 7", "recvfrom(12, "), [], "not all")
    client = "recvfrom(5<TCP:[10.0.0.1:41000->10.0.0.9:5432]>, "
    equal(severities(bare(client)), ["warning"], "all that the log has, of a client by its ports")
    for waits, count in ((2.1, 1), (1.9, 0)):
        equal(len(found((0, 7, f"{client} <unfinished ...>"), (waits, 7, "+++ exited with 1 +++"))), count, "its only call")
    equal(bare(client.replace("41000", "80").replace("5432", "41000")), [], "a server waits for requests")
    equal(bare("getpid() = 7", client), [], "it has not asked")
    equal(severities(bare("flock(3</srv/x>, LOCK_EX")), ["warning"], "of a lock")
    for idle in ("accept4(3, ", "epoll_wait(5, ", "poll([{fd=3, events=POLLIN}], 1, -1", "read(0, ", "wait4(-1, "):
        equal(bare(idle), [], f"{idle} waits for work")


def served(took, accept_took="0.000010", pause=0.001):
    return found((0, 7, "socket(AF_INET, SOCK_STREAM, IPPROTO_IP) = 3"), (0.01, 7, f"bind(3, {SERVER}, 16) = 0"),
                 (0.02, 7, "listen(3, 5) = 0"), (0.1, 7, f"accept4(3, {CLIENT}, [16], 0) = 4 <0.05>"),
                 (0.2, 7, f'recvfrom(4, "x", 9, 0, NULL, NULL) = 1 <{took:.6f}>'),
                 (0.2 + took + pause, 7, f"accept4(3, {CLIENT.replace('40000', '40001')}, [16], 0) = 5 <{accept_took}>"))


def test_one_silent_client():
    equal(severities(served(2)), ["warning"], "the next one was there")
    equal(served(0.9), [], "not for long")
    equal(served(2, "0.500000"), [], "nobody was there")
    equal(served(2, pause=1), [], "it may have come meanwhile")


def test_locks_of_files():
    def log(call, waits, unlock, other=True):
        lines = [(0, 7, 'openat(AT_FDCWD, "/srv/lock", O_WRONLY) = 3'),
                 (0, 8, 'openat(AT_FDCWD, "/srv/lock", O_WRONLY) = 3')]
        lines += [(0.1, 7, f"{call} = 0")] if other else []
        lines += [(0.2, 8, f"{call[:-1]} <unfinished ...>"), (0.2 + waits, 7, f"{unlock} = 0"),
                  (0.2001 + waits, 8, f"<... {call.split('(')[0]} resumed>) = 0")]
        return found(*lines)

    flock = ("flock(3, LOCK_EX)", "flock(3, LOCK_UN)")
    posix = ("fcntl(3, F_SETLKW, {l_type=F_WRLCK, l_whence=SEEK_SET, l_start=0, l_len=0})",
             "fcntl(3, F_SETLK, {l_type=F_UNLCK, l_whence=SEEK_SET, l_start=0, l_len=0})")
    for call, unlock in (flock, posix):
        one = log(call, 1.1, unlock)
        equal(severities(one), ["warning"], call)
        check("/srv/lock" in one[0]["summary"] and "thread 7" in one[0]["summary"], one[0]["summary"])
        equal(log(call, 0.9, unlock), [], f"{call} for 0.9 s")
    check("not in the log" in log(*flock[:1], 1.1, flock[1], other=False)[0]["detail"], "nobody is blamed")
    equal(bare("fcntl(3, F_GETFL) = 0x2 (flags O_RDWR)"), [], "no lock")


def futexes(one, other, waits=1.5, main="clock_nanosleep(CLOCK_REALTIME, 0, {tv_sec=9, tv_nsec=0},  <unfinished ...>"):
    return found((0, 7, f"clone(child_stack=0x1, {THREAD}) = 8"), (0.1, 7, f"clone(child_stack=0x1, {THREAD}) = 9"),
                 (0.2, 7, main), (0.3, 8, f"futex({one} <unfinished ...>"), (0.31, 9, f"futex({other} <unfinished ...>"),
                 (0.31 + waits, 7, "+++ exited with 1 +++"))


def wait_on(address, value=0, timeout="NULL", op="FUTEX_WAIT_BITSET_PRIVATE|FUTEX_CLOCK_REALTIME"):
    return f"{address}, {op}, {value}, {timeout}, FUTEX_BITSET_MATCH_ANY"


def test_deadlock_of_threads():
    equal(severities(futexes(wait_on(HEAP + "10"), wait_on(HEAP + "80"))), ["error"], "semaphores")
    mutexes = [f"0x7f39000000{n}0, FUTEX_WAIT_PRIVATE, 2, NULL" for n in (1, 2)]
    equal(severities(futexes(*mutexes)), ["error"], "mutexes")
    equal(futexes(*mutexes, waits=0.9), [], "for 0.9 s")
    equal(futexes(wait_on(HEAP + "10"), wait_on(HEAP + "10")), [], "workers of one queue")
    equal(futexes(wait_on("0x7f3900000b70"), wait_on("0x7f3800000b70")), [], "workers, each with a place of its own")
    timed = "{tv_sec=1, tv_nsec=0}"
    equal(futexes(wait_on(HEAP + "10", timeout=timed), wait_on(HEAP + "80", timeout=timed)), [], "with time-outs")
    for main in ("accept4(3,  <unfinished ...>", "epoll_wait(5,  <unfinished ...>"):
        equal(futexes(wait_on(HEAP + "10"), wait_on(HEAP + "80"), main=main), [], f"main serves: {main}")


def test_child_with_a_copied_lock():
    def log(has_threads, waits):
        lines = [(0, 7, f"clone(child_stack=0x1, {THREAD}) = 8")] if has_threads else []
        return found(*lines, (0.1, 7, "clone(child_stack=NULL, flags=SIGCHLD) = 9"), (0.2, 7, "wait4(9,  <unfinished ...>"),
                     (0.3, 9, f"futex({wait_on(HEAP + '10')} <unfinished ...>"), (0.3 + waits, 10, "getpid() = 10"))

    equal(severities(log(True, 1.1)), ["error"], "of a process with threads")
    equal(log(True, 0.9), [], "for 0.9 s")
    equal(log(False, 1.1), [], "of one without")


def test_pipe_that_nobody_reads():
    def log(waits, makes=True, parent="wait4(9,  <unfinished ...>"):
        lines = [(0, 7, "pipe2([3, 4], O_CLOEXEC) = 0")] if makes else []
        lines += [(0.1, 7, "clone(child_stack=NULL, flags=SIGCHLD) = 9"), (0.2, 9, "dup2(4, 1) = 1"),
                  (0.21, 7, parent), (0.3, 9, 'write(1<pipe:[55]>, "x", 1 <unfinished ...>')]
        return severities(found(*lines, (0.3 + waits, 10, "getpid() = 10")))

    equal(log(1.1), ["error"], "its parent waits for it")
    equal(log(0.9), [], "for 0.9 s")
    equal(log(1.1, makes=False), ["warning"], "whose pipe it is, is not known")
    equal(log(1.1, parent="epoll_wait(5,  <unfinished ...>"), ["warning"], "its parent is elsewhere")


def test_both_ends_want_to_read():
    def log(waits, sends=False, reads=True):
        lines = [(0, "socket(AF_INET, SOCK_STREAM, IPPROTO_IP) = 3"), (0.01, f"bind(3, {SERVER}, 16) = 0"),
                 (0.02, "listen(3, 5) = 0"), (0.03, SOCKET), (0.04, CONNECT),
                 (0.05, f"accept4(3, {CLIENT}, [16], 0) = 5"), (0.06, ASK), (0.07, f"recvfrom(4, 0x1, 9, 0, NULL, NULL) = {AGAIN}"),
                 (0.08, 'recvfrom(5, "GET", 9, 0, NULL, NULL) = 3')]
        if reads:
            lines.append((0.09, f"recvfrom(5, 0x1, 9, 0, NULL, NULL) = {AGAIN}"))
        if sends:
            lines.append((0.09 + waits / 2, 'sendto(5, "ok", 2, 0, NULL, 0) = 2'))
        lines += [(0.09 + waits, "close(4) = 0"), (0.091 + waits, "close(5) = 0")]
        return severities(found(*[(at, 7, text) for at, text in lines]))

    equal(log(1.1), ["error"], "nobody sends")
    equal(log(0.9), [], "for 0.9 s")
    equal(log(3, sends=True), [], "the server has answered")
    equal(log(3, reads=False), [], "the server works")


harness.each_test(globals())
harness.finish(40)
