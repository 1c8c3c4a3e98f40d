//! A set that only grows, in little more room than its items take: a log of many millions of calls is
//! held in it by somebody who has no more memory than anybody has.

use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;
use core::cmp::Ordering;

/// So many are added before they are put in their places with the others, and at least this part of
/// all: each is then moved a few times and not once for each that comes later.
const FRESH_MIN: usize = 1024;
const FRESH_PART: usize = 32;

/// Items of a block, a power of two as the room that a vector makes for itself.
const BLOCK: usize = 1 << 13;

/// A list that only grows, and that never moves but its last block when it does: there is never room
/// for it twice.
#[derive(Debug)]
pub(crate) struct Blocks<T>(Vec<Vec<T>>);

impl<T> Default for Blocks<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Copy> Blocks<T> {
    pub(crate) fn len(&self) -> usize {
        let full = self.0.len().saturating_sub(1) * BLOCK;
        full + self.0.last().map_or(0, Vec::len)
    }

    pub(crate) fn push(&mut self, item: T) {
        match self.0.last_mut() {
            Some(block) if block.len() < BLOCK => block.push(item),
            _ => self.0.push(vec![item]),
        }
    }

    pub(crate) fn at(&self, place: usize) -> &T {
        &self.0[place / BLOCK][place % BLOCK]
    }

    fn at_mut(&mut self, place: usize) -> &mut T {
        &mut self.0[place / BLOCK][place % BLOCK]
    }
}

/// Items in the order of their keys, each key once; `of` says which key an item has. It must say the
/// same at every call. What was added lately stands apart.
#[derive(Debug)]
pub(crate) struct Compact<K, T> {
    settled: Blocks<T>,
    fresh: BTreeMap<K, T>,
}

impl<K, T> Default for Compact<K, T> {
    fn default() -> Self {
        Self {
            settled: Blocks::default(),
            fresh: BTreeMap::new(),
        }
    }
}

impl<K: Copy + Ord, T: Copy> Compact<K, T> {
    pub(crate) fn get(&self, key: &K, of: impl Fn(&T) -> K) -> Option<&T> {
        match self.place(key, self.settled.len(), of) {
            Ok(place) => Some(self.settled.at(place)),
            Err(_) => self.fresh.get(key),
        }
    }

    pub(crate) fn get_mut(&mut self, key: &K, of: impl Fn(&T) -> K) -> Option<&mut T> {
        match self.place(key, self.settled.len(), of) {
            Ok(place) => Some(self.settled.at_mut(place)),
            Err(_) => self.fresh.get_mut(key),
        }
    }

    /// Adds an item unless its key has one.
    pub(crate) fn add(&mut self, item: T, of: impl Fn(&T) -> K) {
        let key = of(&item);
        if self.get(&key, &of).is_some() {
            return;
        }
        self.fresh.insert(key, item);
        if self.fresh.len() >= FRESH_MIN.max(self.settled.len() / FRESH_PART) {
            self.settle(of);
        }
    }

    /// Where among the first settled items that of the key is, or how many come before it.
    fn place(&self, key: &K, first: usize, of: impl Fn(&T) -> K) -> Result<usize, usize> {
        let (mut from, mut to) = (0, first);
        while from < to {
            let middle = from.midpoint(to);
            match of(self.settled.at(middle)).cmp(key) {
                Ordering::Less => from = middle + 1,
                Ordering::Equal => return Ok(middle),
                Ordering::Greater => to = middle,
            }
        }
        Err(from)
    }

    /// Merges from the greatest down, so that nothing is held twice.
    fn settle(&mut self, of: impl Fn(&T) -> K) {
        let fresh = core::mem::take(&mut self.fresh);
        let mut left = self.settled.len();
        for item in fresh.values() {
            self.settled.push(*item);
        }
        let mut end = self.settled.len();
        for (key, item) in fresh.into_iter().rev() {
            let before = self.place(&key, left, &of).unwrap_or_else(|before| before);
            while left > before {
                (left, end) = (left - 1, end - 1);
                *self.settled.at_mut(end) = *self.settled.at(left);
            }
            end -= 1;
            *self.settled.at_mut(end) = item;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Spread over all numbers, each once.
    fn spread(number: u32) -> u32 {
        number.wrapping_mul(0x9e37_79b1)
    }

    #[test]
    fn it_holds_what_an_ordinary_map_holds() {
        let of = |item: &(u32, u32)| item.0;
        let mut compact = Compact::default();
        let mut plain = BTreeMap::new();
        for number in 0..40_000 {
            let key = spread(number % 30_000);
            plain.entry(key).or_insert(number);
            compact.add((key, number), of);
        }
        for number in 0..35_000 {
            let key = spread(number);
            let found = compact.get(&key, of).map(|item| &item.1);
            assert_eq!(found, plain.get(&key));
            if let Some(item) = compact.get_mut(&key, of) {
                item.1 += 1;
                let changed = compact.get(&key, of).map(|item| item.1);
                assert_eq!(changed, plain.get(&key).map(|it| it + 1));
            }
        }
        let settled: Vec<_> = compact.settled.0.concat();
        assert!(settled.is_sorted());
        assert!(settled.len() > 20_000);
    }
}
