//! Entries read back, with their bodies opened.

use std::collections::BTreeMap;
use std::fmt::Display;

use countersign_record::body::Body;
use countersign_record::digest::EntryHash;
use countersign_record::entry::Entry;
use countersign_record::json::Value;
use countersign_record::keyring::Keyring;
use countersign_record::seal;
use countersign_record::seal::BodyPlace;

use super::Core;
use crate::error::Unavailable;
use crate::reading::NOT_INDEXED;

/// An entry read back from the log, with its bodies.
#[derive(Clone, Debug)]
pub struct Record {
    /// The exact bytes.
    pub bytes: Vec<u8>,
    /// The same, read.
    pub entry: Entry,
    /// Bodies that could be opened, by name.
    pub bodies: BTreeMap<String, Body>,
}

/// Why something could not be read for the request under way.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Unread {
    /// The disk did not give it.
    Failed,
    /// Only the whole log could tell, and everybody would wait meanwhile.
    NotIndexed,
}

impl From<Unread> for Unavailable {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::Failed => Self::Internal,
            Unread::NotIndexed => NOT_INDEXED,
        }
    }
}

impl Record {
    /// The value of a body.
    pub fn body(&self, name: &str) -> Option<&Value> {
        self.bodies.get(name).map(Body::value)
    }
}

impl Core {
    /// An entry of this log, also one of the batch under way, with those bodies that can be opened.
    pub(crate) fn record(&self, seq: u64) -> Option<Record> {
        if let Some(ahead) = seq.checked_sub(self.durable.size) {
            let staged = self.staged.get(usize::try_from(ahead).ok()?)?;
            let bodies: Vec<_> = staged.bodies.iter().cloned().map(Some).collect();
            return self.opened(staged.entry.clone(), &bodies);
        }
        let stored = self.readable(self.reader.read(seq))??;
        self.opened(stored.entry, &stored.bodies)
    }

    /// What was read; that it could not be is remembered until the request is answered.
    pub(crate) fn readable<T>(&self, read: Result<T, impl Display>) -> Option<T> {
        read.inspect_err(|error| {
            tracing::error!(%error, "an entry was not read");
            self.unread.set(Some(Unread::Failed));
        })
        .ok()
    }

    /// Reads an entry and opens its bodies.
    pub(crate) fn opened(&self, bytes: Vec<u8>, sealed: &[Option<Vec<u8>>]) -> Option<Record> {
        opened(&self.keyring, self.genesis, bytes, sealed)
    }
}

/// Reads an entry and opens those of its bodies that can be opened.
pub(crate) fn opened(
    keyring: &Keyring,
    genesis: EntryHash,
    bytes: Vec<u8>,
    sealed: &[Option<Vec<u8>>],
) -> Option<Record> {
    let entry = Entry::decode(&bytes).ok()?;
    let mut bodies = BTreeMap::new();
    for ((name, root), sealed) in entry.draft.bodies.iter().zip(sealed) {
        let place = BodyPlace {
            genesis,
            seq: entry.seq,
            root,
        };
        let Some(sealed) = sealed else { continue };
        if let Ok(body) = seal::open(sealed, &place, || keyring.body_key(entry.seq)) {
            bodies.insert(name.to_owned(), body);
        }
    }
    Some(Record {
        bytes,
        entry,
        bodies,
    })
}
