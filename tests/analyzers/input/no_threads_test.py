"""Where no thread can be made (a container's limit of pids, ulimit -u), programs do all in one, and
write the same. What the kernel lets root do in spite of the limit, it does not let nobody do."""
import os
import resource
import subprocess
import sys
import threading

sys.path += [f"{sys.path[0]}/../../support", f"{sys.path[0]}/../../growth"]
import harness
import inputs
from harness import check, equal

NOBODY = 65534
SAMPLES = harness.SAMPLES
STORM = SAMPLES / "accept-storm"
PROFILE = SAMPLES / "eventlet-server/profile.cprof"
LOGS = [STORM / "strace.log", STORM / "tcpdump.pcap", STORM / "greenlet.bt.txt"]


def without_threads():
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))


def run(command, is_limited, content=None):
    someone = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.getuid() == 0 else {}
    return subprocess.run(list(map(str, command)), input=content, capture_output=True, check=False,
                          preexec_fn=without_threads if is_limited else None, **someone)


def can_make_threads():
    """Whether somebody with the limit can."""
    child = os.fork()
    if child == 0:
        if os.getuid() == 0:
            os.setgid(NOBODY)
            os.setuid(NOBODY)
        without_threads()
        try:
            threading.Thread(target=int).start()
        except RuntimeError:
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def need_a_limit():
    harness.need(not can_make_threads(), "threads can be made in spite of the limit")
    try:
        ours = run([harness.PROGRAMS / "tracebraid", "--version"], True)
    except OSError as error:
        harness.skip(f"nobody may not run the programs here: {error}")
    harness.need(ours.returncode == 0, "nobody cannot run the programs here")


def same(program, *arguments, content=None):
    command = [harness.PROGRAMS / program, *arguments]
    usual, limited = run(command, False, content), run(command, True, content)
    name = f"{program} {' '.join(map(str, arguments))}"
    equal(limited.returncode, usual.returncode, f"{name}: {limited.stderr[-500:]}")
    # Messages of several threads may come in any order.
    equal(sorted(limited.stderr.splitlines()), sorted(usual.stderr.splitlines()),
          f"{name}: standard error")
    check(limited.stdout == usual.stdout, f"{name}: another output")
    check(b"internal error" not in limited.stderr, f"{name}: {limited.stderr}")
    return limited


def main():
    harness.need(not harness.is_sanitized(harness.PROGRAMS / "tracebraid"),
                 "a sanitizer needs threads of its own")
    need_a_limit()
    with harness.folder() as place:
        os.chmod(place, 0o755)
        os.chdir(place)
        # Of several batches each, which are half a megabyte.
        records = harness.run("stracecalls", "-q", "-f", "jsonl", STORM / "strace.log").out
        many = place / "many.jsonl"
        many.write_bytes(records * 40)
        log, = inputs.accepts(20_000)
        capture, = inputs.clients_of_one_port(20_000)
        large, = inputs.profile({("/srv/a.py", at, f"f{at}"): inputs.function(
            {("/srv/a.py", at // 2, f"f{at // 2}"): (1, 1, 0.001, 0.001)}) for at in range(1, 60_000)})
        for name in (many, log, capture, large):
            os.chmod(name, 0o644)
        for analyzer in ("check", "timeline", "sockets", "merge", "callgrind"):
            same("tracebraid", analyzer, *LOGS)
            same("tracebraid", analyzer, *LOGS, STORM / "profiling.cprof")
        same("tracebraid", "top", *LOGS[:1])
        same("tracebraid", "diff", LOGS[0], "--", LOGS[0])
        same("tracebraid", "check", many, *LOGS)
        same("tracebraid", "merge", "--sort", many, *LOGS)
        # Not all lanes are read to their ends.
        same("tracebraid", "merge", "-f", "zeek", "--types", "flow", *LOGS)
        same("tracebraid", "check", many, place / "missing.log")
        same("tracebraid", "merge", "--types", "nothing", many, LOGS[1])
        same("tracebraid", "check", "-", LOGS[1], content=(STORM / "strace.log").read_bytes())
        same("stracecalls", "-q", LOGS[0])
        same("pcapflows", "-q", "--segments", LOGS[1])
        same("greenletswitches", "-q", LOGS[2])
        same("cprofcalls", "-q", PROFILE)
        same("cprof2callgrind", "-o", "-", "-i", PROFILE)
        for analyzer in ("check", "timeline", "sockets", "merge"):
            same("tracebraid", analyzer, log, capture)
        same("pcapflows", "-q", capture)
        same("cprofcalls", "-q", "-f", "jsonl", large)
        same("cprof2callgrind", "-o", "-", "-i", large)
        same("tracebraid", "callgrind", large, log)
        os.chdir("/")
    harness.finish(60)


main()
