#!/usr/bin/env python3
"""Logs as people hand them on: in mails and web pages, with line numbers, through journals and containers. They give
the records of the log itself."""
import html
import re
import sys

sys.path.append(f"{sys.path[0]}/../../support")
import harness
from harness import check, equal

whole = (harness.SAMPLES / "eventlet-strace/server.strace").read_text().splitlines()[:120]
without_times = [re.sub(r"^(\d+ +)[\d.:]+ ", r"\1", line) for line in whole]
LOGS = {
    "pid, time": whole,
    "pid": without_times,
    "pid, time of day": [re.sub(r"^(\d+ +)([\d.]+) ", r"\g<1>13:58:59.527360 ", line) for line in whole],
    "time": [re.sub(r"^\d+ +", "", line) for line in whole],
    "bare": [re.sub(r"^\d+ +", "", line) for line in without_times],
    "without durations": [re.sub(r" <[\d.]+>$", "", re.sub(r"^\d+ +", "", line)) for line in without_times],
}
WRAPPINGS = {
    "ts": lambda at, line: f"Nov {at % 30 + 1:2} 14:00:{at % 60:02} {line}",
    "ts with fractions": lambda at, line: f"Nov 30 14:00:{at % 60:02}.{at:06} {line}",
    "journald": lambda at, line: f"Nov 30 14:00:{at % 60:02} web-3 strace[4711]: {line}",
    "journald, ISO": lambda at, line: f"2026-11-30T14:00:{at % 60:02}+0000 web strace[4711]: {line}",
    "Kubernetes": lambda at, line: f"2026-11-30T14:00:{at % 60:02}.{at * 7:09}Z stderr F {line}",
    "docker logs -t": lambda at, line: f"2026-11-30T14:00:{at % 60:02}.{at * 7:09}Z {line}",
    "compose": lambda at, line: f"web_1  | {line}",
    "compose, coloured": lambda at, line: f"\x1b[36mweb-1  | \x1b[0m{line}",
    "date in brackets": lambda at, line: f"[2026-11-30 14:00:{at % 60:02}] {line}",
    "time in brackets": lambda at, line: f"[14:00:{at % 60:02}] {line}",
    "logger": lambda at, line: f"2026-11-30 14:00:{at % 60:02},{at:03} INFO strace: {line}",
    "quoted": lambda at, line: f"> {line}",
    "quoted twice": lambda at, line: f"> > {line}",
    "cat -n": lambda at, line: f"{at + 1:6}\t{line}",
    "nl": lambda at, line: f"{at + 1:6}  {line}",
    "less -N": lambda at, line: f"{at + 1:7} {line}",
    "grep -n": lambda at, line: f"{at + 1}:{line}",
    "grep -H": lambda at, line: f"logs/server.strace:{line}",
    "grep -Hn": lambda at, line: f"logs/server.strace:{at + 1}:{line}",
    "web page": lambda at, line: html.escape(line),
    "web page, numbers": lambda at, line: html.escape(line, quote=False).replace('"', "&#34;"),
    "tab": lambda at, line: line.replace(" ", "\t", 1),
    "indented": lambda at, line: f"    {line}",
    "Windows": lambda at, line: f"{line}\r",
}
# A time in front of a process's number is not strace's; in front of a call it may be.
BEHIND_IT = {
    "ts -s": lambda at, line: f"00:00:{at % 60:02} {line}",
    "ts -s, fractions": lambda at, line: f"{at * 0.001:.6f} {line}",
}


def records(lines):
    done = harness.run("stracecalls", "-f", "jsonl", "--date", "2026-11-30", "--tz", "UTC", "-",
                       content="".join(line + "\n" for line in lines).encode())
    return done.out


for kind, lines in LOGS.items():
    want = records(lines)
    check(want.count(b'"type":"syscall"') > 100, f"{kind}: {want.count(b'syscall')} calls")
    wrappings = WRAPPINGS | (BEHIND_IT if kind.startswith("pid") else {})
    for name, wrap in wrappings.items():
        equal(records([wrap(at, line) for at, line in enumerate(lines)]) == want, True, f"{kind}: {name}")
    for bits in (1, 2, 3):  # and in pieces
        text = "".join(f"> {line}\n" for line in lines).encode()
        done = harness.execute(["bash", "-c", f"split -b {bits * 997} --filter=cat - | {harness.PROGRAMS}/stracecalls -q -f jsonl "
                                "--date 2026-11-30 --tz UTC -"], content=text)
        equal(done.out == want, True, f"{kind}: in pieces of {bits * 997} bytes")

# Lines that are not wrapped stay, and one line stays one line.
mixed = [f"> {line}" for line in whole[:50]] + ["no line of strace's"] + [f"> {line}" for line in whole[50:]]
found = records(mixed)
check(b'"kind":"foreign","text":"no line of strace\'s","line":51' in found, "the line of another is where it was")
equal(found.count(b'"type":"syscall"'), records(whole).count(b'"type":"syscall"'), "all calls around it")
# Processes whose numbers rise for a while are processes.
rising = [f"{100 + at} getpid() = {100 + at}" for at in range(4)] + ["100 getppid() = 1"]
equal(records(rising).count(b'"tid":100,'), 2, "numbers of processes")
equal(records([f"{1 + at} getpid() = 7" for at in range(5)]).count(b'"tid":null'), 5, "numbers of lines")

# What a terminal adds.
states = lambda text: [(call["syscall"], call["state"], call["result"]) for call in
                       harness.run("stracecalls", "-q", "-f", "jsonl", "-", content=text, status=None).records()
                       if call["type"] == "syscall"]
equal(states(b'stat("/x", {st_mode=S_IFREG|0644}) = 0                 [39/84678]\nclose(3)  = 0\n'),
      [("stat", "complete", 0), ("close", "complete", 0)], "tmux's counter")
equal(states(b"futex(0x258be80, FUTEX_WAIT, 0, NULL\n\n\n) = ? ERESTARTSYS (To be restarted if SA_RESTART is set)\n"),
      [("futex", "restarted", None)], "Enter was pressed")
equal(states(b"sched_yield()                           = 0\nsched_yield()\n"),
      [("sched_yield", "complete", 0), ("sched_yield", "unfinished", None)], "the log ends in a call")
equal(states(b"getpid()                                = 7\nstat(\"/etc/localtime\"\n"),
      [("getpid", "complete", 7), ("stat", "unfinished", None)], "the log ends in its arguments")
equal(states(b"hello(world)\n"), [], "one word in parentheses is no call")
harness.finish()
