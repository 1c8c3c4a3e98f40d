//! One entry of a frame with its sealed bodies.

use core::fmt;

use countersign_record::digest::hex;

use super::covered::Covered;
use super::{BODIES_MAX, BODY_BYTES_MAX, ENTRY_BYTES_MAX, EncodeError, Writer};

/// The BLAKE3 hash of a body's sealed bytes (`b3sum`).
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct SealedHash(pub [u8; 32]);

impl fmt::Display for SealedHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for SealedHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealedHash({self})")
    }
}

/// What goes into a frame.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// The entry's bytes.
    pub entry: &'a [u8],
    /// Its sealed bodies, in the order of the keys of the entry's `bodies`.
    pub bodies: &'a [&'a [u8]],
}

impl Record<'_> {
    pub(super) fn check(&self, number: usize) -> Result<(), EncodeError> {
        if !is_entry_len(self.entry.len()) {
            return Err(EncodeError::Entry {
                number,
                bytes: self.entry.len(),
            });
        }
        let bodies = self.bodies.len();
        if bodies > BODIES_MAX || !self.bodies.iter().all(|body| is_body_len(body.len())) {
            return Err(EncodeError::Bodies { number, bodies });
        }
        Ok(())
    }

    pub(super) fn len(&self) -> usize {
        let bodies = self.bodies.iter().map(|body| LENGTH_LEN + 32 + body.len());
        2 * LENGTH_LEN + self.entry.len() + bodies.sum::<usize>()
    }

    /// Only of records that [`Record::check`] accepts.
    pub(super) fn write(&self, to: &mut Writer) {
        to.covered(&length(self.entry.len()));
        to.covered(self.entry);
        to.covered(&length(self.bodies.len()));
        for body in self.bodies {
            to.covered(&length(body.len()));
            to.covered(blake3::hash(body).as_bytes());
            to.sealed(body);
        }
    }
}

/// What comes out of a frame.
#[derive(Clone, Copy, Debug)]
pub struct FrameRecord<'a> {
    /// The entry's number by its place in the frame.
    pub seq: u64,
    /// The entry's bytes.
    pub entry: &'a [u8],
    count: usize,
    bodies: &'a [u8],
}

impl<'a> FrameRecord<'a> {
    /// Its bodies, in the order of the keys of the entry's `bodies`.
    pub fn bodies(&self) -> impl Iterator<Item = Body<'a>> + use<'a> {
        let mut rest = self.bodies;
        (0..self.count).map_while(move |_| Body::split_off(&mut rest))
    }

    pub(super) fn split_off(seq: u64, from: &mut &'a [u8]) -> Option<Self> {
        let entry_len = take_length(from)?;
        let entry = take(from, entry_len)?;
        let count = take_length(from)?;
        if !is_entry_len(entry_len) || count > BODIES_MAX {
            return None;
        }
        let start = *from;
        for _ in 0..count {
            Body::split_off(from)?;
        }
        let bodies = start.get(..start.len() - from.len())?;
        Some(Self {
            seq,
            entry,
            count,
            bodies,
        })
    }

    /// Hashes what the frame hash covers of it.
    pub(super) fn cover(&self, covered: &mut Covered) {
        covered.update(&length(self.entry.len()));
        covered.update(self.entry);
        covered.update(&length(self.count));
        for body in self.bodies() {
            covered.update(&length(body.sealed.len()));
            covered.update(&body.hash.0);
        }
    }
}

/// A sealed body as it is stored.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Body<'a> {
    /// What the sealed bytes hashed to when they were written.
    pub hash: SealedHash,
    /// The bytes now there: erased, they are zeros.
    pub sealed: &'a [u8],
}

impl<'a> Body<'a> {
    /// Whether the bytes are those that were written.
    pub fn is_intact(&self) -> bool {
        *blake3::hash(self.sealed).as_bytes() == self.hash.0
    }

    fn split_off(from: &mut &'a [u8]) -> Option<Self> {
        let body_len = take_length(from).filter(|len| is_body_len(*len))?;
        let (hash, after) = from.split_first_chunk()?;
        *from = after;
        Some(Self {
            hash: SealedHash(*hash),
            sealed: take(from, body_len)?,
        })
    }
}

/// The records of a frame's middle part; all of them, if [`FrameRecord::split_off`] once found all.
pub(super) fn records(
    first_seq: u64,
    count: u32,
    bytes: &[u8],
) -> impl Iterator<Item = FrameRecord<'_>> {
    let mut rest = bytes;
    (first_seq..)
        .take(usize::try_from(count).unwrap_or(usize::MAX))
        .map_while(move |seq| FrameRecord::split_off(seq, &mut rest))
}

const LENGTH_LEN: usize = 4;

fn is_entry_len(len: usize) -> bool {
    (1..=ENTRY_BYTES_MAX).contains(&len)
}

fn is_body_len(len: usize) -> bool {
    (1..=BODY_BYTES_MAX).contains(&len)
}

/// Every length and count is below [`BODY_BYTES_MAX`], so none is cut.
fn length(len: usize) -> [u8; LENGTH_LEN] {
    u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes()
}

fn take_length(from: &mut &[u8]) -> Option<usize> {
    let (length, after) = from.split_first_chunk()?;
    *from = after;
    usize::try_from(u32::from_be_bytes(*length)).ok()
}

fn take<'a>(from: &mut &'a [u8], len: usize) -> Option<&'a [u8]> {
    let (taken, after) = from.split_at_checked(len)?;
    *from = after;
    Some(taken)
}
