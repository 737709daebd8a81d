"""Sudoku, solved by trying digits one cell after the other."""

from puzzles.base import GridPuzzle

DIGITS = range(1, 10)
SIDE = range(9)


class Sudoku(GridPuzzle):
    """A 9 by 9 grid of digits; 0 stands for an empty cell."""

    def __init__(self, rows):
        super().__init__("sudoku", 9, 9)
        self.rows = rows

    def is_allowed(self, row, column, digit):
        if digit in self.rows[row]:
            return False
        if any(self.rows[other][column] == digit for other in SIDE):
            return False
        top, left = row - row % 3, column - column % 3
        return all(digit not in line[left:left + 3] for line in self.rows[top:top + 3])


def make(chance, holes):
    """A full grid with shuffled digits and rows, from which some cells are cleared."""
    digits = list(DIGITS)
    chance.shuffle(digits)
    order = [3 * band + line for band in chance.sample(range(3), 3)
             for line in chance.sample(range(3), 3)]
    rows = [[digits[(row * 3 + row // 3 + column) % 9] for column in SIDE] for row in order]
    puzzle = Sudoku(rows)
    for row, column in chance.sample(list(puzzle.cells()), holes):
        rows[row][column] = 0
    return puzzle


def solve(puzzle):
    """Fills the grid; says whether there was a way."""
    empty = [(row, column) for row, column in puzzle.cells() if puzzle.rows[row][column] == 0]
    solved = _fill(puzzle, empty, 0)
    if solved:
        puzzle.answer = puzzle.rows
    return solved


def _fill(puzzle, empty, index):
    if index == len(empty):
        return True
    row, column = empty[index]
    for digit in DIGITS:
        if puzzle.is_allowed(row, column, digit):
            puzzle.rows[row][column] = digit
            if _fill(puzzle, empty, index + 1):
                return True
            puzzle.rows[row][column] = 0
    return False


def render(puzzle):
    return "\n".join("".join(map(str, row)) for row in puzzle.rows)
