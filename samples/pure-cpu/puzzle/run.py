"""Makes and solves some puzzles of each kind and prints how large the solutions are.

usage: run.py
"""

import random

from puzzles import maze, sudoku, sums, words

# How many puzzles of a kind there are, and how large each of them is.
PLAN = (
    (sudoku, 30, 48),
    (maze, 12, 24),
    (sums, 10, 10),
    (words, 3, 3000),
)


def solve_all(kind, count, size, chance):
    puzzles = [kind.make(chance, size) for _ in range(count)]
    solved = sum(map(kind.solve, puzzles))
    characters = sum(len(kind.render(puzzle)) for puzzle in puzzles)
    print(f"{puzzles[0].describe()}: {solved} of {count}, {characters} characters")


def main():
    # A fixed seed: every recording solves the same puzzles.
    chance = random.Random(12)
    for kind, count, size in PLAN:
        solve_all(kind, count, size, chance)


if __name__ == "__main__":
    main()
