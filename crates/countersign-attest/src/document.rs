//! Canonical JSON documents with a closed schema: read strictly, typed, written again, compared.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::str::FromStr;

use countersign_record::digest::{hex, unhex, unhex32};
use countersign_record::json::{self, Limits, Number, Object, Value};

/// Nothing that a person signs is longer: it stands in the header of a vote (at most 16 KiB).
pub const DOCUMENT_BYTES_MAX: usize = 8 * 1024;

const LIMITS: Limits = Limits {
    depth: 3,
    nodes: 512,
    bytes: DOCUMENT_BYTES_MAX,
};

/// Why bytes are not a document of the expected type.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// Not JSON of profile CS-JSON-1 within 8 KiB.
    #[error("not a strict JSON document of at most {DOCUMENT_BYTES_MAX} bytes")]
    Json(#[from] json::ReadError),
    /// JSON, but no object.
    #[error("not a JSON object")]
    NotAnObject,
    /// Another type of document.
    #[error("not a document of type {expected}")]
    Type {
        /// The type that was asked for.
        expected: &'static str,
    },
    /// A member that every document of this type has.
    #[error("the member {name} is missing")]
    Missing {
        /// Its name.
        name: &'static str,
    },
    /// A member whose value does not have the form of the schema.
    #[error("the member {name} does not have the form that the schema asks for")]
    Malformed {
        /// Its name.
        name: &'static str,
    },
    /// A member that the schema does not have.
    #[error("the schema has no member {name:?}")]
    UnknownMember {
        /// Its name.
        name: String,
    },
    /// The same content in other bytes than the canonical ones.
    #[error("not in canonical form (RFC 8785)")]
    NotCanonical,
}

/// What one type of document is made of, beside its `type`.
pub(crate) trait Schema: Sized {
    const TYPE: &'static str;

    fn members(&self) -> Result<Object, DocumentError>;

    fn from_members(members: &mut Members<'_>) -> Result<Self, DocumentError>;
}

/// The canonical bytes. They are read back at once: what no reader takes is never offered for
/// signing.
pub(crate) fn write<T: Schema>(document: &T) -> Result<Vec<u8>, DocumentError> {
    let bytes = encode(document)?;
    read::<T>(&bytes)?;
    Ok(bytes)
}

pub(crate) fn read<T: Schema>(bytes: &[u8]) -> Result<T, DocumentError> {
    let value = json::read(bytes, &LIMITS)?;
    let object = value.as_object().ok_or(DocumentError::NotAnObject)?;
    let mut members = Members::new(object);
    if members.required("type", text)? != T::TYPE {
        return Err(DocumentError::Type { expected: T::TYPE });
    }
    let document = T::from_members(&mut members)?;
    members.finish()?;
    if encode(&document)? == bytes {
        Ok(document)
    } else {
        Err(DocumentError::NotCanonical)
    }
}

fn encode<T: Schema>(document: &T) -> Result<Vec<u8>, DocumentError> {
    let object = document.members()?.with("type", T::TYPE);
    Ok(json::canonical(&Value::Object(object)))
}

/// The members of an object, and which of them the schema has asked for.
pub(crate) struct Members<'a> {
    object: &'a Object,
    asked: Vec<&'static str>,
}

impl<'a> Members<'a> {
    pub(crate) const fn new(object: &'a Object) -> Self {
        Self {
            object,
            asked: Vec::new(),
        }
    }

    pub(crate) fn required<T>(
        &mut self,
        name: &'static str,
        form: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<T, DocumentError> {
        self.optional(name, form)?
            .ok_or(DocumentError::Missing { name })
    }

    pub(crate) fn optional<T>(
        &mut self,
        name: &'static str,
        form: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<Option<T>, DocumentError> {
        self.asked.push(name);
        let Some(value) = self.object.member(name) else {
            return Ok(None);
        };
        match form(value) {
            Some(typed) => Ok(Some(typed)),
            None => Err(DocumentError::Malformed { name }),
        }
    }

    pub(crate) fn finish(&self) -> Result<(), DocumentError> {
        let unknown = |name: &&str| !self.asked.contains(name);
        match self.object.iter().map(|(name, _)| name).find(unknown) {
            None => Ok(()),
            Some(name) => Err(DocumentError::UnknownMember {
                name: name.to_owned(),
            }),
        }
    }
}

pub(crate) fn text(value: &Value) -> Option<String> {
    value.as_str().map(ToOwned::to_owned)
}

pub(crate) fn parsed<T: FromStr>(value: &Value) -> Option<T> {
    value.as_str()?.parse().ok()
}

/// A list of distinct words; their order is compared by writing them again.
pub(crate) fn list<T: FromStr, C: FromIterator<T>>(value: &Value) -> Option<C> {
    value.as_array()?.iter().map(parsed).collect()
}

/// The words of a list in the order of their bytes.
pub(crate) fn sorted(words: impl IntoIterator<Item = impl ToString>) -> Value {
    let mut words: Vec<String> = words.into_iter().map(|word| word.to_string()).collect();
    words.sort_unstable();
    words.into()
}

/// The ledger's origin: 1 to 255 printable ASCII characters, neither space nor plus, as a signed
/// note's key name must be.
pub(crate) fn origin(value: &Value) -> Option<String> {
    let origin = value.as_str()?;
    let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'+';
    ((1..=255).contains(&origin.len()) && origin.bytes().all(plain)).then(|| origin.to_owned())
}

/// `sha256:` and 64 lower-case hex digits.
pub(crate) fn sha256_text(digest: &[u8; 32]) -> String {
    format!("sha256:{}", hex(digest))
}

pub(crate) fn sha256(value: &Value) -> Option<[u8; 32]> {
    unhex32(value.as_str()?.strip_prefix("sha256:")?)
}

/// `blake3:` and 64 lower-case hex digits.
pub(crate) fn blake3_text(digest: &[u8; 32]) -> String {
    format!("blake3:{}", hex(digest))
}

pub(crate) fn blake3(value: &Value) -> Option<[u8; 32]> {
    unhex32(value.as_str()?.strip_prefix("blake3:")?)
}

/// Bytes of a fixed length in lower-case hex.
pub(crate) fn bytes<const N: usize>(value: &Value) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    unhex(value.as_str()?, &mut bytes).then_some(bytes)
}

/// A whole number that every JSON reader keeps exact.
pub(crate) fn whole(name: &'static str, number: u64) -> Result<Value, DocumentError> {
    Number::try_from(number)
        .map(Value::from)
        .map_err(|_| DocumentError::Malformed { name })
}
