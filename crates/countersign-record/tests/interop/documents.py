"""Writes random JSON texts, one per line: python3 documents.py SEED COUNT > documents.txt

Only texts that the profile CS-JSON-1 accepts, in spellings that differ from the canonical one.
"""
import json
import random
import struct
import sys

seed, count = int(sys.argv[1]), int(sys.argv[2])
rng = random.Random(seed)
LETTERS = ["a", "b", "~", "/", '"', "\\", "\n", "\t", "\u007f", "\u0001", "é", "é", "€", "\u2028", "\ufb33", "\U0001f600", "\ud7ff", "\ue000", "\U0010fffd", "中", "ß"]


def text():
    return "".join(rng.choice(LETTERS) for _ in range(rng.randrange(6)))


def number():
    while True:
        kind = rng.randrange(4)
        if kind == 0:
            value = rng.randrange(-(2**53) + 1, 2**53)
        elif kind == 1:
            value = rng.randrange(-1000, 1000)
        elif kind == 2:
            value = rng.uniform(-1e6, 1e6)
        else:
            value = struct.unpack(">d", rng.randbytes(8))[0]
        if value == value and abs(value) <= 2**53 - 1 and not (value == 0 and str(value)[0] == "-"):
            return value


def value(depth):
    kind = rng.randrange(7 if depth < 4 else 5)
    if kind == 0:
        return rng.choice([None, True, False])
    if kind in (1, 2):
        return number()
    if kind in (3, 4):
        return text()
    if kind == 5:
        return [value(depth + 1) for _ in range(rng.randrange(5))]
    return {text(): value(depth + 1) for _ in range(rng.randrange(6))}


for _ in range(count):
    print(json.dumps(value(0), ensure_ascii=rng.random() < 0.5, indent=None,
                     separators=rng.choice([(",", ":"), (" , ", " :  ")])))
