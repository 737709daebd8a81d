"""Word lists in which the anagrams are to be found."""

import re
from collections import defaultdict

from puzzles.base import Puzzle

CONSONANTS = "bdklmnrst"
VOWELS = "aeiou"
REPEATED_SYLLABLE = re.compile(r"(..)\1")


class WordPuzzle(Puzzle):
    def __init__(self, words):
        super().__init__("words")
        self.words = words


def make(chance, count):
    """Made-up words of three syllables, none with the same syllable twice in a row."""
    words = set()
    while len(words) < count:
        word = "".join(
            chance.choice(CONSONANTS) + chance.choice(VOWELS) for _ in range(3)
        ) + chance.choice(CONSONANTS)
        if not REPEATED_SYLLABLE.search(word):
            words.add(word)
    return WordPuzzle(sorted(words))


def solve(puzzle):
    """The groups of words with the same letters, the largest groups first."""
    groups = defaultdict(list)
    for word in puzzle.words:
        groups["".join(sorted(word))].append(word)
    found = [group for group in groups.values() if len(group) > 1]
    found.sort(key=lambda group: (-len(group), group))
    puzzle.answer = found
    return all(_is_anagram(group[0], other) for group in found for other in group[1:])


def _is_anagram(word, other):
    return word != other and other in set(_rearrange(word, len(other), other))


def _rearrange(letters, length, wanted):
    # Gives up a branch as soon as it departs from the word that is wanted.
    if length == 0:
        yield ""
        return
    for index, letter in enumerate(letters):
        if letter == wanted[-length]:
            rest = letters[:index] + letters[index + 1:]
            for tail in _rearrange(rest, length - 1, wanted):
                yield letter + tail


def render(puzzle):
    return "\n".join(" ".join(group) for group in puzzle.answer)
