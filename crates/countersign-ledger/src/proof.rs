//! Proof files (c2sp.org/tlog-proof@v1, `.tlog-proof`): everything that shows offline that one
//! entry is in the log: its number, the hashes beside its path, and the signed checkpoint.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use countersign_record::digest::LeafHash;

use crate::base64;
use crate::checkpoint::{Checkpoint, OpenError, decimal};
use crate::merkle::{INCLUSION_HASHES_MAX, InclusionError, verify_inclusion};
use crate::note::{Note, NoteError, VerifierKey};

const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// Go's reader takes lines of up to 64 KiB.
const EXTRA_BYTES_MAX: usize = 48 * 1024 - 64;

/// That one entry is in a log, as a file. Nothing in it is verified before [`InclusionProof::verify`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct InclusionProof {
    /// Words of whoever made the file; nothing vouches for them.
    pub extra: Option<Vec<u8>>,
    /// The entry's number.
    pub index: u64,
    /// The hashes beside its path, the leaf's sibling first.
    pub path: Vec<[u8; 32]>,
    /// The signed checkpoint, with the witnesses' lines if there are any.
    pub checkpoint: String,
}

/// Text that is not a proof file.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofFileError {
    /// Another format, or another version of this one.
    #[error("the first line is not {HEADER}")]
    Header,
    /// Not base64, or more than can be read by others.
    #[error("the extra line cannot be read")]
    Extra,
    /// No `index` line with a plain decimal number.
    #[error("no index line")]
    Index,
    /// Not the base64 of 32 bytes.
    #[error("hash {number} of the path cannot be read")]
    Hash {
        /// Counted from 1.
        number: usize,
    },
    /// More hashes than any tree has levels.
    #[error("more than {INCLUSION_HASHES_MAX} hashes")]
    TooManyHashes,
    /// No empty line after the hashes.
    #[error("no checkpoint after an empty line")]
    NoCheckpoint,
    /// The rest is not a note.
    #[error("the checkpoint is not a signed note")]
    Note(#[from] NoteError),
}

/// Why a proof shows nothing.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// The checkpoint is not the log's.
    #[error("the proof's checkpoint does not hold")]
    Checkpoint(#[from] OpenError),
    /// The entry is not under the checkpoint's root.
    #[error("the entry is not where the proof says")]
    Inclusion(#[from] InclusionError),
}

impl InclusionProof {
    /// Checks that the log whose key this is has the entry with this leaf at [`Self::index`], and
    /// gives the checkpoint under which it stands.
    pub fn verify(&self, leaf: LeafHash, key: &VerifierKey) -> Result<Checkpoint, ProofError> {
        let checkpoint = Checkpoint::open(&self.checkpoint, key)?;
        let (size, root) = (checkpoint.size, checkpoint.root);
        verify_inclusion(leaf, self.index, size, &self.path, root)?;
        Ok(checkpoint)
    }
}

/// The file's text.
impl fmt::Display for InclusionProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", base64::encode(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        for hash in &self.path {
            writeln!(f, "{}", base64::encode(hash))?;
        }
        write!(f, "\n{}", self.checkpoint)
    }
}

impl FromStr for InclusionProof {
    type Err = ProofFileError;

    fn from_str(text: &str) -> Result<Self, ProofFileError> {
        let (header, rest) = text.split_once('\n').ok_or(ProofFileError::Header)?;
        if header != HEADER {
            return Err(ProofFileError::Header);
        }
        let (extra, rest) = read_extra(rest)?;
        let (line, rest) = rest.split_once('\n').ok_or(ProofFileError::Index)?;
        let index = line
            .strip_prefix("index ")
            .and_then(decimal)
            .ok_or(ProofFileError::Index)?;
        let (path, checkpoint) = read_path(rest)?;
        Note::parse(checkpoint)?;
        Ok(Self {
            extra,
            index,
            path,
            checkpoint: checkpoint.into(),
        })
    }
}

fn read_extra(text: &str) -> Result<(Option<Vec<u8>>, &str), ProofFileError> {
    let Some(line_on) = text.strip_prefix("extra ") else {
        return Ok((None, text));
    };
    let (encoded, rest) = line_on.split_once('\n').ok_or(ProofFileError::Extra)?;
    let extra = base64::decode(encoded).filter(|extra| extra.len() <= EXTRA_BYTES_MAX);
    Ok((Some(extra.ok_or(ProofFileError::Extra)?), rest))
}

fn read_path(mut text: &str) -> Result<(Vec<[u8; 32]>, &str), ProofFileError> {
    let mut path = Vec::new();
    loop {
        let (line, rest) = text.split_once('\n').ok_or(ProofFileError::NoCheckpoint)?;
        text = rest;
        if line.is_empty() {
            return Ok((path, text));
        }
        if path.len() == INCLUSION_HASHES_MAX {
            return Err(ProofFileError::TooManyHashes);
        }
        let number = path.len() + 1;
        path.push(base64::decode_hash(line).ok_or(ProofFileError::Hash { number })?);
    }
}

#[cfg(test)]
mod tests;
