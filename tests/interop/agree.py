"""Both verifiers over generated ledgers, as they are and changed: the same verdict, the same first bad entry.

    python agree.py LEDGERS SCRATCH [COUNT [FIRST]]      COUNT ledgers of seeds from FIRST on (1)
    python agree.py LEDGERS SCRATCH SEED:CASE            one of them again

LEDGERS is the example program of this package. Compared are the class of the verdict (0 and 4 are both "intact"), the
entries named by every check that both have, and, where none of these fails, the first entry that cannot stand where it
does. What only `countersign verify` decides (policies, quorums, order of steps) is no part of any change made here.
"""
import json
import multiprocessing
import pathlib
import random
import shutil
import subprocess
import sys
from collections import Counter

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

from changes import BUNDLE_CHANGES, DATA_CHANGES, Copy, NotHere  # noqa: E402
from verifier.basics import Wrong  # noqa: E402
from verifier.examine import Examination, NotOne  # noqa: E402

CHECKS = {"form", "order", "chain", "command-cut", "body", "tree", "checkpoint", "damage", "files-unchanged",
          "views-derived", "stored-bytes"}
# What nobody may ever call intact; the others leave a ledger that may be an honest one.
NEVER_INTACT = {"bit_of_any_file", "file_dropped", "file_added", "file_linked", "bit_of_an_entry", "entry_deleted",
                "entry_duplicated", "tail_cut", "rechained_without_key", "renumbered_without_key", "signature_forged",
                "key_replaced", "action_changed", "digest_changed", "comment_replaced", "own_key_in_entry_0",
                "other_key_named", "bit_of_a_frame", "bit_of_a_header", "bit_of_the_last_frame", "frame_zeroed",
                "segment_gone", "head_gone", "body_erased"}
# Of each ledger a bundle and a data directory as they are, and this many changes of them.
CHANGES = 3
PLANNED = 400
WORKERS = 2


def theirs(judge, path, vkey):
    judge.stdin.write(f"{path}\t{vkey}\n")
    judge.stdin.flush()
    told = json.loads(judge.stdout.readline())
    code = 0 if told["exit_code"] == 4 else told["exit_code"]
    return code, told["faults"]


def ours(path, vkey):
    try:
        seen = Examination(path, None if vkey == "-" else vkey).run()
    except (NotOne, Wrong, OSError):
        return 2, []
    return seen.exit_code(), seen.findings


def said(verdict):
    """What is compared of a verdict."""
    code, faults = verdict
    by_check = {(check, seq) for check, seq, _ in faults if check in CHECKS}
    others = [seq for check, seq, _ in faults if check not in CHECKS]
    return code, sorted(by_check, key=str), None if by_check else min(others, default=None)


def cases(seed):
    """Names of what is done to the ledger of this seed."""
    rng = random.Random(seed)
    yield from ("bundle:nothing", "data:nothing")
    for _ in range(CHANGES):
        which, made = rng.choice([("bundle", BUNDLE_CHANGES)] * 3 + [("data", DATA_CHANGES)])
        yield f"{which}:{rng.choice(sorted(made))}"


def changed(copy, name, rng):
    """Makes the change; the key that the verifiers are told."""
    which, change = name.split(":")
    made = {"bundle": BUNDLE_CHANGES, "data": DATA_CHANGES}[which]
    return (made[change](copy, rng) if change != "nothing" else None) or copy.vkey


def of_seed(job):
    """Runs a seed's cases; what was done, and what was judged differently."""
    program, scratch, seed, only = job
    scratch = scratch / f"seed-{seed}"
    shutil.rmtree(scratch, ignore_errors=True)
    subprocess.run([program, "make", scratch, str(seed), "1"], check=True)
    done, different = Counter(), []
    with subprocess.Popen([program, "judge"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as judge:
        for case, name in enumerate(cases(seed)):
            if only is not None and case != only:
                continue
            copy = Copy(scratch / str(seed), name.split(":")[0])
            try:
                vkey = changed(copy, name, random.Random(f"{seed}:{case}"))
            except NotHere:  # this ledger has nothing of the kind that is changed
                name = name.split(":")[0] + ":nothing"
                copy.restore()
                vkey = copy.vkey
            verdicts = theirs(judge, copy.path, vkey), ours(copy.path, vkey)
            if said(verdicts[0]) != said(verdicts[1]):
                different.append((f"{seed}:{case} {name}", verdicts))
            is_valid = name.endswith(":nothing")
            if is_valid and verdicts[0][0] != 0:
                different.append((f"{seed}:{case} {name}: not called intact", verdicts))
            if name.split(":")[1] in NEVER_INTACT and verdicts[0][0] == 0:
                different.append((f"{seed}:{case} {name}: called intact", verdicts))
            done["valid" if is_valid else "changed"] += 1
            done[f"verdict {verdicts[0][0]}"] += 1
            if only is None:
                copy.restore()
        judge.stdin.close()
    if only is None:
        shutil.rmtree(scratch)
    return done, different


def main():
    program, scratch = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2])
    scratch.mkdir(parents=True, exist_ok=True)
    wanted = sys.argv[3] if len(sys.argv) > 3 else str(PLANNED)
    if ":" in wanted:
        seed, only = map(int, wanted.split(":"))
        jobs = [(program, scratch, seed, only)]
    else:
        first = int(sys.argv[4]) if len(sys.argv) > 4 else 1
        jobs = [(program, scratch, seed, None) for seed in range(first, first + int(wanted))]
    done, different = Counter(), []
    with multiprocessing.Pool(WORKERS) as pool:
        for did, differed in pool.imap_unordered(of_seed, jobs):
            done += did
            different += differed
    for name, (rust, python) in different:
        print(f"{name}\n  countersign: {rust}\n  the other:   {python}")
    print(", ".join(f"{count} {what}" for what, count in sorted(done.items())))
    print(f"{len(jobs)} ledgers generated, {done['valid'] + done['changed']} cases, {len(different)} judged differently")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
