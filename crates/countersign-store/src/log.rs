//! What a ledger asks of whatever keeps its entries: few enough calls that a database can answer.

use std::fmt::Debug;
use std::io;
use std::sync::Arc;

use countersign_ledger::frame::{EncodeError, FrameHash, Record};

/// Where a log ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LogHead {
    /// How many entries there are; the next one's seq.
    pub size: u64,
    /// The hash of the last frame; of the origin when there is none.
    pub frame: FrameHash,
}

/// A writer's turn. A later lease makes every earlier one void.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Epoch(pub u64);

/// Whether a commit may use the disk reserve.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Urgency {
    /// It may not: new calls, approvals, redemptions, bookkeeping.
    Routine,
    /// It may: what ends or stops something must be recorded even on a full disk, and that somebody
    /// looks or reads, without which nobody could end it.
    Final,
}

/// A log that this process may append to.
pub trait Log: Debug + Send {
    /// Takes the writer's turn.
    fn lease(&mut self) -> Result<Epoch, CommitError>;

    /// Where the log ends.
    fn head(&self) -> LogHead;

    /// Appends entries `expected.size`, … as one frame, all or none, durable on `Ok`; where the log
    /// ends then. Whoever lost a race is told so and has changed nothing.
    fn commit(
        &mut self,
        epoch: Epoch,
        expected: &LogHead,
        records: &[Record<'_>],
        urgency: Urgency,
    ) -> Result<LogHead, CommitError>;

    /// Gives a part of the disk reserve back, for small files beside the log that a full disk keeps
    /// from being replaced; `false`: there is nothing left to give.
    ///
    /// From then on routine commits are answered [`CommitError::Full`], until there is space for a
    /// whole reserve again. An error says nothing about the log.
    fn release_reserve(&mut self) -> io::Result<bool>;

    /// From here on space is made before a commit needs it, where that takes long.
    fn prepare_ahead(&mut self) {}

    /// Reads the same log, from any thread, while it grows.
    fn reader(&self) -> Arc<dyn ReadLog>;
}

/// A log for reading: durable entries only.
pub trait ReadLog: Debug + Send + Sync {
    /// Where the log ends.
    fn head(&self) -> LogHead;

    /// One entry; `None` beyond the end.
    fn read(&self, seq: u64) -> Result<Option<Stored>, ReadError>;

    /// Frames in order, the first of which holds `from_seq`; none beyond the end.
    fn frames(
        &self,
        from_seq: u64,
    ) -> Box<dyn Iterator<Item = Result<StoredFrame, ReadError>> + '_>;
}

/// One frame as it was read, its hash and its place checked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StoredFrame {
    /// Its hash.
    pub hash: FrameHash,
    /// Its entries, in order.
    pub records: Vec<Stored>,
}

/// One entry as it was read; the bytes are covered by the hash of its frame.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Stored {
    /// Its place in the log.
    pub seq: u64,
    /// The exact bytes that are hashed.
    pub entry: Vec<u8>,
    /// The sealed bodies, in the order in which they were stored; `None` where the bytes are not
    /// those that were stored: erased, or missing.
    pub bodies: Vec<Option<Vec<u8>>>,
}

/// Why nothing, or nothing for certain, was appended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommitError {
    /// A later lease exists: this writer must stop.
    #[error("another writer took over: this one's turn was {held:?}, it is now {current:?}")]
    Fenced {
        /// The epoch the caller held.
        held: Epoch,
        /// The epoch that counts.
        current: Epoch,
    },
    /// Another commit came first; nothing was appended.
    #[error("the log has {} entries, not the {expected} that this commit follows", found.size)]
    HeadMoved {
        /// The size the caller expected.
        expected: u64,
        /// Where the log ends.
        found: LogHead,
    },
    /// It may have happened or not. Read the head again (embedded engine: restart) before saying
    /// anything to anybody.
    #[error("whether entry {at} is durable is not known; restart to find out")]
    Unknown {
        /// The first entry of the commit.
        at: u64,
        /// What the disk said.
        #[source]
        cause: io::Error,
    },
    /// No space, and this commit may not use the reserve or the reserve is spent. Nothing was
    /// appended; it may work later.
    #[error("the disk is full")]
    Full,
    /// These records can never be a frame. Nothing was appended.
    #[error(transparent)]
    Refused(#[from] EncodeError),
    /// The log takes no more entries until a restart. Nothing was appended.
    #[error("the log is read-only until a restart: {reason}")]
    Fatal {
        /// The first thing that went wrong.
        reason: String,
    },
}

/// Why an entry could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// Bytes are not what was written.
    #[error(transparent)]
    Damage(#[from] Damage),
    /// The disk refused.
    #[error("cannot read {file}")]
    Disk {
        /// The file.
        file: String,
        /// What the disk said.
        #[source]
        cause: io::Error,
    },
}

/// Bytes that were durable and are no longer what was written.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{file} is damaged at byte {offset}: {reason}; the first bad entry is {first_bad}")]
pub struct Damage {
    /// The file.
    pub file: String,
    /// Where in the file.
    pub offset: u64,
    /// The first entry that cannot be trusted.
    pub first_bad: u64,
    /// What is wrong there.
    pub reason: String,
}
