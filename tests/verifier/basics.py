"""What everything else stands on."""
import hashlib

import blake3


class Wrong(Exception):
    """Something does not hold; the sentence says what."""


class Unknown(Exception):
    """A later version: read as far as this one goes, and nothing concluded."""


def need(holds, sentence):
    if not holds:
        raise Wrong(sentence)


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def derived(context, *parts):
    return blake3.blake3(b"".join(parts), derive_key_context=context).digest()


def chain_value(entry):
    return derived("countersign 2026 ledger chain v1", entry)


def genesis(origin):
    return derived("countersign 2026 ledger genesis v1", origin.encode())


def node(left, right):
    return sha(b"\1", left, right)


def leaf_hash(entry):
    return sha(b"\0", entry)


def escaped(text):
    """In one line, whatever it holds: reports are read line by line."""
    return "".join(c if c.isprintable() else f"\\u{{{ord(c):x}}}" for c in text)
