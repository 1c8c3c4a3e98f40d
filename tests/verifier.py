"""A second verifier, written from docs/spec alone: shares no code with countersign (tests/verifier/__init__.py).

    python verifier.py PATH [--trusted-log-key VKEY] [--since NOTE] [--json]

PATH is an evidence bundle or a data directory, live or a copy. Needs PyPI blake3, cbor2 and cryptography. Exit codes
as of `countersign verify`: 0 all holds, under a key that you named; 1 something does not hold; 2 usage; 3 no
conclusion. Policies, quorums and the order of steps are left to `countersign verify`, and so is exit code 4.
"""
import argparse
import json
import pathlib
import sys

from verifier.basics import Wrong
from verifier.examine import Examination, NotOne

LEFT_OUT = "not checked here: policies, quorums, and whether every step was allowed"


def main():
    parser = argparse.ArgumentParser(description="Checks a ledger with other code than countersign's.")
    parser.add_argument("path", type=pathlib.Path)
    parser.add_argument("--trusted-log-key", metavar="VKEY")
    parser.add_argument("--since", type=pathlib.Path, metavar="NOTE")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    try:
        since = options.since.read_text(encoding="utf-8") if options.since else None
        seen = Examination(options.path, options.trusted_log_key, since).run()
    except PermissionError as cause:
        print(f"no conclusion: you may not read {cause.filename}; ask for the right, or verify a copy", file=sys.stderr)
        return 3
    except (NotOne, Wrong, OSError) as cause:
        print(cause, file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps({"exit_code": seen.exit_code(), "findings": seen.findings, "doubts": seen.doubts}))
        return seen.exit_code()
    for check in sorted(seen.checked.keys() | seen.failed):
        failed = seen.failed[check]
        print(f"[{'FAIL' if failed else 'PASS'}] {check:<16} {seen.checked[check]} checked, {failed} failed")
    for check, seq, sentence in seen.findings:
        print(f"finding: {check}, {'the whole' if seq is None else f'entry {seq}'}: {sentence}")
    print(*(f"no conclusion: {doubt}\n" for doubt in seen.doubts), sep="", end="")
    print(LEFT_OUT)
    return seen.exit_code()


if __name__ == "__main__":
    sys.exit(main())
