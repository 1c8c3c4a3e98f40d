//! Public keys of people's devices, in OpenSSH's encoding, behind the enrolment gate.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use base64ct::{Base64, Base64Unpadded, Encoding};
use countersign_record::digest::sha256;
use countersign_record::term::{KeyClass, Scheme};
use ed25519_dalek::VerifyingKey;

use crate::wire::{Reader, put_string};

/// More than any key of the three schemes with a reasonable application needs.
pub const WIRE_BYTES_MAX: usize = 512;

/// What OpenSSH demands before a FIDO2 application: no `WebAuthn` relying party can have this
/// name, so a signature made for a web page never verifies here, nor the reverse.
const APPLICATION_PREFIX: &str = "ssh:";
const CURVE: &str = "nistp256";

/// A public key that passed the gate: there is exactly one encoding of it, and it has no
/// component of small order.
#[derive(Clone, Eq, PartialEq)]
pub struct PublicKey {
    material: Material,
}

#[derive(Clone, Eq, PartialEq)]
pub(crate) enum Material {
    Ed25519(VerifyingKey),
    SkEd25519 {
        point: VerifyingKey,
        application: String,
    },
    SkEcdsaP256 {
        point: p256::ecdsa::VerifyingKey,
        application: String,
    },
}

/// Why a public key is not enrolled.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The bytes end early, go on too long, or hold a string that is not what the scheme has there.
    #[error("not a public key in OpenSSH's encoding")]
    Malformed,
    /// The line is not `scheme base64 [comment]`, or its first word differs from the encoded one.
    #[error("not a public key line: expected the scheme, the key in base64 and a comment")]
    Line,
    /// RSA, DSA, plain ECDSA, certificates and everything newer.
    #[error(
        "this kind of key is not supported; use ssh-ed25519, sk-ssh-ed25519@openssh.com or sk-ecdsa-sha2-nistp256@openssh.com"
    )]
    UnsupportedScheme,
    /// The application of a FIDO2 key does not begin with `ssh:`, or is not plain text.
    #[error(
        "the FIDO2 application must be 4 to 128 printable ASCII characters beginning with ssh:"
    )]
    Application,
    /// The bytes are not a point of the curve.
    #[error("the key is not a point of its curve")]
    NotAPoint,
    /// The same Ed25519 key could be written with other bytes.
    #[error("the Ed25519 key is not in canonical form")]
    NotCanonical,
    /// Anybody can sign under it.
    #[error("the Ed25519 key is weak: it has small order")]
    Weak,
    /// Verifiers disagree about signatures under it.
    #[error("the Ed25519 key has a component of small order")]
    MixedOrder,
}

impl PublicKey {
    /// Reads a key in the SSH wire encoding (RFC 8709 §4, `OpenSSH` PROTOCOL.u2f) and gates it.
    pub fn from_ssh_wire(bytes: &[u8]) -> Result<Self, KeyError> {
        if bytes.len() > WIRE_BYTES_MAX {
            return Err(KeyError::Malformed);
        }
        let mut reader = Reader::new(bytes);
        let scheme = reader.text().ok_or(KeyError::Malformed)?;
        let material = match scheme.parse() {
            Ok(Scheme::SshEd25519) => Material::Ed25519(read_ed25519(&mut reader)?),
            Ok(Scheme::SkEd25519) => Material::SkEd25519 {
                point: read_ed25519(&mut reader)?,
                application: read_application(&mut reader)?,
            },
            Ok(Scheme::SkEcdsaP256) => Material::SkEcdsaP256 {
                point: read_p256(&mut reader)?,
                application: read_application(&mut reader)?,
            },
            Ok(Scheme::WebAuthn) | Err(_) => return Err(KeyError::UnsupportedScheme),
        };
        if reader.is_done() {
            Ok(Self { material })
        } else {
            Err(KeyError::Malformed)
        }
    }

    /// Reads a line of a `.pub` file: `ssh-ed25519 AAAA… comment`; the comment is not kept.
    pub fn from_openssh_line(line: &str) -> Result<Self, KeyError> {
        let line = line.trim_end_matches(['\r', '\n']);
        let mut words = line.splitn(3, ' ');
        let (Some(scheme), Some(base64)) = (words.next(), words.next()) else {
            return Err(KeyError::Line);
        };
        if line.contains(['\r', '\n']) || base64.len() > Base64::encoded_len(&[0; WIRE_BYTES_MAX]) {
            return Err(KeyError::Line);
        }
        let wire = Base64::decode_vec(base64).map_err(|_| KeyError::Line)?;
        if Reader::new(&wire).text() != Some(scheme) {
            return Err(KeyError::Line);
        }
        Self::from_ssh_wire(&wire)
    }

    /// The key of 32 raw bytes (RFC 8032 §5.1.5), gated.
    pub fn from_ed25519(bytes: &[u8; 32]) -> Result<Self, KeyError> {
        let material = Material::Ed25519(sound_ed25519(bytes)?);
        Ok(Self { material })
    }

    /// The SSH wire encoding, the only one of this key.
    pub fn to_ssh_wire(&self) -> Vec<u8> {
        let mut wire = Vec::new();
        put_string(&mut wire, self.scheme().as_str().as_bytes());
        match &self.material {
            Material::Ed25519(point) => put_string(&mut wire, point.as_bytes()),
            Material::SkEd25519 { point, application } => {
                put_string(&mut wire, point.as_bytes());
                put_string(&mut wire, application.as_bytes());
            }
            Material::SkEcdsaP256 { point, application } => {
                put_string(&mut wire, CURVE.as_bytes());
                put_string(&mut wire, point.to_sec1_point(false).as_bytes());
                put_string(&mut wire, application.as_bytes());
            }
        }
        wire
    }

    /// `scheme base64`, as a `.pub` or `allowed_signers` file has it, without a comment.
    pub fn to_openssh_line(&self) -> String {
        let base64 = Base64::encode_string(&self.to_ssh_wire());
        format!("{} {base64}", self.scheme())
    }

    /// How the key signs.
    pub const fn scheme(&self) -> Scheme {
        match self.material {
            Material::Ed25519(_) => Scheme::SshEd25519,
            Material::SkEd25519 { .. } => Scheme::SkEd25519,
            Material::SkEcdsaP256 { .. } => Scheme::SkEcdsaP256,
        }
    }

    /// `SHA256:…`, as `ssh-keygen -l` prints it.
    pub fn fingerprint(&self) -> String {
        let digest = sha256(&[&self.to_ssh_wire()]);
        format!("SHA256:{}", Base64Unpadded::encode_string(&digest))
    }

    /// The FIDO2 application (`ssh:…`) of a token's key.
    pub fn application(&self) -> Option<&str> {
        match &self.material {
            Material::Ed25519(_) => None,
            Material::SkEd25519 { application, .. } | Material::SkEcdsaP256 { application, .. } => {
                Some(application)
            }
        }
    }

    /// What the key counts as when nothing but the key itself was shown at enrolment.
    ///
    /// A token's flags are then a claim that any program can make, so a token without the maker's
    /// attestation is no more than software.
    pub const fn class_without_attestation(&self) -> KeyClass {
        match self.scheme() {
            Scheme::SshEd25519 | Scheme::SkEd25519 | Scheme::SkEcdsaP256 | Scheme::WebAuthn => {
                KeyClass::Software
            }
        }
    }

    pub(crate) const fn material(&self) -> &Material {
        &self.material
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({} {})", self.scheme(), self.fingerprint())
    }
}

/// The enrolment gate for Ed25519, also for keys of services: a point in its only encoding, of
/// the prime order.
///
/// Strict verification alone still accepts about one message in eight under a key of mixed order.
pub fn sound_ed25519(bytes: &[u8; 32]) -> Result<VerifyingKey, KeyError> {
    let key = VerifyingKey::from_bytes(bytes).map_err(|_| KeyError::NotAPoint)?;
    let point = key.to_edwards();
    if point.compress().as_bytes() != bytes {
        return Err(KeyError::NotCanonical);
    }
    if key.is_weak() {
        return Err(KeyError::Weak);
    }
    if !point.is_torsion_free() {
        return Err(KeyError::MixedOrder);
    }
    Ok(key)
}

fn read_ed25519(reader: &mut Reader<'_>) -> Result<VerifyingKey, KeyError> {
    let bytes = reader.string().and_then(|bytes| bytes.try_into().ok());
    sound_ed25519(bytes.ok_or(KeyError::Malformed)?)
}

/// Only the uncompressed form: OpenSSH writes no other, and one key shall have one encoding.
fn read_p256(reader: &mut Reader<'_>) -> Result<p256::ecdsa::VerifyingKey, KeyError> {
    let curve = reader.text();
    let point = reader.string().ok_or(KeyError::Malformed)?;
    if curve != Some(CURVE) || point.len() != 65 || point[0] != 4 {
        return Err(KeyError::Malformed);
    }
    p256::ecdsa::VerifyingKey::from_sec1_bytes(point).map_err(|_| KeyError::NotAPoint)
}

fn read_application(reader: &mut Reader<'_>) -> Result<String, KeyError> {
    let application = reader.text().ok_or(KeyError::Malformed)?;
    let plain = application.bytes().all(|byte| byte.is_ascii_graphic());
    if plain && application.len() <= 128 && application.starts_with(APPLICATION_PREFIX) {
        Ok(application.to_owned())
    } else {
        Err(KeyError::Application)
    }
}

#[cfg(test)]
mod tests;
