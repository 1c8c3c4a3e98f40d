"""disk.md: a log's data directory, read without a lock, as an auditor does."""
import fcntl

from . import sealing
from .basics import Wrong
from .entry import body_roots
from .entry import read as read_entry
from .ledger import stated
from .segments import Walk


def is_log(path):
    log = path / "log"
    return (log / "format").is_file() or (log.is_dir() and any(log.glob("*.seg")))


def has_writer(lock):
    """Whether a server holds the log."""
    try:
        with open(lock, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def keyring(path):
    """Whoever has none, or may not read it, sees sealed bodies as withheld."""
    try:
        return sealing.Keyring(path.read_bytes())
    except (FileNotFoundError, PermissionError):
        return None


class Data:
    """One log as it lies there."""

    def __init__(self, path):
        elsewhere = path / "head.lock.path"
        place = path / "head.lock"
        if elsewhere.exists():
            place = type(path)(elsewhere.read_text(encoding="utf-8").rstrip("\n"))
        # The head first: whatever it signs was durable before.
        self.head = place.read_bytes().decode("utf-8", "replace") if place.exists() else None
        self.walk = Walk(path / "log")
        head = stated(self.head) if self.head is not None else None
        self.is_written = has_writer(path / "log" / "lock")
        self.end = self.walk.end
        if head and self.walk.next_seq < head.size:
            self.end = "damage"
        elif self.end != "clean" and self.is_written:
            self.end = "clean"
        self.keyring = keyring(path / "keyring")

    def note(self):
        return self.head

    def records(self):
        seq, genesis = 0, bytes(32)
        for frame in self.walk.frames:
            for data, stored in frame.records:
                found = read_entry(data)
                genesis = found.place["prev"] if seq == 0 and found.place else genesis
                yield data, self.bodies(seq, genesis, found.item, stored)
                seq += 1
        if self.end == "damage":
            yield seq

    def bodies(self, seq, genesis, item, stored):
        roots = body_roots(item)
        states = dict.fromkeys(roots, "no bytes are stored for it")
        for (name, root), (sealed, intact) in zip(roots.items(), stored):
            states[name] = self.body(seq, genesis, root, sealed) if intact else "not the bytes that were written"
        for place in range(len(roots), len(stored)):
            states[f"#{place}"] = "the entry names no such body"
        return states

    def body(self, seq, genesis, root, sealed):
        try:
            return sealing.read(sealed, genesis, seq, root, self.keyring)
        except Wrong as cause:
            return str(cause)

    def inspect(self):
        self.counts = {"stored-bytes": self.walk.next_seq}
        if self.end == "damage":
            return [("stored-bytes", self.walk.next_seq, f"damage: {self.walk.why or 'the log ends too early'}")]
        return []
