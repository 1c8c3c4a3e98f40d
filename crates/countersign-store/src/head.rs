//! `head.lock`: the last signed checkpoint note, changed only by compare-and-swap.
//!
//! It is the one thing outside the log that says how long the log was. On another volume it also
//! finds a log that was set back together with its directory.

use std::fmt::Debug;
use std::io;
use std::sync::Arc;

use countersign_ledger::checkpoint::{Checkpoint, OpenError};
use countersign_ledger::note::VerifierKey;
use countersign_record::digest::RootHash;

use crate::disk::{Access, Disk, Wait, is_full, parent, read_all, replace};

/// Where the last signed checkpoint is kept.
pub trait HeadLock: Debug + Send + Sync {
    /// The note, exactly as it was written.
    fn read(&self) -> Result<String, HeadLockError>;
    /// Puts `new` in the place of `expected` (`None`: where nothing is yet) and makes it durable.
    /// After an error other than [`HeadLockError::Moved`] what it holds is unknown until it is read;
    /// the same swap may be tried again, since `new` may be there already.
    fn swap(&self, expected: Option<&str>, new: &str) -> Result<(), HeadLockError>;
    /// Makes sure that what [`HeadLock::read`] gives survives a power cut.
    fn settle(&self) -> Result<(), HeadLockError>;
}

/// Why a head lock could not be read or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HeadLockError {
    /// There is none, although the log has been used.
    #[error("{place} is missing: without it nobody can tell whether the log was cut")]
    Missing {
        /// Where it should be.
        place: String,
    },
    /// It does not hold what the caller last wrote: somebody else signs for this log.
    #[error("{place} holds another checkpoint than the one this service signed last")]
    Moved {
        /// Where it is.
        place: String,
        /// What it holds.
        found: Option<String>,
    },
    /// It holds something that is no text.
    #[error("{place} is not a note: it is not UTF-8")]
    NotText {
        /// Where it is.
        place: String,
    },
    /// Its directory could not be synced: what is read there may not be on the disk.
    #[error(
        "the directory of {place} could not be synced, so a power cut may bring an older one back; nothing was changed"
    )]
    Unsettled {
        /// Where it is.
        place: String,
        /// What the disk said.
        #[source]
        cause: io::Error,
    },
    /// The disk refused.
    #[error("cannot read or write {place}")]
    Disk {
        /// Where it is.
        place: String,
        /// What the disk said.
        #[source]
        cause: io::Error,
    },
}

impl HeadLockError {
    /// Whether there was no space; the same swap may be tried again.
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Disk { cause, .. } if is_full(cause))
    }
}

/// A head lock in a file.
#[derive(Clone, Debug)]
pub struct HeadLockFile {
    disk: Arc<dyn Disk>,
    path: String,
}

impl HeadLockFile {
    /// The file `path` on `disk`. The file `path.lock` beside it is the lock of its writers.
    pub fn new(disk: Arc<dyn Disk>, path: impl Into<String>) -> Self {
        Self {
            disk,
            path: path.into(),
        }
    }

    fn found(&self) -> Result<Option<String>, HeadLockError> {
        match read_all(&*self.disk, &self.path) {
            Ok(bytes) => String::from_utf8(bytes)
                .map(Some)
                .map_err(|_| HeadLockError::NotText {
                    place: self.path.clone(),
                }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(cause) => Err(self.refused(cause)),
        }
    }

    fn refused(&self, cause: io::Error) -> HeadLockError {
        HeadLockError::Disk {
            place: self.path.clone(),
            cause,
        }
    }
}

impl HeadLock for HeadLockFile {
    fn settle(&self) -> Result<(), HeadLockError> {
        let synced = self.disk.sync_directory(parent(&self.path));
        synced.map_err(|cause| HeadLockError::Unsettled {
            place: self.path.clone(),
            cause,
        })
    }

    fn read(&self) -> Result<String, HeadLockError> {
        self.found()?.ok_or_else(|| HeadLockError::Missing {
            place: self.path.clone(),
        })
    }

    fn swap(&self, expected: Option<&str>, new: &str) -> Result<(), HeadLockError> {
        // The note itself is replaced by a rename, so its own inode cannot carry the lock.
        let _held = self
            .disk
            .lock(&format!("{}.lock", self.path), Wait::Yes)
            .map_err(|cause| self.refused(cause))?;
        let found = self.found()?;
        if found.as_deref() != expected && found.as_deref() != Some(new) {
            return Err(match found {
                None => HeadLockError::Missing {
                    place: self.path.clone(),
                },
                found => HeadLockError::Moved {
                    place: self.path.clone(),
                    found,
                },
            });
        }
        replace(&*self.disk, &self.path, new.as_bytes(), Access::Group)
            .map_err(|cause| self.refused(cause))
    }
}

/// Why a log must not be served.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum HeadRefusal {
    /// The lock is not a checkpoint that this log's key signed.
    #[error("the head lock does not hold a checkpoint signed by this log's key")]
    NotOurs(#[from] OpenError),
    /// Entries that were signed for are gone.
    #[error(
        "the log has {found} entries, a checkpoint of {signed} was signed: it was cut or set back"
    )]
    Shorter {
        /// The log's size.
        found: u64,
        /// The checkpoint's size.
        signed: u64,
    },
    /// Entries are not those that were signed for.
    #[error("the first {signed} entries have the root {found}, {expected} was signed")]
    OtherRoot {
        /// The checkpoint's size.
        signed: u64,
        /// The root of the log at that size.
        found: RootHash,
        /// The root in the checkpoint.
        expected: RootHash,
    },
}

/// The start rule: the log is at least as long as the last signed checkpoint says, and has the same
/// root there. `root_at` gives the root of the first n entries, `None` when there are fewer.
pub fn check_head(
    log_size: u64,
    root_at: impl FnOnce(u64) -> Option<RootHash>,
    note: &str,
    key: &VerifierKey,
) -> Result<Checkpoint, HeadRefusal> {
    let checkpoint = Checkpoint::open(note, key)?;
    let signed = checkpoint.size;
    let covered = Some(signed).filter(|signed| *signed <= log_size);
    match covered.and_then(root_at) {
        None => Err(HeadRefusal::Shorter {
            found: log_size,
            signed,
        }),
        Some(found) if found != checkpoint.root => Err(HeadRefusal::OtherRoot {
            signed,
            found,
            expected: checkpoint.root,
        }),
        Some(_) => Ok(checkpoint),
    }
}

/// The size that a checkpoint note claims, its signature unchecked: for listings only.
pub(crate) fn claimed_size(note: &str) -> Option<u64> {
    // The text ends with the empty line before the signatures.
    let end = note.rfind("\n\n")?;
    let checkpoint = Checkpoint::parse(&note[..=end]).ok()?;
    Some(checkpoint.size)
}

#[cfg(test)]
mod tests;
