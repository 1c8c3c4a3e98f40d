"""What a forger, an accident or an honest exporter may do to a bundle or a data directory."""
import base64
import json
import struct

import cbor2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from verifier import body as bodies
from verifier.basics import chain_value, derived, leaf_hash, sha
from verifier.bundle import MANIFEST, Bundle, derive, manifest
from verifier.ledger import Tree, key_id, vkey
from verifier.segments import HEADER, Walk, read_header
from verifier.strictjson import jcs

BUNDLE_CHANGES, DATA_CHANGES = {}, {}


class NotHere(Exception):
    """This ledger has nothing of the kind that is changed."""


def bundle_change(function):
    BUNDLE_CHANGES[function.__name__] = function
    return function


def data_change(function):
    DATA_CHANGES[function.__name__] = function
    return function


class Copy:
    """One directory that is changed in place and put back."""

    def __init__(self, ledger, which):
        self.path = ledger / which
        self.vkey = (ledger / "log.vkey").read_text().strip()
        self.seed = bytes.fromhex((ledger / "log.seed").read_text().strip())
        self.origin = self.vkey.split("+")[0]
        self.files = self.now()

    def now(self):
        return {it.relative_to(self.path).as_posix(): it.read_bytes() for it in self.path.rglob("*")
                if it.is_file() and not it.is_symlink()}

    def put(self, name, data):
        """Writes a file; None removes it."""
        path = self.path / name
        path.unlink(missing_ok=True)  # it may be a link by now
        if data is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)

    def become(self, files):
        now = self.now()
        for name in now.keys() | files:
            if files.get(name) != now.get(name):
                self.put(name, files.get(name))

    def restore(self):
        self.become(self.files)

    # A bundle's parts.

    def entries(self):
        names = sorted(name for name in self.files if name.startswith("data/entries/") and name.endswith(".cbor"))
        return [self.files[name] for name in names]

    def note(self):
        return next(data for name, data in self.files.items() if name.startswith("data/checkpoints/")).decode()

    def sign(self, text, seed=None, name=None):
        key = Ed25519PrivateKey.from_private_bytes(seed or self.seed)
        public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        name = name or self.origin
        made = base64.b64encode(key_id(name, public) + key.sign(text.encode())).decode()
        return f"{text}\n\u2014 {name} {made}\n"

    def head(self, entries, **signed):
        tree = Tree(list(map(leaf_hash, entries)))
        root = base64.b64encode(tree.root(0, len(entries))).decode()
        return self.sign(f"{self.origin}\n{len(entries)}\n{root}\n", **signed)

    def rewrite(self, entries, note=None, disclosures=None, anew=True):
        """The bundle as it would have been with these entries (and disclosures by entry and name)."""
        kept = {name: data for name, data in self.files.items() if not name.startswith(
            ("data/entries/", "data/disclosures/") if disclosures is not None else "data/entries/")}
        for seq, data in enumerate(entries):
            kept[f"data/entries/{seq:010}.cbor"] = data
        for (seq, name), data in (disclosures or {}).items():
            kept[f"data/disclosures/{seq:010}.{name}.json"] = data
        if note is not None:
            kept = {name: data for name, data in kept.items() if not name.startswith("data/checkpoints/")}
            kept[f"data/checkpoints/{note.split(chr(10))[1] if note.count(chr(10)) > 1 else 0}"] = note.encode()
        self.become(kept)
        if anew:
            self.views_anew()
        self.manifest_anew()

    def views_anew(self):
        """Makes every file again from the native ones, as far as they go together."""
        bundle = Bundle(self.path)
        made, broken = derive(bundle, bundle.case)
        self.become({**self.now(), **made} if broken else {**made, MANIFEST: b""})

    def manifest_anew(self):
        now = self.now()
        now.pop(MANIFEST, None)
        self.put(MANIFEST, manifest({name: sha(data).hex() for name, data in now.items()}))

    def disclosures(self):
        found = {}
        for name, data in self.files.items():
            if name.startswith("data/disclosures/"):
                seq, body, _ = name.rsplit("/", 1)[1].split(".")
                found[int(seq), body] = data
        return found


def flipped(data, rng):
    if not data:
        raise NotHere
    at = rng.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1:]


def one_of(rng, items):
    items = list(items)
    if not items:
        raise NotHere
    return rng.choice(items)


def rechained(entries, start):
    """Every entry from `start` on names the hash of the one before it again."""
    result = list(entries)
    for seq in range(max(start, 1), len(result)):
        entry = cbor2.loads(result[seq])
        entry["prev"] = chain_value(result[seq - 1])
        result[seq] = encoded(entry)
    return result


def encoded(entry):
    return cbor2.dumps(entry, canonical=True)


# ---- bundles: files ----


def a_bit(copy, rng, folder=""):
    name = one_of(rng, (it for it in sorted(copy.files) if it.startswith(folder) and copy.files[it]))
    copy.put(name, flipped(copy.files[name], rng))


@bundle_change
def bit_of_any_file(copy, rng):
    folders = ("data/entries/", "data/disclosures/", "data/proofs/", "data/checkpoints/", "data/keys/", "data/attest/",
               "data/shown/", "data/policy/", "data/bundle.json", MANIFEST)
    a_bit(copy, rng, rng.choice(folders))


@bundle_change
def bit_and_manifest(copy, rng):
    bit_of_any_file(copy, rng)
    copy.manifest_anew()


@bundle_change
def file_dropped(copy, rng):
    copy.put(one_of(rng, sorted(copy.files)), None)
    rng.randrange(2) and copy.manifest_anew()


@bundle_change
def file_added(copy, rng):
    name = rng.choice(("data/note.txt", "data/entries/0000000003.txt", "data/entries/12.cbor", "data/checkpoints/1",
                       "data/disclosures/0000000002.other.json", "data/entries/0000000999.cbor"))
    copy.put(name, b"something")
    rng.randrange(2) and copy.manifest_anew()


@bundle_change
def file_linked(copy, rng):
    name = one_of(rng, sorted(it for it in copy.files if it.startswith("data/")))
    (copy.path / name).unlink()
    (copy.path / name).symlink_to("/dev/null")


@bundle_change
def files_swapped(copy, rng):
    folder = rng.choice(("data/proofs/", "data/disclosures/", "data/entries/", "data/attest/", "data/keys/"))
    names = sorted(it for it in copy.files if it.startswith(folder))
    one, other = one_of(rng, names), one_of(rng, names)
    copy.put(one, copy.files[other])
    copy.put(other, copy.files[one])
    copy.manifest_anew()


@bundle_change
def description_changed(copy, rng):
    given = json.loads(copy.files["data/bundle.json"])
    change = rng.choice(("case", "profile", "counts", "origin", "type", "more", "missing", "withheld"))
    seq, name = one_of(rng, sorted(copy.disclosures()))
    if change in ("missing", "withheld"):
        why = {"why": "gone"} if change == "missing" else {}
        given[change] = sorted([*given[change], {"body": name, "seq": seq, **why}], key=lambda it: (it["seq"], it["body"]))
    else:
        given[change] = {"case": "CASE \u202e 8", "profile": "selection", "counts": {}, "origin": "x.example/other",
                         "type": "countersign.bundle.v2", "more": 1}[change]
    copy.put("data/bundle.json", (jcs(given) + "\n").encode())
    copy.manifest_anew()


# ---- bundles: entries, without the log's key ----


@bundle_change
def bit_of_an_entry(copy, rng):
    entries = copy.entries()
    seq = rng.randrange(len(entries))
    entries[seq] = flipped(entries[seq], rng)
    copy.rewrite(entries, anew=bool(rng.randrange(2)))


def moved(copy, order, note=None):
    """Entries and their disclosures in another order; old numbers."""
    entries, found = copy.entries(), copy.disclosures()
    disclosures = {(place, name): data for place, old in enumerate(order)
                   for (seq, name), data in found.items() if seq == old}
    copy.rewrite([entries[old] for old in order], note, disclosures)


@bundle_change
def entry_deleted(copy, rng):
    order = list(range(len(copy.entries())))
    del order[rng.randrange(len(order))]
    moved(copy, order)


@bundle_change
def entry_duplicated(copy, rng):
    order = list(range(len(copy.entries())))
    order.insert(rng.randrange(len(order)), rng.choice(order))
    moved(copy, order)


@bundle_change
def entries_swapped(copy, rng):
    order = list(range(len(copy.entries())))
    one, other = rng.randrange(len(order)), rng.randrange(len(order))
    order[one], order[other] = order[other], order[one]
    moved(copy, order)


@bundle_change
def tail_cut(copy, rng):
    entries = copy.entries()
    moved(copy, range(len(entries) - rng.randrange(1, min(len(entries), 8))))


@bundle_change
def tail_cut_and_signed(copy, rng):
    """What a server with its key can do; a kept head finds it, nothing else."""
    entries = copy.entries()
    size = len(entries) - rng.randrange(1, min(len(entries) - 1, 8))
    moved(copy, range(size), copy.head(entries[:size]))


@bundle_change
def older_checkpoint(copy, rng):
    entries = copy.entries()
    copy.rewrite(entries, copy.head(entries[:rng.randrange(2, len(entries))]), anew=bool(rng.randrange(2)))


ODD = {
    "longer_number": lambda e: encoded(e).replace(b"\x61v\x01", b"\x61v\x18\x01", 1),
    "indefinite_map": lambda e: b"\xbf" + encoded(e)[1:] + b"\xff",
    "other_order": lambda e: cbor2.dumps(dict(reversed(sorted(e.items(), key=lambda it: (len(it[0]), it[0]))))),
    "bytes_behind": lambda e: encoded(e) + b"\0",
    "cut": lambda e: encoded(e)[:-1],
    "tag": lambda e: b"\xd9\xd9\xf7" + encoded(e),
    "float_time": lambda e: encoded({**e, "at": float(e["at"])}),
    "null": lambda e: encoded({**e, "n": None}),
    "false": lambda e: encoded({**e, "solo": False}),
    "empty_ref": lambda e: encoded({**e, "ref": {}}),
    "empty_sources": lambda e: encoded({**e, "sources": []}),
    "big_number": lambda e: encoded({**e, "at": 2**64}),
    "negative_seq": lambda e: encoded({**e, "seq": -1}),
    "not_a_map": lambda e: encoded([e]),
    "too_long": lambda e: encoded({**e, "zz": bytes(16_384)}),
    "far_too_long": lambda e: encoded({**e, "zz": bytes(20_000)}),
    "deep": lambda e: encoded({**e, "zz": nested(40)}),
    "less_deep": lambda e: encoded({**e, "zz": nested(31)}),
    "unknown_member": lambda e: encoded({**e, "zz": 1}),
    "unknown_kind": lambda e: encoded({**e, "kind": "custody.recorded"}),
    "unknown_kind_with_false": lambda e: encoded({**e, "kind": "custody.recorded", "zz": [False]}),
    "unknown_kind_with_empty": lambda e: encoded({**e, "kind": "custody.recorded", "zz": [[], {}, -7]}),
    "version_2": lambda e: encoded({**e, "v": 2}),
    "no_prev": lambda e: encoded({name: it for name, it in e.items() if name != "prev"}),
    "no_by": lambda e: encoded({name: it for name, it in e.items() if name != "by"}),
    "by_nobody": lambda e: encoded({**e, "by": "per_aaaaaaaaaaaaaaaaaaaaaaaaab"}),
    "unknown_ref": lambda e: encoded({**e, "ref": {**e.get("ref", {}), "hold": "hld_a"}}),
    "short_hash_in_ref": lambda e: encoded({**e, "ref": {**e.get("ref", {}), "call": "call_a"}}),
    "unknown_words": lambda e: encoded({name: "another" if name in WORDS else it for name, it in e.items()}),
    "n_is_0": lambda e: encoded({**e, "n": 0}),
    "n_is_2": lambda e: encoded({**e, "n": 2}),
    "n_is_huge": lambda e: encoded({**e, "n": 2**40}),
    "other_seq": lambda e: encoded({**e, "seq": e["seq"] + 1}),
    "earlier": lambda e: encoded({**e, "at": e["at"] - 10_000_000}),
    "later": lambda e: encoded({**e, "at": e["at"] + 10_000_000}),
    "other_prev": lambda e: encoded({**e, "prev": bytes(32)}),
    "more_bodies": lambda e: encoded({**e, "bodies": {**e.get("bodies", {}), "extra": bytes(32)}}),
    "other_root": lambda e: encoded({**e, "bodies": {name: bytes(32) for name in e.get("bodies", {"x": 1})}}),
    "no_bodies": lambda e: encoded({name: it for name, it in e.items() if name != "bodies"}),
}
WORDS = {"class", "client", "scheme", "verdict", "cause", "status", "change", "role", "enforcement", "what"}


def nested(depth):
    return [] if depth == 0 else [nested(depth - 1)]


@bundle_change
def entry_made_odd(copy, rng):
    """Another encoding, or another content; now and then the rest of the chain is made to fit."""
    entries = copy.entries()
    seq = rng.randrange(len(entries))
    entries[seq] = ODD[rng.choice(sorted(ODD))](cbor2.loads(entries[seq]))
    refit(copy, rng, entries, seq)


def refit(copy, rng, entries, seq):
    """Nothing more, or the chain, or the chain and a signature: by the log's key, or another."""
    how = rng.randrange(4)
    if how:
        entries = rechained(entries, seq + 1)
    note = [None, None, copy.head(entries), copy.head(entries, seed=bytes(32))][how]
    copy.rewrite(entries, note, anew=bool(rng.randrange(4)))


ODD_ALONE = [name for name in ODD if name.startswith(("unknown", "version", "deep", "less", "false", "empty", "null"))]


@bundle_change
def later_version_signed(copy, rng):
    """An honest log of a later version, or a form that only its own server would write."""
    entries = copy.entries()
    seq = rng.randrange(1, len(entries))
    entries[seq] = ODD[rng.choice(ODD_ALONE)](cbor2.loads(entries[seq]))
    entries = rechained(entries, seq + 1)
    copy.rewrite(entries, copy.head(entries))


@bundle_change
def rechained_without_key(copy, rng):
    """Something else is said, all hashes are made anew, and the root in the checkpoint; its signature is not."""
    entries = copy.entries()
    seq = rng.randrange(len(entries))
    entry = cbor2.loads(entries[seq])
    entry["by"] = "exe_aaaaaaaaaaaaaaaaaaaaaaaaaa"
    entries[seq] = encoded(entry)
    entries = rechained(entries, seq + 1)
    note = copy.head(entries).split("\n\n")[0] + "\n\n" + copy.note().split("\n\n")[1]
    copy.rewrite(entries, rng.choice((None, note, copy.head(entries, seed=bytes(32)))))


@bundle_change
def renumbered_without_key(copy, rng):
    entries, found = copy.entries(), copy.disclosures()
    gone = rng.randrange(len(entries))
    order = [seq for seq in range(len(entries)) if seq != gone]
    kept = []
    for place, old in enumerate(order):
        kept.append(encoded({**cbor2.loads(entries[old]), "seq": place}))
    disclosures = {(place, name): data for place, old in enumerate(order)
                   for (seq, name), data in found.items() if seq == old}
    copy.rewrite(rechained(kept, 1), None, disclosures)


# ---- bundles: with the log's key; what the people signed and the bodies say gives it away ----


def forge(copy, entries, seq, disclosures=None, rng=None):
    """The chain and every head that was shown are made to fit, and the log signs."""
    fit_heads = rng is not None and rng.randrange(2)
    result = list(entries)
    for at in range(max(seq + 1, 1), len(result)):
        entry = cbor2.loads(result[at])
        entry["prev"] = chain_value(result[at - 1])
        if fit_heads and entry["kind"] == "presentation.served":
            entry["head"]["hash"] = entry["prev"]
        result[at] = encoded(entry)
    copy.rewrite(result, copy.head(result), disclosures)


def pick(copy, rng, kinds, having=()):
    entries = copy.entries()
    decoded = list(map(cbor2.loads, entries))
    fits = [seq for seq, it in enumerate(decoded) if it["kind"] in kinds and all(name in it for name in having)]
    seq = one_of(rng, fits)
    return entries, seq, decoded[seq]


@bundle_change
def keyring_recorded(copy, rng):
    """A generation of the keyring where none was recorded: a later one or not, on a first entry or not."""
    entries = copy.entries()
    seq = rng.randrange(1, len(entries))
    entries[seq] = encoded({**cbor2.loads(entries[seq]), "keyring": rng.randrange(4)})
    forge(copy, entries, seq)


SIGNED = ("vote.approve", "vote.deny", "key.enrolled", "confirmation.revoked")


@bundle_change
def signature_forged(copy, rng):
    entries, seq, entry = pick(copy, rng, SIGNED, ("signature",))
    member = rng.choice(("signature", "signature", "statement"))
    entry[member] = flipped(entry[member], rng)
    entries[seq] = encoded(entry)
    forge(copy, entries, seq, rng=rng)


@bundle_change
def signature_cut_or_longer(copy, rng):
    entries, seq, entry = pick(copy, rng, SIGNED, ("signature",))
    made = entry["signature"]
    entry["signature"] = rng.choice((made[:-1], made + b"\0", b"", made[:6], bytes(1025), made[:10] + made))
    entries[seq] = encoded(entry)
    forge(copy, entries, seq, rng=rng)


@bundle_change
def token_flags_changed(copy, rng):
    """A token that was not touched, or did not ask for the PIN: the signature is then another's."""
    entries, seq, entry = pick(copy, rng, SIGNED, ("signature",))
    made = entry["signature"]
    entry["signature"] = made[:-5] + bytes([rng.choice((0, 1, 4, 7, 0x85))]) + made[-4:]
    entries[seq] = encoded(entry)
    forge(copy, entries, seq, rng=rng)


@bundle_change
def signatures_swapped(copy, rng):
    entries, seq, entry = pick(copy, rng, SIGNED, ("signature",))
    _, other_seq, other = pick(copy, rng, SIGNED, ("signature",))
    member = rng.choice(("signature", "statement"))
    entry[member], other[member] = other[member], entry[member]
    entries[seq], entries[other_seq] = encoded(entry), encoded(other)
    if seq == other_seq:
        raise NotHere
    forge(copy, entries, min(seq, other_seq), rng=rng)


@bundle_change
def key_replaced(copy, rng):
    """The forger's own key under a person's enrolment."""
    entries, seq, entry = pick(copy, rng, ("key.enrolled",))
    point = Ed25519PrivateKey.from_private_bytes(bytes(31) + b"\7").public_key()
    wire = b"".join(struct.pack(">I", len(it)) + it for it in (
        b"ssh-ed25519", point.public_bytes(Encoding.Raw, PublicFormat.Raw)))
    entry["public_key"] = rng.choice((wire, flipped(entry["public_key"], rng), entry["public_key"] + b"\0"))
    entries[seq] = encoded(entry)
    forge(copy, entries, seq, rng=rng)


@bundle_change
def enrolment_says_otherwise(copy, rng):
    entries, seq, entry = pick(copy, rng, ("key.enrolled",))
    change = rng.randrange(4)
    if change == 0:
        entry["client"] = {"cli": "external", "external": "page", "page": "cli"}[entry["client"]]
    elif change == 1:
        entry["class"] = "hardware-attested"
    elif change == 2:
        entry["scheme"] = "webauthn"
    else:
        entry["rp_id"] = "example.com"
    entries[seq] = encoded(entry)
    forge(copy, entries, seq, rng=rng)


@bundle_change
def endorsement_changed(copy, rng):
    entries, seq, entry = pick(copy, rng, ("key.enrolled",), ("endorsed",))
    change = rng.randrange(3)
    if change == 0:
        del entry["endorsed"]
    else:
        member = ("signature", "statement")[change - 1]
        entry["endorsed"][member] = flipped(entry["endorsed"][member], rng)
    entries[seq] = encoded(entry)
    forge(copy, entries, seq, rng=rng)


@bundle_change
def opening_changed(copy, rng):
    entries, seq, entry = pick(copy, rng, ("presentation.served",))
    change = rng.choice(("nonce", "head.seq", "head.hash", "at"))
    if change == "nonce":
        entry["nonce"] = flipped(entry["nonce"], rng)
    elif change == "head.seq":
        entry["head"]["seq"] += 1
    elif change == "head.hash":
        entry["head"]["hash"] = flipped(entry["head"]["hash"], rng)
    else:
        entry["independence"] = [{"fact": "account", "found": "same"}]
    entries[seq] = encoded(entry)
    forge(copy, entries, seq, rng=rng)


@bundle_change
def digest_changed(copy, rng):
    entries, seq, entry = pick(copy, rng, ("policy.adopted",))
    entry["digest"] = flipped(entry["digest"], rng)
    entries[seq] = encoded(entry)
    forge(copy, entries, seq, rng=rng)


@bundle_change
def action_changed(copy, rng):
    entries, seq, entry = pick(copy, rng, ("call.evaluated",))
    if b'"tag"' in copy.disclosures().get((seq, "call"), b'"tag"'):
        raise NotHere  # with the call withheld, nobody can tell
    entry["action"] = flipped(entry["action"], rng)
    entries[seq] = encoded(entry)
    forge(copy, entries, seq, rng=rng)


@bundle_change
def comment_replaced(copy, rng):
    entries, seq, entry = pick(copy, rng, ("vote.approve", "vote.deny"), ("bodies",))
    words = [("/salt", bytes(16), "00" * 32), ("/text", bytes(16), rng.choice(("I never said so", " ", "")))]
    made = disclosure(words)
    pairs = made.pairs()
    entry["bodies"]["comment"] = bodies.root_over(tag + c for tag, c in pairs)
    entries[seq] = encoded(entry)
    forge(copy, entries, seq, {**copy.disclosures(), (seq, "comment"): made.text().encode()}, rng=rng)


def disclosure(fields):
    made = bodies.Disclosure(bytes(16), fields)
    tags = made.pairs()
    order = sorted(range(len(fields)), key=lambda at: tags[at][0])
    return bodies.Disclosure(bytes(16), [fields[at] for at in order])


# ---- bundles: disclosures ----


@bundle_change
def disclosure_changed(copy, rng):
    found = copy.disclosures()
    seq, name = one_of(rng, sorted(found))
    given = bodies.from_json(found[seq, name])
    leaves = list(given.leaves)
    at = rng.randrange(len(leaves))
    change = rng.choice(("drop", "twice", "swap", "salt", "value", "withhold", "all", "none", "tag", "body_salt"))
    if change == "drop":
        del leaves[at]
    elif change == "twice":
        leaves.insert(at, leaves[at])
    elif change == "swap":
        leaves[at], leaves[-1] = leaves[-1], leaves[at]
    elif change == "withhold":
        leaves[at] = given.pairs()[at]
    elif change == "all":
        leaves = given.pairs()
    elif change == "none":
        leaves = []
    elif change == "tag" and len(leaves[at]) == 2:
        leaves[at] = flipped(leaves[at][0], rng), leaves[at][1]
    elif change == "salt" and len(leaves[at]) == 3:
        leaves[at] = leaves[at][0], flipped(leaves[at][1], rng), leaves[at][2]
    elif change == "value" and len(leaves[at]) == 3:
        leaves[at] = leaves[at][0], leaves[at][1], rng.choice(("another", 0, True, [], {}, [1], [0], None))
    salt = flipped(given.body_salt, rng) if change == "body_salt" else given.body_salt
    text = bodies.Disclosure(salt, leaves).text().encode()
    copy.rewrite(copy.entries(), None, {**found, (seq, name): text}, anew=bool(rng.randrange(3)))


@bundle_change
def disclosure_written_otherwise(copy, rng):
    found = copy.disclosures()
    seq, name = one_of(rng, sorted(found))
    text = found[seq, name]
    other = rng.choice((text[:-1], b" " + text, text.replace(b'":', b'": ', 1), text.replace(b"a", b"\\u0061", 1),
                        text.replace(b"{", b'{"x":1,', 1), b"\xef\xbb\xbf" + text, text.replace(b"0", b"A", 1),
                        b"[]", b"", text.replace(b"]", b",]", 1), b"[" * 100, text + text))
    copy.rewrite(copy.entries(), None, {**found, (seq, name): other}, anew=bool(rng.randrange(2)))


@bundle_change
def disclosure_withheld(copy, rng):
    """Honestly, with the list and everything else made anew; or not listed."""
    found = copy.disclosures()
    seq, name = one_of(rng, sorted(found))
    del found[seq, name]
    given = json.loads(copy.files["data/bundle.json"])
    if rng.randrange(3):
        given["withheld"].append({"body": name, "seq": seq})
    copy.put("data/bundle.json", (jcs(given) + "\n").encode())
    copy.files["data/bundle.json"], kept = (jcs(given) + "\n").encode(), copy.files["data/bundle.json"]
    copy.rewrite(copy.entries(), None, found)
    copy.files["data/bundle.json"] = kept


@bundle_change
def disclosures_exchanged(copy, rng):
    found = copy.disclosures()
    one, other = one_of(rng, sorted(found)), one_of(rng, sorted(found))
    found[one], found[other] = found[other], found[one]
    copy.rewrite(copy.entries(), None, found)


# ---- checkpoints, in a bundle or in a data directory ----

TEXTS = {
    "crlf": lambda text: text.replace("\n", "\r\n"),
    "other_origin": lambda text: "x" + text,
    "larger": lambda text: bumped(text, 1),
    "smaller": lambda text: bumped(text, -1),
    "size_0": lambda text: "\n".join([text.split("\n")[0], "0", *text.split("\n")[2:]]),
    "plus": lambda text: text.replace("\n", "\n+", 1),
    "leading_zero": lambda text: text.replace("\n", "\n0", 1),
    "space": lambda text: text.replace("\n", " \n", 1),
    "extension": lambda text: text + "more\n",
    "no_root": lambda text: "\n".join(text.split("\n")[:2]) + "\n",
    "spare_bits": lambda text: text[:-3] + chr(ord(text[-3]) + 1) + text[-2:],
    "no_padding": lambda text: text[:-2] + "\n",
    "other_root": lambda text: "\n".join(text.split("\n")[:2]) + "\n" + base64.b64encode(bytes(32)).decode() + "\n",
}
NOTES = {
    "no_newline": lambda copy, note: note[:-1],
    "twice": lambda copy, note: note + note.split("\n\n")[1],
    "unsigned": lambda copy, note: note.split("\n\n")[0] + "\n\n",
    "other_key": lambda copy, note: copy.sign(note.split("\n\n")[0] + "\n", seed=bytes(32)),
    "other_name": lambda copy, note: copy.sign(note.split("\n\n")[0] + "\n", name="x.example/y"),
    "one_more_first": lambda copy, note: more(copy, note, True),
    "one_more": lambda copy, note: more(copy, note, False),
    "hyphen": lambda copy, note: note.replace("\u2014", "-"),
    "empty_line": lambda copy, note: note.replace("\n\n", "\n\n\n"),
    "control": lambda copy, note: note.replace("\n", "\t\n", 1),
    "odd_line": lambda copy, note: note + "\u2014 x\n",
    "many": lambda copy, note: note + "".join(f"\u2014 w{at} AAAAAAA=\n" for at in range(100)),
    "space_behind": lambda copy, note: note[:-1] + " \n",
    "bit": None,
}


def bumped(text, by):
    lines = text.split("\n")
    return "\n".join([lines[0], str(max(int(lines[1]) + by, 0)), *lines[2:]])


def more(copy, note, first):
    text, lines = note.split("\n\n")
    witness = copy.sign(text + "\n", seed=bytes(31) + b"\1", name="witness.example/w").split("\n\n")[1]
    return f"{text}\n\n{witness}{lines}" if first else f"{note}{witness}"


def odd_note(copy, note, rng):
    if rng.randrange(2):
        text, lines = note.split("\n\n")
        text = TEXTS[rng.choice(sorted(TEXTS))](text + "\n")
        # By the log itself, or by somebody who has no key and leaves the signature as it was.
        return copy.sign(text) if rng.randrange(2) else f"{text}\n{lines}"
    change = rng.choice(sorted(NOTES))
    if change == "bit":
        return flipped(note.encode(), rng).decode("utf-8", "replace")
    return NOTES[change](copy, note)


@bundle_change
def checkpoint_odd(copy, rng):
    note = odd_note(copy, copy.note(), rng)
    name = next(name for name in copy.files if name.startswith("data/checkpoints/"))
    copy.put(name, note.encode())
    if rng.randrange(2):
        copy.views_anew()
    copy.manifest_anew()


@bundle_change
def no_key_named(copy, rng):
    rng.randrange(2) and bit_of_an_entry(copy, rng)
    return "-"


@bundle_change
def other_key_named(copy, rng):
    public = Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key()
    return vkey(copy.origin, public.public_bytes(Encoding.Raw, PublicFormat.Raw))


@bundle_change
def own_key_in_entry_0(copy, rng):
    """A whole other log under the name: all hashes and signatures are the forger's."""
    entries = copy.entries()
    entry = cbor2.loads(entries[0])
    public = Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key()
    entry["log_key"] = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
    entries = rechained([encoded(entry), *entries[1:]], 1)
    copy.rewrite(entries, copy.head(entries, seed=bytes(32)))


# ---- data directories ----


def segments(copy):
    return sorted(name for name in copy.files if name.endswith(".seg"))


def frames(copy):
    """Segment, offset and length of every frame."""
    found = []
    for name in segments(copy):
        data, at = copy.files[name], 0
        while data[at:at + 4].strip(b"\0"):
            length = read_header(data[at:at + HEADER]).length
            found.append((name, at, length))
            at += length
    return found


def spliced(copy, name, start, end, data):
    """Puts bytes in the place of others; the segment keeps its length."""
    whole = copy.files[name]
    result = whole[:start] + data + whole[end:]
    copy.put(name, result[:len(whole)].ljust(len(whole), b"\0"))


@data_change
def bit_of_a_frame(copy, rng):
    name, at, length = one_of(rng, frames(copy))
    spliced(copy, name, at, at + length, flipped(copy.files[name][at:at + length], rng))


@data_change
def bit_of_a_header(copy, rng):
    name, at, _ = one_of(rng, frames(copy))
    spliced(copy, name, at, at + HEADER, flipped(copy.files[name][at:at + HEADER], rng))


@data_change
def bit_of_the_last_frame(copy, rng):
    name, at, length = frames(copy)[-1]
    spliced(copy, name, at, at + length, flipped(copy.files[name][at:at + length], rng))


@data_change
def frame_zeroed(copy, rng):
    name, at, length = one_of(rng, frames(copy))
    spliced(copy, name, at, at + length, bytes(length))


@data_change
def frame_dropped(copy, rng):
    name, at, length = one_of(rng, frames(copy))
    spliced(copy, name, at, at + length, b"")


@data_change
def frame_twice(copy, rng):
    name, at, length = one_of(rng, frames(copy))
    spliced(copy, name, at, at, copy.files[name][at:at + length])


@data_change
def frames_exchanged(copy, rng):
    name, at, length = one_of(rng, frames(copy))
    other = one_of(rng, frames(copy))
    spliced(copy, name, at, at + length, copy.files[other[0]][other[1]:other[1] + other[2]])


@data_change
def end_cut(copy, rng):
    """Zeros from some byte of the last frames on, as after a power cut; or the file ends there."""
    name, at, length = one_of(rng, frames(copy)[-3:])
    cut = at + rng.randrange(length)
    data = copy.files[name]
    copy.put(name, data[:cut].ljust(len(data), b"\0") if rng.randrange(2) else data[:cut])


@data_change
def bytes_behind_the_end(copy, rng):
    name, at, length = frames(copy)[-1]
    behind = rng.choice((b"\1", b"\x89CSFRAME", copy.files[name][at:at + length // 2], bytes(17) + b"\1"))
    if at + length + len(behind) > len(copy.files[name]):
        raise NotHere
    spliced(copy, name, at + length, at + length + len(behind), behind)


@data_change
def unsigned_entries(copy, rng):
    """The head lock is older than the log: at a command's end, or within one."""
    entries = [entry for frame in Walk(copy.path / "log" / "log").frames for entry, _ in frame.records]
    copy.put("log/head.lock", copy.head(entries[:rng.randrange(2, len(entries))]).encode())


@data_change
def unsigned_end_cut(copy, rng):
    """A torn tail above what was signed."""
    name, at, length = frames(copy)[-1]
    entries = [entry for frame in Walk(copy.path / "log" / "log").frames[:-1] for entry, _ in frame.records]
    if len(entries) < 2:
        raise NotHere
    copy.put("log/head.lock", copy.head(entries).encode())
    data = copy.files[name]
    copy.put(name, data[:at + rng.randrange(1, length)].ljust(len(data), b"\0"))


@data_change
def segment_gone(copy, rng):
    copy.put(one_of(rng, segments(copy)), None)


@data_change
def segment_renamed(copy, rng):
    name = one_of(rng, segments(copy))
    copy.put(name, None)
    copy.put(f"log/log/{rng.randrange(99):020}.seg", copy.files[name])


@data_change
def empty_segment_behind(copy, rng):
    entries = sum(read_header(copy.files[name][at:at + HEADER]).count for name, at, _ in frames(copy))
    copy.put(f"log/log/{entries:020}.seg", bytes(4096))
    if rng.randrange(2):
        bit_of_the_last_frame(copy, rng)


@data_change
def head_odd(copy, rng):
    copy.put("log/head.lock", odd_note(copy, copy.files["log/head.lock"].decode(), rng).encode())


@data_change
def head_gone(copy, _):
    copy.put("log/head.lock", None)


@data_change
def keyring_gone(copy, _):
    copy.put("log/keyring", None)


@data_change
def keyring_of_another(copy, rng):
    """Another secret, or none for this block."""
    ring = cbor2.loads(copy.files["log/keyring"])
    change = rng.randrange(4)
    if change == 0:
        ring["blocks"] = []
    elif change == 1:
        ring["blocks"][0][1] = []
    elif change == 2:
        ring["blocks"][0][1][0][2] = bytes(32)
    else:
        ring["v"] = 2
    copy.put("log/keyring", encoded(ring))


@data_change
def body_erased(copy, rng):
    """Zeros in the place of a sealed body: the frame still holds."""
    name, at, length = one_of(rng, frames(copy))
    data = bytearray(copy.files[name])
    place = at + HEADER
    spots = []
    for _ in range(read_header(bytes(data[at:at + HEADER])).count):
        place += 4 + struct.unpack(">I", data[place:place + 4])[0]
        count = struct.unpack(">I", data[place:place + 4])[0]
        place += 4
        for _ in range(count):
            size = struct.unpack(">I", data[place:place + 4])[0]
            spots.append((place + 36, size))
            place += 36 + size
    start, size = one_of(rng, spots)
    data[start:start + size] = bytes(size)
    copy.put(name, bytes(data))


@data_change
def frame_made_anew(copy, rng):
    """An entry is changed and its frame's hash recomputed: that needs no key."""
    name, at, length = one_of(rng, frames(copy))
    data = bytearray(copy.files[name][at:at + length])
    size = struct.unpack(">I", data[HEADER:HEADER + 4])[0]
    spot = HEADER + 4 + rng.randrange(size)
    data[spot] ^= 1 << rng.randrange(8)
    data[-32:] = rehashed(bytes(data))
    spliced(copy, name, at, at + length, bytes(data))


def rehashed(frame):
    hashed, place = [frame[:HEADER]], HEADER
    for _ in range(read_header(frame[:HEADER]).count):
        size = 4 + struct.unpack(">I", frame[place:place + 4])[0] + 4
        hashed.append(frame[place:place + size])
        place += size
        for _ in range(struct.unpack(">I", frame[place - 4:place])[0]):
            hashed.append(frame[place:place + 36])
            place += 36 + struct.unpack(">I", frame[place:place + 4])[0]
    return derived("countersign 2026 frame v1", *hashed)
