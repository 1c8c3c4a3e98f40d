"""statement.md: documents and their closed schemas, keys, SSHSIG."""
import base64
import hashlib
import re
import struct

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

from .basics import Wrong, need, sha
from .curves import ed25519_holds, sound_ed25519
from .ledger import strict_base64
from .strictjson import canonical

DOCUMENT = (8192, 3, 512)
ED25519, SK_ED25519 = "ssh-ed25519", "sk-ssh-ed25519@openssh.com"
SK_ECDSA = "sk-ecdsa-sha2-nistp256@openssh.com"
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
TOUCHED, CHECKED = 0x01, 0x04

# Forms of values: part 1.


def matching(pattern):
    return lambda it: isinstance(it, str) and bool(re.fullmatch(pattern, it))


def word(*words):
    return lambda it: isinstance(it, str) and it in words


def an_id(*prefixes):
    return matching(f"(?:{'|'.join(prefixes)})_[a-z2-7]{{25}}[aeimquy4]")


def whole(it):
    return type(it) is int and 0 <= it < 2**53


def record(required, optional=None):
    def holds(it):
        known = {**required, **(optional or {})}
        return (isinstance(it, dict) and set(required) <= set(it) <= set(known)
                and all(known[name](value) for name, value in it.items()))
    return holds


def words_of(form):
    def holds(it):
        return isinstance(it, list) and all(map(form, it)) and it == sorted(set(it), key=str.encode)
    return holds


SHA256 = matching("sha256:[0-9a-f]{64}")
HEAD = record({"hash": matching("blake3:[0-9a-f]{64}"), "seq": whole})
ORIGIN = matching("[!-*,-~]{1,255}")
CLIENT = word("page", "cli", "external")
FOUND = word("differs", "same", "unknown")
FACTS = ("account", "channel", "credential", "device", "network")
NONCE = matching("[0-9a-f]{64}")
WHO = {"key": an_id("key"), "person": an_id("per"), "log": ORIGIN}


def public_key_text(it):
    try:
        PublicKey(strict_base64(it))
        return True
    except (Wrong, AttributeError, TypeError):
        return False


# Part 2: required and optional members beside `type`.
SCHEMAS = {
    "countersign.statement.v1": ({
        **WHO, "action_digest": SHA256, "call": an_id("call"), "client": CLIENT, "confirmation": an_id("cnf"),
        "channel": word("inbox", "email", "ntfy", "webhook", "slack", "teams"), "deadline": whole,
        "decision": word("approve", "deny"), "execute_within_ms": whole, "head": HEAD,
        "independence": record(dict.fromkeys(FACTS, FOUND)), "instance": matching("[0-9a-f]{32}"), "nonce": NONCE,
        "opened_at": whole, "policy": SHA256, "requester": words_of(an_id("agt", "cred", "per")),
        "renderer": record({"version": matching("[a-z0-9._/-]{1,64}")}, {"asset_digest": SHA256}),
        "rules": words_of(matching("[a-z0-9][a-z0-9._-]{0,63}")), "shown_digest": SHA256,
    }, dict.fromkeys(("comment_digest", "matched_number_digest", "typed_target_digest"), SHA256)),
    "countersign.enrolment.v1": ({
        "head": HEAD, "log": ORIGIN, "nonce": NONCE, "person": an_id("per"), "public_key": public_key_text,
        "scheme": word(ED25519, SK_ED25519, SK_ECDSA), "use": CLIENT}, {}),
    "countersign.attest-key.v1": ({**WHO, "enrolment": SHA256}, {}),
    "countersign.revocation.v1": ({**WHO, "call": an_id("call"), "head": HEAD},
                                  {"confirmation": an_id("cnf"), "comment_digest": SHA256}),
}


def document(data, kind):
    """One canonical JSON object of this type, every member of its form and no others."""
    value = canonical(data, DOCUMENT)
    need(isinstance(value, dict) and value.get("type") == kind, f"not a {kind}")
    required, optional = SCHEMAS[kind]
    need(record({**required, "type": word(kind)}, optional)(value), f"not of the form of a {kind}")
    return value


# Keys: part 3.


def strings(data, count):
    """The first strings of an SSH encoding, and what stands behind them."""
    parts = []
    for _ in range(count):
        need(len(data) >= 4, "a string is cut")
        length = struct.unpack(">I", data[:4])[0]
        need(len(data) >= 4 + length, "a string is cut")
        parts, data = [*parts, data[4:4 + length]], data[4 + length:]
    return parts, data


def string(data):
    return struct.pack(">I", len(data)) + data


class PublicKey:
    """A key that passes the gate."""

    def __init__(self, wire):
        need(len(wire) <= 512, "too long a key")
        (scheme,), rest = strings(wire, 1)
        self.wire, self.scheme, self.application = wire, scheme.decode("ascii", "replace"), None
        counts = {ED25519: 1, SK_ED25519: 2, SK_ECDSA: 3}
        need(self.scheme in counts, "not a scheme that is read here")
        parts, rest = strings(rest, counts[self.scheme])
        need(not rest, "bytes after the end of a key")
        if self.scheme == SK_ECDSA:
            need(parts[0] == b"nistp256" and len(parts[1]) == 65 and parts[1][0] == 4, "not a point of P-256")
            parts = parts[1:]
            try:
                self.ecdsa = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), parts[0])
            except ValueError:
                raise Wrong("not a point of P-256") from None
        else:
            sound_ed25519(parts[0])
        self.point = parts[0]
        if self.scheme != ED25519:
            need(re.fullmatch(b"ssh:[!-~]{0,124}", parts[1]), "not an application of SSH")
            self.application = parts[1]

    def line(self):
        return f"{self.scheme} {base64.b64encode(self.wire).decode()}"

    def check(self, context, message, blob):
        """SSHSIG: part 4, in its order."""
        need(len(blob) <= 1024 and blob[:10] == b"SSHSIG\0\0\0\1", "not an SSHSIG of version 1")
        (wire, namespace, reserved, name, signature), rest = strings(blob[10:], 5)
        need(not reserved and name == b"sha512" and not rest, "not an SSHSIG of this form")
        need(namespace == context.encode(), "made in another context")
        need(wire == self.wire, "made by another key")
        (scheme, raw), rest = strings(signature, 2)
        need(scheme == self.scheme.encode(), "of another scheme")
        parts = (namespace, b"", b"sha512", hashlib.sha512(message).digest())
        signed = b"SSHSIG" + b"".join(map(string, parts))
        if self.application is None:
            need(not rest, "bytes after the end of a signature")
        else:
            need(len(rest) == 5, "not what a token says of itself")
            need(rest[0] == TOUCHED | CHECKED, "not both touched and checked, or a flag that nobody knows")
            signed = sha(self.application) + rest + sha(signed)
        holds = self.ecdsa_holds(raw, signed) if self.scheme == SK_ECDSA else ed25519_holds(self.point, signed, raw)
        need(holds, "the signature does not hold")

    def ecdsa_holds(self, raw, signed):
        numbers, rest = strings(raw, 2)
        need(not rest, "bytes after the end of a signature")
        for number in numbers:
            need(number and (number[0] < 128) and (number[0] or len(number) > 1 and number[1] > 127),
                 "a number that is not in its shortest form")
        r, s = (int.from_bytes(number, "big") for number in numbers)
        need(0 < r < ORDER and 0 < s < ORDER, "a number beyond the order")
        try:
            self.ecdsa.verify(utils.encode_dss_signature(r, s), signed, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            return False
        return True


def armour(blob):
    text = base64.b64encode(blob).decode()
    lines = "\n".join(text[at:at + 70] for at in range(0, len(text), 70))
    return f"-----BEGIN SSH SIGNATURE-----\n{lines}\n-----END SSH SIGNATURE-----\n"
