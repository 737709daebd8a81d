"""Programs traced here: with -yy, and the same log with all that -y added taken out. What stracecalls
says of each descriptor from the calls alone is what -yy says; bytes are those that the programs
counted; strace's tables agree, with messages in the log, too; -ff's files belong together.

usage: recorded_test.py [PART-OF-A-NAME] [--keep FOLDER]
"""
import collections
import json
import os
import re
import shutil
import subprocess
import sys

sys.path.append(f"{sys.path[0]}/../../support")
import harness
import strace_text
import stracecalls
from harness import check, equal, nanoseconds, none

PYTHON = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable
FULL = ("-f", "-ttt", "-T", "-yy", "-s", "32")
AGREEMENT = 0.999
INHERITED = "inherited-by-the-traced-program"
ANON = {"eventpoll": "epoll", "eventfd": "eventfd", "timerfd": "timerfd", "signalfd": "signalfd",
        "inotify": "inotify", "io_uring": "io_uring", "pidfd": "pidfd"}
# Calls that are about a descriptor alone; others may name a path themselves.
OF_A_PATH = re.compile(r"(open|mkdir|mknod|unlink|rename|link|symlink|readlink|fchmod|fchown|faccess|"
                       r"newfstat|utimens|execve)\w*at2?$|statx$|name_to_handle_at$|futimesat$")


def environment():
    return {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/nonexistent", "LC_ALL": "C",
            "PYTHONDONTWRITEBYTECODE": "1", "PYTHONNOUSERSITE": "1", "EVENTLET_NO_GREENDNS": "yes",
            "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null"}


def may_trace():
    if not shutil.which("strace"):
        return False
    with harness.folder() as folder:
        done = subprocess.run(["strace", "-f", "-o", f"{folder}/log", "true"], check=False,
                              capture_output=True)
        return done.returncode == 0 and os.path.getsize(f"{folder}/log") > 0


def record(options, command, folder, *, stderr=None):
    """Traces a command whose standard streams are files of one name, opened before."""
    inherited = f"{folder}/{INHERITED}"
    with open(inherited, "ab+") as streams:
        done = subprocess.run(["strace", *options, *command], stdin=streams, stdout=streams,
                              stderr=stderr or streams, cwd=folder, env=environment(), timeout=180,
                              check=False)
    return done.returncode


# What -yy says.


class Said:
    """A descriptor's text, read here: kind; path; local and peer as address and port, or None."""

    def __init__(self, text):
        self.kind = self.path = self.local = self.peer = None
        text = text.removesuffix("(deleted)")
        body = text[1:-1]
        match = re.match(r"(TCP|UDP|UDPLITE|RAW|SCTP|ICMP|DCCP)(v6)?:\[(.*)\]$", body)
        if body.startswith("/"):
            self.kind = "file"
            self.path = unescaped(re.sub(r"<(char|block) \d+:\d+>$", "", body))
            if self.path.startswith("/memfd:"):
                self.kind = "memfd"
        elif match:
            self.kind = {"TCP": "tcp", "UDP": "udp"}.get(match[1], "socket")
            ends = [end_of(each) for each in match[3].split("->")]
            self.local = ends[0]
            self.peer = ends[1] if len(ends) > 1 else None
        elif body.startswith("UNIX"):
            self.kind = "unix"
            match = re.search(r',(@?)"((?:[^"\\]|\\.)*)"\]$', body)
            if match:
                self.path = match[1] + unescaped(match[2])
        elif body.startswith("NETLINK:["):
            self.kind = "netlink"
        elif body.startswith("pipe:["):
            self.kind = "pipe"
        elif body.startswith("socket:["):
            self.kind = "socket"
        elif body.startswith("anon_inode:"):
            self.kind = ANON.get(body.removeprefix("anon_inode:").strip("[]"), "anon")
        elif body.startswith("signalfd:"):
            self.kind = "signalfd"
        elif body.startswith("pid:"):
            self.kind = "pidfd"
        elif body.startswith("{eventfd"):
            self.kind = "eventfd"


def end_of(text):
    match = re.fullmatch(r"(?:\[([0-9a-f:.]+)\]|([\d.]+)):(\d+)", text)
    return (match[1] or match[2], int(match[3])) if match else None


def unescaped(text):
    def one(match):
        code = match[1]
        simple = {"n": "\n", "t": "\t", "r": "\r", "v": "\v", "f": "\f"}
        return simple.get(code) or (chr(int(code, 8)) if code[0].isdigit() else code)

    return re.sub(r"\\([0-7]{1,3}|.)", one, text)


def same_file(path, real, folder):
    """Whether a path as the program gave it can be the file that -yy names."""
    if set(path) <= set("./"):
        return True  # the program's folder, which may be another by now
    if path == real or os.path.basename(os.path.normpath(path)) == os.path.basename(real):
        return True
    whole = os.path.normpath(os.path.join(folder, path))
    return whole == real or os.path.realpath(whole) == real or real.endswith(os.path.normpath(path))


def compare(name, full, bare, lines, folder):
    """Call by call; full: the lines' descriptors are annotated, bare: nothing is."""
    if not equal([call["line"] for call in bare], [call["line"] for call in full],
                 f"{name}: calls of the log without annotations"):
        return
    compared, misses, unknown, inherited = 0, [], 0, 0
    # Files of which a call has told the own address and the peer's; those that were accepted
    # without asking who it is.
    told = {"local": set(), "peer": set()}
    nameless = set()
    for one, other in zip(full, bare):
        for side, files in told.items():
            if other[f"{side}_p"]:
                files.add(other["file"])
        if other["syscall"] in ("accept", "accept4") and ", NULL, NULL" in other["args"]:
            nameless.add(other["new_file"])
        text = one["fd_text"]
        if one["fd"] is None or other["fd"] != one["fd"]:
            equal(other["fd"], one["fd"], f"{name}:{one['line']}: fd")
            continue
        shown = re.search(rf"(?<![\w.]){one['fd']}(?=<)", lines[one["line"] - 1])
        if not text:
            # -yy prints nothing where there is nothing.
            check(other["kind"] in (None, "closed") or shown or one["error"] != "EBADF",
                  f"{name}:{one['line']}: {one['syscall']}({one['fd']}) is a "
                  f"{other['kind']}; -yy says nothing")
            continue
        if not check(shown, f"{name}:{one['line']}: fd_text {text}, not in the line"):
            continue
        line = lines[one["line"] - 1]
        raw = line[shown.end():strace_text.annotation_end(line, shown.end())]
        check(unescaped(raw[1:-1]).startswith(text.removesuffix(" (deleted)")
                                              .removesuffix("(deleted)")),
              f"{name}:{one['line']}: fd_text {text!r}, the line says {raw!r}")
        if INHERITED in raw:
            inherited += 1
            check(other["kind"] is None, f"{name}:{one['line']}: {other['kind']} of a "
                                         "descriptor from before the log")
            continue
        said = Said(raw)
        if said.kind is None:
            check(False, f"{name}: this test does not know {raw}")
            continue
        compared += 1
        wrong = []
        if other["kind"] != said.kind:
            wrong.append(f"kind {other['kind']}, -yy {said.kind}")
        if said.kind in ("tcp", "udp") and other["proto"] != said.kind:
            wrong.append(f"proto {other['proto']}, -yy {said.kind}")
        if said.path and said.kind != "memfd" and not OF_A_PATH.search(one["syscall"]):
            if not other["path"] or not same_file(other["path"], said.path, folder):
                wrong.append(f"path {other['path']}, -yy {said.path}")
        for side in ("local", "peer"):
            want = getattr(said, side)
            got = (other[f"{side}_h"], other[f"{side}_p"])
            if want is None or got == want:
                continue
            if got[1] is None and other["file"] not in told[side] and (
                    side == "local" or other["file"] in nameless):
                unknown += 1  # no call has told it
            elif one["syscall"] in ("sendto", "recvfrom", "sendmsg", "recvmsg") and side == "peer" \
                    and said.kind == "udp":
                pass  # that of the datagram
            else:
                wrong.append(f"{side} {got}, -yy {want}")
        equal(one["kind"], said.kind, f"{name}:{one['line']}: kind, with {raw} in the log")
        if said.local and said.peer:
            for side in ("local", "peer"):
                equal((one[f"{side}_h"], one[f"{side}_p"]), getattr(said, side),
                      f"{name}:{one['line']}: {side}, with {raw} in the log")
        if wrong:
            misses.append(f"{name}:{one['line']}: {one['syscall']}({one['fd']}{raw}): "
                          + "; ".join(wrong))
    for miss in misses[:40]:
        print(f"miss {miss}")
    agreed = 1 - len(misses) / compared if compared else 0
    print(f"{name}: {compared} calls on descriptors, {len(misses)} misses: {agreed:.4%}; "
          f"{inherited} on inherited ones, {unknown} addresses that no call tells")
    check(agreed >= AGREEMENT, f"{name}: {agreed:.4%} agree with -yy")


def check_truth(name, run, path):
    with open(path, encoding="ascii") as file:
        truth = json.load(file)
    found = stracecalls.connections(run)
    check(len(truth) >= 8 or "descriptors" in name, f"{name}: {len(truth)} connections")
    for each in truth:
        key = (each["local"], each["peer"])
        equal(found.get(key), (each["recv"], each["sent"]), f"{name}: bytes of {key}")
    return len(truth)


def check_log(name, run, content, output=None):
    """output: what the traced programs may have written in between, as a regular expression."""
    equal(run.status, 0, f"{name}: status ({run.errors.strip()[-300:]})")
    none(stracecalls.ledger_problems(run, content), f"{name}: ledger")
    problems = [each for each in run.of("problem") if not (
        output and each["kind"] == "foreign" and re.fullmatch(output, each["text"]))]
    equal(problems, [], f"{name}: problems")


def check_yy(name, command, folder, truth=None):
    log, bare = f"{folder}/{name}.strace", f"{folder}/{name}.bare"
    status = record((*FULL, "-o", log), command, folder)
    if not equal(status, 0, f"{name}: the traced program"):
        with open(f"{folder}/{INHERITED}", encoding="utf-8", errors="replace") as said:
            print(said.read()[-1000:])
        return
    with open(log, encoding="latin-1", newline="\n") as file:
        lines = file.read().split("\n")
    with open(bare, "w", encoding="latin-1", newline="\n") as file:
        file.write("\n".join(strace_text.without_annotations(line) for line in lines))
    runs = []
    for path in (log, bare):
        with open(path, "rb") as file:
            content = file.read()
        run = stracecalls.run(path)
        check_log(os.path.basename(path), run, content)
        runs.append(run)
        if truth:
            told = check_truth(os.path.basename(path), run, truth)
    if truth:
        print(f"{name}: {told} ends of connections, bytes as counted")
    compare(name, runs[0].calls, runs[1].calls, lines, folder)


def check_tables(name, command, folder, options, *, on_stderr=False):
    """strace's own table after the log."""
    log = f"{folder}/{name}.strace"
    if on_stderr:
        with open(log, "wb") as file:
            record(options, command, folder, stderr=file)
    else:
        record((*options, "-o", log), command, folder)
    with open(log, "rb") as file:
        content = file.read()
    run = stracecalls.run("--verify", log)
    check_log(name, run, content, r"\d+|int main.*|" if on_stderr else None)
    tables = stracecalls.tables(content)
    if not check(tables, f"{name}: no table"):
        return
    table = stracecalls.table_counts(tables)
    mine = stracecalls.record_counts(run.calls)
    for call in sorted(set(table) | set(mine)):
        equal(mine.get(call), table.get(call), f"{name}: (calls, errors) of {call}")
    if "-w" in options:
        sums = collections.Counter()
        for call in run.calls:
            if call["duration"] is not None and call["state"] in ("complete", "restarted"):
                sums[call["syscall"]] += nanoseconds(call["duration"])
        for row in (row for each in tables for row in each.rows):
            off = abs(sums[row["syscall"]] - nanoseconds(row["seconds"]))
            check(off <= 1000 * row["calls"], f"{name}: {row['syscall']}: durations of "
                  f"{sums[row['syscall']]} ns, the table has {row['seconds']} s")
    print(f"{name}: {sum(calls for calls, _ in mine.values())} calls as in strace's table")


def check_files(name, command, folder):
    """-ff: one file per thread, without pids."""
    base = f"{folder}/{name}.ff"
    record(("-ff", "-ttt", "-T", "-o", base), command, folder)
    paths = sorted(f"{folder}/{each}" for each in os.listdir(folder)
                   if each.startswith(f"{name}.ff."))
    check(len(paths) > 2, f"{name}: {len(paths)} files")
    content = b""
    alone = 0
    for path in paths:
        with open(path, "rb") as file:
            content += file.read()
        alone += len(stracecalls.run(path).calls)
    run = stracecalls.run(*paths)
    check_log(name, run, content)
    equal(len(run.calls), alone, f"{name}: calls of all files")
    for call in run.calls:
        where = f"{name}: {call['input']}:{call['line']}"
        equal(call["tid"], int((call["input"] or ".0").rsplit(".", 1)[1]), f"{where}: tid")
    begins = [(call["line"], nanoseconds(call["ts"])) for call in run.calls]
    times = [ns for _, ns in sorted(begins)]
    check(times == sorted(times), f"{name}: lines are not in order of time")
    piped = [call for call in run.calls if call["kind"] == "pipe" and call["bytes"]]
    check(piped, f"{name}: nothing goes through the shell's pipes")
    parents = {each["child"]: each["tid"] for each in run.of("process") if each["event"] == "clone"}
    tids = {call["tid"] for call in run.calls}
    equal(len(tids - set(parents)), 1, f"{name}: threads without a parent")
    print(f"{name}: {len(paths)} files, {len(run.calls)} calls")


def main(part="", keep_option="", keep=""):
    harness.need(may_trace(), "strace is not installed or may not trace")
    with harness.folder() as temporary:
        folder = os.path.realpath(keep or temporary)
        os.makedirs(folder, exist_ok=True)
        with open(f"{folder}/hello.c", "w", encoding="ascii") as file:
            file.write("#include <stdio.h>\nint main(void) { puts(\"hello\"); return 0; }\n")
        shell = ["sh", "-c", "cat hello.c | sort -r | head -3 >sorted; (exec 3<hello.c; cat <&3) | wc "
                 "-l >&2; for i in 1 2 3; do echo $i; done | while read x; do echo $x; done | tail "
                 "-1; x=$(ls -la / | wc -l); echo $x >>sorted; cat <sorted 2>&1 | tee copy | cat"]
        script = [PYTHON, f"{sys.path[0]}/traced.py"]
        jobs = [(mode, [*script, mode, f"{folder}/{mode}.json"], f"{folder}/{mode}.json")
                for mode in ("threads", "fork", "asyncio", "descriptors")]
        if subprocess.run([PYTHON, "-c", "import eventlet"], capture_output=True,
                          check=False).returncode == 0:
            jobs.append(("eventlet", [*script, "eventlet", f"{folder}/eventlet.json"],
                         f"{folder}/eventlet.json"))
        else:
            print(f"without Eventlet for {PYTHON}")
        jobs.append(("shell", shell, None))
        if shutil.which("bash"):
            jobs.append(("bash", ["bash", "-c", "exec 5<>rw; echo a >&5; exec 5>&-; diff <(sort "
                                  "hello.c) <(cat hello.c); cat <<<here; coproc cat; echo b >&${COPROC"
                                  "[1]}; read -u ${COPROC[0]} x; kill $COPROC_PID; wait; true"], None))
        if shutil.which("gcc"):
            jobs.append(("gcc", ["gcc", "-pipe", "-O1", "hello.c", "-o", "hello"], None))
        if shutil.which("git"):
            who = "git -c user.name=n -c user.email=e"
            jobs.append(("git", ["sh", "-c", f"git init -q r && cd r && cp ../hello.c . && git add . && "
                                 f"{who} commit -qm one && git log -p | cat && git status --short && "
                                 "git clone -q . ../r2"], None))
        if shutil.which("node"):
            jobs.append(("node", [shutil.which("node"), "-e",
                                  "const h=require('http');const s=h.createServer((q,a)=>a.end('x'."
                                  "repeat(5000)));s.listen(0,'127.0.0.1',()=>{let n=5;const g=()=>h."
                                  "get({port:s.address().port,host:'127.0.0.1'},r=>{r.resume();r.on("
                                  "'end',()=>{if(--n)g();else s.close()})});g()});require('fs')."
                                  "readFile('hello.c',()=>{})"], None))
        for name, command, truth in jobs:
            if part in name:
                check_yy(name, command, folder, truth)
        # With messages in the middle of lines, as on a terminal, and without.
        for name, options, on_stderr in [
                ("table", ("-f", "-C", "-w", "-T", "-ttt"), False),
                ("table_tt_yy", ("-f", "-C", "-tt", "-yy"), False),
                ("table_r", ("-f", "-C", "-r"), False),
                ("table_k", ("-f", "-C", "-k", "-e", "trace=openat,read,close"), False),
                ("table_terminal", ("-f", "-C"), True),
                ("table_terminal_tt", ("-f", "-C", "-tt", "-T", "-i", "-n"), True)]:
            if part in name:
                check_tables(f"{name}_shell", shell, folder, options, on_stderr=on_stderr)
                check_tables(f"{name}_threads", [*script, "threads", f"{folder}/t.json"], folder,
                             options, on_stderr=on_stderr)
        if part in "files":
            check_files("files_shell", shell, folder)


main(*sys.argv[1:])
harness.finish()
