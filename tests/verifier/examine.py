"""verify.md: the checks in order, the findings, the verdict."""
from collections import Counter

from .basics import Wrong, chain_value, escaped, genesis, leaf_hash
from .body import Disclosure
from .bundle import Bundle
from .data import Data, is_log
from .entry import body_roots
from .entry import read as read_entry
from .history import History
from .ledger import Tree, open_checkpoint, read_vkey, stated, vkey

GROUP_MAX = 65_536
SIGNED_SIZE_MIN = 2
NOTHING = "there is nothing to check"


class NotOne(Exception):
    """The path holds several logs, or none that can be read."""


def source_at(path):
    """A bundle, a log, or the only log of a data directory; None for nothing of these."""
    if not path.is_dir():
        raise NotOne(f"{path} is not a directory")
    if any((path / it).exists() for it in ("manifest-sha256.txt", "data/bundle.json", "data/entries")):
        return Bundle(path)
    logs = [path] if is_log(path) else [it for it in sorted(path.iterdir()) if it.name[0] != "." and is_log(it)]
    if len(logs) > 1:
        raise NotOne(f"{path} holds several logs: name one of them")
    return Data(logs[0]) if logs else None


class Examination:
    """One source under the key that the caller names, and a head that the caller kept."""

    def __init__(self, path, trusted=None, since=None):
        self.path, self.trusted, self.since = path, trusted, since
        self.findings, self.doubts, self.checked, self.failed = [], [], Counter(), Counter()
        self.hashes, self.leaves, self.withheld, self.unreadable = [], [], 0, None
        self.created, self.last_at, self.suspect = None, 0, None
        self.open, self.missing, self.values, self.is_cut = [], 0, {}, False
        self.keyring = None
        self.history = History(lambda seq, name: self.values.get((seq, name)))

    def fail(self, check, seq, sentence):
        self.failed[check] += 1
        self.findings.append((check, seq, escaped(sentence)))

    def judged(self, check, seq, holds, sentence):
        self.checked[check] += 1
        if not holds:
            self.fail(check, seq, sentence)

    def run(self):
        source = source_at(self.path)
        if source is None:
            self.doubts.append(NOTHING)
            return self
        note = source.note()
        self.head = stated(note) if note is not None else None
        broke_off = None
        for record in source.records():
            if isinstance(record, int):
                broke_off = record
                break
            self.take(*record)
        self.finish()
        self.tree = Tree(self.leaves)
        self.heads(note, source.is_written, broke_off)
        if source.end == "torn":
            self.doubts.append("the log ends in a write that never finished")
        for fault in source.inspect():
            self.fail(*fault)
        self.checked.update(source.counts)
        return self

    def exit_code(self):
        return 1 if self.findings else 3 if self.doubts else 0

    # Reading: part 1.

    def take(self, data, bodies):
        seq, found = len(self.leaves), read_entry(data)
        self.leaves.append(leaf_hash(data))
        self.checked["form"] += 1
        if found.fault:
            self.fail("form", seq, found.fault)
        if found.entry and seq == 0 and found.entry["kind"] == "ledger.created":
            self.created = found.entry
        if found.place:
            self.order(seq, found.place)
            self.chain(seq, found.place)
        self.hashes.append(chain_value(data))
        if not found.entry:
            self.unreadable = seq if self.unreadable is None else self.unreadable
            return
        self.bodies(seq, found.entry, bodies)
        if self.unreadable is None:
            self.group(seq, found.entry)

    def order(self, seq, place):
        if place["seq"] != seq:
            self.judged("order", seq, False, f"entry {place['seq']} stands here")
        else:
            self.judged("order", seq, place["at"] >= self.last_at, "dated before the entry before it")
        self.last_at = max(self.last_at, place["at"])

    def chain(self, seq, place):
        if seq:
            follows = place["prev"] == self.hashes[-1]
        else:
            follows = bool(self.created) and place["prev"] == genesis(self.created["origin"])
        self.checked["chain"] += 1
        before, self.suspect = self.suspect, None
        if before is None and not follows:
            if seq:
                self.suspect = seq
            else:
                self.fail("chain", 0, "not the beginning of a log of the name it gives")
        elif before is not None:
            self.fail("chain", before - 1 if follows else before, "not the entry that the next one follows")

    def bodies(self, seq, entry, found):
        for name, root in body_roots(entry).items():
            state = found.get(name, "there is none")
            self.checked["body"] += 1
            try:
                if isinstance(state, str):
                    raise Wrong(f"missing: {state}")
                value = state.check(root) if isinstance(state, Disclosure) else None
                self.withheld += value is None
                if value is not None:
                    self.values[seq, name] = value
            except Wrong as cause:
                self.fail("body", seq, f"body {name}: {cause}")
        for name in found.keys() - body_roots(entry).keys():
            self.fail("body", seq, f"body {name}: the entry has none")

    # Commands: what one appended stands together.

    def keyring_rises(self, seq, entry):
        """The generations that a log records only grow: entry.md part 2."""
        keyring = entry.get("keyring")
        if keyring is None:
            return
        if "n" not in entry or (self.keyring is not None and keyring <= self.keyring):
            self.fail("command-cut", seq, "the keyring's generation that it records is not a later one")
        self.keyring = max(keyring, self.keyring or 0)

    def group(self, seq, entry):
        count = entry.get("n")
        self.keyring_rises(seq, entry)
        if self.missing == 0:
            if count is None or not 1 <= count <= GROUP_MAX:
                self.fail("command-cut", seq, "it does not say how many entries its command appended")
                count = 1
            self.missing = count
        elif count is not None:
            self.cut_short()
            self.missing = min(max(count, 1), GROUP_MAX)
        elif self.open[-1][1]["at"] != entry["at"]:
            self.fail("command-cut", seq, "dated otherwise than its command")
        self.open.append((seq, entry))
        self.missing -= 1
        if self.missing == 0:
            done, self.open = self.open, []
            self.replay(done, True)

    def cut_short(self):
        cut, self.open, self.missing = self.open, [], 0
        if cut and self.unreadable is None:
            self.fail("command-cut", cut[0][0], "its command appended more entries than stand here")
            self.replay(cut, False)

    def finish(self):
        if self.suspect is not None:
            self.fail("chain", self.suspect - 1, f"entry {self.suspect - 1} or {self.suspect} was changed")
        self.cut_short()

    def replay(self, group, is_whole):
        """Only what the checkpoint covers whole is judged and folded."""
        size = self.head.size if self.head else len(self.leaves)
        self.is_cut = self.is_cut or group[0][0] < size <= group[-1][0]
        if group[-1][0] >= size:
            return
        for seq, entry in group:
            if is_whole:
                self.checked["history"] += 1
                self.judge(seq, entry)
            self.history.fold(seq, entry, self.hashes[seq])

    def judge(self, seq, entry):
        try:
            self.history.judge(seq, entry)
        except Wrong as cause:
            self.fail("history", seq, f"{entry['kind']}: {cause}")
        except (KeyError, TypeError, AttributeError, ValueError) as cause:  # a forger's bytes
            self.fail("history", seq, f"{entry['kind']}: cannot be read: {cause!r}")

    # Heads: part 2.

    def heads(self, note, is_written, broke_off):
        entries = len(self.leaves)
        if entries == 0:
            self.doubts.append(NOTHING)
        if self.unreadable is not None:
            self.doubts.append(f"entry {self.unreadable} is of a later version, or cannot be read")
        self.checkpoint(note)
        if self.head is None:
            self.doubts.append("there is no checkpoint to hold the entries against")
        else:
            if self.head.size < SIGNED_SIZE_MIN:
                self.doubts.append(f"no log signs a checkpoint of size {self.head.size}")
            self.against(self.head, entries, is_written, broke_off)
        if broke_off is not None and (not self.head or entries >= self.head.size):
            self.doubts.append("the records break off")
        self.kept()

    def against(self, head, entries, is_written, broke_off):
        if entries < head.size:
            self.fail("tree", entries, f"the checkpoint covers {head.size} entries")
            if broke_off is not None:
                self.fail("damage", broke_off, "the records break off below the checkpoint")
            return
        self.checked["tree"] = head.size
        if self.tree.root(0, head.size) != head.root:
            chained = not self.failed["chain"] and not self.failed["form"]
            self.fail("tree", head.size - 1 if chained and head.size else None, "another root than the checkpoint's")
        if entries > head.size and (self.is_cut or not is_written):
            self.doubts.append("entries stand behind the checkpoint, and were not judged")

    def checkpoint(self, note):
        if note is None:
            return
        if self.trusted is None:
            self.doubts.append("no key of the log was named: --trusted-log-key")
            return
        self.checked["checkpoint"] = 1
        try:
            open_checkpoint(note, read_vkey(self.trusted))
        except Wrong as cause:
            self.fail("checkpoint", None, str(cause))
            return
        created = self.created
        if not created or vkey(created["origin"], created["log_key"]) != self.trusted:
            self.fail("checkpoint", None, "the key named is not the one that the log names")

    def kept(self):
        """The head that the caller kept is the caller's own word."""
        if self.since is None:
            return
        earlier, newest = stated(self.since), self.head
        self.checked["since"] = 1
        if not earlier or not newest or earlier.origin != newest.origin or earlier.size > newest.size:
            self.fail("since", None, "not an earlier head of this log")
        elif earlier.size > len(self.leaves) or self.tree.root(0, earlier.size) != earlier.root:
            self.fail("since", None, "the entries that stood there are not those that stand there now")
