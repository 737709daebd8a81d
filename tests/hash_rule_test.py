"""Tables whose keys an input chooses are hashed with the seed of formats/io/hash.h: the standard
library's own hashes of numbers are the numbers, and its seed for texts is known, so that whoever
makes an input could make finding each key take as long as there are keys."""
import re
import sys

sys.path.append(f"{sys.path[0]}/support")
import harness
from harness import check

TABLE = re.compile(r"std::unordered_\w+<([^;{(]*?)>+\s+\w+[;{(=]", re.S)
# Numbers that programs give out themselves, from 0 up, and pointers to what they keep.
OWN = re.compile(r"^(?:\w+::)*(?:Index|Number|TextNumber|FileNumber|StringId)\b|^[\w: ]+\*")


def main():
    tables = 0
    for room in ("analyzers", "converters", "formats"):
        for path in sorted((harness.SOURCE / room).rglob("*.[ch]*")):
            text = re.sub(r"//.*", "", path.read_text())
            for found in TABLE.finditer(text):
                tables += 1
                key = found[1]
                line = text.count("\n", 0, found.start()) + 1
                check("Hash" in key or OWN.match(key),
                      f"{path.relative_to(harness.SOURCE)}:{line}: {' '.join(found[0].split())}: "
                      "NumberHash, TextHash or a hash that is made with mixed()")
            check("std::hash<" not in text, f"{path.relative_to(harness.SOURCE)}: std::hash")
    check(tables > 20, f"{tables} tables were found")
    harness.finish(100)


main()
