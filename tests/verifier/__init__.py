"""A second verifier, written from docs/spec alone. It shares no code with countersign.

    basics   hashes, and what "wrong" is           json.md      strictjson
    entry    entries against entry.cddl            entry.md     cddl, entry
    body     commitments, disclosures, sealing     body.md      body, sealing
    ledger   tree, proofs, notes, frames, segments ledger.md    ledger, segments
    attest   keys, SSHSIG, documents               statement.md curves, attest
    history  keys and statements by their place    flow.md, control.md
    bundle, data: the two sources                  bundle.md, disk.md
    examine  the checks and the verdict            verify.md

Left out, on purpose: the policy's evaluation, and flow beyond what history.py names. A ledger in which a
server skipped such a guard under its own log key is found by `countersign verify` alone.
"""
