#!/bin/sh
# Records the sample anew: the files beside this script are replaced.
#
# usage: ./record.sh
#
# As root, on Debian 12 with python3-eventlet, strace, tcpdump and bpftrace, and with
# greenletswitches in the PATH.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
python=/usr/bin/python3
work=$(mktemp -d)
pids=

unset PYTHONPATH PYTHONHOME PYTHONSTARTUP
export PYTHONNOUSERSITE=1
export PYTHONDONTWRITEBYTECODE=1
export EVENTLET_NO_GREENDNS=yes

clean_up() {
    for pid in $pids; do kill "$pid" 2>/dev/null || true; done
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 1' HUP INT TERM

# usage: until_has FILE TEXT
until_has() {
    tries=0
    until grep -q "$2" "$1" 2>/dev/null; do
        tries=$((tries + 1))
        if [ "$tries" -gt 300 ]; then
            echo "record.sh: no \"$2\" in $1" >&2
            exit 1
        fi
        sleep 0.1
    done
}

[ -d /sys/kernel/tracing/events ] || mount -t tracefs none /sys/kernel/tracing
library=$($python -c 'import greenlet._greenlet; print(greenlet._greenlet.__file__)')
greenletswitches --script "$library" >"$work/switches.bt"
bpftrace -o "$work/greenlet.bt.txt" "$work/switches.bt" 2>/dev/null &
pids="$pids $!"
bpftrace=$!
until_has "$work/greenlet.bt.txt" Attaching
sleep 2

strace -f -ttt -T -yy -s 64 -o "$work/strace.log" \
    -e 'trace=%net,close,dup,fcntl,epoll_create1,epoll_ctl,epoll_wait,clone,clone3,exit_group' \
    "$python" "$here/server.py" "$work/port" "$work/profiling.cprof" </dev/null >/dev/null 2>&1 &
server=$!
pids="$pids $!"
until_has "$work/port" .
tcpdump -i lo -U --immediate-mode -w "$work/tcpdump.pcap" "tcp port $(cat "$work/port")" \
    2>"$work/tcpdump.err" &
tcpdump=$!
pids="$pids $!"
until_has "$work/tcpdump.err" listening
$python "$here/visitors.py" "$(cat "$work/port")"
wait $server
sleep 1
kill -INT $bpftrace $tcpdump
wait $bpftrace $tcpdump || true
pids=

# Paths of this machine are not of interest.
sed -i -e "s#$work#/srv#g" -e "s#$here#/srv/shop#g" "$work/strace.log"
"$python" - "$work/profiling.cprof" "$here" <<'CLEAN'
import marshal, sys
path, here = sys.argv[1:]
with open(path, "rb") as file:
    stats = marshal.load(file)
def clean(function):
    return (function[0].replace(here, "/srv/shop"),) + function[1:]
stats = {clean(function): value[:4] + ({clean(caller): times for caller, times in value[4].items()},)
         for function, value in stats.items()}
with open(path, "wb") as file:
    marshal.dump(stats, file)
CLEAN
cp "$work/strace.log" "$work/tcpdump.pcap" "$work/greenlet.bt.txt" "$work/profiling.cprof" "$here"
chmod 644 "$here/strace.log" "$here/tcpdump.pcap" "$here/greenlet.bt.txt" "$here/profiling.cprof"
