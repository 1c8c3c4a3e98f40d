"""body.md: fields, commitments, disclosures."""
import re

from .basics import Wrong, need, sha, node
from .strictjson import is_noncharacter, jcs, read, DISCLOSURE

VALUE_MAX, STEPS_MAX, NODES_MAX, PATHS_MAX = 524_288, 72, 40_000, 4_194_304
HEX = re.compile("(?:[0-9a-f]{2})*")


def root_over(leaf_data):
    """RFC 6962 over any data."""
    layer = [sha(b"\0", leaf) for leaf in leaf_data]
    if not layer:
        return sha()
    return merged(layer)


def merged(hashes):
    """The root over leaf hashes: neighbours are joined level by level, an odd last one goes up as it is."""
    while len(hashes) > 1:
        hashes = [node(*hashes[at:at + 2]) if at + 1 < len(hashes) else hashes[at] for at in range(0, len(hashes), 2)]
    return hashes[0]


def commitment(body_salt, path, salt, value):
    tag = sha(b"countersign/path/v1\n", body_salt, path.encode())
    return tag, sha(b"countersign/field/v1\n", tag, salt, jcs(value).encode())


def steps(path):
    need(not any(map(is_noncharacter, path)), "a noncharacter in a path")
    need(path == "" or path.startswith("/"), "a path that is no JSON Pointer")
    need(not re.search("~(?![01])", path), "a path that is no JSON Pointer")
    return [step.replace("~1", "/").replace("~0", "~") for step in path.split("/")[1:]]


def check_field(path, value):
    """What a field must be whatever stands beside it."""
    deep = len(steps(path)) + isinstance(value, (dict, list))
    need(deep <= STEPS_MAX, "a path with too many steps")
    count = isinstance(value, list) and len(value) == 1 and type(value[0]) is int and value[0] >= 1
    need(not isinstance(value, (dict, list)) or not value or count, "a value that no field has")


def rebuilt(fields):
    """The value of which these are the fields, every one used once; refuses everything else."""
    need(fields, "no field")
    need(len({path for path, _ in fields}) == len(fields), "two fields of one path")
    need(sum(len(path.encode()) for path, _ in fields) <= PATHS_MAX, "paths that are too long together")
    for path, value in fields:
        check_field(path, value)
    tree = {"own": None, "below": {}}
    for path, value in fields:
        at = tree
        for step in path.split("/")[1:]:
            at = at["below"].setdefault(step, {"own": None, "below": {}})
        at["own"] = (value,)
    value = assembled(tree)
    need(len(jcs(value).encode()) <= VALUE_MAX, "a value that is too long")
    need(nodes(value) <= NODES_MAX, "a value of too many parts")
    return value


def nodes(value):
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(map(nodes, items))


def assembled(tree):
    below = tree["below"]
    if tree["own"] is None:
        need(below, "no field")
        return {steps("/" + name)[0]: assembled(part) for name, part in below.items()}
    value = tree["own"][0]
    if isinstance(value, list) and value:
        need(len(below) == value[0] and all(str(at) in below for at in range(value[0])),
             "an array without just its items")
        return [assembled(below[str(at)]) for at in range(value[0])]
    need(not below, "a field inside of a value")
    return value


class Disclosure:
    """All leaves of a body, open or withheld: part 3."""

    def __init__(self, body_salt, leaves):
        self.body_salt, self.leaves = body_salt, leaves  # (path, salt, value) or (tag, c)

    def pairs(self):
        return [leaf if len(leaf) == 2 else commitment(self.body_salt, *leaf) for leaf in self.leaves]

    def is_partial(self):
        return any(len(leaf) == 2 for leaf in self.leaves)

    def check(self, root):
        """The value; None when part of it is withheld. Anything altered is Wrong."""
        pairs = self.pairs()
        need(pairs, "no leaf")
        need(all(a[0] < b[0] for a, b in zip(pairs, pairs[1:])), "leaves that are not in strict order")
        need(root_over(tag + c for tag, c in pairs) == root, "not what the entry's header commits to")
        return self.value()

    def value(self):
        if not self.is_partial():
            return rebuilt([(path, value) for path, _, value in self.leaves])
        for leaf in self.leaves:
            if len(leaf) == 3:
                check_field(leaf[0], leaf[2])
        return None

    def whole(self):
        """The value, if all of it is here and makes one: whatever the root says."""
        try:
            return None if self.is_partial() else self.value()
        except Wrong:
            return None

    def text(self):
        leaves = [{"tag": leaf[0].hex(), "c": leaf[1].hex()} if len(leaf) == 2 else
                  {"path": leaf[0], "salt": leaf[1].hex(), "value": leaf[2]} for leaf in self.leaves]
        return jcs({"body_salt": self.body_salt.hex(), "leaves": leaves}) + "\n"


def unhex(text, length):
    need(isinstance(text, str) and len(text) == 2 * length and HEX.fullmatch(text), f"not {length} bytes in hex")
    return bytes.fromhex(text)


def from_json(data):
    given = read(data, DISCLOSURE)
    need(isinstance(given, dict) and set(given) == {"body_salt", "leaves"}, "not a disclosure")
    need(isinstance(given["leaves"], list), "not a disclosure")
    leaves = []
    for leaf in given["leaves"]:
        need(isinstance(leaf, dict), "not a leaf")
        if set(leaf) == {"path", "salt", "value"}:
            need(isinstance(leaf["path"], str), "a path that is no text")
            leaves.append((leaf["path"], unhex(leaf["salt"], 16), leaf["value"]))
        else:
            need(set(leaf) == {"tag", "c"}, "not a leaf")
            leaves.append((unhex(leaf["tag"], 32), unhex(leaf["c"], 32)))
    return Disclosure(unhex(given["body_salt"], 16), leaves)
