//! A map that only grows, in little more room than its content takes: a log of many millions of calls
//! is held in it by somebody who has no more memory than anybody has.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// So many are added before they are put in their places with the others, and at least this part of
/// all: each is then moved a few times and not once for each that comes later.
const FRESH_MIN: usize = 1024;
const FRESH_PART: usize = 8;

/// What was added lately, and all else in order without gaps.
#[derive(Debug)]
pub(crate) struct Compact<K, V> {
    settled: Vec<(K, V)>,
    fresh: BTreeMap<K, V>,
}

impl<K, V> Default for Compact<K, V> {
    fn default() -> Self {
        Self {
            settled: Vec::new(),
            fresh: BTreeMap::new(),
        }
    }
}

impl<K: Copy + Ord, V: Copy> Compact<K, V> {
    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        match self.place(key) {
            Some(place) => self.settled.get(place).map(|(_, value)| value),
            None => self.fresh.get(key),
        }
    }

    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        match self.place(key) {
            Some(place) => self.settled.get_mut(place).map(|(_, value)| value),
            None => self.fresh.get_mut(key),
        }
    }

    pub(crate) fn contains(&self, key: &K) -> bool {
        self.get(key).is_some()
    }

    /// The value of the key: the first that was given for it.
    pub(crate) fn get_or_add(&mut self, key: K, value: V) -> V {
        if let Some(known) = self.get(&key) {
            return *known;
        }
        self.fresh.insert(key, value);
        if self.fresh.len() >= FRESH_MIN.max(self.settled.len() / FRESH_PART) {
            self.settle();
        }
        value
    }

    fn place(&self, key: &K) -> Option<usize> {
        let place = self.settled.binary_search_by(|(other, _)| other.cmp(key));
        place.ok()
    }

    /// Merges from the greatest down, so that nothing is held twice.
    fn settle(&mut self) {
        let fresh = core::mem::take(&mut self.fresh);
        let mut left = self.settled.len();
        self.settled.reserve_exact(fresh.len());
        self.settled
            .extend(fresh.iter().map(|(key, value)| (*key, *value)));
        let mut end = self.settled.len();
        for item in fresh.into_iter().rev() {
            while left > 0 && self.settled[left - 1].0 > item.0 {
                (left, end) = (left - 1, end - 1);
                self.settled[end] = self.settled[left];
            }
            end -= 1;
            self.settled[end] = item;
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
        let mut compact = Compact::default();
        let mut plain = BTreeMap::new();
        for number in 0..40_000 {
            let key = spread(number % 30_000);
            let first = *plain.entry(key).or_insert(number);
            assert_eq!(compact.get_or_add(key, number), first);
        }
        for number in 0..35_000 {
            let key = spread(number);
            assert_eq!(compact.get(&key), plain.get(&key));
            assert_eq!(compact.contains(&key), plain.contains_key(&key));
            if let Some(value) = compact.get_mut(&key) {
                *value += 1;
                assert_eq!(compact.get(&key), plain.get(&key).map(|it| it + 1).as_ref());
            }
        }
        assert!(compact.settled.is_sorted());
        assert!(compact.settled.len() > 20_000);
    }
}
