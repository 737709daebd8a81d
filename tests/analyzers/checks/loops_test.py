"""Loops that get nowhere, in made-up logs of the forms that strace prints them in; and their healthy twins."""
import json
import sys

sys.path.append(f"{sys.path[0]}/../../support")
import harness
from harness import check, equal

START = 1796047070
LOUD = ("warning", "error")


def log_of(calls, pid=True, times=True, took=True, step=0.0001):
    """Lines of (call, duration in s) or calls; what is left out is left out as strace does without -f, -ttt, -T."""
    lines, at = [], 0.0
    for each in calls:
        text, seconds = each if isinstance(each, tuple) and isinstance(each[1], float) else (each, 0.00001)
        owner = 7
        if isinstance(text, tuple):
            owner, text = text
        lines.append((f"{owner} " if pid else "") + (f"{START + at:.6f} " if times else "") + text +
                     (f" <{seconds:.6f}>" if took and " = ?" not in text and not text.startswith("---") else "") + "\n")
        at += seconds + step
    return "".join(lines)


def findings(text, *more):
    with open("log", "w") as file:
        file.write(text)
    done = harness.run("tracebraid", "check", "-f", "jsonl", *more, "log", status={0, 1})
    return [json.loads(line) for line in done.out.splitlines()]


def loud(found):
    return [(one["id"], one["severity"]) for one in found if one["severity"] in LOUD]


FORMS = [{}, {"took": False}, {"times": False}, {"times": False, "took": False}, {"pid": False},
         {"pid": False, "times": False, "took": False}]


def found_in_all_forms(what, turn, turns, check_id, severity, words, before=(), forms=FORMS):
    for form in forms:
        found = findings(log_of([*before, *turn * turns], **form))
        told = [one for one in found if one["severity"] in LOUD]
        equal([(one["id"], one["severity"]) for one in told], [(check_id, severity)],
              f"{what}, {turns} turns, {form}")
        for one in told:
            text = one["summary"] + (one["detail"] or "")
            check(all(word in text for word in words), f"{what}, {form}: {text}")


def silent_in_all_forms(what, calls, forms=FORMS):
    for form in forms:
        found = findings(log_of(calls, **form))
        equal(loud(found), [], f"{what}, {form}")


EPIPE = "-1 EPIPE (Broken pipe)"
AGAIN = "-1 EAGAIN (Resource temporarily unavailable)"
EBADF = "-1 EBADF (Bad file descriptor)"
ADD = "epoll_ctl(5, EPOLL_CTL_ADD, {0}, {{events=EPOLLIN, data={{u32={0}, u64={0}}}}}) = 0"
READY = "epoll_wait(5, [{{events={1}, data={{u32={0}, u64={0}}}}}], 1023, 1000) = 1"


def ready(fd, events="EPOLLIN"):
    return READY.format(fd, events)


def test_ready_but_eagain():
    turn = [ready(3, "EPOLLOUT"), f"recvfrom(3, 0x7f3f3e326600, 100, 0, NULL, NULL) = {AGAIN}"]
    before = [ADD.format(3)]
    for turns, severity in ((3, "error"), (500, "error")):
        found_in_all_forms("ready, then EAGAIN", turn, turns, "spin", severity,
                           ["descriptor 3", "recvfrom(3)", "EAGAIN", "room to send"], before)
    poll = ["poll([{fd=4, events=POLLIN}], 1, 5000) = 1 ([{fd=4, revents=POLLIN}])", f'read(4, 0x7f00, 100) = {AGAIN}']
    found_in_all_forms("poll and EAGAIN", poll, 60, "spin", "error", ["descriptor 4", "read(4)", "EAGAIN"])
    # A byte now and then, or a real wait, is no spin.
    served = [ready(3), 'recvfrom(3, "x", 100, 0, NULL, NULL) = 1', f"recvfrom(3, 0x7f, 100, 0, NULL, NULL) = {AGAIN}"]
    silent_in_all_forms("bytes, then EAGAIN", before + served * 300)
    waited = [(ready(3), 0.005), f"recvfrom(3, 0x7f, 100, 0, NULL, NULL) = {AGAIN}"]
    silent_in_all_forms("a wait, then EAGAIN", before + waited * 300, [{}, {"took": False}, {"pid": False}])


def test_end_of_file():
    select = ["pselect6(5, [4], NULL, NULL, {tv_sec=0, tv_nsec=500000000}, NULL) = "
              "1 (in [4], left {tv_sec=0, tv_nsec=49999%04d})", 'recvfrom(4, "", 4096, 0, NULL, NULL) = 0']
    calls = []
    for number in range(400):
        calls += [select[0] % number, select[1]]
    for form in FORMS:
        equal(loud(findings(log_of(calls, **form))), [("spin", "error")], f"end, {form}")
    found_in_all_forms("end", ['recvfrom(4, "", 4096, 0, NULL, NULL) = 0'], 3, "spin", "error",
                       ["recvfrom(4)", "0 bytes", "3 times"])
    found_in_all_forms("end of a pipe", ['read(0<pipe:[77]>, "", 1024) = 0'], 20, "spin", "error", ["read(0)"])
    other = [f'newfstatat(AT_FDCWD, "/srv/{number}", {{st_mode=S_IFREG}}, 0) = 0' for number in range(200)]
    for turns, count in ((19, 0), (20, 1)):
        found = findings(log_of(other + ['recvfrom(4, "", 4096, 0, NULL, NULL) = 0'] * turns))
        equal(len(found), count, f"{turns} ends beside 200 other calls")
    silent_in_all_forms("an end, then a close", [*(['recvfrom(4, "", 4096, 0, NULL, NULL) = 0', "close(4) = 0",
                                                    'accept4(3, NULL, NULL, SOCK_CLOEXEC) = 4'] * 100)])
    silent_in_all_forms("empty files", ['openat(AT_FDCWD, "/srv/a", O_RDONLY) = 4', 'read(4, "", 4096) = 0',
                                        "close(4) = 0"] * 100)
    udp = 'recvfrom(4<UDP:[127.0.0.1:53]>, "", 512, 0, NULL, NULL) = 0'
    equal(loud(findings(log_of([udp] * 100))), [], "empty datagrams")


def test_zero_bytes_sent():
    turn = [ready(4, "EPOLLOUT"), 'sendto(4<TCP:[127.0.0.1:1->127.0.0.1:2]>, "", 0, 0, NULL, 0) = 0']
    found_in_all_forms("0 bytes sent", turn, 60, "spin", "error", ["sendto(4)", "0 bytes"], [ADD.format(4)])
    sent = [turn[0], 'sendto(4<TCP:[127.0.0.1:1->127.0.0.1:2]>, "x"..., 4000, 0, NULL, 0) = 4000']
    silent_in_all_forms("a byte sent", [ADD.format(4), *sent * 200])


def test_errors():
    alternating = [f"epoll_ctl(5, EPOLL_CTL_DEL, 4, 0x7ffd) = -1 ENOENT (No such file or directory)",
                   f"epoll_ctl(5, EPOLL_CTL_DEL, 900, 0x7ffd) = {EBADF}"]
    found_in_all_forms("two errors in turn", alternating, 100, "spin", "error",
                       ["epoll_ctl", "EBADF", "ENOENT", "200 times"])
    trampoline = [f'sendto(3, "log line", 8, 0, NULL, 0) = {EPIPE}',
                  "epoll_ctl(5, EPOLL_CTL_ADD, 3, {events=EPOLLOUT, data={u32=3, u64=3}}) = 0", ready(3, "EPOLLOUT|EPOLLHUP"),
                  "epoll_ctl(5, EPOLL_CTL_DEL, 3, 0x7ffd) = 0"]
    for form in FORMS:
        for turns, check_id in ((3, "spin"), (200, "error_loop")):
            told = [one for one in findings(log_of(trampoline * turns, **form), "--without", "connection_reset")
                    if one["severity"] in LOUD]
            equal([(one["id"], one["severity"]) for one in told], [(check_id, "error")], f"trampoline, {turns}, {form}")
            check(all("sendto(3)" in one["summary"] and "EPIPE" in one["summary"] for one in told), f"trampoline: {told}")
    works = trampoline[:1] + trampoline[1:] + ['sendto(3, "log line", 8, 0, NULL, 0) = 8']
    for form in FORMS:
        equal(loud(findings(log_of(works * 100, **form), "--without", "connection_reset")), [], f"it works, {form}")
    refused = ["socket(AF_INET, SOCK_STREAM, IPPROTO_IP) = 4",
               'connect(4, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("127.0.0.1")}, 16) = '
               "-1 ECONNREFUSED (Connection refused)", "close(4) = 0"]
    told = findings(log_of(refused * 500), "--only", "error_loop,spin,busy_poll,connect_failed")
    equal([(one["id"], one["count"]) for one in told], [("connect_failed", 500)], "reconnecting without a pause")
    pause = [*refused, ("clock_nanosleep(CLOCK_MONOTONIC, 0, {tv_sec=1, tv_nsec=0}, NULL) = 0", 1.0)]
    for form in ({}, {"took": False}):
        equal(findings(log_of(pause * 50, **form), "--only", "error_loop,spin,busy_poll"), [], f"reconnecting with a pause, {form}")


def test_ready_and_not_served():
    before = [ADD.format(4), ADD.format(6)]
    both = "epoll_wait(5, [{events=EPOLLIN, data={u32=4, u64=4}}, {events=EPOLLIN, data={u32=6, u64=6}}], 9, -1) = 2"
    swapped = "epoll_wait(5, [{events=EPOLLIN, data={u32=6, u64=6}}, {events=EPOLLIN, data={u32=4, u64=4}}], 9, -1) = 2"
    found_in_all_forms("two are ready", [both, swapped], 600, "busy_poll", "error", ["descriptors 4 and 6", "1,200 times"], before)
    wait4 = "wait4(-1, 0x7ffd, WNOHANG, NULL) = 0"
    found_in_all_forms("wait4 in between", [both, wait4], 1000, "busy_poll", "error", ["descriptors 4 and 6"], before)
    found_in_all_forms("three turns", [both, wait4], 3, "spin", "error", ["descriptors 4 and 6"], before)
    silent_in_all_forms("one of two is read", before + [both, 'read(6, "x", 9) = 1'] * 200)
    # What epoll gives is a pointer: 4 is not served, whatever the number.
    pointer = ["epoll_ctl(5, EPOLL_CTL_ADD, 8, {events=EPOLLIN, data={u32=4, u64=94000000000004}}) = 0"]
    one = "epoll_wait(5, [{events=EPOLLIN, data={u32=4, u64=94000000000004}}], 9, -1) = 1"
    silent_in_all_forms("a pointer, and its descriptor is read", pointer + [one, 'read(8, "x", 9) = 1'] * 200)
    found_in_all_forms("a pointer, and 4 is read", [one, "getsockname(4, NULL, NULL) = 0"], 1000, "busy_poll", "error",
                       ["descriptor 8"], pointer)
    # No ADD in the log: what it is stays open.
    found_in_all_forms("unknown", [one], 1000, "busy_poll", "error", ["EPOLL_CTL_ADD"])
    silent_in_all_forms("unknown, and something is read", [one, 'read(8, "x", 9) = 1'] * 200)
    # Another thread of the process reads it.
    clone = ("clone(child_stack=0x7f00, flags=CLONE_VM|CLONE_FS|CLONE_FILES|CLONE_SIGHAND|CLONE_THREAD|CLONE_SYSVSEM, "
             "parent_tid=[8], tls=0x7f00, child_tidptr=0x7f00) = 8")
    four = "epoll_wait(5, [{events=EPOLLIN, data={u32=4, u64=4}}], 9, -1) = 1"
    for reader, count in ((8, 0), (9, 1)):
        calls = [clone, "clone(child_stack=NULL, flags=CLONE_CHILD_CLEARTID|SIGCHLD, child_tidptr=0x7f00) = 9", *before] + [four, four, (reader, 'read(4, "x", 9) = 1')] * 200
        equal(len([one for one in findings(log_of(calls)) if one["severity"] in LOUD]), count,
              f"thread {reader} reads what 7 polls for")


def test_what_a_poll_says():
    for events, words in (("POLLNVAL", "not open"), ("POLLIN|POLLHUP", "hang-up"), ("POLLERR", "SO_ERROR")):
        poll = f"poll([{{fd=4, events=POLLIN}}], 1, -1) = 1 ([{{fd=4, revents={events}}}])"
        found_in_all_forms(events, [poll], 60, "busy_poll", "warning", ["descriptor 4", words],
                           forms=[{}, {"took": False}])
    peek = ["poll([{fd=4, events=POLLIN}], 1, -1) = 1 ([{fd=4, revents=POLLIN}])",
            'recvfrom(4, "x", 1, MSG_PEEK, NULL, NULL) = 1']
    found_in_all_forms("looked at, and left", peek, 60, "spin", "error", ["descriptor 4", "did not serve"])


def test_other_spins():
    found_in_all_forms("the end of /dev/null", ['read(0</dev/null>, "", 1024) = 0'], 60, "spin", "error", ["at its end"])
    silent_in_all_forms("a few ends of a file", ['read(3</srv/log>, "", 1024) = 0'] * 20)
    found_in_all_forms("select of a closed descriptor", [f"select(5, [4], NULL, NULL, NULL) = {EBADF}"], 20, "spin", "error",
                       ["select", "EBADF"])
    found_in_all_forms("a child is asked for", ["wait4(77, 0x7ffd, WNOHANG, NULL) = 0"], 1000, "spin", "warning",
                       ["wait4", "1,000 times"])
    wait = ["wait4(77, 0x7ffd, WNOHANG, NULL) = 0",
            ("clock_nanosleep(CLOCK_REALTIME, 0, {tv_sec=0, tv_nsec=50000000}, NULL) = 0", 0.05)]
    silent_in_all_forms("a child is asked for, with pauses", wait * 100)
    found_in_all_forms("EAGAIN alone", [f"recvfrom(4, 0x7f, 9, 0, NULL, NULL) = {AGAIN}"], 10, "spin", "error", ["EAGAIN", "10 times"])


def test_polls_without_durations():
    idle = ("epoll_wait(4, [], 1023, 100) = 0", 0.1)
    silent_in_all_forms("an idle loop", [idle] * 100)
    empty = "poll([{fd=3, events=POLLIN}], 1, 0) = 0 (Timeout)"
    found_in_all_forms("a time-out of 0", [empty], 1000, "busy_poll", "error", ["poll", "without an event"])
    # Until a timer is due, which comes within a millisecond.
    timer = [("poll([{fd=3, events=POLLIN}], 1, 9) = 0 (Timeout)", 0.0091), *[empty] * 60] * 30
    equal(loud(findings(log_of(timer, step=0.00001))), [], "the last moment of a timer, again and again")
    retry = ["epoll_ctl(5, EPOLL_CTL_DEL, 4, 0x7ffd) = -1 ENOENT (No such file or directory)",
             ("epoll_wait(5, [], 1023, 100) = 0", 0.1)]
    silent_in_all_forms("an error and a wait", retry * 100)


def test_greenlets_in_between():
    empty = "epoll_wait(4, [], 1, 0) = 0"
    for switches, severity in ((1, "note"), (0, "error")):
        with open("greenlets", "w") as file:
            file.write(f"{START - 1:.6f} 7 7 switch 0x7f01\n")
            for number in range(2000 * switches):
                at = START + number * 0.00011 + 0.00005
                file.write(f"{at:.6f} 7 7 switch 0x7f02\n{at + 0.00001:.6f} 7 7 switch 0x7f01\n")
        with open("log", "w") as file:
            file.write(log_of([empty] * 2000))
        found = harness.run("tracebraid", "check", "-f", "jsonl", "log", "greenlets", status={0, 1})
        equal([(one["id"], one["severity"]) for one in map(json.loads, found.out.splitlines())], [("busy_poll", severity)],
              f"others ran in between: {bool(switches)}")


def test_sched_yield():
    for turns, count in ((3000, 1), (999, 0)):
        other = [f'newfstatat(AT_FDCWD, "/srv/{number}", {{st_mode=S_IFREG}}, 0) = 0' for number in range(3500)]
        found = findings(log_of(other + ["sched_yield() = 0"] * turns), "--only", "spin")
        equal([(one["id"], one["severity"]) for one in found], [("spin", "warning")] * count, f"{turns} of sched_yield")
    found_in_all_forms("sched_yield alone", ["sched_yield() = 0"], 30, "spin", "warning", ["sched_yield", "30 times"])
    silent_in_all_forms("a few", ["sched_yield() = 0"] * 10)


def test_short_waits():
    short = ("futex(0x5595343e9140, FUTEX_WAIT_BITSET_PRIVATE, 0, {tv_sec=1193, tv_nsec=439766263}, "
             "FUTEX_BITSET_MATCH_ANY) = -1 ETIMEDOUT (Connection timed out)", 0.0011)
    for form in ({}, {"took": False}, {"pid": False}):
        for turns, count in ((100, 1), (99, 0)):
            found = findings(log_of([short] * turns, **form))
            equal([(one["id"], one["severity"]) for one in found], [("short_waits", "note")] * count, f"{turns} waits, {form}")
    long = (short[0], 0.5)
    for form in ({}, {"took": False}):
        equal(findings(log_of([long] * 200, **form)), [], f"long waits, {form}")
    equal(findings(log_of([short] * 200, times=False, took=False)), [], "waits of unknown length")
    works = [short, 'write(4, "x", 1) = 1']
    equal(findings(log_of(works * 200)), [], "work in between")
    sleep = ("clock_nanosleep(CLOCK_REALTIME, 0, {tv_sec=0, tv_nsec=1000000}, NULL) = 0", 0.00106)
    equal([one["id"] for one in findings(log_of([sleep] * 200))], ["short_waits"], "short sleeps")
    lock = ("futex(0x7f76e334e6f{}, FUTEX_WAIT_BITSET_PRIVATE, 0, {{tv_sec=1491, tv_nsec=1}}, "
            "FUTEX_BITSET_MATCH_ANY) = -1 ETIMEDOUT (Connection timed out)")
    fight = [(((8 + number % 3), lock.format("04"[number % 2])), 0.0052) for number in range(60)]
    found = findings(log_of(fight))
    equal([(one["id"], one["severity"]) for one in found], [("short_waits", "note")], "the interpreter lock")
    check("3 threads" in found[0]["summary"] and "interpreter lock" in found[0]["summary"], f"{found}")
    equal(findings(log_of([((8, lock.format(0)), 0.0052)] * 60)), [], "one thread fights with nobody")


def test_epoll_of_closed():
    def bad(operation):
        calls = [ADD.format(3), "close(3) = 0",
                 f"epoll_ctl(5, EPOLL_CTL_{operation}, 3, {{events=EPOLLIN, data={{u32=3, u64=3}}}}) = {EBADF}"]
        return findings(log_of(["socket(AF_INET, SOCK_STREAM, IPPROTO_IP) = 3", *calls]))

    for operation, severity in (("MOD", "warning"), ("ADD", "warning"), ("DEL", "note")):
        equal([(one["id"], one["severity"]) for one in bad(operation)], [("bad_descriptor", severity)],
              f"EPOLL_CTL_{operation} of a closed descriptor")
    check("descriptor 3, which the process had closed" in bad("MOD")[0]["summary"], "it is named")


def test_thundering_herd():
    poll = "epoll_wait(5, [{events=EPOLLIN, data={u32=3, u64=3}}], 1023, -1) = 1"
    listener = "3<TCP:[127.0.0.1:80]>"

    def herd(workers, vain):
        calls = []
        for number in range(40):
            winner = number % workers
            for worker in range(workers):
                calls.append(((7 + worker, poll), 0.01))
            for worker in range(workers):
                if worker == winner:
                    calls.append((7 + worker, f"accept4({listener}, NULL, NULL, SOCK_CLOEXEC) = {9 + number}"))
                elif vain:
                    calls.append((7 + worker, f"accept4({listener}, NULL, NULL, SOCK_CLOEXEC) = {AGAIN}"))
        return findings(log_of(calls))

    told = [one for one in herd(4, True) if one["id"] == "thundering_herd"]
    equal([one["severity"] for one in told], ["note"], "four workers and one listener")
    check(told and "4 processes" in told[0]["summary"] and "120 times" in told[0]["summary"], f"{told}")
    equal(loud(herd(4, True)), [], "a herd gets its work done")
    equal([one["id"] for one in herd(4, False) if one["id"] == "thundering_herd"], [], "one is woken alone")
    until_empty = [poll, f"accept4({listener}, NULL, NULL, SOCK_CLOEXEC) = 9",
                   f"accept4({listener}, NULL, NULL, SOCK_CLOEXEC) = {AGAIN}", "close(9) = 0"]
    equal(findings(log_of(until_empty * 50)), [], "accepting until there is no more")


def test_event_loops():
    sleep = ("clock_nanosleep(CLOCK_MONOTONIC, 0, {tv_sec=1, tv_nsec=0}, NULL) = 0", 1.0)
    single = 'poll([{fd=4<TCP:[127.0.0.1:1->127.0.0.1:2]>, events=POLLIN}], 1, 5000) = 1 ([{fd=4, revents=POLLIN}])'
    recv = 'recvfrom(4<TCP:[127.0.0.1:1->127.0.0.1:2]>, "x", 9, 0, NULL, NULL) = 1'
    equal(findings(log_of([single, recv, sleep] * 8), "--only", "blocking_call"), [], "a client with time-outs sleeps")
    several = ("poll([{fd=3<TCP:[127.0.0.1:80]>, events=POLLIN}, {fd=4<TCP:[127.0.0.1:1->127.0.0.1:2]>, events=POLLIN}], "
               "2, 5000) = 1 ([{fd=4, revents=POLLIN}])")
    equal(loud(findings(log_of([several, recv, sleep] * 8), "--only", "blocking_call")), [("blocking_call", "error")],
          "a loop over two sleeps")
    pipe = "epoll_ctl(5<anon_inode:[eventpoll]>, EPOLL_CTL_ADD, 6<{}>, {{events=EPOLLIN, data={{u32=6, u64=6}}}}) = 0"
    idle = "epoll_wait(5<anon_inode:[eventpoll]>, [], 9, 1) = 0"
    for name, count in (("UNIX-STREAM:[11->12]", 0), ("pipe:[11]", 1), ("anon_inode:[eventfd]", 0),
                        ("TCP:[127.0.0.1:80]", 1)):
        found = findings(log_of([pipe.format(name), *[idle, sleep] * 6]), "--only", "blocking_call")
        equal(len(found), count, f"a loop that watches {name}")
    # A descriptor that does not block has waited for nobody.
    for blocks in (True, False):
        calls = [f"ioctl(4<TCP:[127.0.0.1:1->127.0.0.1:2]>, FIONBIO, [{0 if blocks else 1}]) = 0",
                 *[several, (recv, 0.3)] * 6]
        equal(len(findings(log_of(calls), "--only", "blocking_call")), int(blocks), f"a receive of 300 ms, blocking: {blocks}")


def test_threads_of_one_number():
    """Of two streams, as containers have them: each is told of by itself, and none for the other."""
    closed = [f"accept4(3, NULL, NULL, 0) = {EBADF}"] * 300
    ended = [ADD.format(4), *[ready(4), 'recvfrom(4, "", 100, 0, NULL, NULL) = 0'] * 150]
    idle = ["epoll_wait(5, [], 1023, 0) = 0"] * 1200
    for one, other, want in ((closed, ended, [("error_loop", 300), ("spin", 150)]),
                             (idle, idle, [("busy_poll", 1200), ("busy_poll", 1200)])):
        for name, calls in (("one", one), ("other", other)):
            with open(f"{name}.log", "w") as file:
                file.write(log_of(calls))
            with open(f"{name}.jsonl", "w") as file:
                file.write(harness.run("stracecalls", "-q", "-f", "jsonl", f"{name}.log").text)
        for order in (("one.jsonl", "other.jsonl"), ("other.jsonl", "one.jsonl")):
            done = harness.run("tracebraid", "check", "-f", "jsonl", *order, status={0, 1})
            found = [json.loads(line) for line in done.out.splitlines()]
            equal(sorted((each["id"], each["count"]) for each in found), want, f"{want[0][0]} in {order}")


def test_starved():
    slow = [("fsync(4</srv/a>) = 0", 0.4)]
    quick = ["fsync(4</srv/a>) = 0"] * 30 + ["getpid() = 7"] * 30
    equal(loud(findings(log_of(quick + slow * 3), "--only", "slow_call")), [("slow_call", "warning")], "a slow disk")
    found = findings(log_of(quick + [("getpid() = 7", 0.2)] + slow * 3), "--only", "slow_call")
    equal([one["severity"] for one in found], ["note", "note"], "a slow disk while the processor was another's")
    equal(len(findings(log_of(quick + [("munmap(0x7f, 4096) = 0", 0.2), ("getpid() = 7", 0.2)]), "--only", "slow_call")), 1,
          "one note for all calls that cannot wait")


harness.each_test(globals())
harness.finish()
