"""Prints what marshal.load says of a dump, as JSON; runs under Python 2.7 and every Python 3.

Texts are hexadecimal UTF-8 (surrogates let through), floats are float.hex() texts.
"""
import binascii
import json
import marshal
import sys


def text(value):
    if hasattr(value, "co_name"):
        value = '<code object %s, file "%s", line %d>' % (
            value.co_name, value.co_filename, value.co_firstlineno)
    if isinstance(value, bytes):
        data = value
    elif sys.version_info[0] == 2:
        data = value.encode("utf-8")
    else:
        data = value.encode("utf-8", "surrogatepass")
    return binascii.hexlify(data).decode("ascii")


def key(function):
    return [text(function[0]), function[1], text(function[2])]


def number(value):
    return value.hex() if isinstance(value, float) else value


with open(sys.argv[1], "rb") as stream:
    stats = marshal.load(stream)
entries = []
sampled = False
for function, value in stats.items():
    if len(function) == 1:
        sampled = True
        continue
    callers = []
    for caller, numbers in value[4].items():
        if not isinstance(numbers, tuple):
            numbers = (numbers,)
        callers.append([key(caller), [number(each) for each in numbers]])
    entries.append([key(function), [number(each) for each in value[:4]], callers])
json.dump({"entries": entries, "sampled": sampled}, sys.stdout)
