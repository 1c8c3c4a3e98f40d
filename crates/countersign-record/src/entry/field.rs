//! How typed members become CBOR items and back: an absent optional is an absent key.

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::cbor::{Item, Map};
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
    /// The item; `None` leaves the key out.
    fn put(&self) -> Option<Item>;
    /// The value of an item.
    fn take(item: Item) -> Result<Self, Wrong>;
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
    fn write(&self, writer: &mut Writer<'_>);
    fn read(reader: &mut Reader) -> Result<Self, FieldError>;
}

pub(super) struct Writer<'a>(&'a mut Map);

impl<'a> Writer<'a> {
    pub(super) fn new(map: &'a mut Map) -> Self {
        Self(map)
    }

    pub(super) fn put(&mut self, name: &str, value: &impl Field) {
        if let Some(item) = value.put() {
            let fresh = self.0.add(name, item);
            debug_assert!(fresh, "the member {name} stands twice");
        }
    }
}

pub(super) struct Reader(Map);

impl Reader {
    pub(super) fn new(map: Map) -> Self {
        Self(map)
    }

    pub(super) fn take<T: Field>(&mut self, name: &str) -> Result<T, FieldError> {
        let fault = |fault| FieldError {
            name: name.to_owned(),
            fault,
        };
        match self.0.take(name) {
            None => T::absent().ok_or_else(|| fault(Fault::Missing)),
            Some(item) => T::take(item).map_err(|wrong| match wrong {
                Wrong::Form => fault(Fault::Form),
                Wrong::Word => fault(Fault::Unknown),
                Wrong::Inner(error) => error,
            }),
        }
    }

    /// The name of a member that nobody took.
    pub(super) fn left(&self) -> Option<String> {
        self.0.iter().next().map(|(name, _)| name.to_owned())
    }
}

/// Makes a group of members the value of one member: a map, left out when it is empty.
macro_rules! writes {
    ($($name:ty),+) => {$(
        impl $crate::entry::field::Field for $name {
            fn put(&self) -> Option<$crate::cbor::Item> {
                let mut map = $crate::cbor::Map::new();
                self.write(&mut $crate::entry::field::Writer::new(&mut map));
                (!map.is_empty()).then_some($crate::cbor::Item::Map(map))
            }

            fn take(item: $crate::cbor::Item) -> Result<Self, $crate::entry::field::Wrong> {
                use $crate::entry::field::{Reader, Wrong};
                let $crate::cbor::Item::Map(map) = item else { return Err(Wrong::Form) };
                let mut reader = Reader::new(map);
                let value = Self::read(&mut reader).map_err(Wrong::Inner)?;
                match reader.left() {
                    None => Ok(value),
                    Some(name) => Err(Wrong::Inner($crate::entry::FieldError::unknown(&name))),
                }
            }

            fn absent() -> Option<Self> {
                Self::read(&mut $crate::entry::field::Reader::new($crate::cbor::Map::new())).ok()
            }
        }
    )+};
}
pub(super) use writes;

impl Field for u64 {
    fn put(&self) -> Option<Item> {
        Some(Item::Uint(*self))
    }

    fn take(item: Item) -> Result<Self, Wrong> {
        if let Item::Uint(number) = item {
            Ok(number)
        } else {
            Err(Wrong::Form)
        }
    }
}

/// A flag: `true`, or left out.
impl Field for bool {
    fn put(&self) -> Option<Item> {
        self.then_some(Item::Bool(true))
    }

    fn take(item: Item) -> Result<Self, Wrong> {
        if item == Item::Bool(true) {
            Ok(true)
        } else {
            Err(Wrong::Form)
        }
    }

    fn absent() -> Option<Self> {
        Some(false)
    }
}

impl Field for String {
    fn put(&self) -> Option<Item> {
        Some(Item::Text(self.clone()))
    }

    fn take(item: Item) -> Result<Self, Wrong> {
        if let Item::Text(text) = item {
            Ok(text)
        } else {
            Err(Wrong::Form)
        }
    }
}

/// Bytes of any length.
#[derive(Clone, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct Blob(pub Vec<u8>);

impl Field for Blob {
    fn put(&self) -> Option<Item> {
        Some(Item::Bytes(self.0.clone()))
    }

    fn take(item: Item) -> Result<Self, Wrong> {
        if let Item::Bytes(bytes) = item {
            Ok(Self(bytes))
        } else {
            Err(Wrong::Form)
        }
    }
}

impl<const N: usize> Field for [u8; N] {
    fn put(&self) -> Option<Item> {
        Some(Item::Bytes(self.to_vec()))
    }

    fn take(item: Item) -> Result<Self, Wrong> {
        let Blob(bytes) = Blob::take(item)?;
        bytes.try_into().map_err(|_| Wrong::Form)
    }
}

impl<T: Field> Field for Option<T> {
    fn put(&self) -> Option<Item> {
        self.as_ref().and_then(T::put)
    }

    fn take(item: Item) -> Result<Self, Wrong> {
        T::take(item).map(Some)
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

impl<T: Field> Field for Vec<T> {
    fn put(&self) -> Option<Item> {
        let items: Vec<_> = self.iter().filter_map(T::put).collect();
        (!items.is_empty()).then_some(Item::Array(items))
    }

    fn take(item: Item) -> Result<Self, Wrong> {
        match item {
            Item::Array(items) if !items.is_empty() => items.into_iter().map(T::take).collect(),
            _ => Err(Wrong::Form),
        }
    }

    fn absent() -> Option<Self> {
        Some(Self::new())
    }
}

macro_rules! as_text {
    ($wrong:ident: $($name:ty),+ $(,)?) => {$(
        impl Field for $name {
            fn put(&self) -> Option<Item> {
                Some(Item::Text(self.to_string()))
            }

            fn take(item: Item) -> Result<Self, Wrong> {
                String::take(item)?.parse().map_err(|_| Wrong::$wrong)
            }
        }
    )+};
}

macro_rules! as_bytes {
    ($($name:ident),+ $(,)?) => {$(
        impl Field for digest::$name {
            fn put(&self) -> Option<Item> {
                self.0.put()
            }

            fn take(item: Item) -> Result<Self, Wrong> {
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
    super::fact::Verdict, super::fact::Change, super::fact::RevocationCause, super::fact::DenyCause,
    super::fact::EndCause, super::fact::OutcomeStatus, super::fact::OutcomeCause,
    super::fact::Disclosed,
}

as_bytes! {
    EntryHash, BodyRoot, ActionDigest, FingerprintDigest, PolicyDigest, TokenDigest,
}
