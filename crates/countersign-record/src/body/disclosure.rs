//! What a reader of a body gets: every leaf, open or withheld, in order.

use alloc::vec::Vec;

use super::commit::Commitment;
use super::fields::{Field, RebuildError, check_field, rebuild};
use crate::json::Value;

/// A body as a reader gets it. Nothing is proven until [`Disclosure::root`] equals the root in the
/// entry's header.
#[derive(Clone, Debug, PartialEq)]
pub struct Disclosure {
    /// 16 bytes, one per body; with it a reader can prove that a path is absent.
    pub body_salt: [u8; 16],
    /// All leaves of the body, sorted by tag.
    pub leaves: Vec<Leaf>,
}

/// One leaf of a body.
#[derive(Clone, Debug, PartialEq)]
pub enum Leaf {
    /// A field that the reader may see.
    Open {
        /// The field.
        field: Field,
        /// 16 random bytes, one per field.
        salt: [u8; 16],
    },
    /// A field that was withheld.
    Withheld(Commitment),
}

/// What the open leaves say.
#[derive(Clone, Debug, PartialEq)]
pub enum Disclosed {
    /// Nothing is withheld: the value that was committed to.
    Whole(Value),
    /// Something is withheld.
    Part {
        /// The open fields, sorted by the UTF-8 bytes of their paths.
        fields: Vec<Field>,
        /// How many fields are withheld.
        withheld: usize,
    },
}

/// Leaves that no commitment has: the disclosure was altered.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RootError {
    /// There is always at least one leaf.
    #[error("a body without leaves")]
    Empty,
    /// Tags are strictly increasing, so that no path can occur twice.
    #[error("leaf {place} does not come after the leaf before it")]
    Order {
        /// The first leaf out of order, counted from 0.
        place: usize,
    },
}

impl Disclosure {
    /// The commitments of all leaves, in order.
    pub(super) fn commitments(&self) -> Result<Vec<Commitment>, RootError> {
        let commitments: Vec<_> = self
            .leaves
            .iter()
            .map(|leaf| self.commitment(leaf))
            .collect();
        let unordered = commitments
            .windows(2)
            .position(|pair| pair[0].tag >= pair[1].tag);
        match unordered {
            _ if commitments.is_empty() => Err(RootError::Empty),
            Some(place) => Err(RootError::Order { place: place + 1 }),
            None => Ok(commitments),
        }
    }

    /// The value, or the fields of it that are open. Of a part it is checked that each field could
    /// be one, not that they fit together: that takes the whole.
    pub fn disclosed(&self) -> Result<Disclosed, RebuildError> {
        let fields: Vec<Field> = self
            .leaves
            .iter()
            .filter_map(Leaf::field)
            .cloned()
            .collect();
        let withheld = self.leaves.len() - fields.len();
        if withheld == 0 {
            return rebuild(fields).map(Disclosed::Whole);
        }
        part(fields, withheld)
    }

    fn commitment(&self, leaf: &Leaf) -> Commitment {
        match leaf {
            Leaf::Open { field, salt } => {
                Commitment::new(&self.body_salt, &field.path, salt, &field.value)
            }
            Leaf::Withheld(commitment) => *commitment,
        }
    }
}

impl Leaf {
    /// The field, when it is open.
    pub fn field(&self) -> Option<&Field> {
        match self {
            Self::Open { field, .. } => Some(field),
            Self::Withheld(_) => None,
        }
    }
}

fn part(mut fields: Vec<Field>, withheld: usize) -> Result<Disclosed, RebuildError> {
    for field in &fields {
        check_field(field)?;
    }
    fields.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(Disclosed::Part { fields, withheld })
}
