"""A second verifier, written from docs/spec alone: shares no code with countersign.

    python verifier.py BUNDLE [--trusted-log-key VKEY] [--json]

Needs PyPI blake3, cbor2 and cryptography. Exit codes as of `countersign verify`: 0 all holds, under a key that you
named; 1 something does not hold; 2 usage; 3 no conclusion. It reads the bundle's native files: manifest, entries,
disclosures, checkpoint, proofs. Policies, quorums and the order of steps are left to `countersign verify`.
"""
import argparse
import base64
import functools
import hashlib
import json
import pathlib
import struct
import sys
from decimal import Decimal

import blake3
import cbor2
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

CHECKS = ("files", "form", "order", "chain", "tree", "checkpoint", "proofs", "bodies", "meaning", "policies",
          "actions", "keys", "signatures", "statements")
KINDS = set("""ledger.created service.armed service.started service.stopped policy.adopted person.enrolled person.left
group.changed key.enrolled key.revoked agent.enrolled executor.enrolled credential.enrolled credential.revoked
session.registered call.evaluated call.attached confirmation.opened presentation.served vote.approve vote.deny
denial.lifted confirmation.approved confirmation.denied confirmation.expired confirmation.withdrawn
confirmation.revoked confirmation.superseded grant.redeemed grant.lapsed grant.revoked grant.superseded grant.withdrawn
grant.replayed outcome.recorded outcome.disputed freeze.set freeze.lifted refusal.recorded access.recorded
clock.accepted log.recovered repair.recorded""".split())

class Wrong(Exception):
    """A check does not hold."""

def need(holds, sentence):
    if not holds:
        raise Wrong(sentence)

# Hashes, trees, canonical JSON, bodies: ledger.md, json.md, body.md.

def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()

def derived(context, data):
    return blake3.blake3(data, derive_key_context=context).digest()

def halves(lo, hi):
    cut = lo + (1 << (hi - lo - 1).bit_length() - 1)
    return (lo, cut), (cut, hi)

def tree_over(leaves):
    """The function from a range of leaves to its root."""
    @functools.cache
    def root(lo, hi):
        return sha(b"\0", leaves[lo]) if hi - lo == 1 else sha(b"\1", *(root(*half) for half in halves(lo, hi)))
    return root

def beside(root, seq, lo, hi):
    """The hashes beside the path from a leaf to the root, the lowest first."""
    if hi - lo == 1:
        return []
    left, right = halves(lo, hi)
    inside, other = (left, right) if seq < left[1] else (right, left)
    return beside(root, seq, *inside) + [root(*other)]

def number(value):
    """As ECMAScript writes it."""
    digits, exponent = Decimal(repr(value)).normalize().as_tuple()[1:]
    digits, sign, point = "".join(map(str, digits)), "-" if value < 0 else "", len(digits) + exponent
    if value == 0:
        return "0"
    if 0 < point <= 21:
        return sign + digits[:point].ljust(point, "0") + ("." + digits[point:] if point < len(digits) else "")
    if -6 < point <= 0:
        return sign + "0." + "0" * -point + digits
    return f"{sign}{digits[0]}{'.' + digits[1:] if digits[1:] else ''}e{point - 1:+d}"

def jcs(value):
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode("utf-16-be"))
        return "{" + ",".join(jcs(name) + ":" + jcs(value[name]) for name in names) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(jcs, value)) + "]"
    if type(value) in (int, float):
        return number(value)
    return json.dumps(value, ensure_ascii=False)

def canonical(data):
    """Reads canonical JSON and nothing else."""
    value = json.loads(data)
    need(jcs(value).encode() == data, "is not in canonical form")
    return value

def plain(item):
    """Whether a CBOR item is one that an entry may hold: entry.md part 1."""
    if isinstance(item, (dict, list)):
        names, items = (item.keys(), item.values()) if isinstance(item, dict) else ((), item)
        return bool(item) and all(isinstance(name, str) for name in names) and all(map(plain, items))
    return item is True or type(item) in (bytes, str) or (type(item) is int and -2**64 <= item < 2**64)

def rebuild(fields):
    """The value of which these are the fields: every one of them used once."""
    used = []

    def build(path):
        value = fields.get(path)
        if path in fields:
            used.append(path)
            return [build(f"{path}/{at}") for at in range(value[0])] if isinstance(value, list) and value else value
        names = {at[len(path) + 1:].split("/")[0] for at in fields if at.startswith(path + "/")}
        need(names, f"there is no field {path!r}")
        return {name.replace("~1", "/").replace("~0", "~"): build(f"{path}/{name}") for name in names}
    value = build("")
    need(len(used) == len(fields), "the fields do not rebuild to a value")
    return value

def open_body(data, root):
    """Checks a disclosure. The whole value, or None when a part is withheld."""
    body, leaves, fields = canonical(data.removesuffix(b"\n")), [], {}
    for leaf in body["leaves"]:
        if "path" in leaf:
            tag = sha(b"countersign/path/v1\n", bytes.fromhex(body["body_salt"]), leaf["path"].encode())
            value = jcs(leaf["value"]).encode()
            c = sha(b"countersign/field/v1\n", tag, bytes.fromhex(leaf["salt"]), value)
            fields[leaf["path"]] = leaf["value"]
        else:
            tag, c = bytes.fromhex(leaf["tag"]), bytes.fromhex(leaf["c"])
        leaves.append(tag + c)
    need(leaves and all(a[:32] < b[:32] for a, b in zip(leaves, leaves[1:])), "its leaves are not in strict order")
    need(tree_over(leaves)(0, len(leaves)) == root, "it is not the body that the header commits to")
    return rebuild(fields) if len(fields) == len(leaves) else None

# Signatures: statement.md parts 3 and 4, ledger.md part 3.

def strings(data, count):
    parts = []
    for _ in range(count):
        length = struct.unpack(">I", data[:4])[0]
        need(len(data) >= 4 + length, "a string is cut")
        parts, data = parts + [data[4:4 + length]], data[4 + length:]
    need(not data, "there are bytes after the end")
    return parts

def sshsig_holds(blob, key, namespace, message):
    need(blob[:10] == b"SSHSIG\0\0\0\1", "it is no SSHSIG of version 1")
    its_key, its_namespace, reserved, name, signature = strings(blob[10:], 5)
    need((its_namespace, reserved, name) == (namespace, b"", b"sha512"), "it was made in another context")
    need(its_key == key, "it was made by another key")
    parts = (namespace, b"", b"sha512", hashlib.sha512(message).digest())
    signed = b"SSHSIG" + b"".join(struct.pack(">I", len(part)) + part for part in parts)
    (scheme, raw), (key_scheme, point) = strings(signature, 2), strings(key, 2)
    need(scheme == key_scheme == b"ssh-ed25519", "it has a scheme that is not read here")
    Ed25519PublicKey.from_public_bytes(point).verify(raw, signed)

def vkey(origin, key):
    typed = b"\1" + key
    return f"{origin}+{sha(origin.encode(), bytes([10]), typed)[:4].hex()}+{base64.b64encode(typed).decode()}"

class Examination:
    """One bundle (bundle.md), and what its entries say (entry.md) against what was said before."""

    def __init__(self, bundle, trusted):
        self.bundle, self.trusted, self.doubts, self.findings = bundle, trusted, [], []
        self.tally = {check: [0, 0] for check in CHECKS}
        self.entries, self.raw, self.links, self.bodies, self.left = [], [], [], {}, 0
        self.disclosures, self.missing, self.withheld = set(), set(), set()
        self.keys, self.spent, self.calls, self.opened = {}, set(), {}, {}

    def check(self, name, seq, holds, *of):
        """Runs one check and counts it; whatever breaks it is a finding."""
        self.tally[name][0] += 1
        try:
            return holds(*of)
        except InvalidSignature:
            sentence = "the signature does not hold"
        except Exception as cause:  # a forger's bytes: wrong types, missing members, cut files
            sentence = str(cause) if isinstance(cause, Wrong) else f"cannot be read: {cause!r}"
        self.tally[name][1] += 1
        self.findings.append({"check": name, "seq": seq, "sentence": sentence})

    def read(self, path):
        return (self.bundle / path).read_bytes()

    def run(self):
        size = len(list(self.bundle.glob("data/entries/*.cbor")))
        if not size:
            return self.doubts.append("there is nothing to check")
        self.check("files", None, self.files)
        for seq in range(size):
            self.check("form", seq, self.form, seq)
            if len(self.entries) == seq:
                return  # what follows hangs on this one
            entry = self.entries[seq]
            self.check("order", seq, self.order, seq, entry)
            self.check("chain", seq, self.chain, seq, entry)
            for name, root in entry.get("bodies", {}).items():
                self.body(seq, name, root)
            self.check("meaning", seq, self.meaning, seq, entry, entry["kind"], entry.get("ref", {}))
        unlisted = self.disclosures - {f"data/disclosures/{seq:010}.{name}.json" for seq, name in self.bodies}
        self.check("files", None, need, not unlisted, f"of no entry: {', '.join(sorted(unlisted))}")
        self.check("order", size - 1, lambda: need(self.left == 0, "the last command is not whole"))
        self.check("checkpoint", None, self.head, size)

    def files(self):
        found = {path.relative_to(self.bundle).as_posix(): path for path in self.bundle.rglob("*") if not path.is_dir()}
        del found["manifest-sha256.txt"]
        self.tally["files"][0] = len(found)
        lines = [f"{sha(found[name].read_bytes()).hex()}  {name}\n" for name in sorted(found)]
        listed = self.read("manifest-sha256.txt").decode()
        for line in sorted(set(lines) ^ set(listed.splitlines(keepends=True))):
            raise Wrong(f"not as the manifest has it: {line[66:].strip()}")
        need("".join(lines) == listed, "the manifest is not sorted")
        stated = canonical(self.read("data/bundle.json")[:-1])
        self.missing = {(it["seq"], it["body"]) for it in stated["missing"]}
        self.withheld = {(it["seq"], it["body"]) for it in stated["withheld"]}
        need(stated["profile"] == ("partial" if self.withheld else "full"), "its profile is not what it withholds")
        self.disclosures = {name for name in found if name.startswith("data/disclosures/")}
        need(stated["counts"]["disclosed"] == len(self.disclosures), "it states another number of disclosures")

    def form(self, seq):
        data = self.read(f"data/entries/{seq:010}.cbor")
        entry = cbor2.loads(data)
        need(len(data) <= 16384 and plain(entry) and cbor2.dumps(entry, canonical=True) == data, "is not canonical")
        need(isinstance(entry, dict) and {"v", "seq", "prev", "at", "kind"} <= set(entry), "is not an entry")
        if entry["v"] != 1 or entry["kind"] not in KINDS:
            self.doubts.append(f"entry {seq} is of a later version")
        self.raw.append(data)
        self.entries.append(entry)
        self.links.append(derived("countersign 2026 ledger chain v1", data))

    def order(self, seq, entry):
        need(entry["seq"] == seq, "has another number")
        need(seq == 0 or entry["at"] >= self.entries[seq - 1]["at"], "is older than the one before")
        starts = self.left == 0
        self.left = max(0, entry.get("n", self.left) - 1)
        need(starts == ("n" in entry), "begins inside a command, or belongs to none")
        need(starts or entry["at"] == self.entries[seq - 1]["at"], "has another time than its command")

    def chain(self, seq, entry):
        before = self.links[seq - 1] if seq else derived("countersign 2026 ledger genesis v1", entry["origin"].encode())
        need(entry["prev"] == before, "does not name the hash of the one before it")

    def body(self, seq, name, root):
        path = f"data/disclosures/{seq:010}.{name}.json"
        if (self.bundle / path).exists():
            def disclosed():
                value = open_body(self.read(path), root)
                need((value is None) == ((seq, name) in self.withheld), "what it withholds is not what is listed")
                return value
            self.bodies[seq, name] = self.check("bodies", seq, disclosed)
        elif (seq, name) in self.missing or (seq, name) not in self.withheld or name == "policy":
            self.check("bodies", seq, need, False, f"the body {name} is missing")

    def head(self, size):
        origin, key, root = self.entries[0]["origin"], self.entries[0]["log_key"], tree_over(self.raw)
        note = self.read(f"data/checkpoints/{size}").decode()
        text, _, lines = note.rpartition("\n\n")
        self.tally["tree"][0] = size - 1
        self.check("tree", None, lambda: need(text == f"{origin}\n{size}\n{base64.b64encode(root(0, size)).decode()}",
                                              "the entries do not have the checkpoint's name, size and root"))
        for seq in range(size):
            path = "".join(base64.b64encode(it).decode() + "\n" for it in beside(root, seq, 0, size))
            proof = f"c2sp.org/tlog-proof@v1\nindex {seq}\n{path}\n{note}".encode()
            self.check("proofs", seq, lambda: need(self.read(f"data/proofs/{seq:010}.tlog-proof") == proof,
                                                   "the proof does not lead to the checkpoint"))
        if not self.trusted:
            self.doubts.append("no key of the log was named: --trusted-log-key")
        need(self.trusted in (None, vkey(origin, key)), "the log has another key than the one you named")
        prefix, key_id = f"\u2014 {origin} ", sha(origin.encode(), b"\n\1", key)[:4]
        signed = [base64.b64decode(it[len(prefix):]) for it in lines.splitlines() if it.startswith(prefix)]
        ours = [it[4:] for it in signed if it[:4] == key_id]
        need(len(ours) == 1, "the checkpoint is not signed once by the log's key")
        Ed25519PublicKey.from_public_bytes(key).verify(ours[0], (text + "\n").encode())

    def meaning(self, seq, entry, kind, ref):
        if kind == "person.left":
            self.keys = {key: it for key, it in self.keys.items() if it["person"] != ref["person"]}
        elif kind == "key.revoked":
            self.keys.pop(ref["key"], None)
        elif kind == "key.enrolled":
            self.check("keys", seq, self.key, seq, entry, ref)
        elif kind == "policy.adopted" and self.bodies.get((seq, "policy")):
            toml = self.bodies[seq, "policy"]["toml"].encode()
            self.check("policies", seq, need, sha(b"countersign/policy/v1\n", toml) == entry["digest"], "another policy")
        elif kind == "call.evaluated":
            self.call(seq, entry, ref)
        elif kind == "confirmation.opened":
            self.opened[ref["confirmation"]] = entry
        elif "statement" in entry:
            stated = self.check("signatures", seq, self.signed, entry, ref)
            if stated and kind.startswith("vote."):
                self.check("statements", seq, self.vote, seq, entry, ref, stated)
    def before(self, seq, head):
        need(head["seq"] < seq and head["hash"] == "blake3:" + self.links[head["seq"]].hex(), "it names another ledger")

    def key(self, seq, entry, ref):
        stated = canonical(entry["statement"])
        wanted = {"type": "countersign.enrolment.v1", "log": self.entries[0]["origin"], "person": ref["person"],
                  "public_key": base64.b64encode(entry["public_key"]).decode(), "use": entry["client"]}
        need(wanted.items() <= stated.items(), "the enrolment says something else than its entry")
        self.before(seq, stated["head"])
        sshsig_holds(entry["signature"], entry["public_key"], b"countersign.enrolment.v1", entry["statement"])
        need(entry["public_key"] not in self.spent, "the key was enrolled before")
        self.spent.add(entry["public_key"])
        if "endorsed" in entry:
            word = canonical(entry["endorsed"]["statement"])
            need(word["enrolment"] == "sha256:" + sha(entry["statement"]).hex(), "the word is for another enrolment")
            need(word["person"] != ref["person"], "nobody vouches for themselves")
            self.signed(entry["endorsed"], {"key": entry["endorsed"]["key"], "person": word["person"]})
        self.keys[ref["key"]] = {"wire": entry["public_key"], "person": ref["person"], "client": entry["client"]}

    def signed(self, entry, ref):
        stated, key = canonical(entry["statement"]), self.keys.get(ref["key"])
        need(key is not None, "the key does not count at this place")
        named = (stated["key"], stated["person"], stated["log"])
        need(named == (ref["key"], ref["person"], self.entries[0]["origin"]), "it names another key, person or ledger")
        need(key["person"] == ref["person"], "the key is another person's")
        context = stated["type"].replace("countersign.statement.v1", "countersign.approval.v1")
        sshsig_holds(entry["signature"], key["wire"], context.encode(), entry["statement"])
        return stated

    def call(self, seq, entry, ref):
        self.calls[ref["call"]] = entry
        body = self.bodies.get((seq, "call"))
        if body:
            action, salt = jcs(body["action"]).encode(), bytes.fromhex(body["action_salt"])
            self.check("actions", seq, need, sha(b"countersign/action/v1\n", salt, action) == entry["action"],
                       "the call has another action digest")

    def vote(self, seq, entry, ref, stated):
        opened, served = self.opened[ref["confirmation"]], self.entries[ref["served"]]
        shown = sha(b"countersign/shown/v1\n", opened["bodies"]["shown"])
        wanted = {
            "type": "countersign.statement.v1", "decision": entry["kind"].removeprefix("vote."),
            "call": ref["call"], "confirmation": ref["confirmation"], "instance": opened["instance"].hex(),
            "action_digest": "sha256:" + self.calls[ref["call"]]["action"].hex(), "shown_digest": "sha256:" + shown.hex(),
            "policy": "sha256:" + opened["policy"].hex(), "rules": opened["rules"], "requester": opened["requester"],
            "deadline": opened["decide_before"], "execute_within_ms": opened["demand"]["execute_within"],
            "nonce": served["nonce"].hex(), "client": self.keys[ref["key"]]["client"], "opened_at": served["at"],
            "head": {"hash": "blake3:" + served["head"]["hash"].hex(), "seq": served["head"]["seq"]}}
        for name, value in wanted.items():
            need(stated[name] == value, f"the statement has another {name} than the ledger")
        asked = (served["kind"], served["ref"]["person"], served["ref"]["confirmation"], served["client"])
        answers = ("presentation.served", entry["by"], ref["confirmation"], stated["client"])
        need(asked == answers and entry["by"] == ref["person"], "it answers another opening")
        self.before(seq, stated["head"])
        comment = self.bodies.get((seq, "comment"))
        if comment:
            digest = sha(b"countersign/text/v1\n", bytes.fromhex(comment["salt"]), comment["text"].encode())
            need(stated["comment_digest"] == "sha256:" + digest.hex(), "another comment was signed")
        need(entry["kind"] == "vote.deny" or entry["at"] < opened["decide_before"], "it came too late")

def main():
    parser = argparse.ArgumentParser(description="Checks an evidence bundle with other code than countersign's.")
    parser.add_argument("bundle", type=pathlib.Path)
    parser.add_argument("--trusted-log-key", metavar="VKEY")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    seen = Examination(options.bundle, options.trusted_log_key)
    seen.run()
    code = 1 if seen.findings else 3 if seen.doubts else 0
    if options.json:
        checks = {name: {"checked": checked, "failed": failed} for name, (checked, failed) in seen.tally.items()}
        print(json.dumps({"checks": checks, "findings": seen.findings, "doubts": seen.doubts, "exit_code": code}))
        return code
    for name, (checked, failed) in seen.tally.items():
        print(f"[{'FAIL' if failed else 'PASS' if checked else 'NONE'}] {name:<11} {checked} checked, {failed} failed")
    for it in seen.findings:
        print(f"finding: {it['check']}, entry {it['seq']}: {it['sentence']}")
    print(*(f"no conclusion: {doubt}\n" for doubt in seen.doubts), sep="", end="")
    print("not checked here: policies, quorums, and whether every step was allowed")
    return code

if __name__ == "__main__":
    sys.exit(main())
