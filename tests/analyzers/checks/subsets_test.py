"""tracebraid check with every subset of the sample's four files: the same findings when each is a
stream of records from its converter, by a pipe; and at the end, what more the missing ones could
tell, and nothing else.

Of streams as the converters make them when they are not asked for more, check tells nothing that it
does not tell of the files: of the sample, and of the recordings of TRACEBRAID_CORPUS.
"""
import itertools
import re
import sys

sys.path.append(f"{sys.path[0]}/../../support")
import harness
from harness import check

sample = harness.SAMPLES / "accept-storm"
# With file records: what is closed when is told by them.
CONVERTERS = {
    "strace.log": "stracecalls -q --records syscall,signal,process,problem,file -f msgpack",
    "tcpdump.pcap": "pcapflows -q --segments -f msgpack",
    "greenlet.bt.txt": "greenletswitches -q -f msgpack",
    "profiling.cprof": "cprofcalls -q -f msgpack"}
DEFAULTS = {**CONVERTERS, "strace.log": "stracecalls -q -f msgpack",
            "tcpdump.pcap": "pcapflows -q -f msgpack"}


def run(*inputs):
    """Findings, without the names of the inputs; the exit status; and the text for people."""
    command = f"tracebraid check {' '.join(inputs)}"  # file names and <(…)
    done = [harness.shell(command + form, status=(0, 1)) for form in (" -f jsonl", "")]
    for each in done:
        check(not each.errors, f"{inputs}: {each.errors}")
    findings = done[0].records()
    for finding in findings:
        finding["evidence"] = re.sub(r"(?m)^\S+?:(?=\d+: )", "", finding["evidence"])
    return findings, done[0].status, done[1].text


def pipes(converters, files):
    return [f"<({converters[file.name]} {file})" for file in files]


def of_defaults(files, found, name):
    """Those of streams, none of which the files do not yield; and what is said of telling more."""
    findings, status, text = run(*pipes(DEFAULTS, files))
    for finding in findings:
        check(finding in found, f"{name}: told of streams alone: {finding}")
    check(status == any(finding["severity"] == "error" for finding in findings), f"{name}: {status}")
    return findings, text.partition("More could be told with:\n")[2]


# What the log says to whoever only counts its lines: the longest row of accept4(-1) that fails.
LOOP = max((sum(1 for _ in row) for is_it, row in itertools.groupby(
    (sample / "strace.log").read_text().splitlines(),
    lambda line: "accept4(-1" in line and "EBADF" in line) if is_it), default=0)
check(LOOP > 1000, f"a row of {LOOP} in the sample")


FILES_WANTED = "  stracecalls --records syscall,signal,process,problem,file: "
SEGMENTS_WANTED = "  pcapflows --segments: "
for size in range(1, len(CONVERTERS) + 1):
    for names in itertools.combinations(CONVERTERS, size):
        files = [sample / name for name in names]
        findings, status, text = run(*map(str, files))
        check(run(*pipes(CONVERTERS, files))[:2] == (findings, status),
              f"{names}: streams tell something else")
        has_log = "strace.log" in names
        errors = [finding["id"] for finding in findings if finding["severity"] == "error"]
        check(errors == (["error_loop"] if has_log else []) and status == len(errors),
              f"{names}: {errors}, {status}")
        if has_log:
            # Who and which function is told where those inputs are.
            loop = findings[0]
            check(loop["count"] == LOOP, f"{names}: {loop['count']} failures, and {LOOP} lines")
            check(bool(loop["greenlet"]) == ("greenlet.bt.txt" in names), f"{names}: greenlet")
            check(bool(loop["function"]) == ("profiling.cprof" in names), f"{names}: function")
        wanted = [("strace -f", not has_log), ("tcpdump", "tcpdump.pcap" not in names),
                  ("python -m cProfile", has_log and "profiling.cprof" not in names)]
        more = text.partition("More could be told with:\n")[2]
        for start, is_wanted in wanted:
            check((f"  {start}" in more) == is_wanted, f"{names}: {start}: {more}")
        check(len(more.splitlines()) == sum(is_wanted for _, is_wanted in wanted), f"{names}: {more}")
        fewer, more_than_default = of_defaults(files, findings, names)
        check(fewer == findings, f"{names}: not told of streams: {fewer}, {findings}")
        check((FILES_WANTED in more_than_default) == has_log, f"{names}: {more_than_default}")
        check((SEGMENTS_WANTED in more_than_default) == (has_log and "tcpdump.pcap" in names),
              f"{names}: {more_than_default}")

if harness.CORPUS:
    scenarios = harness.CORPUS / "scenarios"
    for name in ("storm", "hub-epolls", "hub-selects", "threads-py311"):
        files = sorted((scenarios / name).iterdir())
        for some in (files, [scenarios / name / "strace.log"],
                     [scenarios / name / "strace.log", scenarios / name / "tcpdump.pcap"]):
            findings, status, text = run(*map(str, some))
            check(run(*pipes(CONVERTERS, some))[:2] == (findings, status), f"{name}: streams tell something else")
            check(FILES_WANTED not in text, f"{name}: {text}")
            fewer, more = of_defaults(some, findings, name)
            lost = [finding["id"] for finding in findings if finding not in fewer]
            check(set(lost) <= {"unread_data"}, f"{name}: {lost}")
            check(FILES_WANTED in more, f"{name}: {more}")
    # Faults that only file records show are told of with them, and not guessed without.
    NEED_FILES = {"f07_fd_leak": "fd_leak", "f08_close_wait": "close_wait", "f13_backlog": "backlog_overflow",
                  "f19_partial": "partial_write"}
    for log in sorted((harness.CORPUS / "strace/logs").glob("[cef]*.log")):
        name, date = log.stem, "--date 2026-11-23 --tz UTC"
        needed = {NEED_FILES[name]} if name in NEED_FILES else set()
        findings, _, text = run(date, str(log))
        told = {finding["id"] for finding in findings}
        check(needed <= told, f"{name}: {told}")
        has_files = bool(harness.run("stracecalls", "-q", "--records", "file", "-f", "jsonl",
                                     *date.split(), log, status={0, 1}).out)
        check(FILES_WANTED not in text, f"{name}: {text}")
        for converters, lost in ((CONVERTERS, set()), (DEFAULTS, needed)):
            of_stream, _, text = run(f"<({converters['strace.log']} {date} {log})")
            check(all(finding in findings for finding in of_stream), f"{name}: told of streams alone: {of_stream}")
            check(told - {finding["id"] for finding in of_stream} == lost, f"{name}: {told} {of_stream}")
            check((FILES_WANTED in text) == (converters is DEFAULTS and has_files), f"{name}: {text}")

harness.finish()
