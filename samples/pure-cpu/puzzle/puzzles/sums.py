"""Sums to work out: a tokenizer, a recursive descent parser and a tree that computes."""

import operator
import re

from puzzles.base import Puzzle

TOKEN = re.compile(r"\s*(?:(?P<number>\d+)|(?P<sign>[-+*()]))")


class Node:
    """A part of the tree; knows how many nodes there are from here down."""

    def __init__(self, count):
        self.count = count


class Number(Node):
    def __init__(self, value):
        super().__init__(1)
        self.value = value

    def compute(self):
        return self.value

    def render(self):
        return str(self.value)


class Operation(Node):
    """Two parts and what to do with their values."""

    sign = ""
    function = None

    def __init__(self, left, right):
        super().__init__(1 + left.count + right.count)
        self.left = left
        self.right = right

    def compute(self):
        return self.function(self.left.compute(), self.right.compute())

    def render(self):
        return f"({self.left.render()} {self.sign} {self.right.render()})"


class Plus(Operation):
    sign = "+"
    function = staticmethod(operator.add)


class Minus(Operation):
    sign = "-"
    function = staticmethod(operator.sub)


class Times(Operation):
    sign = "*"
    function = staticmethod(operator.mul)


class SumPuzzle(Puzzle):
    def __init__(self, text):
        super().__init__("sum")
        self.text = text
        self.node_count = 0


class Parser:
    """Sums are made of products, products of atoms, and an atom may hold a sum again."""

    def __init__(self, text):
        self._tokens = tokenize(text)
        self._next = next(self._tokens, None)

    def parse_sum(self):
        node = self.parse_product()
        while self._next in ("+", "-"):
            kind = Plus if self._take() == "+" else Minus
            node = kind(node, self.parse_product())
        return node

    def parse_product(self):
        node = self.parse_atom()
        while self._next == "*":
            self._take()
            node = Times(node, self.parse_atom())
        return node

    def parse_atom(self):
        token = self._take()
        if token != "(":
            return Number(int(token))
        node = self.parse_sum()
        self._take()
        return node

    def _take(self):
        token, self._next = self._next, next(self._tokens, None)
        return token


def tokenize(text):
    for match in TOKEN.finditer(text):
        yield match[match.lastgroup]


def make(chance, depth):
    return SumPuzzle(_random_text(chance, depth))


def _random_text(chance, depth):
    if depth == 0:
        return str(chance.randint(1, 9))
    sign = chance.choice("+-*")
    return f"({_random_text(chance, depth - 1)} {sign} {_random_text(chance, depth - 1)})"


def solve(puzzle):
    tree = Parser(puzzle.text).parse_sum()
    puzzle.answer = tree.compute()
    puzzle.node_count = tree.count
    return tree.render() == puzzle.text


def render(puzzle):
    return f"{puzzle.text} = {puzzle.answer}, {puzzle.node_count} nodes"
