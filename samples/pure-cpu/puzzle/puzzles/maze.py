"""Mazes: carved by a recursive walk, solved by a breadth-first search."""

from collections import deque

from puzzles.base import GridPuzzle

STEPS = ((0, 1), (1, 0), (0, -1), (-1, 0))


class Maze(GridPuzzle):
    """Remembers between which neighbouring cells there is no wall."""

    def __init__(self, height, width):
        super().__init__("maze", height, width)
        self.openings = {cell: set() for cell in self.cells()}

    def neighbours(self, cell):
        row, column = cell
        for down, right in STEPS:
            if self.contains(row + down, column + right):
                yield row + down, column + right

    def reachable(self, cell):
        return (other for other in self.neighbours(cell) if other in self.openings[cell])


def make(chance, side):
    maze = Maze(side, side)
    _carve(maze, (0, 0), {(0, 0)}, chance)
    return maze


def _carve(maze, cell, visited, chance):
    for other in sorted(maze.neighbours(cell), key=lambda _: chance.random()):
        if other not in visited:
            visited.add(other)
            maze.openings[cell].add(other)
            maze.openings[other].add(cell)
            _carve(maze, other, visited, chance)


def solve(maze):
    """The shortest way from the top left to the bottom right corner."""
    start, goal = (0, 0), (maze.height - 1, maze.width - 1)
    came_from = {start: None}
    waiting = deque([start])
    while waiting and goal not in came_from:
        cell = waiting.popleft()
        for other in maze.reachable(cell):
            if other not in came_from:
                came_from[other] = cell
                waiting.append(other)
    maze.answer = list(_walk_back(came_from, goal))[::-1]
    return goal in came_from


def _walk_back(came_from, cell):
    while cell is not None:
        yield cell
        cell = came_from[cell]


def render(maze):
    way = set(maze.answer or ())
    return "\n".join(
        "".join("*" if (row, column) in way else "." for column in range(maze.width))
        for row in range(maze.height)
    )
