//! What may become of an operation: whoever simulates decides, one by one.

use std::fmt;

/// An operation that is about to happen, with the file's path and a length in bytes.
#[derive(Clone, Copy, Debug)]
pub enum Op<'a> {
    /// A file or directory is made.
    Create(&'a str),
    /// A file is opened.
    Open(&'a str),
    /// Bytes are read.
    Read(&'a str, usize),
    /// Bytes are written.
    Write(&'a str, usize),
    /// A file is cut or extended.
    SetLen(&'a str),
    /// `fdatasync`.
    Sync(&'a str),
    /// A name is moved.
    Rename(&'a str, &'a str),
    /// A name is removed.
    Remove(&'a str),
    /// The names of a directory are made durable.
    SyncDirectory(&'a str),
}

/// What becomes of it. What does not fit the operation is as [`Effect::None`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Effect {
    /// It happens.
    None,
    /// Nothing but an input/output error.
    Error,
    /// Nothing but the answer that there is no space.
    Full,
    /// A write puts down so many bytes, then answers an input/output error.
    Short(usize),
    /// A sync fails, and the kernel takes the pages for clean all the same: no later sync writes
    /// them. `evicted`: they are read from the disk again at once.
    Forget {
        /// Whether what was written can no longer be read either.
        evicted: bool,
    },
    /// One bit is another one: of what is written, or of what this one reading gives.
    Flip(usize),
    /// One bit of what is read is another one from now on.
    Rot(usize),
    /// The power is cut: it and everything after it fails.
    Cut,
}

/// Decides; by default nothing is hazardous.
#[derive(Default)]
pub(super) struct Hazard(pub(super) Option<Decide>);

type Decide = Box<dyn FnMut(Op<'_>) -> Effect + Send>;

impl Hazard {
    pub(super) fn meet(&mut self, op: Op<'_>) -> Effect {
        self.0.as_mut().map_or(Effect::None, |decide| decide(op))
    }
}

impl fmt::Debug for Hazard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hazard({})", self.0.is_some())
    }
}

/// Turns one bit over, counted from the first byte on and round again.
pub(super) fn flipped(bytes: &mut [u8], bit: usize) {
    if !bytes.is_empty() {
        let bit = bit % (bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
}
