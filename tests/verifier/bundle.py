"""bundle.md: a bundle's entries and bodies, and its files made again."""
import base64
import os
import re
import stat

from . import body
from .attest import PublicKey, armour
from .basics import Wrong, chain_value, leaf_hash, need, sha
from .entry import body_roots
from .entry import read as read_entry
from .ledger import Tree, proof_file, stated, vkey
from .presentation import text_form
from .strictjson import jcs, read

MANIFEST, DESCRIPTION = "manifest-sha256.txt", "data/bundle.json"
TYPE = "countersign.bundle.v1"
LIMITS = (256 * 1024 * 1024, 4, 4_000_100)
SPKI = bytes.fromhex("302a300506032b6570032100")
PER_ENTRY = re.compile(r"data/(?:entries|disclosures|shown|attest|proofs)/([0-9]+)[./]")


def seq_of(path):
    found = PER_ENTRY.match(path + "/")
    return int(found[1]) if found else None


def line(value):
    return (jcs(value) + "\n").encode()


class Bundle:
    """A directory. Nothing in it is trusted."""

    def __init__(self, path):
        self.path, self.is_written, self.end = path, False, "clean"
        self.files, self.odd, self.counts = {}, [], {}
        self.list(path, "")
        self.entries = sorted(seq for seq in map(self.seq, self.files) if seq is not None)
        self.case, self.missing, self.withheld, self.fault = "", {}, set(), None
        try:
            need(DESCRIPTION in self.files, "there is none")
            self.describe(read(self.file(DESCRIPTION), LIMITS))
        except Wrong as cause:
            self.fault = str(cause)

    def list(self, directory, prefix):
        """Regular files only: a link, a pipe or a device is a fault and is not opened."""
        for found in os.scandir(directory):
            mode = found.stat(follow_symlinks=False).st_mode
            if stat.S_ISDIR(mode):
                self.list(found.path, f"{prefix}{found.name}/")
            elif stat.S_ISREG(mode):
                self.files[prefix + found.name] = found.path
            else:
                self.odd.append(prefix + found.name)

    @staticmethod
    def seq(name):
        found = re.fullmatch(r"data/entries/([0-9]{10,})\.cbor", name)
        return int(found[1]) if found and f"{int(found[1]):010}" == found[1] else None

    def file(self, name):
        with open(self.files[name], "rb") as file:
            return file.read(LIMITS[0] + 1)

    def describe(self, given):
        need(isinstance(given, dict) and given.get("type") == TYPE, f"its type is not {TYPE}")
        self.case = given["case"] if isinstance(given.get("case"), str) else ""
        for sort in ("missing", "withheld"):
            listed = given[sort] if isinstance(given.get(sort), list) else []
            for it in listed:
                if not isinstance(it, dict) or type(it.get("seq")) is not int or not isinstance(it.get("body"), str):
                    continue
                place = it["seq"], it["body"]
                if sort == "withheld":
                    self.withheld.add(place)
                elif isinstance(it.get("why"), str):
                    self.missing[place] = it["why"]

    # A source.

    def note(self):
        """The one in data/checkpoints; of several the largest, and the check of the files objects."""
        sizes = [int(found[1]) for found in map(re.compile("data/checkpoints/([0-9]+)").fullmatch, self.files) if found]
        name = f"data/checkpoints/{max(sizes)}" if sizes else None
        return self.file(name).decode("utf-8", "replace") if name in self.files else None

    def records(self):
        """Entries with the states of their bodies. A number at the end: the records break off there."""
        for expected, seq in enumerate(self.entries):
            if seq != expected:
                yield expected
                return
            data = self.file(f"data/entries/{seq:010}.cbor")
            if len(data) > 16_385:
                yield seq
                return
            item = read_entry(data).item
            yield data, {name: self.body(seq, name) for name in body_roots(item)}

    def body(self, seq, name):
        """A disclosure, None where it is withheld, or why it is missing."""
        path = f"data/disclosures/{seq:010}.{name}.json"
        if (seq, name) in self.missing:
            return self.missing[seq, name]
        if not re.fullmatch("[a-z0-9_-]{1,64}", name) or path not in self.files:
            if (seq, name) in self.withheld and name != "policy":
                return None
            return "it is neither here nor listed as withheld"
        try:
            return body.from_json(self.file(path))
        except Wrong as cause:
            return str(cause)

    def inspect(self):
        """Faults of the files: check, entry, sentence."""
        faults = [("files-unchanged", seq_of(name), f"{name}: no file") for name in self.odd]
        faults += [("files-unchanged", seq_of(name), f"{name}: {why}") for name, why in self.unchanged()]
        faults += [("views-derived", seq_of(name), f"{name}: {why}") for name, why in self.derived()]
        return faults

    def unchanged(self):
        found = {name: sha(self.file(name)).hex() for name in self.files if name != MANIFEST}
        self.counts["files-unchanged"] = len(found)
        written = manifest(found)
        listed = self.file(MANIFEST) if MANIFEST in self.files else None
        if listed is None:
            return [(MANIFEST, "there is none")]
        if listed == written:
            return []
        lines = listed.decode("utf-8", "replace").splitlines()
        stated_ = dict(reversed(it.split("  ", 1)) for it in lines if "  " in it)
        names = sorted(name for name in found.keys() | stated_ if found.get(name) != stated_.get(name))
        return [(name, "not as the manifest has it") for name in names] or [(MANIFEST, "not as a manifest is written")]

    def derived(self):
        made, broken = derive(self, self.case)
        self.counts["views-derived"] = len(made)
        faults = [] if self.fault is None else [(DESCRIPTION, self.fault)]
        for name, data in made.items():
            if name not in self.files:
                faults.append((name, "is missing"))
            elif self.file(name) != data:
                faults.append((name, "is not what follows from the entries"))
        if broken:
            return [*faults, ("data", broken)]
        extra = sorted(self.files.keys() - made.keys() - {MANIFEST})
        return faults + [(name, "does not belong to the bundle") for name in extra]


def manifest(digests):
    return "".join(f"{digests[name]}  {name}\n" for name in sorted(digests, key=str.encode)).encode("utf-8", "replace")


def derive(source, case):
    """Every file but the manifest, from a source and a case; and what kept it from being all of them."""
    note = source.note()
    head = stated(note) if note is not None else None
    if not head:
        return {}, "there is no checkpoint"
    making = Making()
    for record in source.records():
        if len(making.leaves) == head.size:
            break
        if isinstance(record, int):
            return making.files, f"the records break off at {record}"
        making.entry(*record)
    if len(making.leaves) < head.size:
        return making.files, "fewer entries than the checkpoint covers"
    tree = Tree(making.leaves)
    if tree.root(0, head.size) != head.root:
        return making.files, "another root than the checkpoint's"
    for seq in range(head.size):
        proof = proof_file(seq, tree.beside(seq, 0, head.size), note)
        making.files[f"data/proofs/{seq:010}.tlog-proof"] = proof.encode()
    making.finish(head, note, case)
    return making.files, None


class Making:
    """The files of a bundle as they are made, entry by entry."""

    def __init__(self):
        self.files, self.leaves, self.signers, self.policies = {}, [], "", set()
        self.counts = dict.fromkeys(("disclosed", "withheld", "missing", "shown", "attested"), 0)
        self.missing, self.withheld = [], []

    def entry(self, data, bodies):
        seq, found = len(self.leaves), read_entry(data)
        self.leaves.append(leaf_hash(data))
        self.files[f"data/entries/{seq:010}.cbor"] = data
        if found.item is not None:
            view = {"entry": shown(found.item), "hash": chain_value(data).hex(), "leaf": leaf_hash(data).hex()}
            self.files[f"data/entries/{seq:010}.json"] = line(view)
        for name in sorted(bodies):
            self.body(seq, name, bodies[name])
        if found.entry:
            self.known(seq, found.entry, bodies)

    def body(self, seq, name, state):
        if isinstance(state, str):
            self.counts["missing"] += 1
            self.missing.append({"body": name, "seq": seq, "why": state})
        elif state is None:
            self.withhold(seq, name)
        else:
            self.counts["disclosed"] += 1
            if state.is_partial():
                self.withhold(seq, name)
            self.files[f"data/disclosures/{seq:010}.{name}.json"] = state.text().encode()

    def withhold(self, seq, name):
        self.counts["withheld"] += 1
        self.withheld.append({"body": name, "seq": seq})

    def known(self, seq, entry, bodies):
        kind = entry["kind"]
        whole = {name: it.whole() for name, it in bodies.items() if isinstance(it, body.Disclosure)}
        if kind in ("vote.approve", "vote.deny", "key.enrolled", "confirmation.revoked") and "statement" in entry \
                and "signature" in entry:
            self.counts["attested"] += 1
            self.attest(seq, "statement", "signature", entry)
            if "endorsed" in entry:
                self.attest(seq, "endorsement", "endorsement", entry["endorsed"])
            if "raw" in entry:
                self.files[f"data/attest/{seq:010}/raw.bin"] = entry["raw"]
        if kind == "ledger.created":
            self.keys(entry)
        elif kind == "key.enrolled" and "key" in entry.get("ref", {}):
            self.key(entry)
        elif kind == "confirmation.opened" and whole.get("shown") is not None:
            self.counts["shown"] += 1
            self.files[f"data/shown/{seq:010}.json"] = line(whole["shown"])
            text = text_form(whole["shown"])
            if text is not None:
                self.files[f"data/shown/{seq:010}.txt"] = text.encode()
        elif kind == "policy.adopted" and isinstance(whole.get("policy"), dict):
            toml = whole["policy"].get("toml")
            if isinstance(toml, str):
                name = sha(b"countersign/policy/v1\n", toml.encode()).hex()
                self.policies.add(name)
                self.files[f"data/policy/{name}.toml"] = toml.encode()

    def attest(self, seq, statement, signature, of):
        folder = f"data/attest/{seq:010}"
        self.files[f"{folder}/{statement}.json"] = of["statement"]
        self.files[f"{folder}/{signature}.bin"] = of["signature"]
        if of["signature"].startswith(b"SSHSIG"):
            self.files[f"{folder}/{statement}.json.sig"] = armour(of["signature"]).encode()

    def keys(self, created):
        self.files["data/keys/log.vkey"] = (vkey(created["origin"], created["log_key"]) + "\n").encode()
        self.files["data/keys/log.pem"] = pem(created["log_key"])
        for name in ("grant_key", "seal_key", "webhook_key"):
            self.files[f"data/keys/{created[name]['id']}.pem"] = pem(created[name]["key"])

    def key(self, entry):
        name = entry["ref"]["key"]
        try:
            text = PublicKey(entry["public_key"]).line()
        except Wrong:
            self.files[f"data/keys/{name}.bin"] = entry["public_key"]
            return
        self.files[f"data/keys/{name}.pub"] = f"{text} {name}\n".encode()
        self.signers += f"{name} {text}\n"

    def finish(self, head, note, case):
        self.files[f"data/checkpoints/{head.size}"] = note.encode()
        self.files["data/keys/allowed_signers"] = self.signers.encode()
        self.files[DESCRIPTION] = line({
            "type": TYPE, "origin": head.origin, "size": head.size, "case": case, "prepared": "none",
            "profile": "partial" if self.withheld else "full", "missing": self.missing, "withheld": self.withheld,
            "counts": {**self.counts, "entries": head.size, "policies": len(self.policies)}})


def pem(key):
    text = base64.b64encode(SPKI + key).decode()
    return f"-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n".encode()


def shown(item):
    """A CBOR item as JSON: part 4."""
    if isinstance(item, dict):
        return {name: shown(it) for name, it in item.items()}
    if isinstance(item, list):
        return list(map(shown, item))
    if isinstance(item, bytes):
        return item.hex()
    if type(item) is int and abs(item) >= 2**53:
        return str(item)
    return item
