//! Signed notes (c2sp.org/signed-note): a text and lines of signatures under it.
//!
//! A note's text means nothing until a key that the caller trusts has verified it, so a [`Note`]
//! gives its text to [`Note::verify`] alone.

mod key;

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use ed25519_dalek::Signature;

use crate::base64;

pub use key::{KeyError, Signer, VerifierKey, WitnessKey};

/// Go's reader takes no more.
pub const NOTE_BYTES_MAX: usize = 1 << 20;

/// At least 16 must be accepted; Go's reader takes 100.
pub const SIGNATURES_MAX: usize = 100;

/// Text that is not a signed note.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NoteError {
    /// More than [`NOTE_BYTES_MAX`].
    #[error("a note of {bytes} bytes is too long")]
    TooLong {
        /// The length found.
        bytes: usize,
    },
    /// A note has no control characters but the newline.
    #[error("a control character at byte {at}")]
    ControlCharacter {
        /// Where, from the note's beginning.
        at: usize,
    },
    /// No empty line, or nothing after it.
    #[error("no signatures under an empty line")]
    Unsigned,
    /// Not `— name base64`.
    #[error("line {line} of the signatures is not a signature")]
    SignatureLine {
        /// The line, counted from 1 after the empty line.
        line: usize,
    },
    /// More than [`SIGNATURES_MAX`].
    #[error("more than {SIGNATURES_MAX} signatures")]
    TooManySignatures,
}

/// Why a key does not vouch for a note.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// No line is of this key.
    #[error("not signed by {name}")]
    NotSigned {
        /// The key's name.
        name: String,
    },
    /// A line says that it is of this key, and is not: the note is refused whole.
    #[error("the signature of {name} is wrong")]
    Wrong {
        /// The key's name.
        name: String,
    },
    /// A log signs a checkpoint once; other verifiers refuse a second line too.
    #[error("signed more than once by {name}")]
    Repeated {
        /// The key's name.
        name: String,
    },
}

/// A text that cannot be signed as a note.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a note's text ends with a newline and has no other control characters")]
pub struct TextError;

/// A note as it was read; nothing in it is verified.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Note<'a> {
    text: &'a str,
    signatures: Vec<SignatureLine<'a>>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
struct SignatureLine<'a> {
    name: &'a str,
    id: [u8; 4],
    signature: Vec<u8>,
}

/// A witness's word that it saw this checkpoint, after all that it saw before of the same log
/// (c2sp.org/tlog-cosignature, version 1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Cosignature {
    /// When, by the witness's clock: seconds since 1970.
    pub at_s: u64,
}

impl<'a> Note<'a> {
    /// Reads text, empty line and signature lines.
    pub fn parse(note: &'a str) -> Result<Self, NoteError> {
        if note.len() > NOTE_BYTES_MAX {
            return Err(NoteError::TooLong { bytes: note.len() });
        }
        if let Some(at) = note.find(is_forbidden) {
            return Err(NoteError::ControlCharacter { at });
        }
        // The text itself may have empty lines: the last one counts.
        let end = note.rfind("\n\n").ok_or(NoteError::Unsigned)?;
        let (text, lines) = (&note[..=end], &note[end + 2..]);
        let lines = lines.strip_suffix('\n').ok_or(NoteError::Unsigned)?;
        let signatures = (1..)
            .zip(lines.split('\n'))
            .map(|(line, content)| {
                if line > SIGNATURES_MAX {
                    return Err(NoteError::TooManySignatures);
                }
                SignatureLine::parse(content).ok_or(NoteError::SignatureLine { line })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { text, signatures })
    }

    /// The text, if the key signed it. Lines of other keys are passed over; a wrong or a second
    /// line of this key refuses the note.
    pub fn verify(&self, key: &VerifierKey) -> Result<&'a str, SignatureError> {
        let name = || key.name().to_string();
        let mut lines = self.lines_of(key.name(), key.id());
        let line = lines
            .next()
            .ok_or_else(|| SignatureError::NotSigned { name: name() })?;
        if lines.next().is_some() {
            return Err(SignatureError::Repeated { name: name() });
        }
        let holds = Signature::from_slice(&line.signature)
            .and_then(|signature| key.key().verify_strict(self.text.as_bytes(), &signature));
        match holds {
            Ok(()) => Ok(self.text),
            Err(_) => Err(SignatureError::Wrong { name: name() }),
        }
    }

    /// The witness's cosignatures, in the order of their lines; at least one. A wrong one refuses
    /// the note.
    pub fn cosignatures(&self, key: &WitnessKey) -> Result<Vec<Cosignature>, SignatureError> {
        let name = || key.name().to_string();
        let found = self
            .lines_of(key.name(), key.id())
            .map(|line| line.cosignature(self.text, key))
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| SignatureError::Wrong { name: name() })?;
        if found.is_empty() {
            return Err(SignatureError::NotSigned { name: name() });
        }
        Ok(found)
    }

    fn lines_of(&self, name: &str, id: [u8; 4]) -> impl Iterator<Item = &SignatureLine<'a>> {
        self.signatures
            .iter()
            .filter(move |line| line.name == name && line.id == id)
    }
}

impl<'a> SignatureLine<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let (name, encoded) = line.strip_prefix("— ")?.split_once(' ')?;
        let bytes = base64::decode(encoded)?;
        let (id, signature) = bytes.split_first_chunk()?;
        let whole = key::is_name(name) && !signature.is_empty();
        whole.then(|| Self {
            name,
            id: *id,
            signature: signature.to_vec(),
        })
    }

    fn cosignature(&self, text: &str, key: &WitnessKey) -> Option<Cosignature> {
        let (time, signature) = self.signature.split_first_chunk()?;
        let at_s = u64::from_be_bytes(*time);
        let signed = alloc::format!("cosignature/v1\ntime {at_s}\n{text}");
        let signature = Signature::from_slice(signature).ok()?;
        key.key()
            .verify_strict(signed.as_bytes(), &signature)
            .ok()?;
        Some(Cosignature { at_s })
    }
}

fn is_forbidden(character: char) -> bool {
    character < ' ' && character != '\n'
}

#[cfg(test)]
mod tests;
