"""cprofcalls as pipelines call it."""
import csv
import gzip
import io
import marshal
import os
import pathlib
import sys

sys.path.append(f"{sys.path[0]}/../../support")
import harness
from harness import check, equal

STATS = {("a.py", 1, "main"): (1, 1, 0.5, 0.75, {}),
         ("a.py", 5, "work"): (2, 2, 0.25, 0.25, {("a.py", 1, "main"): (2, 2, 0.25, 0.25)})}
DATA = marshal.dumps(STATS)


def write(name, data=DATA):
    pathlib.Path(name).write_bytes(data)


def run(*words, **options):
    return harness.run("cprofcalls", *words, **options)


def records(*words, **options):
    return run(*words, **options).records()


def test_both_types_unless_one_is_asked_for():
    equal([each["type"] for each in records("in.cprof")], ["function", "function", "call"], "types")
    for wanted, number in (("function", 2), ("call", 1)):
        equal([each["type"] for each in records("--type", wanted, "in.cprof")], [wanted] * number,
              f"--type {wanted}")
    run("--type", "callee", "in.cprof", status=2)


def test_forms_of_one_type():
    rows = list(csv.DictReader(io.StringIO(run("-f", "csv", "in.cprof").text)))
    equal([row["name"] for row in rows], ["main", "work"], "CSV")
    rows = list(csv.DictReader(io.StringIO(run("-f", "csv", "--type", "call", "in.cprof").text)))
    equal([row["caller_name"] for row in rows], ["main"], "CSV of calls")


def test_pipes_and_compression():
    expected = records("in.cprof")
    for form in (DATA, gzip.compress(DATA), gzip.compress(DATA[:9]) + gzip.compress(DATA[9:])):
        equal(records("-", content=form), expected, f"piped: {form[:9]}")
        equal(records(content=form), expected, f"piped without -: {form[:9]}")


def test_several_inputs_are_told_apart():
    expected = records("in.cprof")
    write("b.cprof")
    equal(records("in.cprof", "b.cprof", "-", content=DATA),
          [dict(each, input=name) for name in ("in.cprof", "b.cprof", "standard input")
           for each in expected], "several inputs")
    run("-", "-", content=b"", status=2)


def test_one_bad_input_stops_no_other():
    write("cut.cprof", DATA[:-12])
    got = run("cut.cprof", "missing.cprof", "in.cprof", status=1)
    equal([each["input"] for each in got.records()], ["cut.cprof"] + ["in.cprof"] * 3, "inputs")
    for words in ("cut.cprof: byte ", "(after 1 complete entries)", "missing.cprof: cannot open"):
        check(words in got.errors, f"{words}: {got.errors}")


def test_output_file_appears_whole():
    run("-o", "out.csv", "in.cprof")
    check(pathlib.Path("out.csv").read_bytes().startswith(b"file,line,name,"), "out.csv")
    run("-o", "no/such/folder", "in.cprof", status=1)
    run("--fields", "nonsense", "-o", "new.csv", "in.cprof", status=2)
    equal(sorted(os.listdir()), ["in.cprof", "out.csv"], "files")


def test_a_full_disk_is_an_error_said_once_and_an_early_reader_is_not():
    many = {("a.py", n, "f%d" % n): (1, 1, 0.5, 0.5, {}) for n in range(20000)}
    write("many.cprof", marshal.dumps(many))
    for name in ("in.cprof", "many.cprof"):
        with open("/dev/full", "wb") as full:
            got = run(name, name, stdout=full, status=1)
        check(got.errors.count("\n") == 1 and "No space left" in got.errors, got.errors)
    got = harness.shell("cprofcalls -q many.cprof | head -n 1; echo ${PIPESTATUS[0]}")
    check(got.out.count(b"\n") == 2 and got.out.endswith(b"\n0\n"), f"early reader: {got.out[-99:]}")
    equal(got.errors, "", "early reader: errors")


def test_sums_can_be_left_out():
    equal(run("in.cprof").errors,
          "cprofcalls: 2 functions, 1 call record, 0.750000000 s in all\n", "sums")
    equal(run("-q", "in.cprof").errors, "", "-q")


def test_help_is_always_there():
    for words in (("--help",), ("--no-such-option", "--help")):
        check("--schema" in run(*words).text, f"{words}")
    check(run("-h").out.count(b"\n") <= 24, "-h")


harness.each_test(globals(), lambda: write("in.cprof"))
harness.finish()
