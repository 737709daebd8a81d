"""Processes that a fork made share their parent's descriptors: what 400 of them take does not grow
with what the parent had open, nor with how high a number is that one of them names."""
import os
import sys

sys.path += [f"{sys.path[0]}/../../support", f"{sys.path[0]}/../../growth"]
import harness
import inputs
from harness import check, equal

PROGRAMS = (("stracecalls", "-q"), ("tracebraid", "check"))


def peak_megabytes(*command):
    run = harness.run(*command, "a.strace", status=(0, 1), peak=True)
    equal(run.errors.count("internal"), 0, run.errors)
    return run.peak_kb / 1024


def test_forks():
    opened, processes = 65_000, 400
    inputs.log([f'open("/x", O_RDONLY) = {3 + fd} <0.000001>' for fd in range(opened)] +
               [call for at in range(processes) for call in (
                   f"clone(child_stack=NULL, flags=SIGCHLD) = {1000 + at} <0.000001>",
                   (1000 + at, "close(3) = 0 <0.000001>"))])
    for command in PROGRAMS:
        check(peak_megabytes(*command) < 100, f"{command}: {peak_megabytes(*command)} MB")


def test_children_that_close_all():
    """As subprocess and container runtimes do."""
    inputs.log([f'open("/x", O_RDONLY) = {3 + fd} <0.000001>' for fd in range(20_000)] +
               [call for at in range(2_000) for call in (
                   f"clone(child_stack=NULL, flags=SIGCHLD) = {1000 + at} <0.000001>",
                   (1000 + at, "close_range(3, 4294967295, CLOSE_RANGE_CLOEXEC) = 0 <0.000001>"),
                   (1000 + at, "close_range(5, 4294967295, 0) = 0 <0.000001>"))])
    for command in PROGRAMS:
        check(peak_megabytes(*command) < 100, f"{command}: {peak_megabytes(*command)} MB")


def test_high_numbers():
    for fd in (16_383, 1_048_575):
        inputs.log((1000 + at, f"close({fd}) = 0 <0.000001>") for at in range(10_000))
        for command in PROGRAMS:
            check(peak_megabytes(*command) < 100, f"{command}, {fd}: {peak_megabytes(*command)} MB")


def test_what_was_closed():
    """Which check keeps by number."""
    inputs.log(call for at in range(600) for call in (
        (1000 + at, f"getpid() = {1000 + at} <0.000001>"),
        (1000 + at, "dup(0) = 1048575 <0.000001>"),
        (1000 + at, "close(1048575) = 0 <0.000001>"),
        (1000 + at, "close(1048575) = -1 EBADF (Bad file descriptor) <0.000001>")))
    check(peak_megabytes("tracebraid", "check") < 100, "closings of high numbers")


def test_numbers_that_are_too_high():
    high = 1 << 20
    inputs.log(f'open("/x", O_RDONLY) = {high + at} <0.000001>' for at in range(100))
    run = harness.run("stracecalls", "a.strace")
    check("the first 64 are followed" in run.errors, run.errors)


harness.need(not harness.is_sanitized(harness.PROGRAMS / "tracebraid"),
             "a sanitizer makes memory another's")
harness.each_test(globals())
os.chdir("/")
harness.finish(12)
