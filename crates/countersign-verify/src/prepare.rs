//! What one record says by itself: its form, its hashes, its bodies under their roots, and whether
//! the signature in it is good. All of it can be found out on any thread. Nothing here is a verdict:
//! what it means in its place, the fold decides.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use countersign_attest::sshsig::Blob;
use countersign_attest::{Context, PublicKey, Verified, verify};
use countersign_ledger::chain::{leaf_hash, link};
use countersign_record::body::{Disclosed, Disclosure, Field};
use countersign_record::digest::{BodyRoot, EntryHash, LeafHash};
use countersign_record::entry::{Entry, EntryError, Fact};
use countersign_record::json::Value;

use crate::options::Extent;
use crate::source::{BodyState, Stored};

/// Keys held at a time; more than any log has people, so that a log of made-up keys fills no memory.
const SIGNERS_MAX: usize = 1024;

/// A record of which everything is found out that needs no other record.
#[derive(Debug)]
pub struct Prepared {
    pub(crate) bytes: Vec<u8>,
    pub(crate) entry: Result<Entry, EntryError>,
    pub(crate) hash: EntryHash,
    pub(crate) leaf: LeafHash,
    /// The bodies that the header names, each under its root or what is wrong with it.
    pub(crate) bodies: Vec<(String, Result<Content, String>)>,
    /// Bodies that were found and that the header does not name.
    pub(crate) surplus: Vec<String>,
    /// That the signature in the entry is one by the key that it names itself. Whose key that is, and
    /// whether it counts, is not known here.
    pub(crate) proof: Option<Verified>,
}

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
    /// Keys that signatures named, read and gated once.
    signers: BTreeMap<Vec<u8>, PublicKey>,
}

impl Preparer {
    /// One for each thread.
    pub const fn new(extent: Extent) -> Self {
        Self {
            extent,
            signers: BTreeMap::new(),
        }
    }

    /// Finds out what the record says by itself.
    pub fn prepare(&mut self, stored: Stored) -> Prepared {
        let Stored {
            entry: bytes,
            bodies: mut found,
        } = stored;
        let entry = Entry::decode(&bytes);
        let mut bodies = Vec::new();
        let mut surplus = Vec::new();
        if let Ok(entry) = &entry {
            for (name, root) in entry.draft.bodies.iter() {
                bodies.push((name.into(), content(found.remove(name), root)));
            }
            surplus.extend(found.into_keys());
        }
        let proof = match (&entry, self.extent) {
            (Ok(entry), Extent::Everything) => self.proof(&entry.draft.fact),
            _ => None,
        };
        Prepared {
            hash: link(&bytes),
            leaf: leaf_hash(&bytes),
            bytes,
            entry,
            bodies,
            surplus,
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
        if !self.signers.contains_key(named) {
            if self.signers.len() == SIGNERS_MAX {
                self.signers.clear();
            }
            let key = PublicKey::from_ssh_wire(named).ok()?;
            self.signers.insert(named.into(), key);
        }
        let key = self.signers.get(named)?;
        verify(context, key, &statement.0, &signature.0).ok()
    }
}

/// A body under its root, or what is wrong with it.
fn content(found: Option<BodyState>, root: BodyRoot) -> Result<Content, String> {
    match found {
        None => Err("missing".into()),
        Some(BodyState::Missing(why)) => Err(format!("missing: {why}")),
        Some(BodyState::Withheld) => Ok(Content::Absent),
        Some(BodyState::Unopened) => Ok(Content::Unopened),
        Some(BodyState::Disclosed(disclosure)) => disclosed(&disclosure, root),
    }
}

fn disclosed(disclosure: &Disclosure, root: BodyRoot) -> Result<Content, String> {
    let found = disclosure
        .root()
        .map_err(|error| format!("altered: {error}"))?;
    if found != root {
        return Err("altered: it is not what the entry's header commits to".into());
    }
    match disclosure
        .disclosed()
        .map_err(|error| format!("altered: {error}"))?
    {
        Disclosed::Whole(value) => Ok(Content::Whole(value)),
        Disclosed::Part { fields, .. } => Ok(Content::Part(fields)),
    }
}
