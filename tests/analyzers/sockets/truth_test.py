"""What tracebraid sockets and check say of programs that write down for themselves what they do
(truth/): every socket with its flow and its bytes, how long bytes waited, every planted fault and no
other.

The programs are traced here: strace, tcpdump and, for greenlets, bpftrace. What they wrote down is
the truth; times are between those taken before and behind a call, so that what strace adds is
within the bounds.

A machine with much else to do makes calls slow that nobody slowed down. Where check says so, and the
notes do not show it, the program is recorded again, at most twice.

usage: truth_test.py [--shared-network] [--keep FOLDER] [PART-OF-A-NAME]
"""
import argparse
import collections
import concurrent.futures
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

TRUTH = f"{sys.path[0]}/truth"
sys.path += [f"{sys.path[0]}/../../support", TRUTH]
import harness
import strace_text
import told as tell
import wire
from harness import check, equal

PYTHON = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable
MILLISECOND = 1_000_000
# strace's times are microseconds.
TICK = 2_000
AT_ONCE = 3
# Without -yy it is not always certain.
MATCHED, MATCHED_BARE = 0.999, 0.99
# What a machine does that has much else to do.
OF_LOAD = ("blocking_call", "slow_call", "loop_stall", "slow_dns", "peer_not_reading", "close_wait")
TRIES = 3

numbers = collections.Counter()
errors = []  # of waits, in nanoseconds


def between(ns, low, high, what, slack=TICK):
    return check(ns is not None and low - slack <= ns <= high + slack,
                 f"{what}: {ns} is not from {low} to {high}" +
                 (f", {max(low - ns, ns - high) / 1e6:.3f} ms off" if ns is not None else ""))


def nanoseconds(seconds):
    return None if seconds is None else int(seconds * 1_000_000_000)


def records(command, *arguments):
    return harness.run("tracebraid", command, *arguments, "-f", "jsonl",
                       status=(0, 1) if command == "check" else 0).records()


# Recording.

SERVERS = ("many", "threads", "fork_server", "passing", "eventlet", "wsgi", "asyncio_streams",
           "asyncio_datagrams", "datagrams", "ipv6", "port_reuse", "reuse_port", "half_close",
           "untraced_clients")


FAULTS = ("full_queue", "connecting_loop", "accept_loop", "read_loop", "asking_again",
          "closed_descriptor", "close_of_another", "double_close", "leak", "no_more_descriptors",
          "polling_without_waiting", "unserved_event", "computing_loop", "long_computing_loop",
          "sleeping_loop", "late_timer", "greenlet_that_holds", "blocking_loop", "peer_that_does_not_read",
          "kept_open", "refused", "reset", "never_read", "sent_too_late", "rest_not_sent",
          "tiny_writes", "left_to_the_collector", "slow_name_server", "slow_disk", "interrupted", "killed",
          "lossy_network", "dead_network")
WITH_EVENTLET = ("eventlet", "wsgi", "greenlet_that_holds")
LOSSY = ("lossy_network", "dead_network")
# With a program that is not traced.
BESIDE = ("untraced_clients",)
# What strace makes slow.
DELAYS = {"blocking_loop": ("-e", "inject=fsync:delay_enter=80000"),
          "slow_disk": ("-e", "inject=fsync:delay_enter=150000:when=20")}


def is_done(process, seconds):
    """Whether it ends in so many seconds, counted in naps: those in which a virtual machine stands
    still, as for a snapshot, are none."""
    nap = 0.02
    for _ in range(int(seconds / nap)):
        if process.poll() is not None:
            return True
        time.sleep(nap)
    return False


def works(*command):
    """False when it fails, not when it does not end: what is left out then would not be missed."""
    try:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
    except OSError:
        return False
    if not is_done(process, 60):
        process.kill()
        raise SystemExit(f"{command} does not end")
    return process.returncode == 0


def may_capture(path):
    """It runs until it is ended, where it may."""
    try:
        subprocess.run(["tcpdump", "-i", "lo", "-w", path], capture_output=True, timeout=1,
                       check=False)
    except subprocess.TimeoutExpired:
        return True
    except OSError:
        pass
    return False


def environment():
    return {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C",
            "HOME": "/nonexistent", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONNOUSERSITE": "1",
            "EVENTLET_NO_GREENDNS": "yes"}


def switches_script(folder):
    """bpftrace's, or None where it may not listen to greenlets."""
    library = subprocess.run([PYTHON, "-c", "import greenlet._greenlet as g; print(g.__file__)"],
                             capture_output=True, text=True, check=False).stdout.strip()
    tracing = "/sys/kernel/tracing"
    if not os.path.isdir(f"{tracing}/events"):
        works("mount", "-t", "tracefs", "none", tracing)
    if not library or not works("bpftrace", "-e", "BEGIN { exit(); }"):
        return None
    script = folder / "switches.bt"
    with open(script, "w") as file:
        subprocess.run([harness.PROGRAMS / "greenletswitches", "--script", library], stdout=file, check=True)
    return script


def record(folder, name, own_network, switches):
    folder.mkdir()
    script = "servers.py" if name in SERVERS else "faults.py"
    command = ["unshare", "-n"] if own_network else []
    command += [PYTHON, f"{TRUTH}/record.py", str(folder),
                "own" if own_network else "shared", "lossy" if name in LOSSY else "lo",
                *(("--switches", str(switches)) if switches and name in WITH_EVENTLET else ()),
                *(("--beside", f"{TRUTH}/{script}") if name in BESIDE else ()),
                *DELAYS.get(name, ()), "--", PYTHON, f"{TRUTH}/{script}", name,
                str(folder)]
    def said(file):
        return (folder / file).read_text(errors="replace") if (folder / file).exists() else ""

    with open(folder / "record.err", "wb") as errors:
        run = subprocess.Popen(command, env=environment(), stdin=subprocess.DEVNULL, stdout=errors,
                               stderr=errors, start_new_session=True)
        if not is_done(run, 120):
            what = where_it_is(run.pid)
            os.killpg(run.pid, signal.SIGKILL)
            run.wait()
            return f"{name}: not done after two minutes\n{what}\n{said('errors')[-3000:]}"
    if run.returncode:
        return f"{name}: {run.returncode} {said('record.err')[-500:]} {said('errors')[-1500:]}"
    return None


def where_it_is(session):
    """What each of its processes is doing; the traced programs write their stacks to `errors`."""
    lines = []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            stat = (process / "stat").read_text().rpartition(") ")[2].split()
            command = (process / "cmdline").read_text().replace("\0", " ")
            if int(stat[3]) != session:
                continue
            lines.append(f"{process.name} {stat[0]} {(process / 'wchan').read_text()} {command}")
            if re.match(r"\S*python\S* \S*/(faults|servers)\.py ", command):
                os.kill(int(process.name), signal.SIGUSR2)
        except OSError:
            pass
    time.sleep(1)
    return "\n".join(lines)


# Sockets.

def socket_record(told, all_records, where):
    """The record of the socket that was made then, with that descriptor."""
    pid = int(told.id.split(".")[0])
    low, high = told.made
    found = [one for one in all_records
             if one["ts"] is not None and low - TICK <= nanoseconds(one["ts"]) <= high + TICK and
             one["pid"] == pid and set(map(str, told.fds)) & set((one["fds"] or "").split(","))]
    if not check(len(found) == 1, f"{where}: {len(found)} records of {told}"):
        return None
    return found[0]


def check_counts(told, one, where):
    equal(one["role"], told.role, f"{where}: role")
    equal(one["proto"], told.kind, f"{where}: proto")
    equal((one["bytes_in"], one["bytes_out"]), (told.bytes("in"), told.bytes("out")),
          f"{where}: bytes")
    by_error = collections.Counter(dict(
        (name, int(count)) for name, count in
        (each.rsplit(" ", 1) for each in (one["by_error"] or "").split(", ") if each)))
    # Calls that a signal interrupted, which the kernel or Python began again.
    again = sum(by_error.pop(name) for name in list(by_error) if name.startswith("ERESTART"))
    equal(by_error, told.errors, f"{where}: errors")
    if told.role != "listener":
        calls = dict(each.rsplit(" ", 1) for each in one["by_call"].split(", "))
        equal(int(calls.get("recvfrom", 0)) - again, len(told.of("in", "peek")),
              f"{where}: recvfrom calls")
    equal(set((one["pids"] or "").split(",")), set(map(str, told.pids)), f"{where}: pids")
    equal(set(one["fds"].split(",")), set(map(str, told.fds)), f"{where}: fds")
    if told.local and (one["uid"] or "without" not in where):
        equal(one["local_p"], told.local[1], f"{where}: local port")
    if told.peer and told.kind == "tcp":
        equal(one["peer_p"], told.peer[1], f"{where}: peer's port")
        equal((one["peer_h"] or "").removeprefix("::ffff:"), told.peer[0], f"{where}: peer's host")
    if told.closes:
        last = told.closes[-1]
        between(nanoseconds(one["end_ts"]), last["before"], last["after"], f"{where}: close")
        equal(one["ended_by"], "close", f"{where}: ended by")
    connects = told.of("connect", "asked")
    if connects and told.kind == "tcp":
        between(nanoseconds(one["connected_ts"]), connects[0]["before"], connects[-1]["after"],
                f"{where}: connected")
    for field, what in (("first_in", "in"), ("first_out", "out")):
        calls = [call for call in told.done(what) if call["bytes"] or told.kind == "udp"]
        if calls:
            between(nanoseconds(one[field]), calls[0]["before"], calls[0]["after"],
                    f"{where}: {field}")
        else:
            equal(one[field], None, f"{where}: {field}")
    ends = [call for call in told.done("in") if not call["bytes"]]
    if told.kind == "tcp":
        if ends:
            between(nanoseconds(one["eof_ts"]), ends[0]["before"], ends[0]["after"],
                    f"{where}: end of data")
        else:
            equal(one["eof_ts"], None, f"{where}: end of data")


def check_waits(one, found, where):
    """The longest and the mean wait. Overhead of strace is between the two times of a call, and so
    in the bounds."""
    if not found:
        return
    low, high = max(each.least for each in found), max(each.most for each in found)
    wait = nanoseconds(one["wait_max"])
    between(wait, low, high, f"{where}: longest wait", MILLISECOND)
    numbers["waits"] += 1
    if wait is not None:
        errors.append(max(0, low - wait, wait - high))
        numbers["waits within 1 ms of bounds that are 1 ms apart"] += high - low <= MILLISECOND
    if one["waits"] == len(found):
        low = sum(each.least for each in found) / len(found)
        high = sum(each.most for each in found) / len(found)
        between(nanoseconds(one["wait_mean"]), low, high, f"{where}: mean wait", MILLISECOND)
        numbers["means"] += 1


def check_sends(one, sender, receiver, where):
    most = tell.longest_send(sender, receiver)
    if most is not None:
        between(nanoseconds(one["send_wait_max"]), 0, most, f"{where}: longest way to the wire",
                MILLISECOND)
        numbers["ways to the wire"] += 1


def check_sockets(name, log, capture, sockets, *, is_bare=False):
    """Every socket has its record, and every record its socket."""
    all_records = [one for one in records("sockets", log, capture)]
    by_told, by_file = {}, {}
    for told in sockets.values():
        if not told.is_traced:
            continue
        where = f"{name}: {told}"
        one = socket_record(told, all_records, where)
        if one is None:
            continue
        check(one["file"] not in by_file, f"{where}: the record is another's, too")
        by_told[told.id], by_file[one["file"]] = one, told
        check_counts(told, one, where)
    extra = [one for one in all_records if one["file"] not in by_file]
    check(not extra, f"{name}: records of no socket: {extra[:2]}")
    datagrams = tell.datagram_ranges(sockets.values())
    again = wire.sent_again(capture)
    for number, one in by_told.items():
        told = sockets[number]
        where = f"{name}: {told}"
        if told.listener:
            equal(one["listener"], by_told[told.listener]["file"], f"{where}: listener")
        if told.role == "listener":
            equal(one["match"], "listener", f"{where}: match")
            continue
        numbers["sockets"] += 1
        if one["uid"] is None:
            check(is_bare, f"{where}: not matched: {one['match']}")
            numbers["unmatched, bare" if is_bare else "unmatched"] += 1
            continue
        equal((one["wire_in"], one["wire_out"]), (told.bytes("in"), told.bytes("out")),
              f"{where}: bytes on the wire")
        # The kernel probes when an acknowledgement is late.
        resent = sum(count for (source, destination), count in again.items()
                     if (source[1], destination[1]) == (one["local_p"], one["peer_p"]))
        equal(one["difference"], f"{resent} segment{'s' * (resent > 1)} retransmitted"
              if resent else None, f"{where}: difference")
        if told.kind == "udp":
            if number in datagrams:
                check_waits(one, datagrams[number], where)
            continue
        equal(one["conn_state"], "SF", f"{where}: conn_state")
        equal((one["unmeasured_in"], one["unmeasured_out"]), (0, 0), f"{where}: unmeasured")
        if told.other:
            if told.other.is_traced:
                peer = by_told.get(told.other.id)
                # What is matched by its bytes is so at its end; the peer has been told of by then.
                if peer and peer["uid"] is not None and "bytes" not in (one["match"],
                                                                        peer["match"]):
                    equal((one["peer_file"], one["uid"]), (peer["file"], peer["uid"]),
                          f"{where}: other end")
            check_waits(one, tell.ranges(told.other, told), where)
            check_sends(one, told, told.other, where)
    return by_told


def check_server(name, folder, sockets):
    log, capture = folder / "strace.log", folder / "tcpdump.pcap"
    check_sockets(name, log, capture, sockets)
    # The same log as if -yy had not been given.
    bare = folder / "bare.log"
    with open(log, encoding="latin-1", newline="\n") as file, \
            open(bare, "w", encoding="latin-1", newline="\n") as to:
        for line in file:
            to.write(strace_text.without_annotations(line))
    check_sockets(f"{name} without -yy", bare, capture, sockets, is_bare=True)


# Findings.

def evidence_of(finding):
    """(line, call) of what it shows of the log."""
    for text in (finding["evidence"] or "").split("\n"):
        match = re.match(r"(?:.*/)?strace\.log:(\d+): (\w+)\(", text)
        if match:
            yield int(match[1]), match[2]


def is_true(finding, sockets, again):
    """Of what nobody planted: what a loaded machine does, and a library's habit."""
    if finding["summary"].startswith("shutdown(-1)"):
        return finding["severity"] == "note" and finding["count"] == sum(
            call.get("error") == "EBADF" and call["fd"] == -1
            for told in sockets.values() for call in told.of("shutdown"))
    if finding["id"] == "empty_input":  # nothing was sent
        return finding["summary"] == "the capture holds no packet"
    if finding["summary"].startswith("the processor was another's"):
        return True
    if finding["id"] in ("short_waits", "connection_per_request", "blocked"):
        return finding["severity"] == "note"
    if finding["id"] == "loop_stall":
        return any(each.most >= 100 * MILLISECOND for told in sockets.values()
                   for each in (tell.ranges(told.other, told) if told.other else ()))
    if finding["id"] == "retransmissions":
        host, port = re.search(r"with (\S+):(\d+) were sent again", finding["summary"]).groups()
        return finding["severity"] == "note" and finding["count"] == resent_with((host, int(port)),
                                                                                 again)
    return False


def resent_with(server, again):
    return sum(count for ends, count in again.items() if server in ends)


def fits(finding, plant):
    said = f"{finding['summary']}\n{finding['detail']}"
    return finding["id"] == plant["id"] and all(text in said for text in plant["says"]) and \
        (plant["of"] is None or finding["pid"] == plant["of"])


def check_plant(finding, plant, sockets, again, folder, has_switches, where):
    if plant["severity"]:
        equal(finding["severity"], plant["severity"], f"{where}: severity")
    count = plant["count"]
    if isinstance(count, list):
        check(count[0] <= finding["count"] <= count[1], f"{where}: {finding['count']} not {count}")
    elif count is not None:
        equal(finding["count"], count, f"{where}: count")
    for field, bounds in (("ts", "ts"), ("last_ts", "last")):
        if bounds in plant:
            between(nanoseconds(finding[field]), *plant[bounds], f"{where}: {field}")
    for field in ("fd", "greenlet"):
        if field in plant and (field != "greenlet" or has_switches):
            equal(finding[field], plant[field], f"{where}: {field}")
    if "function" in plant:
        check(plant["function"] in (finding["function"] or ""), f"{where}: {finding['function']}")
    if plant.get("waited"):
        found = [each for told in sockets.values() if told.other
                 for each in tell.ranges(told.other, told)]
        most = max(found, key=lambda each: each.most, default=tell.Range((0, 0, 0), (0, 0, 0), True))
        said = re.search(r"waiting for up to ([\d.]+) (ms|s),", finding["summary"])
        wait = float(said[1]) * (1e6 if said[2] == "ms" else 1e9)
        # Of three digits.
        between(wait, most.least, most.most, f"{where}: how long", MILLISECOND + wait / 200)
    if "resent" in plant:
        equal(finding["count"], resent_with(tuple(plant["resent"]), again),
              f"{where}: segments that were sent again")
        lost = int((folder / "lost").read_text()) if (folder / "lost").exists() else 1
        check(sum(again.values()) >= lost, f"{where}: {again}, {lost} lost")


def check_findings(name, folder, notes, sockets, others, may_try_again):
    """Every planted fault is found, and nothing else; what it shows is in the log. False: only what
    a loaded machine does is not planted, and another recording will tell."""
    log, capture = folder / "strace.log", folder / "tcpdump.pcap"
    profile = folder / "profile.cprof"
    found = records("check", "--all", "--fail-on", "never", log, capture,
                    *([profile] if profile.exists() else []), *others)
    again = wire.sent_again(capture)
    plants = [each for each in notes if each["do"] == "planted"]
    left = [finding for finding in found
            if not any(fits(finding, plant) for plant in plants) and
            not is_true(finding, sockets, again)]
    if may_try_again and any(finding["id"] in OF_LOAD for finding in left):
        return False
    for plant in plants:
        where = f"{name}: {plant['id']} {plant['says']}"
        fitting = [finding for finding in found if fits(finding, plant)]
        if check(len(fitting) == 1, f"{where}: {len(fitting)} findings of " +
                 str([(each["id"], each["pid"], each["summary"], each["detail"])
                      for each in found])):
            check_plant(fitting[0], plant, sockets, again, folder, bool(others), where)
            numbers["planted and found"] += 1
    numbers["of a loaded machine"] += len(found) - len(left) - len(plants)
    for finding in left:
        check(False, f"{name}: not planted: {finding['severity']} {finding['id']}: "
                     f"{finding['summary']}. {finding['detail']} {finding['evidence']}")
    with open(log, encoding="latin-1") as file:
        lines = file.read().split("\n")
    for finding in found:
        for line, call in evidence_of(finding):
            check(re.search(rf"(^|[ .]){call}[( ]", lines[line - 1]),
                  f"{name}: {finding['id']}: line {line} is no {call}: {lines[line - 1]}")
    return True


def check_program(name, folder, others, may_try_again):
    notes = tell.notes_of(folder)
    sockets = tell.sockets_of(notes)
    if not check_findings(name, folder, notes, sockets, others, may_try_again):
        return False
    if name in SERVERS:
        check_server(name, folder, sockets)
    return True


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--shared-network", action="store_true")
    parser.add_argument("--keep")
    parser.add_argument("part", nargs="?", default="")
    options = parser.parse_args()
    written = re.findall(r"^def (\w+)\(is_healthy\)",
                         (pathlib.Path(__file__).parent / "truth/faults.py").read_text(), re.M)
    equal(sorted(written), sorted(FAULTS), "every planted fault is run")
    with harness.folder() as temporary:
        folder = pathlib.Path(options.keep or temporary)
        folder.mkdir(exist_ok=True)
        harness.need(works("strace", "-f", "-o", f"{temporary}/may", "true"),
                     "strace is not installed or may not trace")
        harness.need(may_capture(f"{temporary}/may"), "tcpdump is not installed or may not capture")
        own_network = not options.shared_network and works("unshare", "-n", "ip", "link")
        if not own_network:
            print("without a network of its own: one program after the other")
        todo = [name for name in (*SERVERS, *FAULTS) if options.part in name]
        if not works(PYTHON, "-c", "import eventlet"):
            print(f"without Eventlet for {PYTHON}")
            todo = [name for name in todo if name not in WITH_EVENTLET]
        if not own_network or not os.path.exists("/dev/net/tun"):
            print("without a network that loses packets")
            todo = [name for name in todo if name not in LOSSY]
        switches = switches_script(folder) if set(todo) & set(WITH_EVENTLET) else None
        if switches is None and set(todo) & set(WITH_EVENTLET):
            print("without bpftrace: no greenlet switches")
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE if own_network else 1) as pool:
            def begin(name, number):
                place = folder / f"{name}.{number}"
                return place, number, pool.submit(record, place, name, own_network, switches)

            jobs = collections.deque((name, *begin(name, 1)) for name in todo)
            while jobs:
                name, place, number, job = jobs.popleft()
                problem = job.result()
                others = list(place.glob("greenlet.bt.txt"))
                if check(not problem, problem) and not check_program(name, place, others,
                                                                     number < TRIES):
                    print(f"{name}: once more")
                    jobs.append((name, *begin(name, number + 1)))
    told = numbers["sockets"]
    print(dict(numbers))
    if errors:
        errors.sort()
        print(f"{len(errors)} longest waits: {sum(each == 0 for each in errors)} within the bounds, "
              f"off by {errors[-1] / 1e6:.3f} ms at most")
    if told:
        lost = numbers["unmatched, bare"]
        check(lost <= (1 - MATCHED_BARE) * told / 2, f"{lost} sockets are not matched without -yy")
        lost = numbers["unmatched"]
        check(lost <= (1 - MATCHED) * told / 2, f"{lost} of {told} sockets are not matched")
    harness.need(harness.passed or harness.failed, "nothing is left to be recorded")


main()
harness.finish()
