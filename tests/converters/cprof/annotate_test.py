"""callgrind_annotate, valgrind's own reader, must show pstats' numbers: totals, self and inclusive."""
import marshal
import sys
from fractions import Fraction

sys.path.append(f"{sys.path[0]}/../../support")
import callgrind_file
import harness
from pythons import ns


def compare(dump, folder):
    stats = marshal.loads(dump.read_bytes())
    out = folder / "callgrind.out"
    harness.run("cprof2callgrind", dump, out)
    ours = callgrind_file.CallgrindFile(out.read_bytes())
    own, totals = callgrind_file.annotated(out)
    inclusive, _ = callgrind_file.annotated(out, "--inclusive=yes")
    text_of = {key: f"{key[0]}:{text}" for text, key in ours.keys().items()}
    assert totals == [sum(ns(value[2]) for value in stats.values())], totals
    cyclic = callgrind_file.in_cycles({key: [caller for caller in value[4] if caller in stats]
                                       for key, value in stats.items()})
    exact = 0
    for key, (cc, nc, tt, ct, callers) in stats.items():
        text = text_of[(key[0] or "~",) + key[1:]]
        assert own.get(text, 0) == ns(tt), (key, own.get(text), ns(tt))
        by_itself = callers.get(key, (0,))[0]
        seen = sum(value[0] for value in callers.values())
        lost = abs(sum(Fraction(value[3]) for caller, value in callers.items() if caller != key)
                   - Fraction(ct)) * 10**9 > len(callers)
        if key in cyclic or nc - cc != by_itself or seen > nc or (seen == nc and lost):
            continue
        assert abs(inclusive[text] - ns(ct)) <= len(callers), (key, inclusive[text], ns(ct))
        exact += 1
    print(f"{dump}: total and {len(stats)} functions, inclusive of {exact}")


harness.need_programs("callgrind_annotate")
dumps = harness.profiles()
if harness.CORPUS:
    dumps += sorted(harness.CORPUS.glob("profiles/py3*.cprof"))
    dumps += sorted(harness.CORPUS.glob("scenarios/*/profiling.cprof"))
with harness.folder() as folder:
    for dump in dumps:
        with harness.case(dump):
            compare(dump, folder)
harness.finish()
