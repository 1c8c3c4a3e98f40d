"""ledger.md parts 6 and 7: frames, and how a log's segments end."""
import re
import struct
from collections import namedtuple

import blake3

from .basics import Wrong, derived, need

HEADER = 64
MAGIC = b"\x89CSFRAME"
Frame = namedtuple("Frame", "first length previous hash records intact")
Header = namedtuple("Header", "count first previous length")
NAME = re.compile(r"([0-9]{20})\.seg")


def read_header(data):
    need(len(data) >= HEADER, "short")
    need(data[:8] == MAGIC, "magic")
    need(derived("countersign 2026 frame header v1", data[:60])[:4] == data[60:64], "header check")
    version, count, first = struct.unpack(">IIQ", data[8:24])
    length = struct.unpack(">I", data[56:60])[0]
    need(version == 1, "version")
    need(1 <= count <= 4096 and first + count <= 2**63 - 1 and 96 <= length <= 16_777_216, "header limit")
    return Header(count, first, data[24:56], length)


def read_frame(data, at):
    header = read_header(data[at:at + HEADER])
    frame = data[at:at + header.length]
    need(len(frame) == header.length, "short")
    end, place, hashed, records = header.length - 32, HEADER, [frame[:HEADER]], []

    def take(length, least, most, keep=True):
        nonlocal place
        need(least <= length <= most and place + length <= end, "record")
        part = frame[place:place + length]
        place += length
        keep and hashed.append(part)
        return part

    def number():
        return struct.unpack(">I", take(4, 4, 4))[0]
    intact = True
    for _ in range(header.count):
        entry, bodies = take(number(), 1, 16_384), []
        count = number()
        need(count <= 16, "record")
        for _ in range(count):
            length = number()
            digest = take(32, 32, 32)
            sealed = take(length, 1, 1_048_576, keep=False)
            bodies.append((sealed, blake3.blake3(sealed).digest() == digest))
            intact = intact and bodies[-1][1]
        records.append((entry, bodies))
    need(place == end, "record")
    need(derived("countersign 2026 frame v1", *hashed) == frame[end:], "hash")
    return Frame(header.first, header.length, header.previous, frame[end:], records, intact)


def later_frame(data, start, next_seq):
    """Whether a whole frame of a later entry stands at any offset from `start` on."""
    at = data.find(MAGIC, start)
    while at >= 0:
        try:
            frame = read_frame(data, at)
            if frame.first > next_seq:
                return True
        except Wrong:
            pass
        at = data.find(MAGIC, at + 1)
    return False


class Walk:
    """All frames of a log in order, and how it ends: `clean`, `torn` or `damage`."""

    def __init__(self, directory):
        names = sorted(name for name in (path.name for path in directory.iterdir()) if NAME.fullmatch(name))
        self.frames, self.next_seq, self.last, self.end, self.why = [], 0, None, "clean", ""
        for name in names:
            if int(name[:20]) != self.next_seq:
                self.end, self.why = "damage", f"the segment of entry {self.next_seq} is missing"
                break
            self.segment((directory / name).read_bytes(), name == names[-1])
            if self.end != "clean":
                break

    def segment(self, data, is_last):
        at = 0
        while True:
            try:
                frame = read_frame(data, at)
            except Wrong as fault:
                return self.ended(data, at, is_last, str(fault))
            if (frame.first, frame.previous) != (self.next_seq, self.last or frame.previous):
                self.end, self.why = "damage", "the frame follows another one"
                return None
            if is_last and not frame.intact and not later_frame(data, at + frame.length, self.next_seq):
                self.end, self.why = "torn", "a body of the last frame is not whole"
                return None
            self.frames.append(frame)
            self.next_seq, self.last, at = frame.first + len(frame.records), frame.hash, at + frame.length

    def ended(self, data, at, is_last, fault):
        if not data[at:].strip(b"\0"):
            return
        start = at + 1
        try:
            header = read_header(data[at:at + HEADER])
            if header.first == self.next_seq and header.previous == (self.last or header.previous):
                start = at + header.length
        except Wrong:
            pass
        torn = is_last and not later_frame(data, start, self.next_seq)
        self.end, self.why = "torn" if torn else "damage", fault
