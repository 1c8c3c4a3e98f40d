"""entry.md: an entry's bytes."""
from dataclasses import dataclass

import cbor2

from .basics import Unknown, Wrong, need
from .cddl import ENTRIES

BYTES_MAX = 16_384
DEPTH_MAX = 32


@dataclass
class Read:
    """What could be read of an entry. `item` is there when it is CBOR as it must be, `place` when it has what every
    version has, and `entry` when all of it was read."""
    fault: str = None
    unknown: str = None
    item: object = None
    place: dict = None
    entry: dict = None


def plain(item, room=DEPTH_MAX):
    """Whether a CBOR item is one that an entry may hold: entry.md part 1."""
    if isinstance(item, dict):
        return room > 0 and all(type(name) is str and plain(it, room - 1) for name, it in item.items())
    if isinstance(item, list):
        return room > 0 and all(plain(it, room - 1) for it in item)
    return type(item) in (bool, bytes, str) or (type(item) is int and -2**64 <= item < 2**64)


def decode(data):
    """One item of deterministic CBOR: decoded, encoded, compared."""
    try:
        item = cbor2.loads(data)
        same = plain(item) and cbor2.dumps(item, canonical=True) == data
    except (cbor2.CBORError, ValueError, TypeError, RecursionError, OverflowError, EOFError) as cause:
        raise Wrong(f"not CBOR: {cause}") from None
    need(same, "not canonical")
    return item


def read(data):
    result = Read()
    try:
        need(len(data) <= BYTES_MAX, "too long")
        result.item = decode(data)
        need(isinstance(result.item, dict), "not an entry")
        common(result.item)
        result.place = result.item
        if result.item["v"] != 1:
            raise Unknown("v")
        ENTRIES.entry(result.item["kind"], result.item)
        result.entry = result.item
    except Wrong as cause:
        result.fault = str(cause)
    except Unknown as cause:
        result.unknown = str(cause)
    return result


def common(item):
    """What entries of every version have."""
    def is_number(name):
        return type(item.get(name)) is int and item[name] >= 0
    forms = {"v": is_number("v"), "seq": is_number("seq"), "at": is_number("at"),
             "prev": type(item.get("prev")) is bytes and len(item["prev"]) == 32,
             "kind": type(item.get("kind")) is str, "n": "n" not in item or is_number("n")}
    for name, holds in forms.items():
        need(holds, f"not an entry: {name}")


def body_roots(item):
    """Names and roots of the bodies that an item names, in the order in which they are stored."""
    bodies = item.get("bodies") if isinstance(item, dict) else None
    roots = bodies if isinstance(bodies, dict) else {}
    return {name: root if type(root) is bytes and len(root) == 32 else bytes(32) for name, root in roots.items()}
