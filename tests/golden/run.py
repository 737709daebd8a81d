"""Runs the golden cases: tests/golden/PROGRAM/CASE/{cmd, out, err, status, inputs…}.

`cmd` is run by bash in a copy of the case's folder, with the programs in PATH. --rewrite puts what
came out into the cases, for a person to read the difference.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

here = pathlib.Path(__file__).parent
environment = dict(os.environ, PATH=os.environ["TRACEBRAID_BIN"] + ":" + os.environ["PATH"],
                   LC_ALL="C.UTF-8", SAMPLES=os.environ["TRACEBRAID_SOURCE"] + "/samples")


def neutral(text):
    """The version is no part of what is tested."""
    return re.sub(rb"(creator: \w+) \d\S*", rb"\1 VERSION", text)


failed = passed = 0
for cmd in sorted(here.glob("*/*/cmd")):
    case = cmd.parent
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder) / "case"
        shutil.copytree(case, work)
        run = subprocess.run(["bash", "-c", cmd.read_text()], cwd=work, env=environment,
                             stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    got = {"out": neutral(run.stdout), "err": run.stderr, "status": b"%d\n" % run.returncode}
    for name, content in got.items():
        file = case / name
        if "--rewrite" in sys.argv:
            file.write_bytes(content)
        expected = file.read_bytes() if file.exists() else b""
        if content == expected:
            passed += 1
        else:
            failed += 1
            print(f"FAIL {case.relative_to(here)}: {name}\n--- expected\n"
                  f"{expected.decode(errors='replace')}--- got\n{content.decode(errors='replace')}")
print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed or not passed else 0)
