//! Keys of notes: who is trusted, and for what.

use alloc::borrow::ToOwned as _;
use alloc::string::String;
use core::fmt;
use core::str::FromStr;

use countersign_record::digest::{hex, sha256, unhex};
use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};

use crate::base64;
use crate::note::{TextError, is_forbidden};

/// Text that is not the verifier key asked for.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Not `name+8 hexadecimal digits+base64`.
    #[error("not a verifier key of the form name+hash+key")]
    Form,
    /// Empty, or with a space or a plus.
    #[error("a key's name is not empty and has neither spaces nor a plus")]
    Name,
    /// The hash is not that of name and key: one of them was mistyped.
    #[error("the hash in the verifier key is not that of its name and key")]
    Hash,
    /// A key of another kind: a witness's where a log's is asked for, or a scheme not known here.
    #[error("a key of type {found:#04x} where {expected:#04x} is asked for")]
    Type {
        /// The type asked for.
        expected: u8,
        /// The type found.
        found: u8,
    },
    /// Not a point of the curve, or one with which many signatures hold for many texts.
    #[error("not a sound Ed25519 key")]
    Unsound,
}

macro_rules! verifier_keys {
    ($($(#[$doc:meta])+ $name:ident = $kind:literal;)+) => {$(
        $(#[$doc])+
        #[derive(Clone, Debug, Eq, PartialEq)]
        pub struct $name {
            name: String,
            key: VerifyingKey,
        }

        impl $name {
            const TYPE: u8 = $kind;

            /// The key's name.
            pub fn name(&self) -> &str {
                &self.name
            }

            /// The first four bytes of SHA-256(name ‖ 0x0a ‖ type ‖ public key).
            pub fn id(&self) -> [u8; 4] {
                id(&self.name, Self::TYPE, &self.key)
            }

            pub(super) const fn key(&self) -> &VerifyingKey {
                &self.key
            }
        }

        impl FromStr for $name {
            type Err = KeyError;

            fn from_str(text: &str) -> Result<Self, KeyError> {
                let (name, key) = parse(text, Self::TYPE)?;
                Ok(Self { name, key })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut typed = [Self::TYPE; 33];
                typed[1..].copy_from_slice(self.key.as_bytes());
                write!(f, "{}+{}+{}", self.name, hex(&self.id()), base64::encode(&typed))
            }
        }
    )+};
}

verifier_keys! {
    /// A log's public key (Ed25519 over the text, type 0x01), written `name+hash+base64`.
    VerifierKey = 0x01;
    /// A witness's public key (cosignature/v1, type 0x04), written alike. It never vouches for a
    /// checkpoint in the log's place.
    WitnessKey = 0x04;
}

/// A log's private key and name.
pub struct Signer {
    name: String,
    key: SigningKey,
}

impl Signer {
    /// A signer whose notes the key of this name verifies.
    pub fn new(name: &str, key: SigningKey) -> Result<Self, KeyError> {
        if !is_name(name) {
            return Err(KeyError::Name);
        }
        Ok(Self {
            name: name.to_owned(),
            key,
        })
    }

    /// The key's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key with which others check.
    pub fn verifier_key(&self) -> VerifierKey {
        VerifierKey {
            name: self.name.clone(),
            key: self.key.verifying_key(),
        }
    }

    /// The note of this text: with an empty line and one signature line.
    pub fn sign(&self, text: &str) -> Result<String, TextError> {
        if !text.ends_with('\n') || text.contains(is_forbidden) {
            return Err(TextError);
        }
        let mut signature = [0; 68];
        let (id, rest) = signature.split_at_mut(4);
        id.copy_from_slice(&self.verifier_key().id());
        rest.copy_from_slice(&self.key.sign(text.as_bytes()).to_bytes());
        Ok(alloc::format!(
            "{text}\n— {} {}\n",
            self.name,
            base64::encode(&signature)
        ))
    }
}

/// The private key stays out of logs.
impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.verifier_key())
    }
}

pub(super) fn is_name(text: &str) -> bool {
    let refused =
        |character: char| character == '+' || character.is_whitespace() || is_forbidden(character);
    !text.is_empty() && !text.contains(refused)
}

fn parse(text: &str, expected: u8) -> Result<(String, VerifyingKey), KeyError> {
    let (name, rest) = text.split_once('+').ok_or(KeyError::Form)?;
    let (hash, encoded) = rest.split_once('+').ok_or(KeyError::Form)?;
    let mut stated = [0; 4];
    if !unhex(hash, &mut stated) {
        return Err(KeyError::Form);
    }
    if !is_name(name) {
        return Err(KeyError::Name);
    }
    let typed = base64::decode(encoded).ok_or(KeyError::Form)?;
    let (&found, bytes) = typed.split_first().ok_or(KeyError::Form)?;
    if found != expected {
        return Err(KeyError::Type { expected, found });
    }
    let bytes = bytes.try_into().map_err(|_| KeyError::Form)?;
    let key = VerifyingKey::from_bytes(bytes).map_err(|_| KeyError::Unsound)?;
    if key.is_weak() {
        return Err(KeyError::Unsound);
    }
    if id(name, expected, &key) != stated {
        return Err(KeyError::Hash);
    }
    Ok((name.to_owned(), key))
}

fn id(name: &str, kind: u8, key: &VerifyingKey) -> [u8; 4] {
    let digest = sha256(&[name.as_bytes(), b"\n", &[kind], key.as_bytes()]);
    [digest[0], digest[1], digest[2], digest[3]]
}
