#!/bin/sh
# Records the sample anew: server.pcap and truth.json beside this script are replaced.
#
# usage: ./record.sh
#
# Needs Debian 12 with python3-eventlet and tcpdump, and the right to capture (root).
set -eu

here=$(cd "$(dirname "$0")" && pwd)
python=/usr/bin/python3
work=$(mktemp -d)
server=
capture=

unset PYTHONPATH PYTHONHOME PYTHONSTARTUP
export PYTHONNOUSERSITE=1
export PYTHONDONTWRITEBYTECODE=1
export EVENTLET_NO_GREENDNS=yes

clean_up() {
    for process in $server $capture; do
        kill "$process" 2>/dev/null || true
        wait "$process" || true
    done
    rm -rf "$work"
}

# Waits until the command succeeds, while the process lives.
wait_until() {
    process=$1
    shift
    tries=0
    until "$@"; do
        tries=$((tries + 1))
        if [ "$tries" -gt 100 ] || ! kill -0 "$process" 2>/dev/null; then
            echo "record.sh: gave up waiting: $*" >&2
            cat "$work/tcpdump.err" >&2 || true
            exit 1
        fi
        sleep 0.1
    done
}

trap clean_up EXIT
trap 'exit 1' HUP INT TERM

$python "$here/serve.py" "$work/port" "$work/access.log" "$work/counts.json" &
server=$!
wait_until "$server" test -s "$work/port"
port=$(cat "$work/port")

# To stdout: run by root, tcpdump would open a file as another user.
tcpdump -i lo -B 32768 -U -w - "tcp port $port" >"$work/server.pcap" 2>"$work/tcpdump.err" &
capture=$!
wait_until "$capture" grep -q 'listening on' "$work/tcpdump.err"

$python "$here/visitors.py" "$port" "$work/counts.json" "$work/truth.json"
wait "$server"
server=
sleep 1.5  # tcpdump gets the last packets after a while
kill -INT "$capture"
wait "$capture" || true
capture=
if ! grep -q '^0 packets dropped by kernel' "$work/tcpdump.err"; then
    echo "record.sh: the capture is not complete" >&2
    cat "$work/tcpdump.err" >&2
    exit 1
fi
cp "$work/server.pcap" "$work/truth.json" "$here"
