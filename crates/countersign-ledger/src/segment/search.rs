//! Looking beyond a bad frame.

use alloc::vec;
use alloc::vec::Vec;

use crate::frame::{HEADER_LEN, Header, MAGIC};
use crate::segment::{Resume, Source, load, read_full};

const CHUNK: usize = 64 * 1024;

/// Whether nothing but zeros follows.
pub(super) fn is_zero_from<S: Source + ?Sized>(source: &S, from: u64) -> Result<bool, S::Error> {
    let mut chunk = vec![0; CHUNK];
    let mut at = from;
    loop {
        let found = read_full(source, at, &mut chunk)?;
        if chunk[..found].iter().any(|byte| *byte != 0) {
            return Ok(false);
        }
        if found < CHUNK {
            return Ok(true);
        }
        at = after(at, found);
    }
}

/// The first valid frame from an offset on whose entries come after `seq`.
pub(super) fn later_frame<S: Source + ?Sized>(
    source: &S,
    from: u64,
    seq: u64,
) -> Result<Option<Resume>, S::Error> {
    let mut chunk = vec![0; CHUNK];
    let mut frame = Vec::new();
    let mut at = from;
    loop {
        let found = read_full(source, at, &mut chunk)?;
        for (place, header) in headers(&chunk[..found]) {
            let (at, first_seq) = (after(at, place), header.first_seq);
            if first_seq > seq && load(source, at, &mut frame)?.is_ok() {
                return Ok(Some(Resume { at, first_seq }));
            }
        }
        if found < CHUNK {
            return Ok(None);
        }
        // A header may lie across the chunk's end.
        at = after(at, CHUNK - HEADER_LEN + 1);
    }
}

/// Every place where a whole, sound header is.
fn headers(bytes: &[u8]) -> impl Iterator<Item = (usize, Header)> {
    bytes
        .windows(HEADER_LEN)
        .enumerate()
        .filter_map(|(at, window)| {
            let candidate = window
                .first_chunk()
                .filter(|_| window.starts_with(&MAGIC))?;
            Header::parse(candidate).ok().map(|header| (at, header))
        })
}

fn after(at: u64, len: usize) -> u64 {
    at.saturating_add(u64::try_from(len).unwrap_or(u64::MAX))
}
