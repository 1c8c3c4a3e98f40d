//! What is on disk, listed: every segment, every fault, what is missing. Changes nothing in the log.

mod derived;

use std::io;

use crate::disk::{Disk, Wait};
use crate::head::{HeadLock, claimed_size};
use crate::index::SledPlace;
use crate::layout::{LayoutError, LogDir};
use crate::log::Damage;
use crate::segments::survey::{Ended, Passed, Start, survey};
use crate::segments::{LOCK_FILE, OpenError, read_format};
use derived::Derived;

/// What was found.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct FsckReport {
    /// The log's name for the world.
    pub origin: String,
    /// How many segments there are.
    pub segments: u64,
    /// How many whole frames.
    pub frames: u64,
    /// How many entries in them.
    pub entries: u64,
    /// How many sealed bodies are as they were stored.
    pub bodies_intact: u64,
    /// The size in the head lock, as it says (its signature is not checked here).
    pub signed_size: Option<u64>,
    /// How many entries the index has; not looked at while a server runs.
    pub indexed: Option<u64>,
    /// Everything else that somebody should know, in the order in which it was found.
    pub findings: Vec<Finding>,
}

/// One thing to know.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Finding {
    /// Acknowledged bytes are not what they were.
    #[error(transparent)]
    Damage(#[from] Damage),
    /// A write did not finish; `serve` keeps its bytes aside and cuts it.
    #[error("the log has a torn tail from entry {first_seq} on: {reason}; serve will cut it")]
    TornTail {
        /// The first entry of the unfinished write.
        first_seq: u64,
        /// What is wrong.
        reason: String,
    },
    /// Entries that were signed for are gone.
    #[error("the log has {entries} entries, a checkpoint of {signed} was signed")]
    ShorterThanSigned {
        /// The log's size.
        entries: u64,
        /// The size in the head lock.
        signed: u64,
    },
    /// Erased, or missing: `verify` says which.
    #[error("body {body} of entry {seq} is not what was stored")]
    Body {
        /// The entry.
        seq: u64,
        /// Which of its bodies, from 0.
        body: usize,
    },
    /// No checkpoint can be found that says how long the log was.
    #[error("head lock: {0}")]
    HeadLock(String),
    /// Bodies cannot be read.
    #[error("keyring: {0}")]
    Keyring(String),
    /// Serving rebuilds it; nothing is lost.
    #[error("index: {0}; serve will rebuild it")]
    Index(String),
    /// Serving makes it again; nothing is lost.
    #[error("index/tree is not the log's from entry {seq} on; serve will make it again")]
    Tree {
        /// The entry.
        seq: u64,
    },
    /// Serving passes it over.
    #[error("the snapshot of {size} entries is not of this log; serve will not use it")]
    Snapshot {
        /// Its size.
        size: u64,
    },
    /// A server holds the lock: what is at the end may be a write in progress.
    #[error("a server is running on this log")]
    InUse,
}

impl Finding {
    /// Whether the log is not what was acknowledged.
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Damage(_) | Self::ShorterThanSigned { .. } => true,
            Self::TornTail { .. }
            | Self::Body { .. }
            | Self::HeadLock(_)
            | Self::Keyring(_)
            | Self::Index(_)
            | Self::Tree { .. }
            | Self::Snapshot { .. }
            | Self::InUse => false,
        }
    }
}

/// Why there is no report at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FsckError {
    /// Not a log that can be looked at.
    #[error(transparent)]
    Log(#[from] OpenError),
    /// Not a log's directory.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// The disk refused.
    #[error("cannot read the log")]
    Disk(#[from] io::Error),
}

/// Lists what is in a log's directory.
pub fn fsck(directory: &LogDir) -> Result<FsckReport, FsckError> {
    let disk = directory.disk();
    let mut report = fsck_log(&*disk)?;
    report.head_lock(&directory.head_lock()?);
    if let Err(error) = directory.keyring().load(0) {
        report.findings.push(Finding::Keyring(error.to_string()));
    }
    report.index(&directory.index());
    Ok(report)
}

/// Lists what is in `log/` alone.
pub fn fsck_log(disk: &dyn Disk) -> Result<FsckReport, FsckError> {
    // A frame that is just being written looks bad, and by the time the rest is read a later one may
    // be behind it: what is damage is still there at the next look.
    for _ in 1..LOOKS {
        let report = look(disk)?;
        let damaged = report.findings.iter().any(Finding::is_damage);
        if !(damaged && report.findings.contains(&Finding::InUse)) {
            return Ok(report);
        }
    }
    look(disk)
}

/// How often a log in use is looked at before damage is believed.
const LOOKS: u32 = 3;

fn look(disk: &dyn Disk) -> Result<FsckReport, FsckError> {
    let format = read_format(disk)?;
    let mut report = FsckReport {
        origin: format.origin.clone(),
        ..FsckReport::default()
    };
    if disk.exists(LOCK_FILE)? && disk.lock(LOCK_FILE, Wait::No)?.is_none() {
        report.findings.push(Finding::InUse);
    }
    let mut derived = Derived::open(disk)?;
    let survey = survey(disk, &Start::first(&format), &mut |passed| {
        report.pass(&passed);
        if let Passed::Frame(_, frame) = &passed {
            derived.pass(frame);
        }
    })?;
    match &survey.ended {
        Ended::Clean => {}
        Ended::Torn(fault) => report.findings.push(Finding::TornTail {
            first_seq: survey.place.next_seq,
            reason: fault.to_string(),
        }),
        Ended::Damage(damage) => report.findings.push(damage.clone().into()),
    }
    report.findings.extend(derived.findings());
    Ok(report)
}

impl FsckReport {
    fn pass(&mut self, passed: &Passed<'_>) {
        match passed {
            Passed::Segment(_) => self.segments += 1,
            Passed::Frame(_, frame) => {
                self.frames += 1;
                self.entries = frame.header().next_seq();
                for record in frame.records() {
                    for (body, stored) in record.bodies().enumerate() {
                        self.body(record.seq, body, stored.is_intact());
                    }
                }
            }
        }
    }

    fn body(&mut self, seq: u64, body: usize, intact: bool) {
        if intact {
            self.bodies_intact += 1;
        } else {
            self.findings.push(Finding::Body { seq, body });
        }
    }

    fn head_lock(&mut self, lock: &dyn HeadLock) {
        let note = match lock.read() {
            Ok(note) => note,
            Err(error) => return self.findings.push(Finding::HeadLock(error.to_string())),
        };
        let Some(signed) = claimed_size(&note) else {
            let reason = "it does not hold a checkpoint".to_owned();
            return self.findings.push(Finding::HeadLock(reason));
        };
        self.signed_size = Some(signed);
        if self.entries < signed {
            self.findings.push(Finding::ShorterThanSigned {
                entries: self.entries,
                signed,
            });
        }
    }

    /// Only without a server: sled admits one process, and writes when it opens.
    fn index(&mut self, place: &SledPlace) {
        if self.findings.contains(&Finding::InUse) || !place.exists() {
            return;
        }
        match place.look() {
            Ok(watermark) => self.indexed = Some(watermark.size),
            Err(fault) => self.findings.push(Finding::Index(fault.to_string())),
        }
    }
}

#[cfg(test)]
mod tests;
