"""Reads lines of strace's, from the left, by one rule for each thing: what variants of logs are made
with. It has nothing of stracecalls."""
import re

PREFIX = re.compile(
    r"(?:\[pid +\d+(?:<[^>]*>)?\] |\d{1,8}(?:<[^>]*>)? +)?"
    r"(?:\d\d:\d\d:\d\d(?:\.\d+)? |\d{9,}(?:\.\d+)? )?"
    r"(?:\(\+ *\d+\.\d+\) | *\d+\.\d+ )?"
    r"(?:\[ *\d+\] |\[\?+\] )?(?:\[[0-9a-f]{16}\] |\[\?{16}\] )?")
ID = re.compile(r"\[pid +(\d+)(?:<[^>]*>)?\] |(\d{1,8})(?:<[^>]*>)? +")
TIME = re.compile(r"(?:\d\d:\d\d:\d\d(?:\.\d+)?|\d{9,}(?:\.\d+)?) ")
NAME = re.compile(r"(?:<\.\.\. )?[a-z_][a-z_0-9]*(?:\(| resumed> ?)")


def annotation_end(text, start):
    """Where the <...> that begins at start ends; escaped < and > are no brackets, -> neither."""
    depth, at = 0, start
    while at < len(text):
        char = text[at]
        if char == "\\":
            at += 1
        elif char == '"':
            at = string_end(text, at) - 1
        elif char == "<":
            depth += 1
        elif char == ">" and text[at - 1] != "-":
            depth -= 1
            if depth == 0:
                return at + 1
        at += 1
    return len(text)


def string_end(text, start):
    at = start + 1
    while at < len(text) and text[at] != '"':
        at += 2 if text[at] == "\\" else 1
    return min(at + 1, len(text))


def tokens(text, start=0):
    """(kind, begin, end): string, comment, annotation (what -y and -yy add), word, or one other
    character. A word is a run of letters, digits and _."""
    at = start
    while at < len(text):
        char, begin = text[at], at
        if char == '"':
            at = string_end(text, at)
            kind = "string"
        elif text.startswith("/* ", at):
            end = text.find(" */", at)
            at = len(text) if end < 0 else end + 3
            kind = "comment"
        elif char == "<" and re.search(r"(?:(?<![\w.])\d+|AT_FDCWD|\d+)$", text[max(0, at - 12):at]) \
                and text[at + 1:at + 2] != "<":
            at = annotation_end(text, at)
            if text.startswith("(deleted)", at):
                at += len("(deleted)")
            kind = "annotation"
        elif re.match(r"\w", char):
            at = re.compile(r"\w+").match(text, at).end()
            kind = "word"
        else:
            at += 1
            kind = "other"
        yield kind, begin, at


def is_strace(line):
    """Whether the line has a call, a part of one, a signal or an end, with what is before it."""
    prefix = PREFIX.match(line)
    rest = line[prefix.end():]
    return bool(NAME.match(rest) or re.match(r"--- SIG|\+\+\+ ", rest))


def without_annotations(line):
    return "".join("" if kind == "annotation" else line[begin:end]
                   for kind, begin, end in tokens(line, 0))


def equals_sign(line):
    """Where the blanks before the result's = begin and end, or None.

    The brackets of the arguments are counted; those of a line that goes on with a call (resumed)
    were opened in another line: there the end is the first ) too many that has blanks and =."""
    prefix = PREFIX.match(line)
    name = NAME.match(line, prefix.end())
    if not name:
        return None
    depth, resumed = 1, line.startswith("<... ", prefix.end())
    for kind, begin, end in tokens(line, name.end()):
        if kind != "other":
            continue
        if line[begin] in "([{":
            depth += 1
        elif line[begin] in ")]}":
            depth -= 1
            if depth <= 0:
                blanks = re.compile(r" +(?== )").match(line, end)
                if blanks and line[begin] == ")":
                    return blanks.span()
                if not resumed:
                    return None
    return None
