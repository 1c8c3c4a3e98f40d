//! One record of the ledger: its permanent header (docs/spec/entry.md).
//!
//! Headers hold ids, digests, numbers, words of the spec and names that the policy declares; never
//! personal data and never free text.

mod fact;
mod field;
mod refs;

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

pub use fact::*;
pub use field::FieldError;
pub use refs::{Party, Refs};

use crate::cbor;
use crate::cbor::{CborError, Item, Map};
use crate::digest::{BodyRoot, EntryHash};
use field::{Fields, Reader, Writer, writes};

/// The format version that this module reads and writes.
pub const VERSION: u64 = 1;

/// An entry's longest encoding; small enough for every tile reader (65,535) and for a person.
pub const ENTRY_BYTES_MAX: usize = 16 * 1024;

/// Milliseconds since 1970-01-01T00:00:00Z.
pub type UnixMillis = u64;

/// One entry.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// Its place in the log, from 0.
    pub seq: u64,
    /// The chain value of the entry before it; of the origin for the first.
    pub prev: EntryHash,
    /// Server time; never less than the entry before.
    pub at: UnixMillis,
    /// How many entries this command appended; on its first entry only.
    pub n: Option<u64>,
    /// What is recorded.
    pub draft: Draft,
}

/// What a command wants recorded, before it has a place in the log.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Draft {
    /// The acting party.
    pub by: Party,
    /// The ids and entries that this one is about.
    pub refs: Refs,
    /// Entries whose body values are quoted in this one's bodies.
    pub sources: Vec<u64>,
    /// What happened.
    pub fact: Fact,
    /// The roots of its bodies, by name.
    pub bodies: Bodies,
}

/// Body roots by name, in the order of the names' encodings.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Bodies(BTreeMap<(usize, String), BodyRoot>);

impl Bodies {
    /// One body.
    pub fn one(name: &str, root: BodyRoot) -> Self {
        let mut bodies = Self::default();
        bodies.add(name, root);
        bodies
    }

    /// Adds a body.
    pub fn add(&mut self, name: &str, root: BodyRoot) {
        self.0.insert((name.len(), name.into()), root);
    }

    /// The root of the body of that name.
    pub fn root(&self, name: &str) -> Option<BodyRoot> {
        self.0.get(&(name.len(), name.into())).copied()
    }

    /// Names and roots in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, BodyRoot)> {
        self.0
            .iter()
            .map(|((_, name), root)| (name.as_str(), *root))
    }
}

/// Why bytes are not an entry that this version can read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum EntryError {
    /// Longer than [`ENTRY_BYTES_MAX`].
    #[error("{length} bytes; an entry has at most {ENTRY_BYTES_MAX}")]
    TooLong {
        /// The length found.
        length: usize,
    },
    /// Not deterministic CBOR.
    #[error(transparent)]
    Cbor(#[from] CborError),
    /// A member that every version has is missing or of another type.
    #[error("not an entry: {0}")]
    Common(FieldError),
    /// A version, kind or field that this reader does not know. Form, chain and tree can still be
    /// checked: see [`Envelope`].
    #[error("unknown version: {0}")]
    Unknown(FieldError),
    /// A known kind with a member missing or of another type.
    #[error("not canonical: {0}")]
    Field(FieldError),
}

/// The members that every version of the format has: enough to check form, chain and order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Envelope {
    /// The format version.
    pub v: u64,
    /// Its place in the log.
    pub seq: u64,
    /// The chain value of the entry before it.
    pub prev: EntryHash,
    /// Server time.
    pub at: UnixMillis,
    /// The kind's name.
    pub kind: String,
    /// How many entries the command appended.
    pub n: Option<u64>,
}

impl EntryError {
    fn field(error: FieldError) -> Self {
        if error.is_unknown() {
            Self::Unknown(error)
        } else {
            Self::Field(error)
        }
    }
}

impl Envelope {
    /// Reads what every version has, from strictly canonical bytes.
    pub fn read(bytes: &[u8]) -> Result<Self, EntryError> {
        let mut reader = Reader::new(map(bytes)?);
        Self::take(&mut reader).map_err(EntryError::Common)
    }

    fn take(reader: &mut Reader) -> Result<Self, FieldError> {
        Ok(Self {
            v: reader.take("v")?,
            seq: reader.take("seq")?,
            prev: reader.take("prev")?,
            at: reader.take("at")?,
            kind: reader.take("kind")?,
            n: reader.take("n")?,
        })
    }
}

fn map(bytes: &[u8]) -> Result<Map, EntryError> {
    if bytes.len() > ENTRY_BYTES_MAX {
        return Err(EntryError::TooLong {
            length: bytes.len(),
        });
    }
    match cbor::decode(bytes)? {
        Item::Map(map) => Ok(map),
        _ => Err(EntryError::Cbor(CborError::Malformed)),
    }
}

impl Entry {
    /// The exact bytes that are hashed and stored.
    pub fn encode(&self) -> Vec<u8> {
        let mut map = Map::new();
        let mut writer = Writer::new(&mut map);
        writer.put("v", &VERSION);
        writer.put("seq", &self.seq);
        writer.put("prev", &self.prev);
        writer.put("at", &self.at);
        writer.put("n", &self.n);
        writer.put("by", &self.draft.by);
        writer.put("ref", &self.draft.refs);
        writer.put("sources", &self.draft.sources);
        writer.put("bodies", &self.draft.bodies);
        self.draft.fact.write(&mut writer);
        cbor::encode(&Item::Map(map))
    }

    /// Reads an entry: decode, encode, compare.
    pub fn decode(bytes: &[u8]) -> Result<Self, EntryError> {
        let mut reader = Reader::new(map(bytes)?);
        let envelope = Envelope::take(&mut reader).map_err(EntryError::Common)?;
        if envelope.v != VERSION {
            return Err(EntryError::Unknown(FieldError::unknown("v")));
        }
        let draft = Draft::take(&mut reader, &envelope.kind)?;
        if let Some(name) = reader.left() {
            return Err(EntryError::Unknown(FieldError::unknown(&name)));
        }
        let Envelope {
            seq, prev, at, n, ..
        } = envelope;
        let entry = Self {
            seq,
            prev,
            at,
            n,
            draft,
        };
        if entry.encode() == bytes {
            Ok(entry)
        } else {
            Err(CborError::NotCanonical.into())
        }
    }

    /// The kind's name.
    pub fn kind(&self) -> &'static str {
        self.draft.fact.kind()
    }
}

impl Draft {
    fn take(reader: &mut Reader, kind: &str) -> Result<Self, EntryError> {
        let fact = Fact::read(kind, reader)
            .ok_or_else(|| EntryError::Unknown(FieldError::unknown(kind)))?
            .map_err(EntryError::field)?;
        let rest = |reader: &mut Reader| {
            Ok(Self {
                by: reader.take("by")?,
                refs: reader.take("ref")?,
                sources: reader.take("sources")?,
                fact,
                bodies: reader.take("bodies")?,
            })
        };
        let draft = rest(reader).map_err(EntryError::field)?;
        match draft.later() {
            None => Ok(draft),
            Some(name) => Err(EntryError::Unknown(FieldError::unknown(name))),
        }
    }

    /// What is of another version although every member has its form.
    fn later(&self) -> Option<&str> {
        if matches!(&self.fact, Fact::LedgerCreated(created) if created.format != VERSION) {
            return Some("format");
        }
        let mut names = self.bodies.iter().map(|(name, _)| name);
        names.find(|name| Some(*name) != self.fact.body())
    }
}

writes!(Bodies);

impl Fields for Bodies {
    fn write(&self, writer: &mut Writer<'_>) {
        self.iter().for_each(|(name, root)| writer.put(name, &root));
    }

    fn read(reader: &mut Reader) -> Result<Self, FieldError> {
        let mut bodies = Self::default();
        while let Some(name) = reader.left() {
            bodies.add(&name, reader.take(&name)?);
        }
        Ok(bodies)
    }
}

#[cfg(test)]
mod tests;
