//! A whole body as bytes: what is sealed (docs/spec/body.md, part 4).

use alloc::vec::Vec;

use zeroize::Zeroizing;

use super::commit::Body;
use super::disclosure::{Disclosed, Disclosure, Leaf, RootError};
use super::fields::{Field, RebuildError};
use crate::cbor;
use crate::cbor::{CborError, Item, Map};
use crate::json::{Limits, ReadError, Value, canonical_text, read};

/// Bytes that are not a body.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PlaintextError {
    /// Not the one CBOR encoding.
    #[error(transparent)]
    Cbor(#[from] CborError),
    /// CBOR, but not a map of `leaves` and `body_salt`.
    #[error("not a body: expected a map of leaves and body_salt")]
    Form,
    /// A field's text is not JSON.
    #[error("a field of the body: {0}")]
    Json(ReadError),
    /// A field's text is JSON, but not in canonical form.
    #[error("a field of the body is not in canonical form")]
    NotCanonical,
    /// The leaves are not in order.
    #[error(transparent)]
    Root(#[from] RootError),
    /// The fields are not those of a value.
    #[error(transparent)]
    Rebuild(#[from] RebuildError),
}

impl Body {
    /// Deterministic CBOR of `{"leaves": [[path, salt, JCS(value)], …], "body_salt": …}`.
    pub fn to_plaintext(&self) -> Zeroizing<Vec<u8>> {
        let disclosure = self.disclose_all();
        let leaves = disclosure.leaves.iter().filter_map(leaf_item).collect();
        let mut map = Map::new();
        map.add("leaves", Item::Array(leaves));
        map.add("body_salt", Item::Bytes(disclosure.body_salt.into()));
        Zeroizing::new(cbor::encode(&Item::Map(map)))
    }

    /// Reads [`Body::to_plaintext`]: nothing but the bytes that it makes.
    pub fn from_plaintext(bytes: &[u8]) -> Result<Self, PlaintextError> {
        Self::of(disclosure(bytes)?)
    }
}

/// The value alone, its root and the order of its leaves not computed.
pub(crate) fn value_of(bytes: &[u8]) -> Result<Value, PlaintextError> {
    match disclosure(bytes)?.disclosed()? {
        Disclosed::Whole(value) => Ok(value),
        Disclosed::Part { .. } => Err(PlaintextError::Form),
    }
}

fn disclosure(bytes: &[u8]) -> Result<Disclosure, PlaintextError> {
    let Item::Map(mut map) = cbor::decode(bytes)? else {
        return Err(PlaintextError::Form);
    };
    let (Some(Item::Array(leaves)), Some(Item::Bytes(body_salt)), true) =
        (map.take("leaves"), map.take("body_salt"), map.is_empty())
    else {
        return Err(PlaintextError::Form);
    };
    Ok(Disclosure {
        body_salt: salt(body_salt)?,
        leaves: leaves.into_iter().map(leaf).collect::<Result<_, _>>()?,
    })
}

fn leaf_item(leaf: &Leaf) -> Option<Item> {
    let Leaf::Open { field, salt } = leaf else {
        return None;
    };
    Some(Item::Array(Vec::from([
        Item::Text(field.path.clone()),
        Item::Bytes(salt.to_vec()),
        Item::Text(canonical_text(&field.value)),
    ])))
}

fn leaf(item: Item) -> Result<Leaf, PlaintextError> {
    let Item::Array(parts) = item else {
        return Err(PlaintextError::Form);
    };
    let Ok([Item::Text(path), Item::Bytes(bytes), Item::Text(text)]) = <[Item; 3]>::try_from(parts)
    else {
        return Err(PlaintextError::Form);
    };
    let value = read(text.as_bytes(), &Limits::DOCUMENT).map_err(PlaintextError::Json)?;
    if canonical_text(&value) != text {
        return Err(PlaintextError::NotCanonical);
    }
    let field = Field { path, value };
    let salt = salt(bytes)?;
    Ok(Leaf::Open { field, salt })
}

fn salt(bytes: Vec<u8>) -> Result<[u8; 16], PlaintextError> {
    bytes.try_into().map_err(|_| PlaintextError::Form)
}
