"""formats/ includes neither converters/ nor analyzers/; converters/ and analyzers/ not each other.

Only tracebraid's input opener knows both.
"""
import os
import pathlib
import re
import sys

FORBIDDEN = {
    "formats": ("converters/", "analyzers/", "tests/"),
    "converters": ("analyzers/", "tests/"),
    "analyzers": ("converters/", "tests/"),
}
OPENER = "analyzers/input/inputs.cc"
source = pathlib.Path(os.environ["TRACEBRAID_SOURCE"])
wrong = []
seen = 0
for folder, forbidden in FORBIDDEN.items():
    for path in sorted((source / folder).rglob("*.[hc]*")):
        if path.suffix not in (".h", ".cc"):
            continue
        seen += 1
        if str(path.relative_to(source)) == OPENER:
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            included = re.match(r'\s*#\s*include\s*["<]([^">]+)', line)
            if included and included.group(1).startswith(forbidden):
                wrong.append(f"{path.relative_to(source)}:{number}: includes {included.group(1)}")
            if path.suffix == ".h" and included and "range/v3/all.hpp" in line:
                wrong.append(f"{path.relative_to(source)}:{number}: includes all of range-v3")
print("\n".join(wrong) if wrong else f"{seen} files keep the rule")
sys.exit(1 if wrong or not seen else 0)
