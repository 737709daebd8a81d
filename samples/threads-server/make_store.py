"""Makes the documents for the server: a draft and a final edition of each plan.

usage: make_store.py FOLDER
"""

import os
import random
import sys

PLAN_COUNT = 16
LINE_COUNT = 220
WORDS = (
    "bridge river stone timber road budget survey spring summer autumn winter crew crane "
    "north south bank village council meeting paint railing lamp traffic detour week month "
    "before after until under above needs holds opens closes waits carries the a this each"
).split()


def write_line(chance):
    return " ".join(chance.choices(WORDS, k=chance.randrange(6, 12)))


def revise(lines, chance):
    """The lines as an editor might leave them: some reworded, some new, some gone."""
    revised = []
    for line in lines:
        what = chance.random()
        if what < 0.12:
            words = line.split()
            words[chance.randrange(len(words))] = chance.choice(WORDS)
            revised.append(" ".join(words))
        elif what < 0.17:
            revised += [line, write_line(chance)]
        elif what >= 0.22:
            revised.append(line)
    return revised


def main():
    folder = sys.argv[1]
    os.mkdir(folder)
    # A fixed seed: every recording works on the same documents.
    chance = random.Random(31)
    for number in range(1, PLAN_COUNT + 1):
        draft = [write_line(chance) for _ in range(LINE_COUNT)]
        for edition, lines in (("draft", draft), ("final", revise(draft, chance))):
            path = os.path.join(folder, f"plan-{number}-{edition}.txt")
            with open(path, "w", encoding="utf-8") as document:
                document.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
