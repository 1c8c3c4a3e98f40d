//! The salted commitments of a body and their root.

use alloc::vec::Vec;

use super::disclosure::{Disclosed, Disclosure, Leaf, RootError};
use super::fields::{FlattenError, flatten};
use super::merkle::merkle_root;
use super::plaintext::PlaintextError;
use crate::digest::{BodyRoot, sha256};
use crate::json::{Value, canonical};

/// What stands in the tree for one field: where it is and what it holds, both hidden.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Commitment {
    /// SHA-256("countersign/path/v1\n" ‖ body salt ‖ path).
    pub tag: [u8; 32],
    /// SHA-256("countersign/field/v1\n" ‖ tag ‖ salt ‖ JCS(value)).
    pub c: [u8; 32],
}

impl Commitment {
    /// The commitment to one field.
    pub fn new(body_salt: &[u8; 16], path: &str, salt: &[u8; 16], value: &Value) -> Self {
        let tag = sha256(&[b"countersign/path/v1\n", body_salt, path.as_bytes()]);
        let c = sha256(&[b"countersign/field/v1\n", &tag, salt, &canonical(value)]);
        Self { tag, c }
    }

    fn leaf_data(&self) -> [u8; 64] {
        let mut leaf = [0; 64];
        leaf[..32].copy_from_slice(&self.tag);
        leaf[32..].copy_from_slice(&self.c);
        leaf
    }
}

/// The root over commitments that are already in order.
pub(super) fn root(commitments: &[Commitment]) -> BodyRoot {
    BodyRoot(merkle_root(commitments.iter().map(Commitment::leaf_data)))
}

/// A body with nothing withheld: the value, its salts, and the root that the entry holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Body {
    value: Value,
    root: BodyRoot,
    commitments: Vec<Commitment>,
    disclosure: Disclosure,
}

impl Body {
    /// Commits to `value`. `salts` is asked once per field, for random bytes that are used nowhere
    /// else.
    pub fn commit(
        value: &Value,
        body_salt: [u8; 16],
        mut salts: impl FnMut() -> [u8; 16],
    ) -> Result<Self, FlattenError> {
        let mut committed: Vec<_> = flatten(value)?
            .into_iter()
            .map(|field| {
                let salt = salts();
                let commitment = Commitment::new(&body_salt, &field.path, &salt, &field.value);
                (commitment, Leaf::Open { field, salt })
            })
            .collect();
        committed.sort_by_key(|(commitment, _)| *commitment);
        let (commitments, leaves): (Vec<_>, Vec<_>) = committed.into_iter().unzip();
        Ok(Self {
            value: value.clone(),
            root: root(&commitments),
            commitments,
            disclosure: Disclosure { body_salt, leaves },
        })
    }

    /// The body that a whole disclosure shows.
    pub(super) fn of(disclosure: Disclosure) -> Result<Self, PlaintextError> {
        let commitments = disclosure.commitments()?;
        match disclosure.disclosed()? {
            Disclosed::Whole(value) => Ok(Self {
                value,
                root: root(&commitments),
                commitments,
                disclosure,
            }),
            Disclosed::Part { .. } => Err(PlaintextError::Form),
        }
    }

    /// What the entry's header holds of this body.
    pub fn root(&self) -> BodyRoot {
        self.root
    }

    /// What was committed to.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// The same, and nothing else of it.
    pub fn into_value(self) -> Value {
        self.value
    }

    /// Everything, for a reader who may see everything.
    pub const fn disclose_all(&self) -> &Disclosure {
        &self.disclosure
    }

    /// The fields whose path `keep` accepts; the commitments of the others.
    pub fn disclose(&self, mut keep: impl FnMut(&str) -> bool) -> Disclosure {
        let leaves = self.disclosure.leaves.iter().zip(&self.commitments);
        let leaves = leaves.map(|(leaf, commitment)| match leaf {
            Leaf::Open { field, .. } if keep(&field.path) => leaf.clone(),
            _ => Leaf::Withheld(*commitment),
        });
        Disclosure {
            body_salt: self.disclosure.body_salt,
            leaves: leaves.collect(),
        }
    }
}

impl Disclosure {
    /// The root of the body that this discloses: compare it with the entry's header.
    pub fn root(&self) -> Result<BodyRoot, RootError> {
        Ok(root(&self.commitments()?))
    }
}
