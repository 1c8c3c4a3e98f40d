"""json.md: one meaning or refused, and one canonical form."""
import json
import re
from decimal import Decimal

from .basics import Wrong, need

# bytes, depth, nodes (json.md part 1)
REQUEST = (262_144, 64, 10_000)
DOCUMENT = (524_288, 72, 40_000)
DISCLOSURE = (33_554_432, 4, 200_010)

LONE_SURROGATE = re.compile("[\ud800-\udfff]")
MAX_SAFE = 2**53 - 1


def is_noncharacter(char):
    point = ord(char)
    return 0xFDD0 <= point <= 0xFDEF or point & 0xFFFE == 0xFFFE


def sound(text):
    need(not LONE_SURROGATE.search(text), "half a surrogate pair")
    need(not any(map(is_noncharacter, text)) if not text.isascii() else True, "a noncharacter")
    return text


def numeral(text):
    """A number as it is written: the double, if the double is exactly it (json.md part 2)."""
    exact, double = Decimal(text), float(text)
    need(not (exact == 0 and text.startswith("-")), "negative zero")
    need(abs(double) <= MAX_SAFE, "a number beyond 2^53-1")
    need(Decimal(repr(double)) == exact, "a number that is no double")
    return int(double) if double == int(double) else double


def number(value):
    """As ECMAScript writes it."""
    if isinstance(value, int):
        return str(value)
    digits, exponent = Decimal(repr(value)).normalize().as_tuple()[1:]
    digits, sign, point = "".join(map(str, digits)), "-" if value < 0 else "", len(digits) + exponent
    if 0 < point <= 21:
        return sign + digits[:point].ljust(point, "0") + ("." + digits[point:] if point < len(digits) else "")
    if -6 < point <= 0:
        return sign + "0." + "0" * -point + digits
    return f"{sign}{digits[0]}{'.' + digits[1:] if digits[1:] else ''}e{point - 1:+d}"


def jcs(value):
    """The canonical text (RFC 8785)."""
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode("utf-16-be"))
        return "{" + ",".join(jcs(name) + ":" + jcs(value[name]) for name in names) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(jcs, value)) + "]"
    if value is True or value is False or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, (int, float)):
        return number(value)
    return json.dumps(value, ensure_ascii=False)


def members(pairs):
    object_ = dict(pairs)
    need(len(object_) == len(pairs), "a member stands twice")
    for name in object_:
        sound(name)
    return object_


def constant(text):
    raise Wrong(f"{text} is no JSON")


def measured(value, depth, room):
    """Counts values down from `room`; depth of a scalar is 0, of an empty array 1."""
    room -= 1
    need(room >= 0, "too many values")
    if isinstance(value, str):
        sound(value)
    if isinstance(value, (dict, list)):
        need(depth > 0, "nested too deep")
        for item in value.values() if isinstance(value, dict) else value:
            room = measured(item, depth - 1, room)
    return room


def read(data, limits):
    size, depth, nodes = limits
    need(len(data) <= size, "too long")
    try:
        text = data.decode("utf-8")
        need(not text.startswith("\ufeff"), "a byte order mark")
        value = json.loads(text, object_pairs_hook=members, parse_int=numeral, parse_float=numeral,
                           parse_constant=constant)
    except (ValueError, ArithmeticError, RecursionError) as cause:
        raise Wrong(f"no strict JSON: {cause}") from None
    measured(value, depth, nodes)
    return value


def canonical(data, limits):
    """Reads canonical JSON and nothing else."""
    value = read(data, limits)
    need(jcs(value).encode() == data, "not in canonical form")
    return value
