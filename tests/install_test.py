"""`cmake --install` puts everything in place: the program runs from there, its manual page and
completions are beside it.
"""
import sys

sys.path.append(f"{sys.path[0]}/support")
import harness
from harness import check

with harness.folder() as root:
    harness.execute(["cmake", "--install", harness.PROGRAMS, "--prefix", root])
    for program, start in (("cprof2callgrind", b"# callgrind format\n"),
                           ("cprofcalls", b'{"type":"function",')):
        for path in (f"bin/{program}", f"share/man/man1/{program}.1",
                     f"share/bash-completion/completions/{program}",
                     f"share/zsh/vendor-completions/_{program}",
                     f"share/fish/vendor_completions.d/{program}.fish"):
            check((root / path).exists() and (root / path).stat().st_size > 0, path)
        out = harness.execute([root / "bin" / program, harness.profiles()[0],
                               *["-"] * (program == "cprof2callgrind")]).out
        check(out.startswith(start), out[:100])
harness.finish()
