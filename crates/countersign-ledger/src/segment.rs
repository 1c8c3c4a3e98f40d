//! Segments: the files that frames are in, and how a reader tells where they end and why.
//!
//! One frame is written and made durable before the next, so an invalid frame with a valid later
//! one behind it is damage, and one with nothing behind it is a write that never finished, which
//! nobody was promised (ledger.md, part 7). Recovery and the auditor's reading use this same scan.

mod search;

use alloc::string::String;
use alloc::vec::Vec;
use core::convert::Infallible;

use crate::frame::{Frame, FrameError, FrameHash, HEADER_LEN, Header};
use crate::merkle::SIZE_MAX;

/// How long a segment is made, all zeros, before the first frame is written.
pub const SEGMENT_BYTES: u64 = 64 * 1024 * 1024;

/// How many bytes of a segment are read at once: many frames.
const AT_ONCE: usize = 128 * 1024;

const SUFFIX: &str = ".seg";
const DIGITS: usize = 20;

/// The name of the segment whose first frame begins with entry `first_seq`: 20 digits and `.seg`.
pub fn name(first_seq: u64) -> String {
    alloc::format!("{first_seq:0DIGITS$}{SUFFIX}")
}

/// Reads [`name`].
pub fn parse_name(text: &str) -> Option<u64> {
    let digits = text.strip_suffix(SUFFIX)?;
    let plain = digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
    let first_seq = digits.parse().ok().filter(|_| plain)?;
    (first_seq < SIZE_MAX).then_some(first_seq)
}

/// The bytes of a segment, wherever they are.
pub trait Source {
    /// Why bytes cannot be read.
    type Error;

    /// Reads into `buf` from `offset` on and says how many bytes; none only at the end, or if `buf`
    /// is empty.
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize, Self::Error>;
}

impl Source for [u8] {
    type Error = Infallible;

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize, Infallible> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let rest = self.get(start..).unwrap_or_default();
        let len = rest.len().min(buf.len());
        buf[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }
}

/// What the next frame must follow.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Place {
    /// The number of the next frame's first entry.
    pub next_seq: u64,
    /// The hash of the frame before it; nothing if it is not known.
    pub previous: Option<FrameHash>,
}

impl Place {
    /// Where the log with this origin begins.
    pub fn start(origin: &str) -> Self {
        Self {
            next_seq: 0,
            previous: Some(FrameHash::genesis(origin)),
        }
    }

    fn admits(&self, header: &Header) -> Result<(), Fault> {
        if header.first_seq != self.next_seq {
            return Err(Fault::OtherEntry {
                found: header.first_seq,
            });
        }
        match self.previous {
            Some(previous) if previous != header.previous => Err(Fault::OtherPast {
                found: header.previous,
            }),
            _ => Ok(()),
        }
    }
}

/// What a scan finds next.
#[derive(Debug)]
pub enum Step<'a> {
    /// A whole frame that follows the one before.
    Frame {
        /// Where it begins in the segment.
        offset: u64,
        /// The frame. Its bodies may be gone, unless it is the log's last.
        frame: Frame<'a>,
    },
    /// There are no more frames.
    End(End),
}

/// How a segment ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum End {
    /// Nothing but zeros from here on, or nothing at all.
    Clean {
        /// Where the next frame would begin.
        at: u64,
    },
    /// A write that did not finish: everything from here on was never acknowledged.
    Torn {
        /// Where the unfinished frame begins.
        at: u64,
        /// What is wrong with it.
        fault: Fault,
    },
    /// Acknowledged bytes are not what they were.
    Damage {
        /// Where the bad frame begins.
        at: u64,
        /// The first entry that cannot be read.
        seq: u64,
        /// What is wrong with it.
        fault: Fault,
        /// The first valid frame behind it in this segment, if there is one.
        resumes: Option<Resume>,
    },
}

/// A valid frame behind a bad one: the proof that the bad one was once whole.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Resume {
    /// Where it begins in the segment.
    pub at: u64,
    /// Its first entry.
    pub first_seq: u64,
}

/// What is wrong with a frame at its place.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// It is not whole.
    #[error("the frame is not whole")]
    Frame(#[from] FrameError),
    /// It is the log's last, and one of its bodies is not whole.
    #[error("a body of the log's last frame is not whole")]
    Body,
    /// It is whole, but another entry should come here.
    #[error("the frame begins with entry {found}")]
    OtherEntry {
        /// The entry it begins with.
        found: u64,
    },
    /// It is whole, but follows another frame than the one before it.
    #[error("the frame follows another one: {found}")]
    OtherPast {
        /// The frame it names as the one before.
        found: FrameHash,
    },
}

/// Reads a segment's frames in order and classifies its end. The segment may be written to
/// meanwhile: the scan then ends somewhere between where the log ended and where it ends now.
#[derive(Debug)]
pub struct Scan<'s, S: ?Sized> {
    source: &'s S,
    place: Place,
    is_last: bool,
    offset: u64,
    /// What was read at once, and where it begins.
    buffer: Vec<u8>,
    from: u64,
}

impl<'s, S: Source + ?Sized> Scan<'s, S> {
    /// A scan from the segment's beginning. `is_last` says that no later segment has a frame: only
    /// there can a write be unfinished.
    pub const fn new(source: &'s S, place: Place, is_last: bool) -> Self {
        Self::from(source, 0, place, is_last)
    }

    /// The same from `offset` on, where the frame that follows `place` begins or would begin.
    pub const fn from(source: &'s S, offset: u64, place: Place, is_last: bool) -> Self {
        Self {
            source,
            place,
            is_last,
            offset,
            buffer: Vec::new(),
            from: offset,
        }
    }

    /// What the next frame must follow: after the end, where the next segment goes on.
    pub const fn place(&self) -> Place {
        self.place
    }

    /// The next frame, or how the segment ends. After the end it goes on saying so.
    pub fn next_step(&mut self) -> Result<Step<'_>, S::Error> {
        let offset = self.offset;
        let mut found = self.look()?;
        if let Err(End::Damage {
            resumes: Some(_), ..
        }) = found
        {
            // Somebody may be writing: this frame may have come after we read it. Now that a later
            // one is there, it must be whole.
            found = self.look()?;
        }
        let (header, hash) = match found {
            Ok(whole) => whole,
            Err(end) => return Ok(Step::End(end)),
        };
        self.offset = frame_end(offset, &header);
        self.place = Place {
            next_seq: header.next_seq(),
            previous: Some(hash),
        };
        let frame = Frame::known(header, hash, self.read_from(offset));
        Ok(Step::Frame { offset, frame })
    }

    /// Finds the frame at the offset and judges it. Of what was read before only a whole frame counts:
    /// anything else may have been written since.
    fn look(&mut self) -> Result<Result<(Header, FrameHash), End>, S::Error> {
        let at = self.offset;
        let mut found = self.parsed();
        if found.is_err() {
            self.fill()?;
            found = self.parsed();
        }
        let (header, hash, intact) = match found {
            Ok(frame) => frame,
            Err(error) => return self.end_at(error).map(Err),
        };
        if let Err(fault) = self.place.admits(&header) {
            return Ok(Err(self.damage(fault, None)));
        }
        if !intact {
            // Bodies are erased in frames that have another one behind them: the erasure's own.
            // Now it is certain that the frame's write has finished, if another one is behind it; else
            // it may have finished since.
            let is_last = self.later_frame(frame_end(at, &header))?.is_none();
            self.fill()?;
            if is_last && !self.parsed().is_ok_and(|(.., intact)| intact) {
                let fault = Fault::Body;
                return Ok(Err(End::Torn { at, fault }));
            }
            if let Err(error) = self.parsed() {
                return self.end_at(error).map(Err);
            }
        }
        Ok(Ok((header, hash)))
    }

    /// The frame at the offset, in what was read, and whether it counts as whole with its bodies.
    fn parsed(&self) -> Result<(Header, FrameHash, bool), FrameError> {
        let frame = Frame::first(self.read_from(self.offset))?;
        let intact = !self.is_last || frame.bodies_are_intact();
        Ok((*frame.header(), frame.hash(), intact))
    }

    /// What was read, from an offset on.
    fn read_from(&self, offset: u64) -> &[u8] {
        let start = offset.checked_sub(self.from);
        let start = start.and_then(|start| usize::try_from(start).ok());
        start
            .and_then(|start| self.buffer.get(start..))
            .unwrap_or_default()
    }

    /// Reads from the offset on: much at once, and all of the frame that begins there. Where something
    /// behind that frame cannot be read, the frame alone.
    fn fill(&mut self) -> Result<(), S::Error> {
        self.from = self.offset;
        if self.read(AT_ONCE).is_err() {
            self.read(HEADER_LEN)?;
        }
        match Header::first(&self.buffer) {
            Ok(header) if header.frame_len() > self.buffer.len() => self.read(header.frame_len()),
            _ => Ok(()),
        }
    }

    fn read(&mut self, len: usize) -> Result<(), S::Error> {
        self.buffer.resize(len, 0);
        let found = read_full(self.source, self.from, &mut self.buffer)?;
        self.buffer.truncate(found);
        Ok(())
    }

    /// Why no frame is at the offset.
    fn end_at(&self, error: FrameError) -> Result<End, S::Error> {
        let at = self.offset;
        if search::is_zero_from(self.source, at)? {
            return Ok(End::Clean { at });
        }
        let fault = Fault::Frame(error);
        let resumes = self.later_frame(self.search_start())?;
        if resumes.is_none() && self.is_last {
            return Ok(End::Torn { at, fault });
        }
        Ok(self.damage(fault, resumes))
    }

    /// A bad frame whose header holds is skipped whole: what is inside it is content.
    fn search_start(&self) -> u64 {
        match Header::first(self.read_from(self.offset)) {
            Ok(header) if self.place.admits(&header).is_ok() => frame_end(self.offset, &header),
            _ => self.offset.saturating_add(1),
        }
    }

    fn later_frame(&self, from: u64) -> Result<Option<Resume>, S::Error> {
        search::later_frame(self.source, from, self.place.next_seq)
    }

    const fn damage(&self, fault: Fault, resumes: Option<Resume>) -> End {
        End::Damage {
            at: self.offset,
            seq: self.place.next_seq,
            fault,
            resumes,
        }
    }
}

fn frame_end(offset: u64, header: &Header) -> u64 {
    offset.saturating_add(u64::from(header.frame_len))
}

/// Reads the frame at an offset, and nothing behind it.
fn load<'b, S: Source + ?Sized>(
    source: &S,
    at: u64,
    buffer: &'b mut Vec<u8>,
) -> Result<Result<Frame<'b>, FrameError>, S::Error> {
    buffer.clear();
    buffer.resize(HEADER_LEN, 0);
    let found = read_full(source, at, buffer)?;
    buffer.truncate(found);
    let header = match buffer.first_chunk().map(Header::parse) {
        Some(Ok(header)) => header,
        Some(Err(error)) => return Ok(Err(error)),
        None => {
            let needed = HEADER_LEN;
            return Ok(Err(FrameError::Short { needed, found }));
        }
    };
    buffer.resize(header.frame_len(), 0);
    let found = read_full(source, at, buffer)?;
    buffer.truncate(found);
    Ok(Frame::parse(buffer))
}

/// Fills `buf` as far as the source goes.
fn read_full<S: Source + ?Sized>(
    source: &S,
    offset: u64,
    buf: &mut [u8],
) -> Result<usize, S::Error> {
    let mut filled = 0;
    let mut at = offset;
    loop {
        let read = source.read_at(at, &mut buf[filled..])?;
        if read == 0 {
            return Ok(filled);
        }
        filled += read;
        at = at.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
    }
}

#[cfg(test)]
mod tests;
