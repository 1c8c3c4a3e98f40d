"""Both verifiers over changed copies of one bundle: what one finds, the other finds.

    python agree.py COUNTERSIGN BUNDLE VKEY-FILE SCRATCH [SEED]
"""
import hashlib
import json
import pathlib
import random
import shutil
import subprocess
import sys

TESTS = pathlib.Path(__file__).resolve().parent.parent
MANIFEST = "manifest-sha256.txt"
# What an entry, a body or a signature rests on. The other files are copies made for reading: of them, the second
# verifier knows only whether they are those of the manifest.
NATIVE = ("data/entries/*.cbor", "data/disclosures/*", "data/checkpoints/*", "data/proofs/*")

# A large bundle has more of them than there is time for; another seed draws others.
CHANGES_MAX = 600


def flipped(data, rng):
    """One bit changed."""
    at = rng.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1:]


def sealed_anew(bundle):
    """Writes the manifest as a forger would: for the files that are there."""
    names = sorted(path.relative_to(bundle).as_posix() for path in bundle.rglob("*") if path.is_file())
    names.remove(MANIFEST)
    lines = [f"{hashlib.sha256((bundle / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
    (bundle / MANIFEST).write_text("".join(lines), encoding="utf-8")


def changes(bundle, rng):
    """Pairs of a name and what to do with a copy of the bundle."""
    files = sorted(path.relative_to(bundle) for path in bundle.rglob("*") if path.is_file())
    native = sorted(path.relative_to(bundle) for pattern in NATIVE for path in bundle.glob(pattern))

    def flip(path, forged):
        def change(copy):
            (copy / path).write_bytes(flipped((copy / path).read_bytes(), rng))
            forged and sealed_anew(copy)
        return f"a bit of {path}" + (", manifest made anew" if forged else ""), change

    def swap(one, other):
        def change(copy):
            first, second = (copy / one).read_bytes(), (copy / other).read_bytes()
            (copy / one).write_bytes(second)
            (copy / other).write_bytes(first)
            sealed_anew(copy)
        return f"{one} and {other} swapped", change

    def drop(path):
        def change(copy):
            (copy / path).unlink()
            sealed_anew(copy)
        return f"{path} dropped", change

    def add(copy):
        (copy / "data/entries/note.txt").write_text("not listed")

    yield "nothing", lambda copy: None
    yield "a file added", add
    for path in files:
        if (bundle / path).stat().st_size:
            yield flip(path, False)
    for path in native:
        yield flip(path, True)
    for path in native:
        yield drop(path)
    for folder in ("data/entries", "data/disclosures", "data/proofs"):
        inside = [path for path in native if path.parent.as_posix() == folder]
        for one, other in zip(inside, inside[1:]):
            if (bundle / one).read_bytes() != (bundle / other).read_bytes():
                yield swap(one, other)


def main():
    program, bundle, key = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]).read_text().strip()
    scratch, seed = pathlib.Path(sys.argv[4]), int((sys.argv[5:] or ["1"])[0])
    verifiers = ([program, "verify", "--json"], [sys.executable, TESTS / "verifier.py", "--json"])
    rng, count, different = random.Random(seed), 0, 0
    untouched, *all_changes = changes(bundle, rng)
    for name, change in [untouched, *rng.sample(all_changes, min(len(all_changes), CHANGES_MAX))]:
        shutil.rmtree(scratch, ignore_errors=True)
        shutil.copytree(bundle, scratch)
        change(scratch)
        codes = []
        for verifier in verifiers:
            ran = subprocess.run([*verifier, scratch, "--trusted-log-key", key], capture_output=True, check=False)
            # A verifier that breaks down has found nothing.
            stated = json.loads(ran.stdout or b"{}").get("exit_code") if ran.returncode in (0, 1, 3, 4) else None
            codes.append(ran.returncode if stated == ran.returncode else f"broke down: {ran.stderr.decode()[-300:]}")
        expected = (0,) if name == "nothing" else (1, 3)
        count += 1
        if not all(code in expected for code in codes):
            different += 1
            print(f"{name}: countersign says {codes[0]}, the other {codes[1]}")
    shutil.rmtree(scratch, ignore_errors=True)
    print(f"{count} bundles, {different} judged wrongly (seed {seed})")
    return 1 if different or count < 100 else 0


if __name__ == "__main__":
    sys.exit(main())
