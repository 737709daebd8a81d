#!/bin/sh
# Records the sample anew: the files beside this script are replaced.
#
# usage: ./record.sh
#
# Needs Debian 12 with python3-eventlet and strace, and the right to trace one's own programs.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
python=/usr/bin/python3
work=$(mktemp -d)
traced=

unset PYTHONPATH PYTHONHOME PYTHONSTARTUP
export PYTHONNOUSERSITE=1
export PYTHONDONTWRITEBYTECODE=1
export EVENTLET_NO_GREENDNS=yes

clean_up() {
    if [ -n "$traced" ]; then
        kill "$traced" 2>/dev/null || true
        wait "$traced" || true
    fi
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 1' HUP INT TERM

# usage: record LOG TRUTH COMMAND…   The command runs the server under strace.
record() {
    log=$1
    truth=$2
    shift 2
    rm -f "$work"/*
    "$@" "$python" "$here/../eventlet-capture/serve.py" "$work/port" "$work/access.log" \
        "$work/counts.json" </dev/null >/dev/null 2>"$work/stderr" &
    traced=$!
    tries=0
    until [ -s "$work/port" ]; do
        tries=$((tries + 1))
        if [ "$tries" -gt 300 ]; then
            echo "record.sh: the server does not start" >&2
            exit 1
        fi
        sleep 0.1
    done
    $python "$here/../eventlet-capture/visitors.py" "$(cat "$work/port")" "$work/counts.json" \
        "$work/truth.json"
    wait "$traced" || true
    traced=
    if [ -s "$work/log" ]; then cp "$work/log" "$log"; else cp "$work/stderr" "$log"; fi
    cp "$work/truth.json" "$truth"
    # Paths of this machine are not of interest.
    sed -i -e "s#$work#/srv#g" -e "s#$(dirname "$here")#/srv/samples#g" "$log"
}

calls='trace=%net,close,dup,fcntl,epoll_create1,epoll_ctl,epoll_wait,clone,clone3,exit_group'
record "$here/server.strace" "$here/truth.json" \
    strace -f -ttt -T -yy -s 64 -e "$calls" -o "$work/log"
record "$here/terminal.strace" "$here/terminal-truth.json" strace -e "$calls"
