//! The SSHSIG envelope (`OpenSSH` PROTOCOL.sshsig): the blob, its armour, and signing with a
//! software key.

use alloc::string::String;
use alloc::vec::Vec;

use base64ct::{Base64, Encoding};
use ed25519_dalek::{Signer, SigningKey};
use sha2::{Digest, Sha512};

use crate::wire::{Reader, put_string};

/// More than any blob of the three schemes needs.
pub const BLOB_BYTES_MAX: usize = 1024;

const MAGIC: &[u8; 6] = b"SSHSIG";
const VERSION: u32 = 1;
const HASH: &[u8] = b"sha512";
const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----\n";
const END: &str = "-----END SSH SIGNATURE-----\n";
/// Where `ssh-keygen` breaks the base64.
const COLUMNS: usize = 70;

/// Why bytes are not a signature envelope.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BlobError {
    /// Longer than [`BLOB_BYTES_MAX`].
    #[error("longer than {BLOB_BYTES_MAX} bytes")]
    TooLong,
    /// It does not begin with `SSHSIG`.
    #[error("not an OpenSSH signature")]
    Magic,
    /// A version other than 1.
    #[error("version {found} of the OpenSSH signature format is not supported")]
    Version {
        /// The version that the blob names.
        found: u32,
    },
    /// A length points over the end.
    #[error("the OpenSSH signature ends too early")]
    Truncated,
    /// The reserved field is not empty.
    #[error("the reserved field is not empty")]
    Reserved,
    /// A hash other than sha512.
    #[error("the message hash must be sha512; sign with `ssh-keygen -Y sign -O hashalg=sha512`")]
    Hash,
    /// Bytes after the end.
    #[error("bytes after the end of the OpenSSH signature")]
    Trailing,
    /// The armour is not exactly what `ssh-keygen` writes.
    #[error("not an armoured OpenSSH signature as `ssh-keygen -Y sign` writes it")]
    Armour,
}

/// The parts of a blob; nothing about them is verified.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Blob<'a> {
    /// The signer's public key, SSH wire encoding.
    pub public_key: &'a [u8],
    /// What the signature is about.
    pub namespace: &'a [u8],
    /// The scheme's own signature, SSH wire encoding.
    pub signature: &'a [u8],
}

impl<'a> Blob<'a> {
    /// Reads version 1, empty reserved, sha512, nothing after the end.
    pub fn read(bytes: &'a [u8]) -> Result<Self, BlobError> {
        if bytes.len() > BLOB_BYTES_MAX {
            return Err(BlobError::TooLong);
        }
        let mut reader = Reader::new(bytes);
        if reader.take(MAGIC.len()) != Some(MAGIC) {
            return Err(BlobError::Magic);
        }
        let version = reader.u32().ok_or(BlobError::Truncated)?;
        if version != VERSION {
            return Err(BlobError::Version { found: version });
        }
        let mut string = || reader.string().ok_or(BlobError::Truncated);
        let (public_key, namespace, reserved) = (string()?, string()?, string()?);
        let (hash, signature) = (string()?, string()?);
        if !reserved.is_empty() {
            return Err(BlobError::Reserved);
        }
        if hash != HASH {
            return Err(BlobError::Hash);
        }
        if !reader.is_done() {
            return Err(BlobError::Trailing);
        }
        Ok(Self {
            public_key,
            namespace,
            signature,
        })
    }

    fn write(&self) -> Vec<u8> {
        let mut bytes = Vec::from(MAGIC);
        bytes.extend_from_slice(&VERSION.to_be_bytes());
        put_string(&mut bytes, self.public_key);
        put_string(&mut bytes, self.namespace);
        put_string(&mut bytes, b"");
        put_string(&mut bytes, HASH);
        put_string(&mut bytes, self.signature);
        bytes
    }
}

/// The bytes that a key really signs for a message in a namespace.
pub(crate) fn signed_bytes(namespace: &str, message: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::from(MAGIC);
    put_string(&mut bytes, namespace.as_bytes());
    put_string(&mut bytes, b"");
    put_string(&mut bytes, HASH);
    put_string(&mut bytes, &Sha512::digest(message));
    bytes
}

/// Signs with a software key; the answer is the binary blob.
pub fn sign_ed25519(key: &SigningKey, namespace: &str, message: &[u8]) -> Vec<u8> {
    let scheme = b"ssh-ed25519";
    let mut public_key = Vec::new();
    put_string(&mut public_key, scheme);
    put_string(&mut public_key, key.verifying_key().as_bytes());
    let mut signature = Vec::new();
    put_string(&mut signature, scheme);
    let raw = key.sign(&signed_bytes(namespace, message)).to_bytes();
    put_string(&mut signature, &raw);
    Blob {
        public_key: &public_key,
        namespace: namespace.as_bytes(),
        signature: &signature,
    }
    .write()
}

/// The armoured form of a blob, as `ssh-keygen -Y sign` writes it and `-Y verify` reads it.
pub fn armour(blob: &[u8]) -> String {
    let base64 = Base64::encode_string(blob);
    let mut text = String::from(BEGIN);
    for (place, letter) in base64.chars().enumerate() {
        if place > 0 && place % COLUMNS == 0 {
            text.push('\n');
        }
        text.push(letter);
    }
    text.push('\n');
    text.push_str(END);
    text
}

/// The blob of an armoured signature. Only the form that [`armour`] writes is read; the newline
/// at the very end may be missing.
pub fn unarmour(text: &str) -> Result<Vec<u8>, BlobError> {
    let longest = BEGIN.len() + BLOB_BYTES_MAX * 3 / 2 + END.len();
    let base64 = text
        .strip_prefix(BEGIN)
        .and_then(|rest| rest.strip_suffix(END).or(rest.strip_suffix(END.trim_end())))
        .filter(|_| text.len() <= longest)
        .ok_or(BlobError::Armour)?
        .replace('\n', "");
    let blob = Base64::decode_vec(&base64).map_err(|_| BlobError::Armour)?;
    if armour(&blob).trim_end() == text.trim_end_matches('\n') {
        Ok(blob)
    } else {
        Err(BlobError::Armour)
    }
}

#[cfg(test)]
mod tests;
