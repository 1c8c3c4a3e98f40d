//! The SSH wire encoding (RFC 4251 §5): big-endian integers and strings with a length before them.

use alloc::vec::Vec;

/// Reads from the front; every answer is `None` when the bytes end too early.
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (front, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(front)
    }

    pub(crate) fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        let bytes = self.take(4)?.try_into().ok()?;
        Some(u32::from_be_bytes(bytes))
    }

    pub(crate) fn string(&mut self) -> Option<&'a [u8]> {
        let count = self.u32()?;
        self.take(usize::try_from(count).ok()?)
    }

    pub(crate) fn text(&mut self) -> Option<&'a str> {
        core::str::from_utf8(self.string()?).ok()
    }

    /// A positive integer of at most 256 bits in its only encoding: no needless leading zero.
    pub(crate) fn positive_u256(&mut self) -> Option<[u8; 32]> {
        let bytes = self.string()?;
        let digits = match bytes {
            [0, next, ..] if *next >= 0x80 => &bytes[1..],
            [1..0x80, ..] => bytes,
            _ => return None,
        };
        let mut number = [0; 32];
        let zeros = number.len().checked_sub(digits.len())?;
        number[zeros..].copy_from_slice(digits);
        Some(number)
    }

    /// Whether everything was read.
    pub(crate) const fn is_done(&self) -> bool {
        self.0.is_empty()
    }
}

/// Appends a string. What this crate writes is bounded far below 2^32 bytes.
pub(crate) fn put_string(out: &mut Vec<u8>, bytes: &[u8]) {
    let count = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&count.to_be_bytes());
    out.extend_from_slice(bytes);
}
