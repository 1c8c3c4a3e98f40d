//! Commit frames: what one group commit writes, with one positioned write and one sync.
//!
//! A frame is a header of 64 bytes, its records, and a hash over all but the sealed bodies, so that
//! a body can be zeroed in place later and the frame still holds (ledger.md, part 6). Every body
//! has a hash of its own, which says whether its bytes are still there.

mod covered;
mod header;
mod record;

use alloc::vec::Vec;
use core::fmt;

use countersign_record::digest::hex;

use covered::Covered;
pub(crate) use header::MAGIC;
pub use header::{HEADER_LEN, Header};
pub use record::{Body, FrameRecord, Record, SealedHash};

/// The longest entry. An entry holds ids, digests and signatures; what people write is in bodies.
pub const ENTRY_BYTES_MAX: usize = 16 * 1024;

/// The longest sealed body. The longest document is 512 KiB, and sealing adds salts to each field.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;

/// The most bodies of one entry. No kind of entry has more than a few.
pub const BODIES_MAX: usize = 16;

/// The most entries of one frame. One sync for this many entries costs each of them next to
/// nothing, so that more would only make the frame's readers wait.
pub const COUNT_MAX: u32 = 4096;

/// The longest frame, header and hash included: what a reader must be ready to hold in memory.
pub const FRAME_BYTES_MAX: usize = 16 * 1024 * 1024;

const HASH_LEN: usize = 32;
const GENESIS_CONTEXT: &str = "countersign 2026 frame genesis v1";

/// The BLAKE3 hash over a frame without its sealed bytes. Each frame names the one before.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct FrameHash(pub [u8; 32]);

impl FrameHash {
    /// What the first frame of the log with this origin names as the one before it.
    pub fn genesis(origin: &str) -> Self {
        Self(blake3::derive_key(GENESIS_CONTEXT, origin.as_bytes()))
    }
}

impl fmt::Display for FrameHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for FrameHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FrameHash({self})")
    }
}

/// Why bytes are not a whole frame.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// The header is all zeros: nothing was written here.
    #[error("no frame was written here")]
    Empty,
    /// The bytes end before the frame does.
    #[error("a frame of {needed} bytes of which {found} are there")]
    Short {
        /// How long the frame is; the header's length if even that is not there.
        needed: usize,
        /// How many bytes there are.
        found: usize,
    },
    /// The bytes go on after the frame.
    #[error("a frame of {needed} bytes in {found} bytes")]
    Trailing {
        /// How long the frame is.
        needed: usize,
        /// How many bytes there are.
        found: usize,
    },
    /// Something else begins here.
    #[error("no frame begins here")]
    Magic,
    /// The header's bytes are not those that were written.
    #[error("the frame's header is damaged")]
    HeaderCheck,
    /// A sound header of a version that is not known here.
    #[error("a frame of version {found}, which is not known here")]
    Version {
        /// The version that the header names.
        found: u32,
    },
    /// A sound header that asks for more than any frame has: counts, lengths or numbers.
    #[error("the frame's header asks for what no frame has")]
    HeaderLimit,
    /// The records do not fill the frame as their lengths say.
    #[error("record {number} of the frame does not fit")]
    Record {
        /// The record, counted from 0 in the frame.
        number: u32,
    },
    /// The frame's bytes are not those that were written.
    #[error("the frame does not have its hash")]
    Hash,
}

/// Records that do not make a frame.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// A frame has 1 to [`COUNT_MAX`] records, and numbers end at 2^63−1.
    #[error("a frame of {records} records from entry {first_seq}")]
    Count {
        /// How many were given.
        records: usize,
        /// The first one's number.
        first_seq: u64,
    },
    /// An entry has 1 to [`ENTRY_BYTES_MAX`] bytes.
    #[error("record {number} has an entry of {bytes} bytes")]
    Entry {
        /// The record, counted from 0.
        number: usize,
        /// The entry's length.
        bytes: usize,
    },
    /// An entry has at most [`BODIES_MAX`] bodies of 1 to [`BODY_BYTES_MAX`] bytes.
    #[error("record {number} has {bodies} bodies, or one that is empty or too long")]
    Bodies {
        /// The record, counted from 0.
        number: usize,
        /// How many bodies it has.
        bodies: usize,
    },
    /// More than [`FRAME_BYTES_MAX`].
    #[error("a frame of {bytes} bytes is too long")]
    TooLong {
        /// The length it would have.
        bytes: usize,
    },
}

/// A frame ready to be written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EncodedFrame {
    /// What goes to disk.
    pub bytes: Vec<u8>,
    /// What the next frame names as the one before.
    pub hash: FrameHash,
}

/// Makes the frame of these records, the first of which is entry `first_seq`.
pub fn encode(
    first_seq: u64,
    previous: FrameHash,
    records: &[Record<'_>],
) -> Result<EncodedFrame, EncodeError> {
    let header = header_of(first_seq, previous, records)?;
    let mut writer = Writer::new(header.frame_len());
    writer.covered(&header.encode());
    for record in records {
        record.write(&mut writer);
    }
    Ok(writer.finish())
}

/// A frame whose hash holds. Its bodies may be gone: see [`Body::is_intact`].
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    header: Header,
    records: &'a [u8],
    hash: FrameHash,
}

impl<'a> Frame<'a> {
    /// Reads exactly one frame. [`Header::parse`] of the first [`HEADER_LEN`] bytes says how many
    /// bytes that is. Copies nothing.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, FrameError> {
        let header = Header::first(bytes)?;
        let (needed, found) = (header.frame_len(), bytes.len());
        if found > needed {
            return Err(FrameError::Trailing { needed, found });
        }
        Self::whole(header, bytes)
    }

    /// Reads the frame that `bytes` begin with.
    pub fn first(bytes: &'a [u8]) -> Result<Self, FrameError> {
        let header = Header::first(bytes)?;
        Self::whole(header, bytes.get(..header.frame_len()).unwrap_or(bytes))
    }

    /// The same of bytes in which a [`Scan`](crate::segment::Scan) has found a frame: its hash is not
    /// worked out anew. Whether all of its records are still there shows when they are counted.
    pub fn found(bytes: &'a [u8]) -> Result<Self, FrameError> {
        let header = Header::first(bytes)?;
        let (needed, found) = (header.frame_len(), bytes.len());
        let stated = bytes.get(..needed).and_then(<[u8]>::last_chunk);
        let hash = FrameHash(*stated.ok_or(FrameError::Short { needed, found })?);
        Ok(Self::known(header, hash, bytes))
    }

    fn whole(header: Header, bytes: &'a [u8]) -> Result<Self, FrameError> {
        let (needed, found) = (header.frame_len(), bytes.len());
        let short = FrameError::Short { needed, found };
        let (header_bytes, rest) = bytes.split_first_chunk().ok_or(short)?;
        let (records, stated) = rest
            .split_last_chunk()
            .filter(|_| found == needed)
            .ok_or(short)?;
        let hash = FrameHash(*stated);
        if hash_of(header_bytes, &header, records)? != hash {
            return Err(FrameError::Hash);
        }
        Ok(Self {
            header,
            records,
            hash,
        })
    }

    /// A frame that was parsed before from what these bytes begin with.
    pub(crate) fn known(header: Header, hash: FrameHash, bytes: &'a [u8]) -> Self {
        let end = header.frame_len().saturating_sub(HASH_LEN);
        Self {
            header,
            records: bytes.get(HEADER_LEN..end).unwrap_or_default(),
            hash,
        }
    }

    /// Which entries these are, and what came before.
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// What the next frame names as the one before.
    pub const fn hash(&self) -> FrameHash {
        self.hash
    }

    /// The records, in order.
    pub fn records(&self) -> impl Iterator<Item = FrameRecord<'a>> + use<'a> {
        record::records(self.header.first_seq, self.header.count, self.records)
    }

    /// Whether every body's bytes are those that were written.
    pub fn bodies_are_intact(&self) -> bool {
        self.records()
            .all(|record| record.bodies().all(|body| body.is_intact()))
    }
}

fn header_of(
    first_seq: u64,
    previous: FrameHash,
    records: &[Record<'_>],
) -> Result<Header, EncodeError> {
    let no_count = EncodeError::Count {
        records: records.len(),
        first_seq,
    };
    let count = u32::try_from(records.len()).map_err(|_| no_count)?;
    let mut bytes = HEADER_LEN + HASH_LEN;
    for (number, record) in records.iter().enumerate() {
        record.check(number)?;
        bytes += record.len();
    }
    let too_long = EncodeError::TooLong { bytes };
    let header = Header {
        first_seq,
        count,
        previous,
        frame_len: u32::try_from(bytes).map_err(|_| too_long)?,
    };
    if bytes > FRAME_BYTES_MAX {
        Err(too_long)
    } else if header.is_within_limits() {
        Ok(header)
    } else {
        Err(no_count)
    }
}

fn hash_of(
    header_bytes: &[u8; HEADER_LEN],
    header: &Header,
    records: &[u8],
) -> Result<FrameHash, FrameError> {
    let mut covered = Covered::new(header.frame_len());
    covered.update(header_bytes);
    let mut rest = records;
    for number in 0..header.count {
        let record = FrameRecord::split_off(header.first_seq, &mut rest);
        let record = record.ok_or(FrameError::Record { number })?;
        record.cover(&mut covered);
    }
    if rest.is_empty() {
        Ok(covered.finish())
    } else {
        Err(FrameError::Record {
            number: header.count,
        })
    }
}

/// Writes a frame and hashes what the frame hash covers.
struct Writer {
    bytes: Vec<u8>,
    covered: Covered,
}

impl Writer {
    fn new(capacity: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(capacity),
            covered: Covered::new(capacity),
        }
    }

    fn covered(&mut self, bytes: &[u8]) {
        self.covered.update(bytes);
        self.bytes.extend_from_slice(bytes);
    }

    fn sealed(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    fn finish(mut self) -> EncodedFrame {
        let hash = self.covered.finish();
        self.bytes.extend_from_slice(&hash.0);
        EncodedFrame {
            bytes: self.bytes,
            hash,
        }
    }
}

#[cfg(test)]
mod tests;
