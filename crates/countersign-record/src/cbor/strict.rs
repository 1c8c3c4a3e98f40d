//! One pass over canonical bytes: a reader that accepts nothing but the one encoding, so that what it
//! accepts need not be encoded again to be compared. A property holds it to the slow way.

use alloc::string::String;
use alloc::vec::Vec;

use super::{DEPTH_MAX, Item, Map, bytes_order, key_order};

const UINT: u8 = 0;
const NEGATIVE: u8 = 1;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const MAP: u8 = 5;
const FALSE: u8 = 0xf4;
const TRUE: u8 = 0xf5;

/// Few maps have more members, and few entries more bytes; no limits, only the room made at first.
const MEMBERS_USUAL: usize = 16;
const MAP_BYTES_USUAL: usize = 512;

/// The item that fills `bytes`.
pub(super) fn item(bytes: &[u8]) -> Option<Item> {
    let mut cursor = Cursor(bytes);
    let item = cursor.item(DEPTH_MAX)?;
    cursor.0.is_empty().then_some(item)
}

/// One item, still encoded. What is read of it is canonical; what is passed over only where it was
/// checked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Raw<'a>(&'a [u8]);

impl<'a> Raw<'a> {
    /// The item that fills `bytes`, all of it checked.
    pub(crate) fn checked(bytes: &'a [u8]) -> Option<Self> {
        let mut cursor = Cursor(bytes);
        cursor.skip(DEPTH_MAX)?;
        cursor.0.is_empty().then_some(Self(bytes))
    }

    /// An item of which nothing is known yet.
    pub(crate) const fn unchecked(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The members of the map that fills `bytes`, in canonical order, all of it checked.
    pub(crate) fn members(bytes: &'a [u8]) -> Option<Vec<(&'a [u8], Self)>> {
        let mut cursor = Cursor(bytes);
        let (MAP, count) = cursor.head()? else {
            return None;
        };
        let mut before = None;
        let mut members = Vec::with_capacity(MEMBERS_USUAL);
        for _ in 0..count {
            let key = cursor.next_key(&mut before)?.as_bytes();
            members.push((key, cursor.raw(DEPTH_MAX - 1)?));
        }
        cursor.0.is_empty().then_some(members)
    }

    /// An unsigned integer.
    pub(crate) fn uint(self) -> Option<u64> {
        self.head_of(UINT).map(|(number, _)| number)
    }

    /// A byte string.
    pub(crate) fn bytes(self) -> Option<&'a [u8]> {
        self.head_of(BYTES).map(|(_, rest)| rest)
    }

    /// A text string.
    pub(crate) fn text(self) -> Option<&'a str> {
        let (_, rest) = self.head_of(TEXT)?;
        core::str::from_utf8(rest).ok()
    }

    /// Whether it is `true`.
    pub(crate) fn is_true(self) -> bool {
        self.0 == [TRUE]
    }

    /// An array's items.
    pub(crate) fn array(self) -> Option<impl Iterator<Item = Self>> {
        let (count, rest) = self.head_of(ARRAY)?;
        let mut cursor = Cursor(rest);
        Some((0..count).map_while(move |_| cursor.raw(DEPTH_MAX)))
    }

    /// A map's keys, texts where it was checked, and items, in canonical order.
    pub(crate) fn map(self) -> Option<impl Iterator<Item = (&'a [u8], Self)>> {
        let (count, rest) = self.head_of(MAP)?;
        let mut cursor = Cursor(rest);
        Some((0..count).map_while(move |_| Some((cursor.key()?, cursor.raw(DEPTH_MAX)?))))
    }

    fn head_of(self, kind: u8) -> Option<(u64, &'a [u8])> {
        let mut cursor = Cursor(self.0);
        let (found, argument) = cursor.head()?;
        (found == kind).then_some((argument, cursor.0))
    }
}

/// What is left to read.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    /// Major type and argument, in the shortest form. Of type 7 only the two booleans.
    fn head(&mut self) -> Option<(u8, u64)> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        let kind = first >> 5;
        let argument = match first & 31 {
            _ if kind > MAP => return matches!(first, FALSE | TRUE).then_some((7, 0)),
            small @ 0..=23 => u64::from(small),
            24 => self.number::<1>().filter(|it| *it > 23)?,
            25 => self.number::<2>().filter(|it| *it > 0xff)?,
            26 => self.number::<4>().filter(|it| *it > 0xffff)?,
            27 => self.number::<8>().filter(|it| *it > 0xffff_ffff)?,
            _ => return None,
        };
        Some((kind, argument))
    }

    fn number<const N: usize>(&mut self) -> Option<u64> {
        let (bytes, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(
            bytes
                .iter()
                .fold(0, |number, byte| number << 8 | u64::from(*byte)),
        )
    }

    fn take(&mut self, length: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(usize::try_from(length).ok()?)?;
        self.0 = rest;
        Some(taken)
    }

    fn text(&mut self, length: u64) -> Option<&'a str> {
        core::str::from_utf8(self.take(length)?).ok()
    }

    fn key(&mut self) -> Option<&'a [u8]> {
        match self.head()? {
            (TEXT, length) => self.take(length),
            _ => None,
        }
    }

    /// The next key, which must be text and come after the one before it.
    fn next_key(&mut self, before: &mut Option<&'a [u8]>) -> Option<&'a str> {
        let key = self.key()?;
        if before.is_some_and(|before| bytes_order(before, key).is_ge()) {
            return None;
        }
        *before = Some(key);
        core::str::from_utf8(key).ok()
    }

    /// The next item, checked.
    fn raw(&mut self, depth: usize) -> Option<Raw<'a>> {
        let start = self.0;
        self.skip(depth)?;
        start.get(..start.len() - self.0.len()).map(Raw)
    }

    fn skip(&mut self, depth: usize) -> Option<()> {
        match self.head()? {
            (BYTES, length) => self.take(length).map(drop),
            (TEXT, length) => self.text(length).map(drop),
            (ARRAY, count) => {
                let depth = depth.checked_sub(1)?;
                (0..count).try_for_each(|_| self.skip(depth))
            }
            (MAP, count) => {
                let depth = depth.checked_sub(1)?;
                let mut before = None;
                (0..count).try_for_each(|_| {
                    self.next_key(&mut before)?;
                    self.skip(depth)
                })
            }
            _ => Some(()),
        }
    }

    fn item(&mut self, depth: usize) -> Option<Item> {
        let is_true = self.0.first() == Some(&TRUE);
        Some(match self.head()? {
            (UINT, number) => Item::Uint(number),
            (NEGATIVE, number) => Item::Negative(number),
            (BYTES, length) => Item::Bytes(self.take(length)?.into()),
            (TEXT, length) => Item::Text(String::from(self.text(length)?)),
            (ARRAY, count) => {
                let depth = depth.checked_sub(1)?;
                let items: Option<Vec<_>> = (0..count).map(|_| self.item(depth)).collect();
                Item::Array(items?)
            }
            (MAP, count) => {
                let depth = depth.checked_sub(1)?;
                let mut before = None;
                let members: Option<Vec<_>> = (0..count)
                    .map(|_| Some((self.next_key(&mut before)?.into(), self.item(depth)?)))
                    .collect();
                Item::Map(Map(members?))
            }
            _ => Item::Bool(is_true),
        })
    }
}

/// Writes the head of an item in the shortest form.
fn push_head(out: &mut Vec<u8>, kind: u8, argument: u64) {
    let kind = kind << 5;
    let bytes = argument.to_be_bytes();
    let (first, tail) = match argument {
        0..=23 => (bytes[7], &bytes[8..]),
        24..=0xff => (24, &bytes[7..]),
        0x100..=0xffff => (25, &bytes[6..]),
        0x1_0000..=0xffff_ffff => (26, &bytes[4..]),
        _ => (27, &bytes[..]),
    };
    out.push(kind | first);
    out.extend_from_slice(tail);
}

fn length(of: &[u8]) -> u64 {
    u64::try_from(of.len()).unwrap_or(u64::MAX)
}

pub(crate) fn push_uint(out: &mut Vec<u8>, number: u64) {
    push_head(out, UINT, number);
}

pub(crate) fn push_true(out: &mut Vec<u8>) {
    out.push(TRUE);
}

pub(crate) fn push_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    push_head(out, BYTES, length(bytes));
    out.extend_from_slice(bytes);
}

pub(crate) fn push_text(out: &mut Vec<u8>, text: &str) {
    push_head(out, TEXT, length(text.as_bytes()));
    out.extend_from_slice(text.as_bytes());
}

/// An array of so many items, which `items` are the encodings of.
pub(crate) fn push_array(out: &mut Vec<u8>, count: u64, items: &[u8]) {
    push_head(out, ARRAY, count);
    out.extend_from_slice(items);
}

/// A map whose members were written in any order.
pub(crate) struct MapWriter<'n> {
    written: Vec<u8>,
    /// Key, and where key and item end in `written`.
    members: Vec<(&'n str, usize, usize)>,
}

impl Default for MapWriter<'_> {
    fn default() -> Self {
        Self {
            written: Vec::with_capacity(MAP_BYTES_USUAL),
            members: Vec::with_capacity(MEMBERS_USUAL),
        }
    }
}

impl<'n> MapWriter<'n> {
    /// Adds a member, unless `put` says that there is none.
    pub(crate) fn member(&mut self, key: &'n str, put: impl FnOnce(&mut Vec<u8>) -> bool) {
        let start = self.written.len();
        push_text(&mut self.written, key);
        if put(&mut self.written) {
            self.members.push((key, start, self.written.len()));
        } else {
            self.written.truncate(start);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Writes the map in canonical order.
    pub(crate) fn push(mut self, out: &mut Vec<u8>) {
        self.members
            .sort_unstable_by(|(a, ..), (b, ..)| key_order(a, b));
        let twice = |pair: &[(&str, usize, usize)]| pair[0].0 == pair[1].0;
        debug_assert!(!self.members.windows(2).any(twice), "a member stands twice");
        push_head(
            out,
            MAP,
            u64::try_from(self.members.len()).unwrap_or(u64::MAX),
        );
        for (_, start, end) in &self.members {
            out.extend_from_slice(&self.written[*start..*end]);
        }
    }
}
