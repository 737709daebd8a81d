"""Makes system calls, and writes down for itself which function made how many of which.

usage: syscall_makers.py TRUTH.json [THREADS]. The functions run in the main thread, and those of
`Elsewhere` in THREADS threads more.
"""
import collections
import json
import os
import select
import socket
import sys
import threading

made = {"main": collections.Counter(), "others": collections.Counter()}


def count(function, call, number=1):
    made["main"][function + " " + call] += number


def look(number):
    for _ in range(number):
        os.stat("/")
    count("look", "newfstatat", number)


def look_in_vain(number):
    for _ in range(number):
        try:
            os.stat("/there/is/none")
        except OSError:
            pass
    count("look_in_vain", "newfstatat", number)


def talk_to_myself(number):
    reads, writes = os.pipe()
    for _ in range(number):
        os.write(writes, b"x" * 10)
        os.read(reads, 10)
    os.close(reads)
    os.close(writes)
    for call in ("write", "read"):
        count("talk_to_myself", call, number)
    count("talk_to_myself", "pipe2")
    count("talk_to_myself", "close", 2)


class Caller:
    """Two methods of one name in this file: what they call tells them apart."""

    def __init__(self, near):
        self.near = near

    def step(self, size):
        self.near.send(b"q" * size)
        count("Caller.step", "sendto")


class Answerer:
    def __init__(self, far):
        self.far = far

    def step(self, size):
        self.far.recv(size)
        count("Answerer.step", "recvfrom")


class Left:
    """Two that call the same: only a qualified name tells them apart."""

    def turn(self):
        os.getppid()
        count("Left.turn", "getppid")


class Right:
    def turn(self):
        os.getppid()
        os.getppid()
        count("Right.turn", "getppid", 2)


def again(depth):
    os.getpgrp()
    count("again", "getpgrp")
    if depth:
        again(depth - 1)


def numbers(number):
    for _ in range(number):
        os.sched_yield()
        count("numbers", "sched_yield")
        yield _


def outer(number):
    def inner():
        os.getsid(0)
        count("outer.<locals>.inner", "getsid")
    for _ in range(number):
        inner()


def poll(number):
    poller = select.poll()
    for _ in range(number):
        poller.poll(0)
    count("poll", "poll", number)


def read_file(number):
    for _ in range(number):
        file = os.open(__file__, os.O_RDONLY)
        os.read(file, 100)
        os.close(file)
    count("read_file", "openat", number)
    count("read_file", "read", number)
    count("read_file", "close", number)


def read_lines(name):
    with open(name) as lines:
        for _ in lines:
            pass


def copy(number):
    """Through buffers: how many calls it takes is theirs to say."""
    near, far = socket.socketpair()
    with near, far, near.makefile("wb") as out, far.makefile("rb") as back:
        for _ in range(number):
            out.write(b"line\n" * 100)
            out.flush()
            for _ in range(100):
                back.readline()
    count("copy", "sendto", number)
    count("copy", "recvfrom", number)


def relay(number):
    for _ in range(number):
        os.getpriority(os.PRIO_PROCESS, 0)
    count("relay", "getpriority", number)


def cheap(number):
    for _ in range(number):
        relay(1)
    count("cheap", "(below)", number)


def dear(number):
    for _ in range(number):
        relay(10)
    count("dear", "(below)", 10 * number)


class Elsewhere(threading.Thread):
    def run(self):
        for _ in range(20):
            self.work()

    def work(self):
        os.getpgid(0)
        os.stat("/tmp")
        made["others"]["Elsewhere.work getpgid"] += 1
        made["others"]["Elsewhere.work newfstatat"] += 1


def main():
    look(40)
    look_in_vain(10)
    talk_to_myself(30)
    near, far = socket.socketpair()
    caller, answerer = Caller(near), Answerer(far)
    for size in range(1, 26):
        caller.step(size)
        answerer.step(size)
    near.close()
    far.close()
    for _ in range(15):
        Left().turn()
        Right().turn()
    again(12)
    list(numbers(11))
    outer(9)
    poll(14)
    read_file(8)
    read_lines(__file__)
    copy(12)
    cheap(30)
    dear(9)
    threads = [Elsewhere() for _ in range(int(sys.argv[2]) if len(sys.argv) > 2 else 0)]
    for thread in threads:
        thread.start()
        thread.join()
    truth = {"pid": os.getpid()}
    for where, counter in made.items():
        truth[where] = [[*name.split(), number] for name, number in counter.items()]
    with open(sys.argv[1], "w") as out:
        json.dump(truth, out)


if __name__ == "__main__":
    main()
