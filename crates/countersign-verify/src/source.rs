//! What a verifier reads, wherever it lies: a bundle, a data directory, a server.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use countersign_record::body::{Body, Disclosure};

use crate::options::Extent;
use crate::prepare::{Prepared, Preparer};

/// One record as it was found.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The entry's bytes, exactly as stored.
    pub entry: Vec<u8>,
    /// Its bodies by name, as far as the source can tell.
    pub bodies: BTreeMap<String, BodyState>,
}

/// What a source has of a body.
#[derive(Clone, Debug)]
pub enum BodyState {
    /// Fields, some of which may be withheld.
    Disclosed(Disclosure),
    /// All of it, its root worked out.
    Opened(Body),
    /// Withheld on purpose: by the exporter, or because the reader has no key.
    Withheld,
    /// Its bytes are there; only the structure is asked for, so nobody looked into them.
    Unopened,
    /// Bytes that should be there are not, or do not open: a failure unless an erasure names them.
    Missing(String),
}

impl BodyState {
    /// What there is of it, and of its fields.
    pub const fn disclosure(&self) -> Option<&Disclosure> {
        match self {
            Self::Disclosed(disclosure) => Some(disclosure),
            Self::Opened(body) => Some(body.disclose_all()),
            Self::Withheld | Self::Unopened | Self::Missing(_) => None,
        }
    }
}

/// Where a source broke off.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{place}: {fault}")]
pub struct SourceError {
    /// File and offset, in the reader's terms.
    pub place: String,
    /// What is wrong, in plain words.
    pub fault: String,
    /// The first entry that is affected, when known.
    pub seq: Option<u64>,
}

/// A ledger, or the part of one that somebody was given.
pub trait Source {
    /// The newest signed checkpoint note; `None` when there is none.
    fn checkpoint(&self) -> Option<String>;

    /// Every record in order, from entry 0. After an error there is nothing more.
    fn records(&self) -> alloc::boxed::Box<dyn Iterator<Item = Result<Stored, SourceError>> + '_>;

    /// The same records, prepared: a source that can does so on all cores. `take` hears them in order;
    /// after an error there is nothing more.
    fn prepared(&self, extent: Extent, take: &mut dyn FnMut(Result<Prepared, SourceError>)) {
        let mut preparer = Preparer::new(extent);
        for record in self.records() {
            take(record.map(|stored| preparer.prepare(stored)));
        }
    }

    /// The record of one seq, for entries that refer back.
    fn record(&self, seq: u64) -> Option<Stored>;

    /// Whether somebody is appending to it right now: entries behind the checkpoint are then as they
    /// should be, and otherwise a doubt.
    fn is_being_written(&self) -> bool {
        false
    }
}
