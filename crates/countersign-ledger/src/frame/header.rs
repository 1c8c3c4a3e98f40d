//! The first 64 bytes of a frame.

use crate::frame::{COUNT_MAX, FRAME_BYTES_MAX, FrameError, FrameHash, HASH_LEN};
use crate::merkle::SIZE_MAX;

/// How many bytes a reader fetches first.
pub const HEADER_LEN: usize = 64;

/// Not text, so that no entry's text looks like a frame.
pub(crate) const MAGIC: [u8; 8] = *b"\x89CSFRAME";

const VERSION: u32 = 1;
const CHECK_CONTEXT: &str = "countersign 2026 frame header v1";

/// Which entries a frame has and how long it is. Its own check holds, so that the length can be
/// relied on before the rest is read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Header {
    /// The number of the first entry.
    pub first_seq: u64,
    /// How many entries there are: 1 to [`COUNT_MAX`].
    pub count: u32,
    /// The hash of the frame before.
    pub previous: FrameHash,
    /// See [`Header::frame_len`].
    pub(crate) frame_len: u32,
}

impl Header {
    /// Reads and checks the header that `bytes` begin with.
    pub(crate) fn first(bytes: &[u8]) -> Result<Self, FrameError> {
        let (needed, found) = (HEADER_LEN, bytes.len());
        let whole = bytes.first_chunk();
        Self::parse(whole.ok_or(FrameError::Short { needed, found })?)
    }

    /// Reads and checks a header.
    pub fn parse(bytes: &[u8; HEADER_LEN]) -> Result<Self, FrameError> {
        if *bytes == [0; HEADER_LEN] {
            return Err(FrameError::Empty);
        }
        let mut rest = bytes.as_slice();
        if take(&mut rest) != MAGIC {
            return Err(FrameError::Magic);
        }
        let version = u32::from_be_bytes(take(&mut rest));
        let header = Self {
            count: u32::from_be_bytes(take(&mut rest)),
            first_seq: u64::from_be_bytes(take(&mut rest)),
            previous: FrameHash(take(&mut rest)),
            frame_len: u32::from_be_bytes(take(&mut rest)),
        };
        if take(&mut rest) != check(bytes) {
            return Err(FrameError::HeaderCheck);
        }
        if version != VERSION {
            return Err(FrameError::Version { found: version });
        }
        if !header.is_within_limits() {
            return Err(FrameError::HeaderLimit);
        }
        Ok(header)
    }

    /// The whole frame's length in bytes: header, records and hash.
    pub fn frame_len(&self) -> usize {
        usize::try_from(self.frame_len).unwrap_or(usize::MAX)
    }

    /// The number of the entry after this frame.
    pub fn next_seq(&self) -> u64 {
        self.first_seq.saturating_add(u64::from(self.count))
    }

    pub(super) fn is_within_limits(&self) -> bool {
        (1..=COUNT_MAX).contains(&self.count)
            && self.next_seq() <= SIZE_MAX
            && (FRAME_BYTES_MIN..=FRAME_BYTES_MAX).contains(&self.frame_len())
    }

    pub(super) fn encode(&self) -> [u8; HEADER_LEN] {
        self.encode_as(VERSION)
    }

    pub(super) fn encode_as(&self, version: u32) -> [u8; HEADER_LEN] {
        let mut bytes = [0; HEADER_LEN];
        let fields: [&[u8]; 6] = [
            &MAGIC,
            &version.to_be_bytes(),
            &self.count.to_be_bytes(),
            &self.first_seq.to_be_bytes(),
            &self.previous.0,
            &self.frame_len.to_be_bytes(),
        ];
        let fields = fields.iter().copied().flatten();
        bytes
            .iter_mut()
            .zip(fields)
            .for_each(|(to, from)| *to = *from);
        let check = check(&bytes);
        bytes[CHECK_AT..].copy_from_slice(&check);
        bytes
    }
}

const CHECK_AT: usize = HEADER_LEN - 4;
const FRAME_BYTES_MIN: usize = HEADER_LEN + HASH_LEN;

/// The first four bytes of the BLAKE3 hash of the sixty before them.
fn check(bytes: &[u8; HEADER_LEN]) -> [u8; 4] {
    let digest = blake3::derive_key(CHECK_CONTEXT, &bytes[..CHECK_AT]);
    [digest[0], digest[1], digest[2], digest[3]]
}

/// The next field; the fields are as long as the header, so it is there.
fn take<const N: usize>(rest: &mut &[u8]) -> [u8; N] {
    match rest.split_first_chunk() {
        Some((field, after)) => {
            *rest = after;
            *field
        }
        None => [0; N],
    }
}
