"""body.md parts 4 to 6: stored bodies, and the keys that open them."""
import struct

import blake3
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from .basics import Wrong, need
from .body import Disclosure
from .entry import decode
from .strictjson import DOCUMENT, canonical

BLOCK, LEVELS = 4096, 12
MASK = 0xFFFFFFFF


def quarter(s, a, b, c, d):
    for x, y, z, turn in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
        s[x] = (s[x] + s[y]) & MASK
        s[z] ^= s[x]
        s[z] = (s[z] << turn | s[z] >> 32 - turn) & MASK


def hchacha20(key, nonce):
    """The subkey of XChaCha20 (draft-irtf-cfrg-xchacha, part 2.2): key and the first 16 bytes of the nonce."""
    s = list(struct.unpack("<16I", b"expand 32-byte k" + key + nonce))
    for _ in range(10):
        for places in ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
                       (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)):
            quarter(s, *places)
    return struct.pack("<8I", *s[:4], *s[12:])


def opened(key, nonce, sealed, associated):
    try:
        cipher = ChaCha20Poly1305(hchacha20(key, nonce[:16]))
        return cipher.decrypt(bytes(4) + nonce[16:], sealed, associated)
    except (InvalidTag, ValueError):
        raise Wrong("it does not open with its key") from None


def from_plaintext(data):
    body = decode(data)
    need(isinstance(body, dict) and set(body) == {"leaves", "body_salt"}, "not a body")
    salt, leaves = body["body_salt"], body["leaves"]
    need(type(salt) is bytes and len(salt) == 16 and isinstance(leaves, list), "not a body")
    read = []
    for leaf in leaves:
        forms = isinstance(leaf, list) and [type(part) for part in leaf] == [str, bytes, str]
        need(forms and len(leaf[1]) == 16, "not a leaf")
        read.append((leaf[0], leaf[1], canonical(leaf[2].encode(), DOCUMENT)))
    return Disclosure(salt, read)


class Keyring:
    """The secrets that are left: block → {(level, path): secret}."""

    def __init__(self, data):
        ring = decode(data)
        need(isinstance(ring, dict) and ring.get("v") == 1, "a keyring of a later version")
        self.blocks = {}
        for block, nodes in ring["blocks"]:
            need(block not in self.blocks, "a block stands twice")
            self.blocks[block] = {}
            for level, path, secret in nodes:
                need(level <= LEVELS and path < 1 << level and len(secret) == 32, "a node beyond its block")
                self.blocks[block][level, path] = secret

    def key(self, seq):
        """The body key of an entry; None when it was destroyed or never was."""
        place = seq % BLOCK
        for (level, path), secret in self.blocks.get(seq // BLOCK, {}).items():
            if place >> LEVELS - level == path:
                for bit in range(LEVELS - level - 1, -1, -1):
                    secret = blake3.blake3(bytes([place >> bit & 1]), key=secret).digest()
                return blake3.blake3(b"countersign/body/v1", key=secret).digest()
        return None

    def knows(self, seq):
        return seq // BLOCK in self.blocks


def read(stored, genesis, seq, root, keyring):
    """The disclosure of a stored body; None when the key is not at hand."""
    if stored[:1] == b"\0":
        return from_plaintext(stored[1:])
    need(stored[:1] == b"\1" and len(stored) >= 25, "not a stored body")
    key = keyring.key(seq) if keyring else None
    if key is None:
        need(not keyring or not keyring.knows(seq), "its key was destroyed")
        return None
    associated = genesis + struct.pack(">Q", seq) + root
    return from_plaintext(opened(key, stored[1:25], stored[25:], associated))
