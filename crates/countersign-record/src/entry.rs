//! One record of the ledger: its permanent header (docs/spec/entry.md).
//!
//! Headers hold ids, digests, numbers, words of the spec and names that the policy declares; never
//! personal data and never free text.

mod fact;
mod field;
mod part;
mod refs;
mod word;

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

pub use fact::*;
pub use field::FieldError;
pub use part::*;
pub use refs::{Party, Refs};
pub use word::*;

use crate::cbor;
use crate::cbor::{CborError, Raw};
use crate::digest::{BodyRoot, EntryHash};
use field::{Fields, Reader, Writer, writes};

/// The format version that this module reads and writes.
pub const VERSION: u64 = 1;

/// An entry's longest encoding; small enough for every tile reader (65,535) and for a person.
pub const ENTRY_BYTES_MAX: usize = 16 * 1024;

/// Few entries are longer; no limit, only the room that is made at first.
const ENTRY_BYTES_USUAL: usize = 512;

const BODIES: &str = "bodies";

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
    /// The keyring's generation, where it is another one than the ledger last recorded; on the
    /// first entry of a command only. An older copy of the keyring is found by it.
    pub keyring: Option<u64>,
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
        let mut reader = members(bytes)?;
        Self::take(&mut reader).map_err(EntryError::Common)
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, FieldError> {
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

/// The members of an entry of any version, from strictly canonical bytes.
fn members(bytes: &[u8]) -> Result<Reader<'_>, EntryError> {
    if bytes.len() > ENTRY_BYTES_MAX {
        return Err(EntryError::TooLong {
            length: bytes.len(),
        });
    }
    Reader::checked(bytes).ok_or_else(|| {
        let is_other_item = Raw::checked(bytes).is_some();
        EntryError::Cbor(if is_other_item {
            CborError::Malformed
        } else {
            cbor::refused(bytes)
        })
    })
}

/// Names and roots of an entry's bodies in the order in which they are stored; of any kind of entry,
/// known or not, and of one that cannot be read none.
pub fn body_roots(bytes: &[u8]) -> Vec<(&str, BodyRoot)> {
    if Raw::checked(bytes).is_none() {
        return Vec::new();
    }
    body_roots_unchecked(bytes)
}

/// The same where whether the bytes are an entry is looked at later: of others it says anything.
pub fn body_roots_unchecked(bytes: &[u8]) -> Vec<(&str, BodyRoot)> {
    // Longer keys come later.
    let members = Raw::unchecked(bytes).map().into_iter().flatten();
    let mut members = members.take_while(|(key, _)| key.len() <= BODIES.len());
    let bodies = members.find_map(|(key, item)| (key == BODIES.as_bytes()).then_some(item));
    let root = |item: Raw<'_>| {
        let bytes = item.bytes().and_then(|bytes| bytes.try_into().ok());
        BodyRoot(bytes.unwrap_or([0; 32]))
    };
    let named = bodies.and_then(Raw::map).into_iter().flatten();
    named
        .filter_map(|(name, item)| Some((core::str::from_utf8(name).ok()?, root(item))))
        .collect()
}

impl Entry {
    /// The exact bytes that are hashed and stored.
    pub fn encode(&self) -> Vec<u8> {
        let Self {
            seq,
            prev,
            at,
            n,
            keyring,
            draft,
        } = self;
        draft.encode_at(*seq, prev, *at, *n, *keyring)
    }

    /// Reads an entry: decode, encode, compare.
    pub fn decode(bytes: &[u8]) -> Result<Self, EntryError> {
        let entry = Self::read(bytes)?;
        if entry.encode() == bytes {
            Ok(entry)
        } else {
            Err(CborError::NotCanonical.into())
        }
    }

    /// The same without the comparison: each member has one encoding, and every other is refused where
    /// it is read. For whoever looks through a long log for its structure alone.
    pub fn read(bytes: &[u8]) -> Result<Self, EntryError> {
        let mut reader = members(bytes)?;
        let envelope = Envelope::take(&mut reader).map_err(EntryError::Common)?;
        if envelope.v != VERSION {
            return Err(EntryError::Unknown(FieldError::unknown("v")));
        }
        let keyring = reader.take("keyring").map_err(EntryError::field)?;
        let draft = Draft::take(&mut reader, &envelope.kind)?;
        if let Some(name) = reader.left() {
            return Err(EntryError::Unknown(FieldError::unknown(name)));
        }
        let Envelope {
            seq, prev, at, n, ..
        } = envelope;
        let entry = Self {
            seq,
            prev,
            at,
            n,
            keyring,
            draft,
        };
        debug_assert_eq!(entry.encode(), bytes, "a second encoding was read");
        Ok(entry)
    }

    /// The kind's name.
    pub fn kind(&self) -> &'static str {
        self.draft.fact.kind()
    }
}

impl Draft {
    /// Whether its entry is short enough wherever it will stand: with the longest numbers it can get.
    pub fn fits_an_entry(&self) -> bool {
        let (number, prev) = (u64::MAX, EntryHash([0; 32]));
        let longest = self.encode_at(number, &prev, number, Some(number), Some(number));
        longest.len() <= ENTRY_BYTES_MAX
    }

    fn encode_at(
        &self,
        seq: u64,
        prev: &EntryHash,
        at: UnixMillis,
        n: Option<u64>,
        keyring: Option<u64>,
    ) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.put("v", &VERSION);
        writer.put("seq", &seq);
        writer.put("prev", prev);
        writer.put("at", &at);
        writer.put("n", &n);
        writer.put("keyring", &keyring);
        writer.put("by", &self.by);
        writer.put("ref", &self.refs);
        writer.put("sources", &self.sources);
        writer.put(BODIES, &self.bodies);
        self.fact.write(&mut writer);
        let mut bytes = Vec::with_capacity(ENTRY_BYTES_USUAL);
        writer.push(&mut bytes);
        bytes
    }

    fn take(reader: &mut Reader<'_>, kind: &str) -> Result<Self, EntryError> {
        let fact = Fact::read(kind, reader)
            .ok_or_else(|| EntryError::Unknown(FieldError::unknown(kind)))?
            .map_err(EntryError::field)?;
        let rest = |reader: &mut Reader<'_>| {
            Ok(Self {
                by: reader.take("by")?,
                refs: reader.take("ref")?,
                sources: reader.take("sources")?,
                fact,
                bodies: reader.take(BODIES)?,
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
    fn write<'w>(&'w self, writer: &mut Writer<'w>) {
        self.iter().for_each(|(name, root)| writer.put(name, &root));
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, FieldError> {
        let mut bodies = Self::default();
        while let Some(name) = reader.left() {
            bodies.add(name, reader.take(name)?);
        }
        Ok(bodies)
    }
}

#[cfg(test)]
mod tests;
