#!/usr/bin/env python3
"""What people meet: every situation of the corpus' wild/index.tsv says what it must, and nothing untrue."""
import concurrent.futures
import csv
import json
import re
import sys

sys.path.append(f"{sys.path[0]}/../../support")
import harness
from harness import check, equal

wild = harness.corpus("wild") / "wild"
GRADES = ("note", "warning", "error")
# Words of the finding that a row must give, in any order; the severity is the index's own. Rows of kind
# "fault" without words are about records, which other tests look at.
WORDS = {
    "strace/A9-fd_leak-counts-childrens-copies": ["24", "pipe", "never closed"],
    "strace/B1-trampoline-error-loop": ["sendto", "EPIPE|fail"],
    "strace/B2-one-ready-format-4.8": ["ready"],
    "strace/B2-one-ready-format-5.10": ["ready"],
    "strace/B2-one-ready-format-2025": ["ready"],
    "strace/B2-same-6.1": ["ready"],
    "strace/B3-ready-but-EAGAIN": ["ready", "EAGAIN"],
    "strace/B4-eof-loop": ["recv", "400|399", "0"],
    "strace/B5-two-ready-unserved": ["ready", "2,000|1,999"],
    "strace/B6-zero-byte-send-loop": ["send", "0 bytes|nothing"],
    "strace/B7-reconnect-loop-23-findings": ["refused|ECONNREFUSED", "500"],
    "strace/B8-refused-seen-by-send": ["refused|ECONNREFUSED", "300"],
    "strace/B9-alternating-errors": ["epoll_ctl", "ENOENT", "EBADF"],
    "strace/B10-epoll-mod-closed-fd": ["EPOLL_CTL_MOD|epoll_ctl", "closed"],
    "strace/B11-connect-unknown-fd": ["refused|ECONNREFUSED"],
    "strace/B12-reset-unknown-fd": ["ECONNRESET|EPIPE|ETIMEDOUT"],
    "strace/C1-worker-segv-master-only": ["SIGSEGV"],
    "strace/C2-recv-no-answer": ["recv", "since|for", "end|interrupted"],
    "strace/C4-one-silent-client-blocks-server": ["recv|read", "wait"],
    "strace/C5-lock-order-deadlock": ["futex|lock"],
    "strace/C7-flock-waits-3s": ["flock", "3"],
    "strace/D1-bind-EADDRINUSE": ["EADDRINUSE|in use"],
    "strace/D3-write-ENOSPC": ["ENOSPC|no space"],
    "strace/D4-mmap-ENOMEM": ["ENOMEM|memory"],
    "strace/E1-20000-useless-closes": ["close", r"20,0\d\d|19,9\d\d|20000"],
    "strace/E2-sched_yield-spin": ["sched_yield"],
    "strace/E4-futex-1ms-polling": ["futex", "1,500|1,4\\d\\d|/s"],
    "strace/E5-recv-one-byte": ["byte"],
    "strace/E7-stat-same-file": ["3,000"],
    "strace/E8-reopen-same-file": ["500"],
    "strace/E10-dns-search-domains": ["NXDOMAIN|search", "120|30"],
    "strace/E11-connection-per-request": ["200"],
    "strace/E13-gil-contention": ["futex|lock", "5"],
    "strace/E14-fsync-per-record": ["fsync", "300"],
    "pcap/refused20": ["20", "refused", r"10\.0\.0\.2"],
    "pcap/syn_noanswer": ["SYN", "answer"],
    "pcap/zerowin": ["window", "12|s"],
    "pcap/zerowin_probe1": ["window"],
    "pcap/dns_bad": ["NXDOMAIN|SERVFAIL|REFUSED"],
    "pcap/gap20M": ["20,000,000|20000000|20.0 MB|missing"],
    "pcap/gap2M": ["2,000,000|2000000|2.0 MB|missing"],
    "profiles/lambda": ["<lambda>|functions"],
    "eventlet/retransmit-rcvbuf-drop": ["sent again|retransmi", "dropped|receiver|ACK"],
    "eventlet/epipe-never-connected": ["never connected|not connected"],
    "eventlet/loop_stall-severity-by-away-time": ["due|away"],
    "eventlet/kcachegrind-recv_loop-blamed": ["caller", "greenlet|trust"],
    "eventlet/empty-pcap": ["no packet"],
    "eventlet/mutual-wait-not-found": ["wait", "nobody|both"],
}
# "no double_close" is said of one check alone.
ALONE = {"strace/A7-close-all-double_close": "double_close", "eventlet/plain-vfork-fd_leak": "fd_leak",
         "eventlet/restart_syscall-slow_call": "slow_call", "eventlet/busy_poll-sleep0-greenlets": "busy_poll"}


def inputs(name):
    folder = wild / name
    if folder.is_dir():
        return sorted(path for path in folder.iterdir() if path.suffix not in (".err", ".md", ".py", ".sh"))
    return sorted(folder.parent.glob(folder.name + ".*"))


def findings(name):
    done = harness.run("tracebraid", "check", "-f", "jsonl", *inputs(name), status={0, 1, 2})
    return [json.loads(line) for line in done.out.splitlines()]


def says(finding, words):
    text = " ".join(str(finding[field]) for field in ("summary", "detail", "hint", "evidence"))
    return all(re.search(word, text) for word in words)


with open(wild / "index.tsv", newline="") as file:
    rows = [row for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
            if row["kind"] == "healthy" or row["file"] in WORDS]
with concurrent.futures.ThreadPoolExecutor() as pool:
    for row, found in zip(rows, pool.map(findings, (row["file"] for row in rows))):
        name = row["file"]
        told = [f"{each['severity']} {each['id']}: {each['summary']}" for each in found]
        grave = [finding for finding in found if finding["severity"] != "note"]
        if row["kind"] == "healthy":
            grave = [each for each in grave if name not in ALONE or each["id"] == ALONE[name]]
            check(not grave, f"{name} is healthy: {told}")
            continue
        least = GRADES.index(row["severity"])
        fitting = [each for each in found if GRADES.index(each["severity"]) >= least and says(each, WORDS[name])]
        check(fitting, f"{name}: no {row['severity']} says {WORDS[name]}: {told}")
named = {row["file"] for row in rows}
equal(sorted(name for name in WORDS if name not in named), [], "rows that the index does not have")
harness.finish()
