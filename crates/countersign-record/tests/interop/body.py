"""Recomputes the worked example of docs/spec/body.md: python3 body.py worked.txt words.txt

Needs PyPI blake3, rfc8785, cbor2 and pynacl; nothing of this project.
"""
import hashlib
import json
import sys

import blake3
import cbor2
import nacl.bindings
import rfc8785

lines = [line.split(" = ", 1) for line in open(sys.argv[1], encoding="utf-8").read().splitlines()]
words = open(sys.argv[2]).read().split()
given = dict(lines)
raw = {name: bytes.fromhex(text) for name, text in given.items()
       if len(text) % 2 == 0 and all(c in "0123456789abcdef" for c in text)}


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def root(leaves):
    if len(leaves) == 1:
        return sha(b"\0", leaves[0])
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha(b"\1", root(leaves[:split]), root(leaves[split:]))


def expect(name, found):
    found = found if isinstance(found, str) else found.hex()
    assert found == given[name], f"{name}: {found}"
    print("same", name)


leaves, fields = [], []
for at, (name, path) in enumerate(lines):
    if name == "path":
        field, salt, tag, c = (text for _, text in lines[at + 1:at + 5])
        found = sha(b"countersign/path/v1\n", raw["body_salt"], path.encode())
        assert found.hex() == tag, path
        assert rfc8785.dumps(json.loads(field)).decode() == field
        assert sha(b"countersign/field/v1\n", found, bytes.fromhex(salt), field.encode()).hex() == c
        leaves.append(bytes.fromhex(tag + c))
        fields.append([path, bytes.fromhex(salt), field])
assert leaves == sorted(leaves)
expect("body_root", root(leaves))
expect("plaintext", cbor2.dumps({"leaves": fields, "body_salt": raw["body_salt"]}, canonical=True))

seq, key = int(given["seq"]), raw["block_secret"]
siblings = []
for level in range(12):
    path = (seq % 4096) >> (11 - level)
    siblings.append([level + 1, path ^ 1, blake3.blake3(bytes([path & 1 ^ 1]), key=key).digest()])
    key = blake3.blake3(bytes([path & 1]), key=key).digest()
key = blake3.blake3(b"countersign/body/v1", key=key).digest()
expect("body_key", key)
aad = raw["genesis"] + seq.to_bytes(8, "big") + raw["body_root"]
sealed = nacl.bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(
    raw["plaintext"], aad, raw["nonce"], key)
index_key = blake3.blake3(b"countersign/index/v1", key=raw["block_secret"]).digest()
expect("indexed", blake3.blake3(given["searched"].encode(), key=index_key).digest())
expect("sealed", b"\1" + raw["nonce"] + sealed)
fp_salt = ["agt_" + "a" * 26, "per_" + "a" * 26, 0, 1767225600000, raw["fp_salt"]]
for name, generation, nodes, snapshot_key in [
        ("keyring", 3, [[0, 0, raw["block_secret"]]], raw["snapshot_key"]),
        ("keyring_punctured", 4, siblings, b"")]:
    keyring = {"v": 1, "generation": generation, "blocks": [[seq // 4096, nodes]],
               "fingerprint_salts": [fp_salt], "snapshot_key": snapshot_key}
    expect(name, cbor2.dumps(keyring, canonical=True))

action = rfc8785.dumps({"tool": "bank.transfer", "arguments": json.loads(given["value"]),
                        "audience": "exe_" + "a" * 26})
expect("action", action.decode())
action_digest = sha(b"countersign/action/v1\n", raw["action_salt"], action)
expect("action_digest", action_digest)
expect("fingerprint", sha(b"countersign/fingerprint/v1\n", raw["fp_salt"], action))
shown_digest = sha(b"countersign/shown/v1\n", raw["body_root"])
expect("shown_digest", shown_digest)
bits = int.from_bytes(sha(b"countersign/words/v1\n", action_digest, shown_digest), "big") >> 212
expect("check_words", " ".join(words[bits >> shift & 2047] for shift in (33, 22, 11, 0)))
expect("text_digest", sha(b"countersign/text/v1\n", raw["text_salt"], given["text"].encode()))
expect("policy_digest", sha(b"countersign/policy/v1\n", given["policy"].encode()))
