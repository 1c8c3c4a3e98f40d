#!/usr/bin/env python3
"""Writes the corpus that the fuzz targets begin with, from the golden fixtures: tests/fuzz/seed.py

A file for each good thing, as its target reads it; kilobytes in all. The fuzzer changes them from there.
"""
import base64
import json
import pathlib
import shutil

HERE = pathlib.Path(__file__).resolve().parent
FIXTURES = HERE.parent.parent / "fixtures"
CORPUS = HERE / "corpus"


def put(target, name, data):
    path = CORPUS / target / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else data.encode())


def entries():
    for path in sorted((FIXTURES / "entries").glob("*.hex")):
        put("entry", path.stem, bytes.fromhex(path.read_text().replace("\n", "")))


def bodies():
    """The worked example: what it has in hex is bytes, what it has as text is text."""
    for line in (FIXTURES / "vectors/body/worked.txt").read_text().splitlines():
        name, _, value = line.partition(" = ")
        if name == "disclosure":
            put("body", name, value)
        elif name.startswith("keyring"):
            put("entry", name, bytes.fromhex(value))
        elif name in ("plaintext", "sealed", "stored"):
            put("body", name, bytes.fromhex(value))
            put("body", "open-" + name, b"\0" + bytes.fromhex(value))
    put("body", "withheld", '{"body_salt":"%s","leaves":[{"c":"%s","tag":"%s"}]}' % ("b0" * 16, "1c" * 32, "2a" * 32))


def notes():
    tlog = FIXTURES / "vectors/tlog"
    note = (tlog / "cosigned-600.txt").read_text()
    put("note", "cosigned", note)
    put("note", "text", note.partition("\n\n")[0] + "\n")
    for path in sorted(tlog.glob("*.vkey")):
        put("note", path.name, path.read_text().strip())
    line = base64.b64encode(bytes(range(32))).decode()
    head = "c2sp.org/tlog-proof@v1\n"
    put("tlog_proof", "proof", f"{head}index 3\n{line}\n{line}\n\n{note}")
    put("tlog_proof", "extra", f"{head}extra AQID\nindex 0\n{line}\n\n{note}")
    put("tlog_proof", "tile", "tile/0/x001/x234/067")
    put("tlog_proof", "partial-tile", "tile/entries/273.p/112")
    put("tlog_proof", "bundle", b"\0\3one\0\3two\0\0")


def documents():
    for path in sorted((FIXTURES / "vectors/json").glob("*.txt")):
        put("json", path.stem, path.read_bytes().partition(b"\n\n")[2])
    for number, line in enumerate((FIXTURES / "hostile/text.txt").read_text().splitlines()):
        if line and not line.startswith("#"):
            put("json", f"hostile-{number}", line.rsplit(" | ", 1)[1])
    for path in sorted((FIXTURES / "policies").glob("*.toml")):
        put("policy", path.stem, path.read_bytes())


def signed():
    attest = FIXTURES / "vectors/attest"
    for path in sorted([*attest.glob("*.json"), *attest.glob("*.jwt")]):
        put("statement", path.name, path.read_bytes())
    for path in sorted(attest.glob("*.sig")):
        armoured = path.read_text()
        put("sshsig", path.name, armoured)
        blob = base64.b64decode("".join(armoured.splitlines()[1:-1]))
        put("sshsig", path.name + "-blob", blob)
    for path in sorted((FIXTURES / "keys").glob("*.pub")):
        line = path.read_text()
        put("sshsig", path.name, line)
        put("sshsig", path.name + "-wire", base64.b64decode(line.split()[1]))


def edits():
    """For `bundle`: whether the manifest is made anew, then [file, how, place, place, length], bytes."""
    for sealed in (0, 1):
        for how in range(8):
            for file in (0, 3, 60, 150, 200):
                edit = bytes([sealed, file, how, 0, 40, 4]) + b"\0{}A"
                put("bundle", f"{sealed}-{how}-{file}", edit)


def stories():
    """For `commands`: [what, call or tool, person, detail]; see its `step`."""
    ask, ask_of, look, vote, forge, redeem, other, report, withdraw, tick, stop, wait = (
        0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12)
    paid = [(ask, 0, 0, 0), (look, 0, 0, 0), (vote, 0, 0, 1), (redeem, 0, 0, 0), (report, 0, 0, 0)]
    told = {
        "paid": paid,
        "paid-twice": [*paid, (redeem, 0, 0, 0), (other, 0, 0, 0), (other, 0, 0, 1)],
        "two-people": [(ask, 1, 0, 0), (vote, 0, 0, 1), (redeem, 0, 0, 0), (vote, 0, 1, 1), (redeem, 0, 0, 0)],
        "both-groups": [(ask, 2, 0, 0), (vote, 0, 0, 1), (vote, 0, 3, 1), (redeem, 0, 0, 0)],
        "refused": [(ask, 3, 0, 0), (vote, 0, 0, 0), (vote, 0, 1, 0), (redeem, 0, 0, 0)],
        "requester": [(ask, 0, 0, 0), (vote, 0, 4, 1), (vote, 0, 5, 1), (redeem, 0, 0, 0)],
        "forged": [(ask, 0, 0, 0), (look, 0, 0, 0), (forge, 0, 0, 9), (forge, 0, 0, 250), (redeem, 0, 0, 0)],
        "late": [(ask, 0, 0, 0), (look, 0, 0, 0), (wait, 0, 0, 255), (wait, 0, 0, 255), (vote, 0, 0, 1), (tick, 0, 0, 0)],
        "lapsed": [(ask, 0, 0, 0), (vote, 0, 0, 1), (wait, 0, 0, 200), (redeem, 0, 0, 0), (tick, 0, 0, 0)],
        "stopped": [(ask, 0, 0, 0), (vote, 0, 0, 1), (stop, 0, 0, 0), (redeem, 0, 0, 0)],
        "taken-back": [(ask, 0, 0, 0), (vote, 0, 0, 1), (stop, 0, 1, 1), (redeem, 0, 0, 0)],
        "key-lost": [(ask, 0, 0, 0), (vote, 0, 0, 1), (stop, 0, 0, 2), (redeem, 0, 0, 0)],
        "withdrawn": [(ask, 0, 0, 0), (vote, 0, 0, 1), (withdraw, 0, 0, 0), (redeem, 0, 0, 0)],
    }
    for name, steps in told.items():
        put("commands", name, b"".join(map(bytes, steps)))
    for name, arguments in (("arguments", b'{"to":"x","more":[1,{"a":null}]}'), ("not-json", b'{"to":1,"to":2}')):
        put("commands", name, bytes([ask_of, 0, 0, len(arguments)]) + arguments + b"".join(map(bytes, paid[1:])))


def requests():
    """For `request`: which POST, by the place in its `POSTS`, then the body."""
    call, dry_run, redeem, outcome, decision, freeze, revocation, opening, login_begin, signed, nothing = range(11)
    salt, identity = "07" * 32, "a" * 26
    pay = {"tool": "pay", "arguments": {"to": "Example Ltd"}}
    stated = {"statement": "e30=", "signature": "U1NIU0lH"}
    told = {
        "call": (call, pay),
        "call-whole": (call, {
            **pay, "reason": "the invoice is due", "plan": "p-1", "session": "monday", "trace_id": "4bf9",
            "replaces": "call_" + identity, "executor": "bank"}),
        "call-unknown-tool": (call, {"tool": "shell", "arguments": {"c": ["rm", {"-rf": None}]}, "executor": "bank"}),
        "call-looks-back": (call, {"tool": "tip", "arguments": {"to": "Ada", "amount": "60.00", "currency": "EUR"}}),
        "call-of-the-control": (call, {"tool": "countersign.freeze.lift", "arguments": {}}),
        "call-reason-too-long": (call, {**pay, "reason": "x" * 8193}),
        "call-tool-too-long": (call, {**pay, "tool": "x" * 129}),
        "call-plan-too-long": (call, {**pay, "plan": "x" * 257}),
        "call-unknown-member": (call, {**pay, "approved": True}),
        "dry-run": (dry_run, pay),
        "redeem": (redeem, {"nonce": salt, "action_digest": "sha256:" + salt}),
        "outcome": (outcome, {"status": "failed", "detail": "no such account"}),
        "outcome-too-long": (outcome, {"status": "unknown", "detail": "x" * 4097}),
        "decision": (decision, {**stated, "comment": {"salt": salt, "text": "as agreed"}, "cause": "suspicious"}),
        "freeze": (freeze, {"tool": "pay", "reason": "look into it"}),
        "freeze-target": (freeze, {"rule": "pay", "target": "Example Ltd", "reason": "look into it"}),
        "freeze-all": (freeze, {"all": True, "agent": "agt_aeaqcaibaeaqcaibaeaqcaibae", "reason": ""}),
        "revocation": (revocation, {"key": "key_" + identity, "cause": "lost"}),
        "opening": (opening, {"client": "external"}),
        "login-begin": (login_begin, {"public_key": "AAAAC3NzaC1lZDI1NTE5AAAAIA=="}),
        "signed": (signed, stated),
        "nothing": (nothing, {}),
    }
    for name, (post, body) in told.items():
        put("request", name, bytes([post]) + json.dumps(body).encode())
    put("request", "call-twice-a-member", bytes([call]) + b'{"tool":"pay","tool":"read","arguments":{}}')
    put("request", "call-too-deep", bytes([call]) + b'{"tool":"pay","arguments":' + b"[" * 65 + b"]" * 65 + b"}")


if __name__ == "__main__":
    shutil.rmtree(CORPUS, ignore_errors=True)
    for write in (entries, bodies, notes, documents, signed, edits, stories, requests):
        write()
