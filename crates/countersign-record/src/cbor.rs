//! Deterministic CBOR (RFC 8949 §4.2.1), read strictly.
//!
//! Only 64-bit integers, byte and text strings, arrays, maps with text keys, and booleans.

mod strict;

use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::fmt;

use serde::de;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
pub(crate) use strict::{MapWriter, Raw, push_array, push_bytes, push_text, push_true, push_uint};

/// One item of the subset that entries use.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Item {
    /// An unsigned integer.
    Uint(u64),
    /// The negative integer −1 − n.
    Negative(u64),
    /// A byte string.
    Bytes(Vec<u8>),
    /// A text string.
    Text(String),
    /// An array.
    Array(Vec<Item>),
    /// A map with text keys.
    Map(Map),
    /// `true`, `false`
    Bool(bool),
}

/// A map with text keys, kept in the bytewise order of their encodings, each key once.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Map(Vec<(String, Item)>);

impl Map {
    /// A map without entries.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds a key; `false`, and nothing changed, when the key is taken.
    pub fn add(&mut self, key: impl Into<String>, item: Item) -> bool {
        let key = key.into();
        let Err(place) = self.place(&key) else {
            return false;
        };
        self.0.insert(place, (key, item));
        true
    }

    /// Takes the item of that key out of the map.
    pub fn take(&mut self, key: &str) -> Option<Item> {
        let place = self.place(key).ok()?;
        Some(self.0.remove(place).1)
    }

    /// The item of that key.
    pub fn item(&self, key: &str) -> Option<&Item> {
        self.place(key).ok().map(|place| &self.0[place].1)
    }

    /// Keys and items in canonical order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Item)> {
        self.0.iter().map(|(key, item)| (key.as_str(), item))
    }

    /// Whether the map has no keys.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn place(&self, key: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(other, _)| key_order(other, key))
    }
}

impl IntoIterator for Map {
    type Item = (String, Item);
    type IntoIter = alloc::vec::IntoIter<(String, Item)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// Order of the encodings: a text string's length stands in front of it, so shorter comes first.
fn key_order(a: &str, b: &str) -> Ordering {
    bytes_order(a.as_bytes(), b.as_bytes())
}

fn bytes_order(a: &[u8], b: &[u8]) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

/// Why bytes are not deterministic CBOR of the subset.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CborError {
    /// Not CBOR, cut short, or with an item outside the subset (float, null, tag, other key).
    #[error("not CBOR of the ledger's subset")]
    Malformed,
    /// The same meaning has another, canonical encoding; includes bytes left over at the end.
    #[error("not canonical")]
    NotCanonical,
}

/// More nesting than any document of the ledger has; keeps the reader's stack small.
const DEPTH_MAX: usize = 32;

/// The one encoding of an item.
pub fn encode(item: &Item) -> Vec<u8> {
    let mut bytes = Vec::new();
    // A Vec cannot fail to grow short of exhaustion, which aborts; an item always serialises.
    let written = ciborium::into_writer(item, &mut bytes);
    debug_assert!(written.is_ok());
    bytes
}

/// Reads one item that fills `bytes` and is encoded canonically.
pub fn decode(bytes: &[u8]) -> Result<Item, CborError> {
    strict::item(bytes).ok_or_else(|| refused(bytes))
}

/// The same by decoding, encoding and comparing: what the one pass is held to, and what tells the
/// kinds of bad bytes apart.
fn decode_slowly(bytes: &[u8]) -> Result<Item, CborError> {
    let item: Item = ciborium::de::from_reader_with_recursion_limit(bytes, DEPTH_MAX)
        .map_err(|_| CborError::Malformed)?;
    if encode(&item) == bytes {
        Ok(item)
    } else {
        Err(CborError::NotCanonical)
    }
}

/// Why the one pass refused these bytes.
pub(crate) fn refused(bytes: &[u8]) -> CborError {
    decode_slowly(bytes)
        .err()
        .unwrap_or(CborError::NotCanonical)
}

impl Serialize for Item {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Uint(number) => serializer.serialize_u64(*number),
            Self::Negative(number) => serializer.serialize_i128(-1 - i128::from(*number)),
            Self::Bytes(bytes) => serializer.serialize_bytes(bytes),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Bool(truth) => serializer.serialize_bool(*truth),
            Self::Array(items) => {
                let mut seq = serializer.serialize_seq(Some(items.len()))?;
                items
                    .iter()
                    .try_for_each(|item| seq.serialize_element(item))?;
                seq.end()
            }
            Self::Map(map) => {
                let mut out = serializer.serialize_map(Some(map.0.len()))?;
                map.iter()
                    .try_for_each(|(key, item)| out.serialize_entry(key, item))?;
                out.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ItemVisitor)
    }
}

struct ItemVisitor;

impl<'de> Visitor<'de> for ItemVisitor {
    type Value = Item;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an item of the ledger's CBOR subset")
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Item, E> {
        Ok(Item::Bool(truth))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Item, E> {
        Ok(Item::Uint(number))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Item, E> {
        self.visit_i128(i128::from(number))
    }

    fn visit_i128<E: de::Error>(self, number: i128) -> Result<Item, E> {
        u64::try_from(-1 - number)
            .map(Item::Negative)
            .map_err(|_| E::custom("out of range"))
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Item, E> {
        Ok(Item::Bytes(bytes.into()))
    }

    fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Item, E> {
        Ok(Item::Bytes(bytes))
    }

    fn visit_str<E>(self, text: &str) -> Result<Item, E> {
        Ok(Item::Text(text.into()))
    }

    fn visit_string<E>(self, text: String) -> Result<Item, E> {
        Ok(Item::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Item, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Item::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Item, A::Error> {
        let mut map = Map::new();
        while let Some((key, item)) = access.next_entry::<Key, Item>()? {
            if !map.add(key.0, item) {
                return Err(de::Error::custom("a key stands twice"));
            }
        }
        Ok(Item::Map(map))
    }
}

/// A map's key: text, and never a byte string that happens to be UTF-8.
struct Key(String);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Item::deserialize(deserializer)? {
            Item::Text(text) => Ok(Self(text)),
            _ => Err(de::Error::custom("a key that is not text")),
        }
    }
}

#[cfg(test)]
mod tests;
