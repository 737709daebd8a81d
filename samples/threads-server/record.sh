#!/bin/sh
# Records the sample anew.
#
# usage: ./record.sh [WORK_FOLDER [PROFILE]]
#
# WORK_FOLDER (default /srv/files) must not exist yet: the server runs from a copy there, so
# that the profile names files below it, and the folder is removed at the end.
# PROFILE (default profile.cprof beside this script) is replaced.
# Needs Debian 12; its Python brings all that is used here.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
work=${1:-/srv/files}
profile=${2:-$here/profile.cprof}
python=/usr/bin/python3
server=

# Nothing of the caller's own Python set-up may get into the profile.
unset PYTHONPATH PYTHONHOME PYTHONSTARTUP
export PYTHONNOUSERSITE=1
export PYTHONDONTWRITEBYTECODE=1
# The environment may name a proxy; the load stays on this computer.
export no_proxy=127.0.0.1

clean_up() {
    if [ -n "$server" ]; then
        kill "$server" 2>/dev/null || true
        wait "$server" || true
    fi
    rm -rf "$work"
}

mkdir "$work"
trap clean_up EXIT
trap 'exit 1' HUP INT TERM
cp "$here"/files/* "$work"
$python "$here/make_store.py" "$work/store"

$python "$work/server.py" "$work/store" "$work/port" "$work/access.log" "$work/profile.cprof" &
server=$!

tries=0
until [ -s "$work/port" ]; do
    tries=$((tries + 1))
    if [ "$tries" -gt 100 ] || ! kill -0 "$server" 2>/dev/null; then
        echo "record.sh: the server did not start" >&2
        exit 1
    fi
    sleep 0.1
done

$python "$here/loadgen.py" "$(cat "$work/port")"
wait "$server"
server=
cp "$work/profile.cprof" "$profile"
