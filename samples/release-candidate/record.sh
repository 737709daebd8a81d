#!/bin/sh
# Records the sample anew: four runs of both versions of the library; the folders stable-N and
# candidate-N are replaced.
#
# usage: ./record.sh
#
# As root, on Debian 12 with strace and tcpdump.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
python=/usr/bin/python3
visitors=12
work=$(mktemp -d)
pids=

unset PYTHONPATH PYTHONHOME PYTHONSTARTUP
export PYTHONNOUSERSITE=1
export PYTHONDONTWRITEBYTECODE=1

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

# usage: record LIBRARY RUN
record() {
    place=$work/$2
    mkdir -p "$place/app"
    cp "$here/server.py" "$here/rates.txt" "$place/app"
    cp -r "$here/$1" "$place/$1"
    # In a folder of its own: -yy shows where it runs.
    (cd "$place/app" && exec strace -f -ttt -T -yy -s 64 -o "$place/strace.log" \
        -e 'trace=%net,read,close,openat,newfstatat,lseek,exit_group' \
        "$python" "$place/app/server.py" "$place/$1" $visitors "$place/port" \
        "$place/profiling.cprof" </dev/null) &
    server=$!
    until_has "$place/port" .
    tcpdump -i lo -U --immediate-mode -w "$place/tcpdump.pcap" "tcp port $(cat "$place/port")" \
        2>"$place/tcpdump.err" &
    tcpdump=$!
    pids="$server $tcpdump"
    until_has "$place/tcpdump.err" listening
    sleep 2
    $python "$here/visitors.py" "$(cat "$place/port")" $visitors
    wait $server
    sleep 1
    kill -INT $tcpdump
    wait $tcpdump || true
    pids=
    # What Python does before the server begins is of no interest, nor are paths of this machine.
    sed -n '/rates\.txt/,$p' "$place/strace.log" | sed "s#$place#/srv/$2#g" >"$place/log"
    "$python" - "$place/profiling.cprof" "$place" "/srv/$2" <<'CLEAN'
import marshal, sys
path, place, shown = sys.argv[1:]
with open(path, "rb") as file:
    stats = marshal.load(file)
def clean(function):
    return (function[0].replace(place, shown),) + function[1:]
stats = {clean(function): value[:4] + ({clean(caller): times for caller, times in value[4].items()},)
         for function, value in stats.items()}
with open(path, "wb") as file:
    marshal.dump(stats, file)
CLEAN
    rm -rf "${here:?}/$2"
    mkdir "$here/$2"
    cp "$place/log" "$here/$2/strace.log"
    cp "$place/tcpdump.pcap" "$place/profiling.cprof" "$here/$2"
    chmod 644 "$here/$2"/*
}

for run in 1 2 3 4; do
    record library-1.4 stable-$run
    record library-1.5rc1 candidate-$run
done
