"""The second verifier against the fixtures: what it must take, and what it must refuse.

    python vectors.py
"""
import base64
import contextlib
import importlib.util
import io
import json
import pathlib
import shutil
import sys
import tempfile

TESTS = pathlib.Path(__file__).resolve().parent.parent
FIXTURES = TESTS.parent / "fixtures"
sys.path.insert(0, str(TESTS))

from verifier import attest, entry, ledger, strictjson  # noqa: E402
from verifier.basics import Wrong, need  # noqa: E402
from verifier.curves import sound_ed25519  # noqa: E402
from verifier.examine import Examination  # noqa: E402

# The program beside the package of the same name.
SPEC = importlib.util.spec_from_file_location("program", TESTS / "verifier.py")
PROGRAM = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(PROGRAM)

TALLY = {"taken": 0, "refused": 0}


def takes(what, function, *of):
    TALLY["taken"] += 1
    try:
        return function(*of)
    except Wrong as cause:
        sys.exit(f"{what} is refused: {cause}")


def refuses(what, function, *of):
    TALLY["refused"] += 1
    try:
        function(*of)
    except Wrong:
        return
    sys.exit(f"{what} is taken")


def proofs():
    given = json.loads((FIXTURES / "vectors/tlog/vectors.json").read_text(encoding="utf-8"))

    def hashes(listed):
        return [base64.b64decode(it) for it in listed or []]
    for it in given["Inclusion"]:
        leaf, root = hashes((it["Leaf"], it["Root"]))
        path = hashes(it["Proof"])
        what = f"inclusion of {it['Index']} in {it['Size']}"
        takes(what, ledger.check_inclusion, leaf, it["Index"], it["Size"], path, root)
        for other in changed(path):
            refuses(what, ledger.check_inclusion, leaf, it["Index"], it["Size"], other, root)
        refuses(what, ledger.check_inclusion, root[::-1], it["Index"], it["Size"], path, root)
        refuses(what, ledger.check_inclusion, leaf, it["Size"], it["Size"], path, root)
    for it in given["Consistency"]:
        old, new = hashes((it["OldRoot"], it["NewRoot"]))
        path = hashes(it["Proof"])
        what = f"consistency of {it['Old']} with {it['New']}"
        if it["Old"] == 0:
            refuses(what, ledger.check_consistency, 0, it["New"], old, new, path)
            continue
        takes(what, ledger.check_consistency, it["Old"], it["New"], old, new, path)
        for other in changed(path):
            refuses(what, ledger.check_consistency, it["Old"], it["New"], old, new, other)
        refuses(what, ledger.check_consistency, it["Old"], it["New"], old[::-1], new, path)
        refuses(what, ledger.check_consistency, it["New"] + 1, it["New"], old, new, path)
    key = takes("the key", ledger.read_vkey, given["VKey"])
    for size, note in given["Checkpoints"].items():
        head = takes(f"checkpoint {size}", ledger.open_checkpoint, note, key)
        if base64.b64decode(given["Roots"][size]) != head.root:
            sys.exit(f"checkpoint {size} has another root")
        refuses(f"checkpoint {size}, changed", ledger.open_checkpoint, note.replace(f"\n{size}\n", f"\n{size}0\n"), key)


def changed(path):
    yield [*path, bytes(32)]
    for at, hash_ in enumerate(path):
        yield path[:at] + path[at + 1:]
        yield [*path[:at], hash_[::-1], *path[at + 1:]]


def own_proofs():
    """What the tree makes, the RFC's algorithm takes."""
    leaves = [bytes([at]) * 32 for at in range(70)]
    for size in range(1, len(leaves) + 1):
        tree = ledger.Tree(leaves[:size])
        root = tree.root(0, size)
        for at in range(size):
            path = tree.beside(at, 0, size)
            takes("an inclusion proof", ledger.check_inclusion, leaves[at], at, size, path, root)
            earlier = at + 1
            path = tree.between(earlier, 0, size)
            takes("a consistency proof", ledger.check_consistency, earlier, size, tree.root(0, earlier), root, path)


def entries():
    for path in sorted((FIXTURES / "entries").glob("*.hex")):
        data = bytes.fromhex("".join(path.read_text().split()))
        found = entry.read(data)
        takes(path.name, need_entry, found)
        for at in range(len(data)):
            other = entry.read(data[:at] + bytes([data[at] ^ 1]) + data[at + 1:])
            if other.entry == found.entry:
                sys.exit(f"{path.name} is read the same with byte {at} changed")


def heads_that_no_log_signs():
    """They conclude nothing, also while somebody writes behind them."""
    leaves = [bytes([at]) * 32 for at in range(3)]
    for size, code in ((0, 3), (1, 3), (2, 0)):
        seen = Examination(TESTS)
        seen.leaves, seen.tree = leaves, ledger.Tree(leaves)
        seen.head = ledger.Checkpoint("log.example", size, seen.tree.root(0, size))
        seen.heads(None, True, None)
        if seen.exit_code() != code:
            sys.exit(f"with a head of size {size} the verdict is {seen.exit_code()}")


def need_entry(found):
    if not found.entry:
        raise Wrong(found.fault or found.unknown)


def signatures():
    vectors, keys = FIXTURES / "vectors/attest", FIXTURES / "keys"
    for line in (vectors / "ed25519-keys-refused.txt").read_text().splitlines():
        refuses(f"key {line}", sound_ed25519, bytes.fromhex(line.split()[0]))
    for path in sorted(vectors.glob("*.sig")):
        document, _, signer = path.name.removesuffix(".sig").partition(".json")
        name = f"{document}.json"
        key = (keys / f"{signer.lstrip('.') or 'software-ed25519'}.pub").read_text().split()[1]
        key = takes(path.name, attest.PublicKey, base64.b64decode(key))
        lines = path.read_text().splitlines()
        blob, message = base64.b64decode("".join(lines[1:-1])), (vectors / name).read_bytes()
        context = json.loads(message)["type"].replace("countersign.statement.", "countersign.approval.")
        check = refuses if signer in (".sk-ed25519", ".sk-ecdsa") else takes
        check(path.name, key.check, context, message, blob)
        refuses(f"{path.name} over another message", key.check, context, message + b"\n", blob)
        refuses(f"{path.name} in another context", key.check, "countersign.login.v2", message, blob)
        if check is takes and attest.armour(blob) != path.read_text():
            sys.exit(f"{path.name} is armoured otherwise")


def documents():
    for path in sorted((FIXTURES / "vectors/json").glob("*.txt")):
        head, _, data = path.read_bytes().partition(b"\n\n")
        told = dict(line.split(": ", 1) for line in head.decode().splitlines())
        limits = strictjson.DOCUMENT if told.get("limits") == "document" else strictjson.REQUEST
        if told["expect"] == "refused":
            refuses(path.name, strictjson.read, data, limits)
        elif strictjson.jcs(takes(path.name, strictjson.read, data, limits)) != told["canonical"]:
            sys.exit(f"{path.name} has another canonical form")


def verdict(path, *options):
    """Exit code and what the program says beside its report."""
    sys.argv = ["verifier.py", str(path), *options]
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        return PROGRAM.main(), said.getvalue()


def unreadable():
    """No file that may not be read is an accident of the program; and a keyring is not needed."""
    key = ("--trusted-log-key", (FIXTURES / "ledgers/v1.vkey").read_text().strip())
    forbidden = []

    def hook(event, given):
        if event == "open" and any(str(given[0]).endswith(name) for name in forbidden):
            raise PermissionError(13, "Permission denied", given[0])
    sys.addaudithook(hook)
    with tempfile.TemporaryDirectory() as scratch:
        log = pathlib.Path(scratch) / "v1"
        shutil.copytree(FIXTURES / "ledgers/v1", log)
        (log / "log/lock").write_text("pid 1\n")
        takes("the golden ledger", lambda: need(verdict(log, *key)[0] == 0, "not verified"))
        for name in ("log/lock", "head.lock", ".seg"):
            forbidden[:] = [name]
            code, said = verdict(log, *key)
            takes(name, lambda: need(code == 3 and name in said and "may not read" in said, f"{code}: {said}"))
        forbidden[:] = ["keyring"]
        takes("keyring", lambda: need(verdict(log, *key) == (0, ""), "not verified without it"))


if __name__ == "__main__":
    for part in (proofs, own_proofs, heads_that_no_log_signs, entries, signatures, documents, unreadable):
        part()
    print(", ".join(f"{count} {what}" for what, count in TALLY.items()))
