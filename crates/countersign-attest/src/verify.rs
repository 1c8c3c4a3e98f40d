//! The check of a signature; its answer is the only proof that other crates accept.

use alloc::string::String;
use alloc::vec::Vec;

use countersign_record::digest::{StatementDigest, sha256};
use ed25519_dalek::VerifyingKey;
use p256::ecdsa::signature::Verifier;

use crate::context::Context;
use crate::key::{Material, PublicKey};
use crate::sshsig::{Blob, BlobError, signed_bytes};
use crate::wire::Reader;

/// The token was touched (FIDO2 flag UP).
pub const USER_PRESENT: u8 = 0x01;
/// The token checked a PIN or a finger (FIDO2 flag UV).
pub const USER_VERIFIED: u8 = 0x04;

/// Proof that a key signed exactly these bytes in this context. Only [`verify`] makes one; it is
/// neither copied nor read from anywhere.
#[derive(Debug)]
pub struct Verified {
    context: Context,
    statement: StatementDigest,
    signer: PublicKey,
    token: Option<TokenClaim>,
}

impl Verified {
    /// What kind of document was signed.
    pub const fn context(&self) -> Context {
        self.context
    }

    /// SHA-256 of the signed bytes.
    pub const fn statement(&self) -> StatementDigest {
        self.statement
    }

    /// The key that signed.
    pub const fn signer(&self) -> &PublicKey {
        &self.signer
    }

    /// What a FIDO2 token says about itself; `None` for a software key.
    pub const fn token(&self) -> Option<TokenClaim> {
        self.token
    }

    /// Whether this proof is about these bytes in that context.
    pub fn covers(&self, context: Context, bytes: &[u8]) -> bool {
        self.context == context && self.statement.bytes() == &sha256(&[bytes])
    }
}

/// What a FIDO2 token signs about itself. It is evidence only where the maker's attestation was
/// checked at enrolment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TokenClaim {
    /// Always [`USER_PRESENT`] and [`USER_VERIFIED`], nothing else.
    pub flags: u8,
    /// Signatures made so far; a note for the reader, never a reason to refuse.
    pub counter: u32,
}

/// A vote's statement and what came back from the device, as the ledger's header holds them.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// The signed bytes, exactly.
    pub statement: &'a [u8],
    /// A binary SSHSIG blob.
    pub signature: &'a [u8],
    /// Further raw device data; SSH schemes have none.
    pub raw: Option<&'a [u8]>,
}

impl Claim<'_> {
    /// Checks the claim as [`verify`] does.
    pub fn verify(&self, context: Context, key: &PublicKey) -> Result<Verified, VerifyError> {
        match self.raw {
            None => verify(context, key, self.statement, self.signature),
            Some(_) => Err(VerifyError::UnexpectedRaw),
        }
    }
}

/// Why a signature does not count.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The envelope cannot be read.
    #[error("the signature's envelope is refused")]
    Blob(#[from] BlobError),
    /// The signature is about another kind of document.
    #[error("the signature was made for another purpose than {expected}")]
    Context {
        /// What it should be about.
        expected: Context,
    },
    /// Another key signed, or the same with another application.
    #[error("the signature was made by another key than {expected}")]
    Signer {
        /// The fingerprint of the key that should have signed.
        expected: String,
    },
    /// The inner signature is not in its scheme's only form.
    #[error("the signature is not in the form that its scheme has")]
    Form,
    /// The token was not touched, or did not check its user.
    #[error(
        "the token's flags are {flags:#04x}: touch (0x01) and PIN (0x04) are both required; make the key with `ssh-keygen -O verify-required`"
    )]
    NotVerified {
        /// The flags byte.
        flags: u8,
    },
    /// The token set a flag that this format does not know.
    #[error("the token's flags are {flags:#04x}: only 0x01 and 0x04 are known")]
    UnknownFlags {
        /// The flags byte.
        flags: u8,
    },
    /// The mathematics does not hold.
    #[error("the signature does not match the key and the bytes")]
    Mismatch,
    /// Device data beside a scheme that has none.
    #[error("raw device data beside an SSH signature")]
    UnexpectedRaw,
}

/// Checks that `key` signed `bytes` in `context`; `signature` is a binary SSHSIG blob.
///
/// Unlike `ssh-keygen -Y verify`, a token's touch and PIN flags are demanded.
pub fn verify(
    context: Context,
    key: &PublicKey,
    bytes: &[u8],
    signature: &[u8],
) -> Result<Verified, VerifyError> {
    let blob = Blob::read(signature)?;
    if blob.namespace != context.as_str().as_bytes() {
        return Err(VerifyError::Context { expected: context });
    }
    if blob.public_key != key.to_ssh_wire() {
        let expected = key.fingerprint();
        return Err(VerifyError::Signer { expected });
    }
    let signed = signed_bytes(context.as_str(), bytes);
    Ok(Verified {
        context,
        statement: StatementDigest(sha256(&[bytes])),
        signer: key.clone(),
        token: check(key, &signed, blob.signature)?,
    })
}

fn check(key: &PublicKey, signed: &[u8], bytes: &[u8]) -> Result<Option<TokenClaim>, VerifyError> {
    let inner = Inner::read(key, bytes).ok_or(VerifyError::Form)?;
    match (key.material(), inner.token) {
        (Material::Ed25519(point), None) => {
            check_ed25519(point, signed, inner.raw)?;
            Ok(None)
        }
        (Material::SkEd25519 { point, application }, Some(token)) => {
            check_flags(token)?;
            check_ed25519(point, &token_bytes(application, token, signed), inner.raw)?;
            Ok(Some(token))
        }
        (Material::SkEcdsaP256 { point, application }, Some(token)) => {
            check_flags(token)?;
            check_p256(point, &token_bytes(application, token, signed), inner.raw)?;
            Ok(Some(token))
        }
        _ => Err(VerifyError::Form),
    }
}

/// The inner signature: its scheme's name, the raw signature, and what a token says about itself.
struct Inner<'a> {
    raw: &'a [u8],
    token: Option<TokenClaim>,
}

impl<'a> Inner<'a> {
    fn read(key: &PublicKey, bytes: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        if reader.text()? != key.scheme().as_str() {
            return None;
        }
        let raw = reader.string()?;
        let token = match key.application() {
            None => None,
            Some(_) => Some(TokenClaim {
                flags: reader.byte()?,
                counter: reader.u32()?,
            }),
        };
        reader.is_done().then_some(Self { raw, token })
    }
}

fn check_flags(TokenClaim { flags, .. }: TokenClaim) -> Result<(), VerifyError> {
    let required = USER_PRESENT | USER_VERIFIED;
    if flags & !required != 0 {
        Err(VerifyError::UnknownFlags { flags })
    } else if flags != required {
        Err(VerifyError::NotVerified { flags })
    } else {
        Ok(())
    }
}

/// What a token signs (`OpenSSH` PROTOCOL.u2f):
/// SHA-256(application) ‖ flags ‖ counter ‖ SHA-256(signed).
fn token_bytes(application: &str, token: TokenClaim, signed: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::from(sha256(&[application.as_bytes()]));
    bytes.push(token.flags);
    bytes.extend_from_slice(&token.counter.to_be_bytes());
    bytes.extend_from_slice(&sha256(&[signed]));
    bytes
}

fn check_ed25519(key: &VerifyingKey, signed: &[u8], raw: &[u8]) -> Result<(), VerifyError> {
    let raw = raw.try_into().map_err(|_| VerifyError::Form)?;
    let signature = ed25519_dalek::Signature::from_bytes(raw);
    key.verify_strict(signed, &signature)
        .map_err(|_| VerifyError::Mismatch)
}

/// Tokens do not normalise s, and OpenSSH passes both halves on: a high s is as good as a low one.
/// Nothing is ever identified by its signature's bytes, so the second form is harmless.
fn check_p256(
    key: &p256::ecdsa::VerifyingKey,
    signed: &[u8],
    raw: &[u8],
) -> Result<(), VerifyError> {
    let mut reader = Reader::new(raw);
    let (Some(r), Some(s), true) = (
        reader.positive_u256(),
        reader.positive_u256(),
        reader.is_done(),
    ) else {
        return Err(VerifyError::Form);
    };
    let signature = p256::ecdsa::Signature::from_scalars(r, s).map_err(|_| VerifyError::Form)?;
    key.verify(signed, &signature)
        .map_err(|_| VerifyError::Mismatch)
}

#[cfg(test)]
mod tests;
