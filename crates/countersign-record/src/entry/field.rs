//! How typed members become CBOR items and back: an absent optional is an absent key.

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::cbor::{MapWriter, Raw, push_array, push_bytes, push_text, push_true, push_uint};
use crate::digest;
use crate::id;
use crate::name;
use crate::term;

/// What is wrong with which member.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{fault} {name:?}")]
pub struct FieldError {
    name: String,
    fault: Fault,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
enum Fault {
    #[error("unknown")]
    Unknown,
    #[error("there is no")]
    Missing,
    #[error("not the type or form of")]
    Form,
}

impl FieldError {
    pub(super) fn unknown(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            fault: Fault::Unknown,
        }
    }

    pub(super) fn is_unknown(&self) -> bool {
        self.fault == Fault::Unknown
    }
}

/// A value of one member.
pub(super) trait Field: Sized {
    /// Writes the item; `false`, and nothing written, leaves the key out.
    fn put(&self, out: &mut Vec<u8>) -> bool;
    /// The value of an item.
    fn take(item: Raw<'_>) -> Result<Self, Wrong>;
    /// The value of an absent key, where it may be absent.
    fn absent() -> Option<Self> {
        None
    }
}

/// An item that is not the value asked for.
pub(super) enum Wrong {
    Form,
    /// A word that the vocabulary of this version does not have.
    Word,
    Inner(FieldError),
}

/// A group of members.
pub(super) trait Fields: Sized {
    fn write<'w>(&'w self, writer: &mut Writer<'w>);
    fn read(reader: &mut Reader<'_>) -> Result<Self, FieldError>;
}

#[derive(Default)]
pub(super) struct Writer<'w>(MapWriter<'w>);

impl<'w> Writer<'w> {
    pub(super) fn put(&mut self, name: &'w str, value: &impl Field) {
        self.0.member(name, |out| value.put(out));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn push(self, out: &mut Vec<u8>) {
        self.0.push(out);
    }
}

/// The members of a map that nobody took yet, in canonical order.
#[derive(Default)]
pub(super) struct Reader<'a>(Vec<(&'a [u8], Raw<'a>)>);

impl<'a> Reader<'a> {
    /// Nothing when the bytes are no map, or not canonical anywhere in it.
    pub(super) fn checked(bytes: &'a [u8]) -> Option<Self> {
        Raw::members(bytes).map(Self)
    }

    /// Nothing when the item is no map, or an empty one, which would have been left out.
    pub(super) fn new(item: Raw<'a>) -> Option<Self> {
        let members: Vec<_> = item.map()?.collect();
        (!members.is_empty()).then_some(Self(members))
    }

    pub(super) fn take<T: Field>(&mut self, name: &str) -> Result<T, FieldError> {
        let fault = |fault| FieldError {
            name: name.to_owned(),
            fault,
        };
        match self
            .0
            .iter()
            .position(|(other, _)| *other == name.as_bytes())
        {
            None => T::absent().ok_or_else(|| fault(Fault::Missing)),
            Some(place) => T::take(self.0.remove(place).1).map_err(|wrong| match wrong {
                Wrong::Form => fault(Fault::Form),
                Wrong::Word => fault(Fault::Unknown),
                Wrong::Inner(error) => error,
            }),
        }
    }

    /// The name of a member that nobody took.
    pub(super) fn left(&self) -> Option<&'a str> {
        let (name, _) = self.0.first()?;
        // They were checked with the map that they stand in.
        Some(core::str::from_utf8(name).unwrap_or_default())
    }
}

/// Makes a group of members the value of one member: a map, left out when it is empty.
macro_rules! writes {
    ($($name:ty),+) => {$(
        impl $crate::entry::field::Field for $name {
            fn put(&self, out: &mut alloc::vec::Vec<u8>) -> bool {
                let mut writer = $crate::entry::field::Writer::default();
                self.write(&mut writer);
                let is_there = !writer.is_empty();
                if is_there {
                    writer.push(out);
                }
                is_there
            }

            fn take(item: $crate::cbor::Raw<'_>) -> Result<Self, $crate::entry::field::Wrong> {
                use $crate::entry::field::{Reader, Wrong};
                let mut reader = Reader::new(item).ok_or(Wrong::Form)?;
                let value = Self::read(&mut reader).map_err(Wrong::Inner)?;
                match reader.left() {
                    None => Ok(value),
                    Some(name) => Err(Wrong::Inner($crate::entry::FieldError::unknown(name))),
                }
            }

            fn absent() -> Option<Self> {
                Self::read(&mut $crate::entry::field::Reader::default()).ok()
            }
        }
    )+};
}
pub(super) use writes;

impl Field for u64 {
    fn put(&self, out: &mut Vec<u8>) -> bool {
        push_uint(out, *self);
        true
    }

    fn take(item: Raw<'_>) -> Result<Self, Wrong> {
        item.uint().ok_or(Wrong::Form)
    }
}

/// A flag: `true`, or left out.
impl Field for bool {
    fn put(&self, out: &mut Vec<u8>) -> bool {
        if *self {
            push_true(out);
        }
        *self
    }

    fn take(item: Raw<'_>) -> Result<Self, Wrong> {
        item.is_true().then_some(true).ok_or(Wrong::Form)
    }

    fn absent() -> Option<Self> {
        Some(false)
    }
}

impl Field for String {
    fn put(&self, out: &mut Vec<u8>) -> bool {
        push_text(out, self);
        true
    }

    fn take(item: Raw<'_>) -> Result<Self, Wrong> {
        item.text().map(Into::into).ok_or(Wrong::Form)
    }
}

/// Bytes of any length.
#[derive(Clone, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct Blob(pub Vec<u8>);

impl Field for Blob {
    fn put(&self, out: &mut Vec<u8>) -> bool {
        push_bytes(out, &self.0);
        true
    }

    fn take(item: Raw<'_>) -> Result<Self, Wrong> {
        item.bytes()
            .map(|bytes| Self(bytes.into()))
            .ok_or(Wrong::Form)
    }
}

impl<const N: usize> Field for [u8; N] {
    fn put(&self, out: &mut Vec<u8>) -> bool {
        push_bytes(out, self);
        true
    }

    fn take(item: Raw<'_>) -> Result<Self, Wrong> {
        let bytes = item.bytes().ok_or(Wrong::Form)?;
        bytes.try_into().map_err(|_| Wrong::Form)
    }
}

impl<T: Field> Field for Option<T> {
    fn put(&self, out: &mut Vec<u8>) -> bool {
        self.as_ref().is_some_and(|value| value.put(out))
    }

    fn take(item: Raw<'_>) -> Result<Self, Wrong> {
        T::take(item).map(Some)
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

impl<T: Field> Field for Vec<T> {
    fn put(&self, out: &mut Vec<u8>) -> bool {
        let mut items = Vec::new();
        let count = self.iter().filter(|item| item.put(&mut items)).count();
        let is_there = count > 0;
        if is_there {
            push_array(out, u64::try_from(count).unwrap_or(u64::MAX), &items);
        }
        is_there
    }

    fn take(item: Raw<'_>) -> Result<Self, Wrong> {
        let items = item.array().ok_or(Wrong::Form)?;
        let items = items.map(T::take).collect::<Result<Self, _>>()?;
        if items.is_empty() {
            Err(Wrong::Form)
        } else {
            Ok(items)
        }
    }

    fn absent() -> Option<Self> {
        Some(Self::new())
    }
}

macro_rules! as_text {
    ($wrong:ident: $($name:ty),+ $(,)?) => {$(
        impl Field for $name {
            fn put(&self, out: &mut Vec<u8>) -> bool {
                push_text(out, &self.to_string());
                true
            }

            fn take(item: Raw<'_>) -> Result<Self, Wrong> {
                let text = item.text().ok_or(Wrong::Form)?;
                text.parse().map_err(|_| Wrong::$wrong)
            }
        }
    )+};
}

macro_rules! as_bytes {
    ($($name:ident),+ $(,)?) => {$(
        impl Field for digest::$name {
            fn put(&self, out: &mut Vec<u8>) -> bool {
                self.0.put(out)
            }

            fn take(item: Raw<'_>) -> Result<Self, Wrong> {
                Field::take(item).map(Self)
            }
        }
    )+};
}

as_text! { Form:
    id::CallId, id::ConfirmationId, id::GrantId, id::PersonId, id::KeyId, id::AgentId,
    id::ExecutorId, id::CredentialId, id::SessionId, id::PolicyId, id::FreezeId,
    name::RuleName, name::GroupName, name::ExecutorName,
    super::refs::Party,
}

as_text! { Word:
    term::KeyClass, term::Client, term::Scheme, term::Independence, term::Role, term::Enforcement,
    super::word::Verdict, super::word::Change, super::word::RevocationCause, super::word::DenyCause,
    super::word::EndCause, super::word::OutcomeStatus, super::word::OutcomeCause,
    super::word::Disclosed,
}

as_bytes! {
    EntryHash, BodyRoot, ActionDigest, FingerprintDigest, PolicyDigest, TokenDigest,
}
