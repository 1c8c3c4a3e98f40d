"""ledger.md parts 2 to 4: tree, proofs, notes, checkpoints."""
import base64
import binascii
import re
from collections import namedtuple

from .basics import Wrong, need, node, sha
from .curves import ed25519_holds, sound_ed25519

SIZE_MAX = 2**63 - 1
Checkpoint = namedtuple("Checkpoint", "origin size root")
Key = namedtuple("Key", "name id point")


class Tree:
    """A log's tree. Complete subtrees are kept by level, so that roots and proofs are quick."""

    def __init__(self, leaves):
        self.levels = [list(leaves)]
        while len(self.levels[-1]) > 1:
            below = self.levels[-1]
            self.levels.append([node(*below[at:at + 2]) for at in range(0, len(below) - 1, 2)])

    def root(self, lo, hi):
        if hi == lo:
            return sha()
        width = hi - lo
        level = width.bit_length() - 1
        if width == 1 << level and lo % width == 0:
            return self.levels[level][lo >> level]
        cut = lo + (1 << (width - 1).bit_length() - 1)
        return node(self.root(lo, cut), self.root(cut, hi))

    def beside(self, seq, lo, hi):
        """The inclusion proof: the hashes beside the path, the leaf's sibling first."""
        if hi - lo == 1:
            return []
        cut = lo + (1 << (hi - lo - 1).bit_length() - 1)
        if seq < cut:
            return self.beside(seq, lo, cut) + [self.root(cut, hi)]
        return self.beside(seq, cut, hi) + [self.root(lo, cut)]

    def between(self, old, lo, hi, whole=True):
        """The consistency proof from the first `old` of a range to all of it: RFC 6962 part 2.1.2."""
        if old == hi - lo:
            return [] if whole else [self.root(lo, hi)]
        cut = lo + (1 << (hi - lo - 1).bit_length() - 1)
        if old <= cut - lo:
            return self.between(old, lo, cut, whole) + [self.root(cut, hi)]
        return self.between(old - (cut - lo), cut, hi, False) + [self.root(lo, cut)]


def check_inclusion(leaf, index, size, path, root):
    """RFC 9162 part 2.1.3.2."""
    need(0 <= index < size <= SIZE_MAX, "outside of the tree")
    need(all(len(it) == 32 for it in path), "a hash of another length")
    at, last, value = index, size - 1, leaf
    for beside in path:
        need(last > 0, "too many hashes")
        if at & 1 or at == last:
            value = node(beside, value)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            value = node(value, beside)
        at, last = at >> 1, last >> 1
    need(last == 0, "too few hashes")
    need(value == root, "another root")


def check_consistency(old, new, old_root, new_root, path):
    """RFC 9162 part 2.1.4.2."""
    need(0 < old <= new <= SIZE_MAX, "not earlier")
    need(all(len(it) == 32 for it in path), "a hash of another length")
    if old == new:
        return need(not path and old_root == new_root, "two roots of one size")
    need(path, "too few hashes")
    hashes = [old_root, *path] if old & (old - 1) == 0 else list(path)
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    first = second = hashes[0]
    for beside in hashes[1:]:
        need(last > 0, "too many hashes")
        if at & 1 or at == last:
            first, second = node(beside, first), node(beside, second)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            second = node(second, beside)
        at, last = at >> 1, last >> 1
    need(last == 0, "too few hashes")
    need(first == old_root, "another old root")
    return need(second == new_root, "another new root")


def strict_base64(text):
    """With padding and zero spare bits."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Wrong("not base64") from None
    need(base64.b64encode(data).decode() == text, "not the only base64 of its bytes")
    return data


def decimal(text):
    need(re.fullmatch("0|[1-9][0-9]*", text) and text.isascii() and int(text) <= SIZE_MAX, "not a size")
    return int(text)


def is_name(name):
    return bool(name) and "+" not in name and not any(char.isspace() for char in name)


def key_id(name, point):
    return sha(name.encode(), b"\n\1", point)[:4]


def vkey(origin, point):
    return f"{origin}+{key_id(origin, point).hex()}+{base64.b64encode(bytes([1]) + point).decode()}"


def read_vkey(text):
    need(text.count("+") >= 2, "not a verifier key")
    name, stated, typed = text.split("+", 2)  # base64 may hold a plus, a name may not
    need(is_name(name), "not a verifier key")
    typed = strict_base64(typed)
    need(len(typed) == 33 and typed[0] == 1, "not the key of a log")
    sound_ed25519(typed[1:], torsion_free=False)
    need(re.fullmatch("[0-9a-f]{8}", stated) and bytes.fromhex(stated) == key_id(name, typed[1:]),
         "a key with another's id")
    return Key(name, bytes.fromhex(stated), typed[1:])


def read_note(note):
    """Text and (name, id, signature) of each line."""
    need(len(note.encode()) <= 1 << 20, "too long a note")
    need(not any(char < " " and char != "\n" for char in note), "a control character in a note")
    end = note.rfind("\n\n")
    need(end >= 0 and note.endswith("\n") and len(note) > end + 2, "no signatures under an empty line")
    lines = note[end + 2:-1].split("\n")
    need(len(lines) <= 100, "too many signatures")
    signatures = []
    for line in lines:
        need(line.startswith("\u2014 ") and line.count(" ") >= 2, "a line that is no signature")
        name, encoded = line[2:].split(" ", 1)
        data = strict_base64(encoded)
        need(is_name(name) and len(data) > 4, "a line that is no signature")
        signatures.append((name, data[:4], data[4:]))
    return note[:end + 1], signatures


def signed_text(note, key):
    text, signatures = read_note(note)
    ours = [made for name, ident, made in signatures if (name, ident) == (key.name, key.id)]
    need(len(ours) == 1, "the log's key has not signed exactly once")
    need(ed25519_holds(key.point, text.encode(), ours[0]), "the log's signature is wrong")
    return text


def read_checkpoint(text):
    lines = text.split("\n")
    need(len(lines) == 4 and not lines[3], "not three lines")
    origin, size, root = lines[:3]
    need(origin, "no origin")
    root = strict_base64(root)
    need(len(root) == 32, "not a root")
    return Checkpoint(origin, decimal(size), root)


def open_checkpoint(note, key):
    checkpoint = read_checkpoint(signed_text(note, key))
    need(checkpoint.origin == key.name, "a checkpoint of another log")
    return checkpoint


def stated(note):
    """What a note says, whoever signed it; None when it is no checkpoint."""
    end = note.rfind("\n\n")
    try:
        return read_checkpoint(note[:end + 1]) if end >= 0 else None
    except Wrong:
        return None


def proof_file(seq, path, note):
    lines = "".join(base64.b64encode(it).decode() + "\n" for it in path)
    return f"c2sp.org/tlog-proof@v1\nindex {seq}\n{lines}\n{note}"


def check_proof_file(text, leaf, key):
    """Shows with nothing but the log's key that the entry of this leaf is in the log; its place."""
    head, _, note = text.partition("\n\n")
    lines = head.split("\n")
    need(lines.pop(0) == "c2sp.org/tlog-proof@v1", "another header")
    if lines and lines[0].startswith("extra "):
        need(len(strict_base64(lines.pop(0)[6:])) <= 49_088, "extra is too long")
    need(lines and lines[0].startswith("index "), "no index line")
    index = decimal(lines.pop(0)[6:])
    need(len(lines) <= 63, "more than 63 hashes")
    path = [strict_base64(line) for line in lines]
    checkpoint = open_checkpoint(note, key)
    check_inclusion(leaf, index, checkpoint.size, path, checkpoint.root)
    return index
