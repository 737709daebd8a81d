#!/bin/sh
# Records the sample anew.
#
# usage: ./record.sh [WORK_FOLDER [PROFILE]]
#
# WORK_FOLDER (default /srv/puzzle) must not exist yet: the program runs from a copy there, so
# that the profile names files below it, and the folder is removed at the end.
# PROFILE (default profile.cprof beside this script) is replaced.
# Needs Debian 12; its Python brings all that is used here.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
work=${1:-/srv/puzzle}
profile=${2:-$here/profile.cprof}
python=/usr/bin/python3

# Nothing of the caller's own Python set-up may get into the profile.
unset PYTHONPATH PYTHONHOME PYTHONSTARTUP
export PYTHONNOUSERSITE=1
export PYTHONDONTWRITEBYTECODE=1

mkdir "$work"
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
mkdir "$work/puzzles"
cp "$here"/puzzle/run.py "$work"
cp "$here"/puzzle/puzzles/*.py "$work/puzzles"

# The whole path of run.py: the profile gets the name just as it is given here.
$python -m cProfile -o "$work/profile.cprof" "$work/run.py"
cp "$work/profile.cprof" "$profile"
