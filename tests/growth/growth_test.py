"""What takes n of something takes four times as long for 4n, or a little more: never sixteen times,
neither with ordinary inputs nor with inputs that were chosen to be slow (inputs.py).

Seconds of the processor are compared, the best of several tries, so that a busy machine does not
matter: a kind whose work grows with the square takes 16 times as long, an even one 4 times; and runs
shorter than FLOOR count as that long. An argument chooses kinds by a part of their names."""
import dataclasses
import os
import sys
import time

sys.path.append(f"{sys.path[0]}/../support")
import harness
import inputs
from harness import check

MOST = 7
FLOOR = 0.03  # seconds
TRIES = 6

CHECK, SOCKETS, TIMELINE = "tracebraid check", "tracebraid sockets -q", "tracebraid timeline -q"
CHROME = "tracebraid timeline -q -f chrome"
CALLGRIND, MERGE = "tracebraid callgrind", "tracebraid merge -q"
JOIN = "tracebraid merge -q --join-parts"
TOP, DIFF = "tracebraid top -q", "tracebraid diff"
CALLS, FLOWS = "stracecalls -q", "pcapflows -q"
PROFILE, DUMP = "cprofcalls -q", "cprof2callgrind -o /dev/null -i"
SWITCHES = "greenletswitches -q"
OF_LOGS = (CALLS, CHECK, TIMELINE, TOP)
JOINED = (CHECK, SOCKETS, TIMELINE)


@dataclasses.dataclass
class Kind:
    make: object  # of inputs.py
    commands: tuple
    size: int = 10_000

    @property
    def name(self):
        return self.make.__name__


KINDS = [
    # Captures.
    Kind(inputs.clients_of_one_port, (*JOINED, MERGE), 6_000),
    Kind(inputs.answered_syns_of_one_port, (CHECK,), 6_000),
    Kind(inputs.one_four_tuple, JOINED, 6_000),
    Kind(inputs.syn_flood, (FLOWS, *JOINED, CHROME)),
    Kind(inputs.dns_flood, (FLOWS, *JOINED)),
    Kind(inputs.one_dns_flow, (FLOWS, CHECK)),
    Kind(inputs.servers, (FLOWS, CHECK, SOCKETS)),
    Kind(inputs.fragments, (FLOWS,)),
    Kind(inputs.holes_up, (FLOWS, CHECK)),
    Kind(inputs.holes_down, (FLOWS, CHECK)),
    Kind(inputs.holes_anywhere, (FLOWS, CHECK)),
    Kind(inputs.unanswered_requests, (FLOWS, CHECK)),
    Kind(inputs.retransmissions, (FLOWS, CHECK)),
    Kind(inputs.zero_products, (FLOWS,)),
    # Logs with captures.
    Kind(inputs.connects_without_ports, (*JOINED, CALLGRIND), 5_000),
    Kind(inputs.queries_without_ports, (CHECK, SOCKETS), 4_000),
    Kind(inputs.one_port_of_any_host, (CHECK, SOCKETS), 4_000),
    Kind(inputs.waits, (SOCKETS, CHROME, CHECK, CALLGRIND), 5_000),
    # Logs.
    Kind(inputs.unfinished_calls, OF_LOGS),
    Kind(inputs.unfinished_clones, OF_LOGS),
    Kind(inputs.threads, (*OF_LOGS, CALLGRIND, CHROME)),
    Kind(inputs.superseded, OF_LOGS, 5_000),
    Kind(inputs.forks, OF_LOGS),
    Kind(inputs.exits, OF_LOGS),
    Kind(inputs.sockets, (*OF_LOGS, SOCKETS)),
    Kind(inputs.accepts, (*OF_LOGS, SOCKETS)),
    Kind(inputs.paths, OF_LOGS),
    Kind(inputs.names_of_calls, (*OF_LOGS, CALLGRIND)),
    Kind(inputs.names_of_errors, OF_LOGS),
    Kind(inputs.calls_of_one_socket, (CHECK, SOCKETS, CALLGRIND)),
    Kind(inputs.descriptors_of_one_socket, (CALLS, CHECK, SOCKETS)),
    Kind(inputs.chain_of_dups, OF_LOGS),
    Kind(inputs.peers, (*OF_LOGS, SOCKETS, CALLGRIND)),
    Kind(inputs.polled, OF_LOGS),
    Kind(inputs.stacks, (*OF_LOGS, CALLGRIND)),
    Kind(inputs.signals, OF_LOGS),
    Kind(inputs.execs, OF_LOGS),
    Kind(inputs.closed_and_used, OF_LOGS),
    Kind(inputs.chosen_threads, OF_LOGS, 5_000),
    Kind(inputs.chosen_descriptors, (CALLS, CHECK), 5_000),
    Kind(inputs.switches, (SWITCHES, CHECK, TIMELINE)),
    # Record streams.
    Kind(inputs.chosen_uids, (CHECK, SOCKETS), 7_000),
    Kind(inputs.equal_uids, (*JOINED, JOIN)),
    Kind(inputs.no_uids, (*JOINED, JOIN)),
    Kind(inputs.record_types, (MERGE,), 2_000),
    # Profiles.
    Kind(inputs.chosen_names, (PROFILE, DUMP, TOP, DIFF, CALLGRIND), 7_000),
    Kind(inputs.chosen_lines, (PROFILE, DUMP), 7_000),
    Kind(inputs.lambdas, (DIFF, TOP, DUMP), 5_000),
    Kind(inputs.files_of_one_name, (DIFF, TOP, DUMP), 4_000),
    Kind(inputs.all_to_all, (CALLGRIND, TOP + " --callers f", DIFF, DUMP)),
]


def seconds(command, names):
    """Of the processor, outside the kernel."""
    program, *arguments = command.split()
    if command.startswith(DIFF):
        names = [*names, "--", *names]
    path = str(harness.PROGRAMS / program)
    sink = os.open(os.devnull, os.O_RDWR)
    pid = os.posix_spawn(path, [path, *arguments, *names], os.environ,
                         file_actions=[(os.POSIX_SPAWN_DUP2, sink, fd) for fd in range(3)])
    os.close(sink)
    _, status, usage = os.wait4(pid, 0)
    # 1: a finding, or what the input lacks.
    check(os.waitstatus_to_exitcode(status) in (0, 1, 2), f"{command}: status {status}")
    return usage.ru_utime


def grows_evenly(kind, command, few, many):
    with_few, with_many = [], []
    for _ in range(TRIES):
        with_few.append(seconds(command, few))
        with_many.append(seconds(command, many))
        least = max(min(with_few), FLOOR)
        if min(with_many) < MOST * least:
            break
    print(f"{kind.name:28} {command:34} {min(with_few):6.3f} {min(with_many):6.3f}")
    return check(min(with_many) < MOST * least,
                 f"{kind.name}, {command}: {min(with_few)} s for {kind.size}, "
                 f"{min(with_many)} s for {4 * kind.size}")


def made(kind, size):
    folder = f"{kind.name}-{size}"
    os.mkdir(folder)
    os.chdir(folder)
    names = kind.make(size)
    os.chdir("..")
    return [f"{folder}/{name}" for name in names]


def main():
    started = time.process_time()
    wanted = [kind for kind in KINDS if harness.part() in kind.name]
    harness.need(not harness.is_sanitized(harness.PROGRAMS / "tracebraid"),
                 "a sanitizer makes time another's")
    with harness.folder() as place:
        os.chdir(place)
        for kind in wanted:
            few, many = made(kind, kind.size), made(kind, 4 * kind.size)
            for command in kind.commands:
                grows_evenly(kind, command, few, many)
            for name in few + many:
                os.remove(name)
        os.chdir("/")
    print(f"{time.process_time() - started:.1f} s for making inputs")
    harness.finish(len(wanted))


main()
