"""`cmake --install` puts everything in place: the program runs from there, its manual page and
completions are beside it.
"""
import os
import pathlib
import subprocess
import sys
import tempfile

with tempfile.TemporaryDirectory() as folder:
    root = pathlib.Path(folder)
    subprocess.run(["cmake", "--install", os.environ["TRACEBRAID_BIN"], "--prefix", folder],
                   check=True, stdout=subprocess.DEVNULL)
    for program, start in (("cprof2callgrind", b"# callgrind format\n"),
                           ("cprofcalls", b'{"type":"function",')):
        for path in (f"bin/{program}", f"share/man/man1/{program}.1",
                     f"share/bash-completion/completions/{program}",
                     f"share/zsh/vendor-completions/_{program}",
                     f"share/fish/vendor_completions.d/{program}.fish"):
            assert (root / path).stat().st_size > 0, path
        sample = sorted(pathlib.Path(os.environ["TRACEBRAID_SOURCE"]).glob(
            "samples/*/profile.cprof"))[0]
        words = [root / "bin" / program, sample] + ["-"] * (program == "cprof2callgrind")
        out = subprocess.run(words, check=True, capture_output=True).stdout
        assert out.startswith(start), out[:100]
print("2 passed, 0 failed")
sys.exit(0)
