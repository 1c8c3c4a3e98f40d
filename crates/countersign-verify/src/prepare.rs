//! What one record says by itself: its form, its hashes, its bodies under their roots, and whether
//! the signature in it is good. All of it can be found out on any thread. Nothing here is a verdict:
//! what it means in its place, the fold decides.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use countersign_attest::sshsig::Blob;
use countersign_attest::{Context, Signers, Verified, verify};
use countersign_flow::{CallDocument, DocumentError};
use countersign_ledger::chain::{leaf_hash, link};
use countersign_record::body::{Disclosed, Disclosure, Field};
use countersign_record::digest::{BodyRoot, EntryHash, LeafHash};
use countersign_record::entry::{Entry, EntryError, Envelope, Fact, LedgerCreated, UnixMillis};
use countersign_record::json::Value;

use crate::options::Extent;
use crate::source::{BodyState, Stored};

/// A record of which everything is found out that needs no other record.
#[derive(Debug)]
pub struct Prepared {
    pub(crate) bytes: Vec<u8>,
    /// Where it says that it stands, if it can be read so far.
    pub(crate) place: Option<Place>,
    /// The entry; kept where more than the structure is asked for.
    pub(crate) entry: Result<Option<Box<Entry>>, EntryError>,
    /// What the log says of itself, if this is the entry that does.
    pub(crate) created: Option<Box<LedgerCreated>>,
    pub(crate) hash: EntryHash,
    pub(crate) leaf: LeafHash,
    /// The bodies that the header names, each under its root or what is wrong with it.
    pub(crate) bodies: Vec<NamedContent>,
    /// Bodies that were found and that the header does not name.
    pub(crate) surplus: Vec<String>,
    /// The body `call` of a call that is evaluated, where all of it is disclosed.
    pub(crate) document: Option<Result<Box<CallDocument>, DocumentError>>,
    /// That the signature in the entry is one by the key that it names itself. Whose key that is, and
    /// whether it counts, is not known here.
    pub(crate) proof: Option<Verified>,
}

/// What every version says of an entry's place, and this one of its command.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) seq: u64,
    pub(crate) prev: EntryHash,
    pub(crate) at: UnixMillis,
    pub(crate) n: Option<u64>,
    pub(crate) keyring: Option<u64>,
}

impl Place {
    const fn of(entry: &Entry) -> Self {
        Self {
            seq: entry.seq,
            prev: entry.prev,
            at: entry.at,
            n: entry.n,
            keyring: entry.keyring,
        }
    }

    /// Of an entry that cannot be read whole.
    fn read(bytes: &[u8]) -> Option<Self> {
        let Envelope {
            seq, prev, at, n, ..
        } = Envelope::read(bytes).ok()?;
        Some(Self {
            seq,
            prev,
            at,
            n,
            keyring: None,
        })
    }
}

/// A body that the header names, and what is wrong with it if it is not under its root.
pub(crate) type NamedContent = (String, Result<Content, String>);

/// What a reader has of a body, its root compared.
#[derive(Debug)]
pub(crate) enum Content {
    /// All of it.
    Whole(Value),
    /// Some fields.
    Part(Vec<Field>),
    /// Nothing, on purpose or by damage.
    Absent,
    /// Its bytes are there; nobody looked into them.
    Unopened,
}

/// Prepares records, one after another.
#[derive(Debug)]
pub struct Preparer {
    extent: Extent,
    signers: Signers,
}

impl Preparer {
    /// One for each thread.
    pub const fn new(extent: Extent) -> Self {
        Self {
            extent,
            signers: Signers::new(),
        }
    }

    /// Finds out what the record says by itself.
    pub fn prepare(&mut self, stored: Stored) -> Prepared {
        let Stored {
            entry: bytes,
            bodies: mut found,
        } = stored;
        let entry = match self.extent {
            Extent::Everything => Entry::decode(&bytes),
            Extent::Structure => Entry::read(&bytes),
        };
        let entry = entry.map(Box::new);
        let mut bodies = Vec::new();
        let mut surplus = Vec::new();
        let mut created = None;
        let mut document = None;
        let mut proof = None;
        let place = if let Ok(entry) = &entry {
            for (name, root) in entry.draft.bodies.iter() {
                bodies.push((name.into(), content(found.remove(name), root)));
            }
            surplus.extend(found.into_keys());
            if let Fact::LedgerCreated(it) = &entry.draft.fact {
                created = Some(Box::new(it.clone()));
            }
            if self.extent == Extent::Everything {
                document = document_of(&entry.draft.fact, &bodies);
                proof = self.proof(&entry.draft.fact);
            }
            Some(Place::of(entry))
        } else {
            Place::read(&bytes)
        };
        let is_kept = self.extent == Extent::Everything;
        Prepared {
            hash: link(&bytes),
            leaf: leaf_hash(&bytes),
            bytes: if is_kept { bytes } else { Vec::new() },
            place,
            entry: entry.map(|entry| Some(entry).filter(|_| is_kept)),
            created,
            bodies,
            surplus,
            document,
            proof,
        }
    }

    fn proof(&mut self, fact: &Fact) -> Option<Verified> {
        let (context, statement, signature) = match fact {
            Fact::VoteApprove(it) => (Context::Approval, &it.statement, &it.signature),
            Fact::VoteDeny(it) => (Context::Approval, &it.statement, &it.signature),
            Fact::ConfirmationRevoked(it) => (
                Context::Revocation,
                it.statement.as_ref()?,
                it.signature.as_ref()?,
            ),
            _ => return None,
        };
        let named = Blob::read(&signature.0).ok()?.public_key;
        let key = self.signers.key(named)?;
        verify(context, key, &statement.0, &signature.0).ok()
    }
}

/// It is asked for by the rebuilt command, the likenesses and the fold: read here, it is read once.
fn document_of(
    fact: &Fact,
    bodies: &[NamedContent],
) -> Option<Result<Box<CallDocument>, DocumentError>> {
    let Fact::CallEvaluated(_) = fact else {
        return None;
    };
    let value = bodies.iter().find_map(|(name, content)| match content {
        Ok(Content::Whole(value)) if name == "call" => Some(value),
        _ => None,
    })?;
    Some(CallDocument::read(value).map(Box::new))
}

/// A body under its root, or what is wrong with it.
fn content(found: Option<BodyState>, root: BodyRoot) -> Result<Content, String> {
    match found {
        None => Err("missing".into()),
        Some(BodyState::Missing(why)) => Err(format!("missing: {why}")),
        Some(BodyState::Withheld) => Ok(Content::Absent),
        Some(BodyState::Unopened) => Ok(Content::Unopened),
        Some(BodyState::Opened(body)) if body.root() == root => {
            Ok(Content::Whole(body.into_value()))
        }
        Some(BodyState::Opened(_)) => Err(OTHER.into()),
        Some(BodyState::Disclosed(disclosure)) => disclosed(&disclosure, root),
    }
}

const OTHER: &str = "altered: it is not what the entry's header commits to";

fn disclosed(disclosure: &Disclosure, root: BodyRoot) -> Result<Content, String> {
    let found = disclosure
        .root()
        .map_err(|error| format!("altered: {error}"))?;
    if found != root {
        return Err(OTHER.into());
    }
    match disclosure
        .disclosed()
        .map_err(|error| format!("altered: {error}"))?
    {
        Disclosed::Whole(value) => Ok(Content::Whole(value)),
        Disclosed::Part { fields, .. } => Ok(Content::Part(fields)),
    }
}
