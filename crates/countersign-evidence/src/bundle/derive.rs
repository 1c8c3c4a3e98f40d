//! All files of a bundle but the manifest, from a source and a case. Used to write and to check.

use std::collections::BTreeSet;

use countersign_flow::presentation_text;
use countersign_ledger::chain::leaf_hash;
use countersign_ledger::checkpoint::Checkpoint;
use countersign_ledger::merkle::{ProveError, Tree};
use countersign_ledger::proof::InclusionProof;
use countersign_record::action::policy_digest;
use countersign_record::body::{Disclosed, Leaf};
use countersign_record::entry::{Entry, Fact};
use countersign_record::json::{Value, canonical_text};
use countersign_verify::{BodyState, Source, SourceError, Stored};

use super::description::{Description, LISTED_MAX};
use super::{attest, keys, layout, view};
use crate::source::stated;

/// Why no bundle can be made of a source.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeriveError<E> {
    /// Nothing that anybody could check against.
    #[error("there is no signed checkpoint; a log has one as soon as a server ran on it")]
    NoCheckpoint,
    /// The checkpoint is none.
    #[error("the checkpoint cannot be read; run `countersign verify` for the cause")]
    Checkpoint,
    /// The source breaks off.
    #[error("the log cannot be read to the end of its checkpoint")]
    Source(#[source] SourceError),
    /// The source ends early.
    #[error("the checkpoint covers {signed} entries, only {found} are there")]
    Short {
        /// The checkpoint's size.
        signed: u64,
        /// How many entries there are.
        found: u64,
    },
    /// The entries are not those of the checkpoint.
    #[error(
        "the entries do not have the checkpoint's root; run `countersign verify` for the place"
    )]
    Root,
    /// A proof cannot be made.
    #[error("entry {seq} cannot be proven")]
    Proof {
        /// The entry.
        seq: u64,
        /// Why.
        #[source]
        cause: ProveError,
    },
    /// The description would be longer than a checker reads.
    #[error(
        "more than {LISTED_MAX} bodies are withheld or missing; export as a user who may read the keyring"
    )]
    TooMany,
    /// A file could not be kept.
    #[error("cannot keep a file of the bundle")]
    Keep(#[source] E),
}

/// Gives every file to `keep`, each path once, and says what they are.
pub(super) fn derive<E>(
    source: &dyn Source,
    case: &str,
    keep: &mut Keep<'_, E>,
) -> Result<Description, DeriveError<E>> {
    let note = source.checkpoint().ok_or(DeriveError::NoCheckpoint)?;
    let head = stated(&note).ok_or(DeriveError::Checkpoint)?;
    let mut deriving = Deriving {
        keep,
        tree: Tree::new(),
        signers: String::new(),
        policies: BTreeSet::new(),
        described: Description {
            origin: head.origin.clone(),
            size: head.size,
            case: case.to_owned(),
            ..Description::default()
        },
    };
    for record in source.records() {
        if deriving.tree.size() == head.size {
            break;
        }
        let record = record.map_err(DeriveError::Source)?;
        deriving.record(&record).map_err(DeriveError::Keep)?;
        if deriving.described.listed() > LISTED_MAX {
            return Err(DeriveError::TooMany);
        }
    }
    deriving.prove(&head, &note)?;
    deriving.finish(&head, &note).map_err(DeriveError::Keep)
}

/// Takes a file: its path and its bytes.
type Keep<'k, E> = dyn FnMut(&str, &[u8]) -> Result<(), E> + 'k;

struct Deriving<'k, E> {
    keep: &'k mut Keep<'k, E>,
    tree: Tree,
    signers: String,
    policies: BTreeSet<String>,
    described: Description,
}

impl<E> Deriving<'_, E> {
    fn record(&mut self, record: &Stored) -> Result<(), E> {
        let seq = self.tree.size();
        self.tree.append(leaf_hash(&record.entry));
        (self.keep)(&layout::entry(seq), &record.entry)?;
        if let Some(view) = view::view(&record.entry) {
            (self.keep)(&layout::view(seq), view.as_bytes())?;
        }
        for (name, state) in &record.bodies {
            self.body(seq, name, state)?;
        }
        match Entry::decode(&record.entry) {
            Ok(entry) => self.typed(seq, &entry, record),
            // Of another version: its bytes and its proof are all that can be given.
            Err(_) => Ok(()),
        }
    }

    fn body(&mut self, seq: u64, name: &str, state: &BodyState) -> Result<(), E> {
        let file = layout::disclosure(seq, name);
        match (state, state.disclosure().zip(file)) {
            (_, Some((disclosure, file))) => {
                self.described.counts.disclosed += 1;
                let is_withheld = |leaf: &Leaf| matches!(leaf, Leaf::Withheld(_));
                if disclosure.leaves.iter().any(is_withheld) {
                    self.withheld(seq, name);
                }
                let text = canonical_text(&disclosure.to_json()) + "\n";
                (self.keep)(&file, text.as_bytes())?;
            }
            (BodyState::Missing(why), None) => {
                self.described.counts.missing += 1;
                self.described
                    .missing
                    .insert((seq, name.to_owned()), why.clone());
            }
            (_, None) => self.withheld(seq, name),
        }
        Ok(())
    }

    fn withheld(&mut self, seq: u64, name: &str) {
        self.described.counts.withheld += 1;
        self.described.withheld.insert((seq, name.to_owned()));
    }

    fn typed(&mut self, seq: u64, entry: &Entry, record: &Stored) -> Result<(), E> {
        let signed = attest::files(&entry.draft.fact);
        self.described.counts.attested += u64::from(!signed.is_empty());
        for (name, bytes) in signed {
            (self.keep)(&layout::attest(seq, name), &bytes)?;
        }
        for (name, bytes) in keys::files(entry) {
            (self.keep)(&layout::key(&name), &bytes)?;
        }
        self.signers.extend(keys::allowed_signer(entry));
        match &entry.draft.fact {
            Fact::ConfirmationOpened(_) => self.shown(seq, record),
            Fact::PolicyAdopted(_) => self.policy(record),
            _ => Ok(()),
        }
    }

    fn shown(&mut self, seq: u64, record: &Stored) -> Result<(), E> {
        let Some(document) = whole(record, "shown") else {
            return Ok(());
        };
        self.described.counts.shown += 1;
        let json = canonical_text(&document) + "\n";
        (self.keep)(&layout::shown(seq, "json"), json.as_bytes())?;
        match presentation_text(&document) {
            Some(text) => (self.keep)(&layout::shown(seq, "txt"), text.as_bytes()),
            None => Ok(()),
        }
    }

    fn policy(&mut self, record: &Stored) -> Result<(), E> {
        let body = whole(record, "policy");
        let Some(toml) = body.as_ref().and_then(|body| body.member("toml")?.as_str()) else {
            return Ok(());
        };
        let digest = policy_digest(toml.as_bytes()).to_string();
        if self.policies.contains(&digest) {
            return Ok(());
        }
        (self.keep)(&layout::policy(&digest), toml.as_bytes())?;
        self.policies.insert(digest);
        Ok(())
    }

    fn prove(&mut self, head: &Checkpoint, note: &str) -> Result<(), DeriveError<E>> {
        let (signed, found) = (head.size, self.tree.size());
        if found < signed {
            return Err(DeriveError::Short { signed, found });
        }
        if self.tree.root_at(signed).ok() != Some(head.root) {
            return Err(DeriveError::Root);
        }
        for seq in 0..signed {
            let path = self.tree.inclusion(seq, signed);
            let path = path.map_err(|cause| DeriveError::Proof { seq, cause })?;
            let proof = InclusionProof {
                extra: None,
                index: seq,
                path,
                checkpoint: note.to_owned(),
            };
            (self.keep)(&layout::proof(seq), proof.to_string().as_bytes())
                .map_err(DeriveError::Keep)?;
        }
        Ok(())
    }

    fn finish(mut self, head: &Checkpoint, note: &str) -> Result<Description, E> {
        self.described.counts.entries = head.size;
        self.described.counts.policies = u64::try_from(self.policies.len()).unwrap_or(u64::MAX);
        (self.keep)(&layout::checkpoint(head.size), note.as_bytes())?;
        (self.keep)(&layout::key("allowed_signers"), self.signers.as_bytes())?;
        (self.keep)(layout::DESCRIPTION, self.described.write().as_bytes())?;
        Ok(self.described)
    }
}

/// The value of a body of which nothing is withheld.
fn whole(record: &Stored, name: &str) -> Option<Value> {
    match record.bodies.get(name)?.disclosure()?.disclosed() {
        Ok(Disclosed::Whole(value)) => Some(value),
        Ok(Disclosed::Part { .. }) | Err(_) => None,
    }
}
