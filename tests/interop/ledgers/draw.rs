//! Everything that a server would draw at random, from one seed.

/// `SplitMix64`: small, and the same everywhere.
pub(crate) struct Draw(u64);

impl Draw {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed ^ 0x6c65_6467_6572_7331)
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.number() % limit
    }

    /// Once in so many times.
    pub(crate) fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    pub(crate) fn of<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        let place = self.below(u64::try_from(items.len().max(1)).unwrap());
        items.get(usize::try_from(place).unwrap())
    }

    pub(crate) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        for eight in bytes.chunks_mut(8) {
            let drawn = self.number().to_be_bytes();
            eight.copy_from_slice(&drawn[..eight.len()]);
        }
        bytes
    }
}
