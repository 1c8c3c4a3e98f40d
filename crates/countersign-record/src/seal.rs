//! The stored form of a body: open, or sealed under a key that can be destroyed
//! (docs/spec/body.md, part 5).

use alloc::vec::Vec;

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use crate::body::{Body, PlaintextError, value_of};
use crate::digest::{BodyRoot, EntryHash};
use crate::json::Value;
use crate::keyring::BodyKey;

/// The first byte of a body without personal data, stored as it is.
const OPEN: u8 = 0x00;
/// The first byte of a sealed body.
const SEALED: u8 = 0x01;

/// Where a body belongs. A sealed body opens nowhere else.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BodyPlace {
    /// H_-1 of the log.
    pub genesis: EntryHash,
    /// The entry that holds the body's root.
    pub seq: u64,
    /// That root.
    pub root: BodyRoot,
}

impl BodyPlace {
    fn associated(&self) -> [u8; 72] {
        let mut bytes = [0; 72];
        bytes[..32].copy_from_slice(self.genesis.bytes());
        bytes[32..40].copy_from_slice(&self.seq.to_be_bytes());
        bytes[40..].copy_from_slice(self.root.bytes());
        bytes
    }
}

/// A body that cannot be sealed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the body is too long to seal")]
pub struct SealError;

/// A stored body that cannot be read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum OpenError {
    /// No bytes, fewer than a sealed body has, or a first byte of another version.
    #[error("not a stored body")]
    Form,
    /// The body is sealed, and its key was destroyed or is not at hand.
    #[error("the body is sealed and its key is not here")]
    NoKey,
    /// The bytes, the key or the place are not those that it was sealed with.
    #[error("the sealed body was altered, or belongs to another entry")]
    Altered,
    /// The bytes opened, and are no body.
    #[error(transparent)]
    Plaintext(#[from] PlaintextError),
    /// The body is whole, but is not the one that the entry commits to.
    #[error("the body has the root {found}, the entry has {expected}")]
    OtherRoot {
        /// What the entry holds.
        expected: BodyRoot,
        /// What the stored body gives.
        found: BodyRoot,
    },
}

/// The stored form of a body with nothing personal in it: policy text, word list, renderer names.
pub fn store_open(body: &Body) -> Vec<u8> {
    [&[OPEN], body.to_plaintext().as_slice()].concat()
}

/// Seals a body for the entry `seq` of the log with this genesis. `nonce` is random and used once.
pub fn seal(
    key: &BodyKey,
    nonce: [u8; 24],
    genesis: &EntryHash,
    seq: u64,
    body: &Body,
) -> Result<Vec<u8>, SealError> {
    let place = BodyPlace {
        genesis: *genesis,
        seq,
        root: body.root(),
    };
    let payload = Payload {
        msg: &body.to_plaintext(),
        aad: &place.associated(),
    };
    let sealed = cipher(key)
        .encrypt(&XNonce::from(nonce), payload)
        .map_err(|_| SealError)?;
    Ok([&[SEALED], &nonce[..], &sealed].concat())
}

/// Reads a stored body and holds it against the root in its entry. `key` is asked for only when the
/// body is sealed.
pub fn open(
    stored: &[u8],
    place: &BodyPlace,
    key: impl FnOnce() -> Option<BodyKey>,
) -> Result<Body, OpenError> {
    let body = Body::from_plaintext(&plaintext(stored, place, key)?)?;
    let (expected, found) = (place.root, body.root());
    if expected == found {
        Ok(body)
    } else {
        Err(OpenError::OtherRoot { expected, found })
    }
}

/// The value of a body that the holder of the key sealed, and the root it was sealed with believed:
/// for what is derived and never shown. An open body proves nothing, and is held against its root.
pub fn open_value(
    stored: &[u8],
    place: &BodyPlace,
    key: impl FnOnce() -> Option<BodyKey>,
) -> Result<Value, OpenError> {
    if stored.first() == Some(&SEALED) {
        Ok(value_of(&plaintext(stored, place, key)?)?)
    } else {
        open(stored, place, key).map(Body::into_value)
    }
}

fn plaintext(
    stored: &[u8],
    place: &BodyPlace,
    key: impl FnOnce() -> Option<BodyKey>,
) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    match stored.split_first() {
        Some((&OPEN, plaintext)) => Ok(plaintext.to_vec().into()),
        Some((&SEALED, sealed)) => {
            let (nonce, sealed) = sealed.split_first_chunk().ok_or(OpenError::Form)?;
            let key = key().ok_or(OpenError::NoKey)?;
            unseal(&key, *nonce, place, sealed)
        }
        _ => Err(OpenError::Form),
    }
}

fn unseal(
    key: &BodyKey,
    nonce: [u8; 24],
    place: &BodyPlace,
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let payload = Payload {
        msg: sealed,
        aad: &place.associated(),
    };
    cipher(key)
        .decrypt(&XNonce::from(nonce), payload)
        .map(Zeroizing::new)
        .map_err(|_| OpenError::Altered)
}

fn cipher(key: &BodyKey) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(key.bytes().into())
}

#[cfg(test)]
mod tests;
