//! The segment log: the truth, as frames in pre-zeroed files (docs/spec/disk.md).
//!
//! One frame is one positioned write and one fdatasync, and the next frame is written only after
//! that succeeded. Recovery rests on it: an invalid frame with a valid one after it was damaged
//! later; one with nothing after it was never acknowledged.

mod ahead;
mod format;
mod map;
mod open;
mod read;
mod space;
pub(crate) mod survey;

use std::fmt;
use std::io;
use std::sync::Arc;

use countersign_ledger::frame;
use countersign_ledger::frame::Record;

use crate::disk::{Disk, DiskFile, Held};
use crate::log::{CommitError, Epoch, Log, LogHead, ReadLog, Urgency};

pub use format::{FormatError, LogFormat, RESERVE_BYTES};
pub(crate) use open::read_format;
pub use open::{OpenError, Recovered};

/// The directory of segments.
pub(crate) const LOG_DIRECTORY: &str = "log";
/// What says that a directory holds a log.
pub(crate) const FORMAT_FILE: &str = "log/format";
pub(crate) const LOCK_FILE: &str = "log/lock";

/// The writer of one log. There is at most one per directory, in all processes.
pub struct SegmentLog {
    disk: Arc<dyn Disk>,
    format: LogFormat,
    shape: Arc<map::Shape>,
    /// The segment that is written to.
    last: Writing,
    /// How many bytes `log/reserve` has: `format.reserve_bytes` when whole, 0 when spent.
    reserve: u64,
    epoch: Epoch,
    recovered: Vec<Recovered>,
    /// Whether the next segment is made before it is needed.
    is_ahead: bool,
    next: Option<ahead::Ahead>,
    poison: Option<String>,
    _held: Box<dyn Held>,
}

struct Writing {
    file: Arc<dyn DiskFile>,
    len: u64,
    used: u64,
}

impl fmt::Debug for SegmentLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SegmentLog({}, {:?})", self.format.origin, self.head())
    }
}

impl SegmentLog {
    /// What `init` fixed.
    pub fn format(&self) -> &LogFormat {
        &self.format
    }

    /// Torn tails that were cut where the log now ends; each wants a `log.recovered` entry.
    pub fn recovered(&self) -> &[Recovered] {
        &self.recovered
    }

    /// Why the log takes no entries any more; `None` while it does.
    pub fn read_only(&self) -> Option<&str> {
        self.poison.as_deref()
    }

    /// Writes one frame into a segment with room for it.
    fn write(&mut self, frame: &frame::EncodedFrame, next: LogHead) -> Result<(), CommitError> {
        let offset = self.last.used;
        let written = self
            .last
            .file
            .write_at(offset, &frame.bytes)
            .and_then(|()| self.last.file.sync_data());
        if let Err(cause) = written {
            // What the disk now holds is not known, and a second fdatasync would not tell: the
            // kernel may have dropped the pages that it could not write.
            self.poison = Some(format!("writing entry {}: {cause}", self.head().size));
            let at = self.head().size;
            return Err(CommitError::Unknown { at, cause });
        }
        self.last.used += as_u64(frame.bytes.len());
        self.shape.appended(offset, next);
        if self.is_ahead && self.next.is_none() && self.last.used > self.last.len / 2 {
            let disk = Arc::clone(&self.disk);
            // Without a thread it is made when it is needed.
            self.next = ahead::Ahead::start(disk, self.format.segment_bytes).ok();
        }
        Ok(())
    }

    /// The log takes no entries any more.
    fn fatal(&mut self, doing: &str, cause: &io::Error) -> CommitError {
        let reason = format!("{doing}: {cause}");
        self.poison = Some(reason.clone());
        CommitError::Fatal { reason }
    }
}

impl Log for SegmentLog {
    fn lease(&mut self) -> Result<Epoch, CommitError> {
        // The lock on the directory fences other processes; the epoch fences other writers here.
        self.epoch = Epoch(self.epoch.0 + 1);
        Ok(self.epoch)
    }

    fn head(&self) -> LogHead {
        self.shape.head()
    }

    fn commit(
        &mut self,
        epoch: Epoch,
        expected: &LogHead,
        records: &[Record<'_>],
        urgency: Urgency,
    ) -> Result<LogHead, CommitError> {
        if let Some(reason) = &self.poison {
            let reason = reason.clone();
            return Err(CommitError::Fatal { reason });
        }
        if epoch != self.epoch {
            return Err(CommitError::Fenced {
                held: epoch,
                current: self.epoch,
            });
        }
        let head = self.head();
        if head != *expected {
            return Err(CommitError::HeadMoved {
                expected: expected.size,
                found: head,
            });
        }
        let frame = frame::encode(head.size, head.frame, records)?;
        let next = LogHead {
            size: head.size + as_u64(records.len()),
            frame: frame.hash,
        };
        self.make_room(as_u64(frame.bytes.len()), urgency)?;
        self.write(&frame, next)?;
        Ok(next)
    }

    fn release_reserve(&mut self) -> io::Result<bool> {
        self.cut_reserve()
    }

    /// By a thread, as soon as the segment before it is half full.
    fn prepare_ahead(&mut self) {
        self.is_ahead = true;
    }

    fn reader(&self) -> Arc<dyn ReadLog> {
        Arc::<map::Shape>::clone(&self.shape)
    }
}

fn as_u64(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

#[cfg(test)]
pub(crate) mod tests;
