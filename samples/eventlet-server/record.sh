#!/bin/sh
# Records the sample anew.
#
# usage: ./record.sh [WORK_FOLDER [PROFILE]]
#
# WORK_FOLDER (default /srv/shop) must not exist yet: the server runs from a copy there, so
# that the profile names files below it, and the folder is removed at the end.
# PROFILE (default profile.cprof beside this script) is replaced.
# Needs Debian 12 with python3-eventlet.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
work=${1:-/srv/shop}
profile=${2:-$here/profile.cprof}
python=/usr/bin/python3
server=

# Nothing of the caller's own Python set-up may get into the profile.
unset PYTHONPATH PYTHONHOME PYTHONSTARTUP
export PYTHONNOUSERSITE=1
export PYTHONDONTWRITEBYTECODE=1
# The server looks up no host names. Without this, the import of a DNS library would make the
# profile twice as large.
export EVENTLET_NO_GREENDNS=yes
# Eventlet imports distutils. Where setuptools is installed it would put its own copy there,
# and the profile would again be twice as large.
export SETUPTOOLS_USE_DISTUTILS=stdlib

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
cp "$here"/shop/* "$work"

# The whole path of server.py: the profile gets the name just as it is given here.
$python -m cProfile -o "$work/profile.cprof" "$work/server.py" \
    "$work/port" "$work/access.log" &
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
