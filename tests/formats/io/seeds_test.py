"""Tables in memory are hashed with a seed that is another in each run (formats/io/hash.h). Nothing
that is written depends on it: what programs write of the same inputs is the same in every run."""
import os
import sys

sys.path += [f"{sys.path[0]}/../../support", f"{sys.path[0]}/../../growth"]
import harness
import inputs
from harness import equal

RUNS = 5
STORM = harness.SAMPLES / "accept-storm"
EVENTLET = harness.SAMPLES / "eventlet-server/profile.cprof"
INPUTS = [STORM / name for name in ("strace.log", "tcpdump.pcap", "greenlet.bt.txt",
                                    "profiling.cprof")]
LOG, CAPTURE, SWITCHES, PROFILE = INPUTS
FORMS = ("jsonl", "msgpack")


def same(program, *arguments):
    runs = [harness.run(program, *arguments, status=(0, 1, 2)) for _ in range(RUNS)]
    # Messages of several threads may come in any order.
    results = {(run.status, run.out, tuple(sorted(run.errors.splitlines()))) for run in runs}
    equal(len(results), 1, f"results of {RUNS} runs of {program} {' '.join(map(str, arguments))}")


def main():
    with harness.folder() as place:
        os.chdir(place)
        for analyzer in ("check", "timeline", "sockets", "callgrind"):
            same("tracebraid", analyzer, *INPUTS)
        for form in FORMS:
            same("tracebraid", "merge", "--files", "--segments", "-f", form, *INPUTS)
            same("tracebraid", "sockets", "--all", "-f", form, LOG, CAPTURE)
            same("stracecalls", "--records", "syscall,signal,process,problem,file", "-f", form, LOG)
            same("pcapflows", "--segments", "-f", form, CAPTURE)
            same("cprofcalls", "-f", form, PROFILE)
            same("greenletswitches", "-f", form, SWITCHES)
        same("tracebraid", "timeline", "-f", "chrome", *INPUTS)
        same("tracebraid", "callgrind", "-f", "speedscope", *INPUTS)
        same("tracebraid", "diff", *INPUTS, "--", LOG, EVENTLET)
        same("tracebraid", "diff", "-f", "callgrind", PROFILE, "--", EVENTLET)
        same("cprof2callgrind", "-o", "-", "-i", EVENTLET)
        for by in ("syscall", "pid", "error", "file", "path", "result"):
            same("tracebraid", "top", "--by", by, "-n", "0", LOG)
        same("tracebraid", "top", "--callers", "f", "-n", "0", EVENTLET)
        # Many alike: threads, descriptors and sockets that are there at the end, equal counts.
        for make in (inputs.threads, inputs.forks, inputs.superseded, inputs.sockets,
                     inputs.names_of_calls, inputs.chosen_descriptors, inputs.unfinished_calls):
            log, = make(500)
            same("stracecalls", "--records", "syscall,signal,process,problem,file", log)
            for analyzer in ("check", "sockets", "timeline", "callgrind", "top"):
                same("tracebraid", analyzer, log)
        for make in (inputs.connects_without_ports, inputs.queries_without_ports,
                     inputs.one_port_of_any_host):
            names = make(300)
            for analyzer in ("check", "sockets", "timeline"):
                same("tracebraid", analyzer, *names)
        for make in (inputs.equal_uids, inputs.record_types):
            stream, = make(300)
            same("tracebraid", "merge", stream)
            same("tracebraid", "check", stream)
        os.chdir("/")
    harness.finish(80)


main()
