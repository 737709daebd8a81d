"""cprof2callgrind as pyprof2calltree's users and pipelines call it."""
import gzip
import marshal
import os
import stat
import subprocess
import sys
import tempfile
import unittest

sys.path.append(f"{sys.path[0]}/../../support")
from callgrind_file import CallgrindFile

PROGRAM = os.path.join(os.environ["TRACEBRAID_BIN"], "cprof2callgrind")
STATS = {("a.py", 1, "main"): (1, 1, 0.5, 0.75, {}),
         ("a.py", 5, "work"): (2, 2, 0.25, 0.25, {("a.py", 1, "main"): (2, 2, 0.25, 0.25)})}
VIEWER = """#!/bin/sh
# Stands for KCachegrind: notes what it was given, and what it would open besides.
echo "$1" > "$VIEWED"
cat "$1" >> "$VIEWED"
ls "$1"* | wc -l >> "$VIEWED"
"""


class CommandLine(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = os.path.join(self.folder.name, "work")
        os.mkdir(self.path)
        os.mkdir(self.at("tmp"))
        self.put("in.cprof", marshal.dumps(STATS))

    def at(self, name):
        return os.path.join(self.path, name)

    def put(self, name, data, mode=0o644):
        with open(self.at(name), "wb") as file:
            file.write(data)
        os.chmod(self.at(name), mode)

    def read(self, name):
        with open(self.at(name), "rb") as file:
            return file.read()

    def run_program(self, *words, status=0, **options):
        environment = dict(os.environ, TMPDIR=self.at("tmp"), PYTHON=sys.executable,
                           **options.pop("environment", {}))
        run = subprocess.run([PROGRAM, *words], cwd=self.path, env=environment,
                             capture_output=True, timeout=60, **options)
        self.assertEqual(run.returncode, status, run.stderr)
        return run

    def total(self, data):
        return CallgrindFile(data, one_self_line=False).total

    def test_in_and_out(self):
        self.assertEqual(self.run_program("in.cprof", "out").stderr, b"")
        self.assertEqual(self.total(self.read("out")), 750000000)
        self.assertEqual(sorted(os.listdir(self.path)), ["in.cprof", "out", "tmp"])

    def test_several_inputs_add_up(self):
        self.run_program("in.cprof", "in.cprof", "out")
        self.assertEqual(self.total(self.read("out")), 1500000000)
        self.run_program("-i", "in.cprof", "-i", "in.cprof", "-o", "out3", "in.cprof")
        self.assertEqual(self.total(self.read("out3")), 2250000000)

    def test_pipes_and_compression(self):
        data = self.read("in.cprof")
        expected = self.run_program("in.cprof", "-").stdout
        for form in (data, gzip.compress(data), gzip.compress(data[:9]) + gzip.compress(data[9:])):
            out = self.run_program("-", "-", input=form).stdout
            self.assertEqual(out.replace(b"cmd: -", b"cmd: in.cprof"), expected)
        packed = subprocess.run(["zstd", "-q", "-c", self.at("in.cprof")], capture_output=True)
        if packed.returncode == 0:
            out = self.run_program("-i", "-", input=packed.stdout).stdout
            self.assertEqual(out.replace(b"cmd: -", b"cmd: in.cprof"), expected)

    def test_default_names_are_pyprof2calltrees(self):
        os.mkdir(self.at("sub"))
        self.put("sub/x.prof", marshal.dumps(STATS))
        run = self.run_program("-i", "sub/x.prof")
        self.assertIn(b"wrote x.prof.log", run.stderr)
        self.assertEqual(self.total(self.read("x.prof.log")), 750000000)
        self.run_program("--infile", "sub/x.prof", "--outfile", "named")
        self.assertEqual(self.total(self.read("named")), 750000000)

    def test_input_and_output_must_differ(self):
        data = self.read("in.cprof")
        os.symlink("in.cprof", self.at("link"))
        for words in (("-i", "in.cprof", "-o", "in.cprof"), ("-i", "in.cprof", "-o", "./in.cprof"),
                      ("-i", "in.cprof", "-o", "link")):
            self.run_program(*words, status=2)
        self.put("b.cprof", data)
        run = self.run_program("in.cprof", "b.cprof", status=2)  # the output was forgotten
        self.assertIn(b"is a profile itself", run.stderr)
        self.assertEqual(self.read("in.cprof"), data)
        self.assertEqual(self.read("b.cprof"), data)

    def test_output_whole_or_not_at_all(self):
        self.put("out", b"before", 0o640)
        self.put("cut.cprof", self.read("in.cprof")[:-12])
        self.run_program("cut.cprof", "out", status=1)
        self.assertEqual(self.read("out"), b"before")
        self.run_program("--partial", "cut.cprof", "out", status=1)
        self.assertEqual(self.total(self.read("out")), 500000000)
        self.assertEqual(stat.S_IMODE(os.stat(self.at("out")).st_mode), 0o640)
        self.run_program("in.cprof", "no/such/folder", status=1)
        self.assertEqual(sorted(os.listdir(self.path)), ["cut.cprof", "in.cprof", "out", "tmp"])

    def test_a_full_disk_is_an_error_and_an_early_reader_is_not(self):
        self.assertIn(b"No space left", self.run_program("in.cprof", "/dev/full", status=1).stderr)
        with open("/dev/full", "wb") as full:
            run = subprocess.run([PROGRAM, "in.cprof", "-"], cwd=self.path, stdout=full,
                                 stderr=subprocess.PIPE)
        self.assertEqual(run.returncode, 1)
        many = {("a.py", n, "f%d" % n): (1, 1, 0.5, 0.5, {}) for n in range(100000)}
        self.put("many.cprof", marshal.dumps(many))
        run = subprocess.run(["bash", "-c", '"$0" many.cprof - | head -n 1; echo ${PIPESTATUS[0]}',
                              PROGRAM], cwd=self.path, capture_output=True)
        self.assertEqual(run.stdout, b"# callgrind format\n0\n")
        self.assertEqual(run.stderr, b"")

    def test_run_script(self):
        self.put("prog.py", b"import sys\nprint(sys.argv[1:])\nsum(range(9))\n"
                            b"sys.exit(int(sys.argv[-1]))\n")
        run = self.run_program("-r", "prog.py", "-o", "x", "--help", "0")
        self.assertEqual(run.stdout, b"['-o', 'x', '--help', '0']\n")
        self.assertIn("<built-in method builtins.sum>",
                      CallgrindFile(self.read("prog.py.log")).functions)
        self.assertEqual(os.listdir(self.at("tmp")), [])
        self.run_program("-o", "mod.cg", "-r", "-m", "prog", "0")
        self.assertIn("<built-in method builtins.sum>",
                      CallgrindFile(self.read("mod.cg")).functions)

    def test_a_failing_script_keeps_its_dump(self):
        self.put("bad.py", b"sum(range(9))\nraise SystemError('on purpose')\n")
        run = self.run_program("-o", "out", "-r", "bad.py", status=1)
        self.assertIn(b"on purpose", run.stderr)
        self.assertIn("<built-in method builtins.sum>", CallgrindFile(self.read("out")).functions)
        kept = [os.path.join(root, name) for root, _, names in os.walk(self.at("tmp"))
                for name in names]
        self.assertEqual(len(kept), 1)
        self.assertIn(kept[0].encode(), run.stderr)
        with open(kept[0], "rb") as file:
            self.assertTrue(marshal.load(file))

    def view(self, *words, with_viewer=True, status=0):
        os.makedirs(self.at("bin"), exist_ok=True)
        if with_viewer:
            self.put("bin/kcachegrind", VIEWER.encode(), 0o755)
        path = self.at("bin") + (":" + os.environ["PATH"] if with_viewer else "")
        return self.run_program(*words, status=status,
                                environment={"VIEWED": self.at("viewed"), "PATH": path})

    def test_kcachegrind(self):
        for words in (("-k", "-i", "in.cprof"), ("-k", "in.cprof"), ("-ki", "in.cprof")):
            self.view(*words)
            name, _, rest = self.read("viewed").partition(b"\n")
            profile, count, _ = rest.rsplit(b"\n", 2)
            self.assertEqual(self.total(profile + b"\n"), 750000000)
            self.assertEqual(count.strip(), b"1")
            self.assertFalse(os.path.exists(name))
            self.assertEqual(os.listdir(self.at("tmp")), [])
        self.assertFalse(os.path.exists(self.at("in.cprof.log")))

    def test_kcachegrind_is_not_shown_the_files_beside(self):
        self.put("out.old", b"stale")
        self.view("-k", "-i", "in.cprof", "-o", "out")
        self.assertEqual(self.read("viewed").rsplit(b"\n", 2)[1].strip(), b"1")
        self.assertEqual(self.total(self.read("out")), 750000000)

    def test_without_kcachegrind_it_says_what_to_install(self):
        run = self.view("-k", "-i", "in.cprof", "-o", "out", with_viewer=False, status=1)
        self.assertIn(b"apt install kcachegrind", run.stderr)
        self.assertEqual(self.total(self.read("out")), 750000000)

    def test_help_is_always_there(self):
        for words in (("--help",), ("--no-such-option", "--help")):
            self.assertIn(b"--strip-prefix", self.run_program(*words).stdout)
        self.assertLessEqual(self.run_program("-h").stdout.count(b"\n"), 24)
        self.assertRegex(self.run_program("--version").stdout, rb"^cprof2callgrind \d+\.\d+")
        self.run_program(status=2)


if __name__ == "__main__":
    unittest.main()
