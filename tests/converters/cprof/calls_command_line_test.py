"""cprofcalls as pipelines call it."""
import csv
import gzip
import io
import json
import marshal
import os
import subprocess
import tempfile
import unittest

PROGRAM = os.path.join(os.environ["TRACEBRAID_BIN"], "cprofcalls")
STATS = {("a.py", 1, "main"): (1, 1, 0.5, 0.75, {}),
         ("a.py", 5, "work"): (2, 2, 0.25, 0.25, {("a.py", 1, "main"): (2, 2, 0.25, 0.25)})}


class CommandLine(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.put("in.cprof", marshal.dumps(STATS))

    def at(self, name):
        return os.path.join(self.folder.name, name)

    def put(self, name, data):
        with open(self.at(name), "wb") as file:
            file.write(data)

    def read(self, name):
        with open(self.at(name), "rb") as file:
            return file.read()

    def run_program(self, *words, status=0, **options):
        run = subprocess.run([PROGRAM, *words], cwd=self.folder.name, capture_output=True,
                             timeout=60, **options)
        self.assertEqual(run.returncode, status, run.stderr)
        return run

    def records(self, *words, **options):
        return list(map(json.loads, self.run_program(*words, **options).stdout.splitlines()))

    def test_both_types_unless_one_is_asked_for(self):
        types = [each["type"] for each in self.records("in.cprof")]
        self.assertEqual(types, ["function", "function", "call"])
        for wanted, number in (("function", 2), ("call", 1)):
            types = [each["type"] for each in self.records("--type", wanted, "in.cprof")]
            self.assertEqual(types, [wanted] * number)
        self.run_program("--type", "callee", "in.cprof", status=2)

    def test_forms_of_one_type(self):
        rows = list(csv.DictReader(io.StringIO(
            self.run_program("-f", "csv", "in.cprof").stdout.decode())))
        self.assertEqual([row["name"] for row in rows], ["main", "work"])
        rows = list(csv.DictReader(io.StringIO(
            self.run_program("-f", "csv", "--type", "call", "in.cprof").stdout.decode())))
        self.assertEqual([row["caller_name"] for row in rows], ["main"])

    def test_pipes_and_compression(self):
        data = self.read("in.cprof")
        expected = self.records("in.cprof")
        for form in (data, gzip.compress(data), gzip.compress(data[:9]) + gzip.compress(data[9:])):
            self.assertEqual(self.records("-", input=form), expected)
            self.assertEqual(self.records(input=form), expected)

    def test_several_inputs_are_told_apart(self):
        expected = self.records("in.cprof")
        self.put("b.cprof", self.read("in.cprof"))
        got = self.records("in.cprof", "b.cprof", "-", input=self.read("in.cprof"))
        self.assertEqual(got, [dict(each, input=name)
                               for name in ("in.cprof", "b.cprof", "standard input")
                               for each in expected])
        self.run_program("-", "-", input=b"", status=2)

    def test_one_bad_input_stops_no_other(self):
        self.put("cut.cprof", self.read("in.cprof")[:-12])
        run = self.run_program("cut.cprof", "missing.cprof", "in.cprof", status=1)
        names = [json.loads(line)["input"] for line in run.stdout.splitlines()]
        self.assertEqual(names, ["cut.cprof"] + ["in.cprof"] * 3)
        self.assertIn(b"cut.cprof: byte ", run.stderr)
        self.assertIn(b"(after 1 complete entries)", run.stderr)
        self.assertIn(b"missing.cprof: cannot open", run.stderr)

    def test_output_file_appears_whole(self):
        self.run_program("-o", "out.csv", "in.cprof")
        self.assertTrue(self.read("out.csv").startswith(b"file,line,name,"))
        self.run_program("-o", "no/such/folder", "in.cprof", status=1)
        self.run_program("--fields", "nonsense", "-o", "new.csv", "in.cprof", status=2)
        self.assertEqual(sorted(os.listdir(self.folder.name)), ["in.cprof", "out.csv"])

    def test_a_full_disk_is_an_error_said_once_and_an_early_reader_is_not(self):
        many = {("a.py", n, "f%d" % n): (1, 1, 0.5, 0.5, {}) for n in range(20000)}
        self.put("many.cprof", marshal.dumps(many))
        for name in ("in.cprof", "many.cprof"):
            with open("/dev/full", "wb") as full:
                run = subprocess.run([PROGRAM, name, name], cwd=self.folder.name, stdout=full,
                                     stderr=subprocess.PIPE)
            self.assertEqual(run.returncode, 1)
            self.assertEqual(run.stderr.count(b"\n"), 1, run.stderr)
            self.assertIn(b"No space left", run.stderr)
        run = subprocess.run(["bash", "-c", '"$0" -q many.cprof | head -n 1; echo ${PIPESTATUS[0]}',
                              PROGRAM], cwd=self.folder.name, capture_output=True)
        self.assertEqual(run.stdout.count(b"\n"), 2)
        self.assertTrue(run.stdout.endswith(b"\n0\n"))
        self.assertEqual(run.stderr, b"")

    def test_sums_can_be_left_out(self):
        self.assertEqual(self.run_program("in.cprof").stderr,
                         b"cprofcalls: 2 functions, 1 call record, 0.750000000 s in all\n")
        self.assertEqual(self.run_program("-q", "in.cprof").stderr, b"")

    def test_help_is_always_there(self):
        for words in (("--help",), ("--no-such-option", "--help")):
            self.assertIn(b"--schema", self.run_program(*words).stdout)
        self.assertLessEqual(self.run_program("-h").stdout.count(b"\n"), 24)


if __name__ == "__main__":
    unittest.main()
