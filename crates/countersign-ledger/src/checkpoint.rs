//! Checkpoints (c2sp.org/tlog-checkpoint): a log's signed word on how many entries it has and what
//! they are. Exactly three lines: origin, size, root.

use alloc::borrow::ToOwned as _;
use alloc::string::String;

use countersign_record::digest::RootHash;

use crate::base64;
use crate::merkle::SIZE_MAX;
use crate::note::{Note, NoteError, SignatureError, Signer, TextError, VerifierKey};

/// A log begins with two entries, so that every published proof has at least one hash.
pub const SIGNED_SIZE_MIN: u64 = 2;

/// A tree head: the first `size` entries of the log `origin` have this root.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Checkpoint {
    /// The log, by the name of its key.
    pub origin: String,
    /// The number of entries.
    pub size: u64,
    /// The root of the tree of these entries.
    pub root: RootHash,
}

/// Text that is not a checkpoint.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// More or fewer than origin, size and root. Further lines are refused by witnesses too.
    #[error("a checkpoint has exactly three lines")]
    Lines,
    /// The first line is empty.
    #[error("the checkpoint names no log")]
    Origin,
    /// Not a decimal number from 0 to 2^63−1 without leading zeros or a sign.
    #[error("line 2 is not a size")]
    Size,
    /// Not the base64 of 32 bytes.
    #[error("line 3 is not a root")]
    Root,
}

/// Why a note is not a checkpoint of the log whose key was given.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Not a note.
    #[error("not a signed note")]
    Note(#[from] NoteError),
    /// Not signed by the log.
    #[error("not signed by the log")]
    Signature(#[from] SignatureError),
    /// Signed, but not a checkpoint.
    #[error("not a checkpoint")]
    Checkpoint(#[from] CheckpointError),
    /// The key signed for a log of another name.
    #[error("a checkpoint of {found}, signed by {key}")]
    OtherLog {
        /// The key's name.
        key: String,
        /// The origin that the checkpoint names.
        found: String,
    },
}

/// Why a checkpoint is not signed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// Below [`SIGNED_SIZE_MIN`] or above [`SIZE_MAX`].
    #[error("no checkpoint of size {size} is ever made")]
    Size {
        /// The size.
        size: u64,
    },
    /// The key is another log's.
    #[error("a checkpoint of {origin} is not signed by {key}")]
    OtherLog {
        /// The key's name.
        key: String,
        /// The log that the checkpoint names.
        origin: String,
    },
    /// The text cannot stand in a note.
    #[error("a checkpoint that cannot be read back")]
    Text(#[from] TextError),
}

impl Checkpoint {
    /// The note's text: three lines, each with its newline.
    pub fn text(&self) -> String {
        let root = base64::encode(self.root.bytes());
        alloc::format!("{}\n{}\n{root}\n", self.origin, self.size)
    }

    /// Reads [`Checkpoint::text`].
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let lines = text.strip_suffix('\n').ok_or(CheckpointError::Lines)?;
        let mut lines = lines.split('\n');
        let (Some(origin), Some(size), Some(root), None) =
            (lines.next(), lines.next(), lines.next(), lines.next())
        else {
            return Err(CheckpointError::Lines);
        };
        if origin.is_empty() {
            return Err(CheckpointError::Origin);
        }
        Ok(Self {
            origin: origin.to_owned(),
            size: decimal(size).ok_or(CheckpointError::Size)?,
            root: base64::decode_hash(root)
                .map(RootHash)
                .ok_or(CheckpointError::Root)?,
        })
    }

    /// Signs for the log that has this origin.
    pub fn sign(self, signer: &Signer) -> Result<SignedCheckpoint, SignError> {
        if !(SIGNED_SIZE_MIN..=SIZE_MAX).contains(&self.size) {
            return Err(SignError::Size { size: self.size });
        }
        if self.origin != signer.name() {
            return Err(SignError::OtherLog {
                key: signer.name().to_owned(),
                origin: self.origin,
            });
        }
        let note = signer.sign(&self.text())?;
        Ok(SignedCheckpoint {
            checkpoint: self,
            note,
        })
    }

    /// The checkpoint in a note that the log's key signed.
    pub fn open(note: &str, key: &VerifierKey) -> Result<Self, OpenError> {
        let checkpoint = Self::parse(Note::parse(note)?.verify(key)?)?;
        if checkpoint.origin != key.name() {
            return Err(OpenError::OtherLog {
                key: key.name().to_owned(),
                found: checkpoint.origin,
            });
        }
        Ok(checkpoint)
    }
}

/// A checkpoint and the note that proves it. Only [`Checkpoint::sign`] makes one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SignedCheckpoint {
    checkpoint: Checkpoint,
    note: String,
}

impl SignedCheckpoint {
    /// What was signed.
    pub const fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The signed note, as it is stored and sent.
    pub fn note(&self) -> &str {
        &self.note
    }
}

/// Reads a decimal number from 0 to [`SIZE_MAX`]: digits only, no leading zeros.
pub(crate) fn decimal(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    if !plain && text != "0" {
        return None;
    }
    text.parse().ok().filter(|number| *number <= SIZE_MAX)
}

#[cfg(test)]
mod tests;
