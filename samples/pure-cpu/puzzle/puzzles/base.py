"""What all puzzles have in common."""


class Puzzle:
    """A puzzle has a title and, once solved, an answer."""

    def __init__(self, title):
        self.title = title
        self.answer = None

    def describe(self):
        state = "open" if self.answer is None else "solved"
        return f"{self.title} ({state})"


class GridPuzzle(Puzzle):
    """A puzzle on a grid of cells that are addressed by row and column."""

    def __init__(self, title, height, width):
        super().__init__(title)
        self.height = height
        self.width = width

    def cells(self):
        for row in range(self.height):
            for column in range(self.width):
                yield row, column

    def contains(self, row, column):
        return 0 <= row < self.height and 0 <= column < self.width
