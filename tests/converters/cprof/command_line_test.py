"""cprof2callgrind as pyprof2calltree's users and pipelines call it."""
import gzip
import marshal
import os
import pathlib
import re
import shutil
import stat
import subprocess
import sys

sys.path.append(f"{sys.path[0]}/../../support")
import harness
from callgrind_file import CallgrindFile
from harness import check, equal

STATS = {("a.py", 1, "main"): (1, 1, 0.5, 0.75, {}),
         ("a.py", 5, "work"): (2, 2, 0.25, 0.25, {("a.py", 1, "main"): (2, 2, 0.25, 0.25)})}
DATA = marshal.dumps(STATS)
VIEWER = """#!/bin/sh
# Stands for KCachegrind: notes what it was given, and what it would open besides.
echo "$1" > "$VIEWED"
cat "$1" >> "$VIEWED"
ls "$1"* | wc -l >> "$VIEWED"
"""
SUM = "<built-in method builtins.sum>"


def write(name, data=DATA, mode=0o644):
    pathlib.Path(name).write_bytes(data)
    os.chmod(name, mode)


def read(name):
    return pathlib.Path(name).read_bytes()


def set_up():
    """The work folder, and one for temporary files beside it."""
    os.mkdir("work")
    os.mkdir("tmp")
    os.chdir("work")
    write("in.cprof")


def run(*words, environment=None, **options):
    return harness.run("cprof2callgrind", *words, environment={
        "TMPDIR": os.path.abspath("../tmp"), "PYTHON": sys.executable, **(environment or {})},
        **options)


def total(data):
    return CallgrindFile(data, one_self_line=False).total


def has_total(name, ns):
    equal(total(read(name)), ns, f"total of {name}")


def test_in_and_out():
    equal(run("in.cprof", "out").errors, "", "words")
    has_total("out", 750000000)
    equal(sorted(os.listdir()), ["in.cprof", "out"], "files")


def test_several_inputs_add_up():
    run("in.cprof", "in.cprof", "out")
    has_total("out", 1500000000)
    run("-i", "in.cprof", "-i", "in.cprof", "-o", "out3", "in.cprof")
    has_total("out3", 2250000000)


def test_pipes_and_compression():
    expected = run("in.cprof", "-").out

    def as_expected(got, what):
        equal(got.out.replace(b"cmd: -", b"cmd: in.cprof"), expected, what)

    for form in (DATA, gzip.compress(DATA), gzip.compress(DATA[:9]) + gzip.compress(DATA[9:])):
        as_expected(run("-", "-", content=form), f"piped: {form[:9]}")
    if shutil.which("zstd"):
        packed = subprocess.run(["zstd", "-q", "-c", "in.cprof"], capture_output=True, check=True)
        as_expected(run("-i", "-", content=packed.stdout), "zstd")


def test_default_names_are_pyprof2calltrees():
    os.mkdir("sub")
    write("sub/x.prof")
    check("wrote x.prof.log" in run("-i", "sub/x.prof").errors, "wrote x.prof.log")
    has_total("x.prof.log", 750000000)
    run("--infile", "sub/x.prof", "--outfile", "named")
    has_total("named", 750000000)


def test_input_and_output_must_differ():
    os.symlink("in.cprof", "link")
    for words in (("-i", "in.cprof", "-o", "in.cprof"), ("-i", "in.cprof", "-o", "./in.cprof"),
                  ("-i", "in.cprof", "-o", "link")):
        run(*words, status=2)
    write("b.cprof")
    errors = run("in.cprof", "b.cprof", status=2).errors  # the output was forgotten
    check("is a profile itself" in errors, errors)
    equal((read("in.cprof"), read("b.cprof")), (DATA, DATA), "the profiles")


def test_output_whole_or_not_at_all():
    write("out", b"before", 0o640)
    write("cut.cprof", DATA[:-12])
    run("cut.cprof", "out", status=1)
    equal(read("out"), b"before", "out")
    run("--partial", "cut.cprof", "out", status=1)
    has_total("out", 500000000)
    equal(stat.S_IMODE(os.stat("out").st_mode), 0o640, "mode")
    run("in.cprof", "no/such/folder", status=1)
    equal(sorted(os.listdir()), ["cut.cprof", "in.cprof", "out"], "files")


def test_a_full_disk_is_an_error_and_an_early_reader_is_not():
    errors = run("in.cprof", "/dev/full", status=1).errors
    check("No space left" in errors, errors)
    with open("/dev/full", "wb") as full:
        run("in.cprof", "-", stdout=full, status=1)
    many = {("a.py", n, "f%d" % n): (1, 1, 0.5, 0.5, {}) for n in range(100000)}
    write("many.cprof", marshal.dumps(many))
    got = harness.shell("cprof2callgrind many.cprof - | head -n 1; echo ${PIPESTATUS[0]}")
    equal((got.text, got.errors), ("# callgrind format\n0\n", ""), "early reader")


def test_run_script():
    write("prog.py", b"import sys\nprint(sys.argv[1:])\nsum(range(9))\n"
                     b"sys.exit(int(sys.argv[-1]))\n")
    equal(run("-r", "prog.py", "-o", "x", "--help", "0").text, "['-o', 'x', '--help', '0']\n", "-r")
    check(SUM in CallgrindFile(read("prog.py.log")).functions, "-r: no sum()")
    equal(os.listdir("../tmp"), [], "-r: temporary files")
    run("-o", "mod.cg", "-r", "-m", "prog", "0")
    check(SUM in CallgrindFile(read("mod.cg")).functions, "-r -m: no sum()")


def test_a_failing_script_keeps_its_dump():
    write("bad.py", b"sum(range(9))\nraise SystemError('on purpose')\n")
    errors = run("-o", "out", "-r", "bad.py", status=1).errors
    check("on purpose" in errors, errors)
    check(SUM in CallgrindFile(read("out")).functions, "no sum()")
    kept, = [path for path in pathlib.Path("../tmp").resolve().rglob("*") if path.is_file()]
    check(str(kept) in errors, f"{kept} is not in {errors}")
    check(marshal.loads(read(kept)), f"{kept}: empty")


def view(*words, with_viewer=True, **options):
    os.makedirs("bin", exist_ok=True)
    if with_viewer:
        write("bin/kcachegrind", VIEWER.encode(), 0o755)
    path = os.path.abspath("bin") + (":" + os.environ["PATH"] if with_viewer else "")
    return run(*words, environment={"VIEWED": os.path.abspath("viewed"), "PATH": path}, **options)


def test_kcachegrind():
    for words in (("-k", "-i", "in.cprof"), ("-k", "in.cprof"), ("-ki", "in.cprof")):
        view(*words)
        name, _, rest = read("viewed").partition(b"\n")
        profile, count, _ = rest.rsplit(b"\n", 2)
        equal((total(profile + b"\n"), count.strip()), (750000000, b"1"), f"{words}: viewed")
        check(not os.path.exists(name), f"{words}: {name} is left")
        equal(os.listdir("../tmp"), [], f"{words}: temporary files")
    check(not os.path.exists("in.cprof.log"), "in.cprof.log")


def test_kcachegrind_is_not_shown_the_files_beside():
    write("out.old", b"stale")
    view("-k", "-i", "in.cprof", "-o", "out")
    equal(read("viewed").rsplit(b"\n", 2)[1].strip(), b"1", "files viewed")
    has_total("out", 750000000)


def test_without_kcachegrind_it_says_what_to_install():
    errors = view("-k", "-i", "in.cprof", "-o", "out", with_viewer=False, status=1).errors
    check("apt install kcachegrind" in errors, errors)
    has_total("out", 750000000)


def test_help_is_always_there():
    for words in (("--help",), ("--no-such-option", "--help")):
        check("--strip-prefix" in run(*words).text, f"{words}")
    check(run("-h").out.count(b"\n") <= 24, "-h")
    version = run("--version").text
    check(re.match(r"cprof2callgrind \d+\.\d+", version), version)
    run(status=2)


harness.each_test(globals(), set_up)
harness.finish()
