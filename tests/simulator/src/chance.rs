//! Everything that is drawn: one seed gives one history, always.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use countersign_service::{Clock, Entropy, EntropyError};

/// `SplitMix64`.
#[derive(Clone, Debug)]
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Below `bound`, which is not 0.
    pub(crate) const fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// True so many times in 100,000.
    pub(crate) const fn happens(&mut self, per_100_000: u64) -> bool {
        self.below(100_000) < per_100_000
    }

    pub(crate) fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(len.max(1)).unwrap_or(1)).unwrap_or(0)
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        from.get(self.index(from.len()))
    }

    pub(crate) fn bytes(&mut self) -> [u8; 32] {
        let mut bytes = [0; 32];
        fill(self, &mut bytes);
        bytes
    }
}

fn fill(rng: &mut Rng, bytes: &mut [u8]) {
    for chunk in bytes.chunks_mut(8) {
        let drawn = rng.next().to_be_bytes();
        chunk.copy_from_slice(&drawn[..chunk.len()]);
    }
}

impl Entropy for Rng {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        fill(self, bytes);
        Ok(())
    }
}

/// When every history begins.
pub(crate) const START_MS: u64 = 1_750_000_000_000;

/// A clock that stands still until it is moved; clones are the same clock.
#[derive(Clone, Debug)]
pub(crate) struct FakeClock {
    wall: Arc<AtomicU64>,
    monotonic: Arc<AtomicU64>,
}

impl FakeClock {
    pub(crate) fn new() -> Self {
        Self {
            wall: Arc::new(AtomicU64::new(START_MS)),
            monotonic: Arc::default(),
        }
    }

    /// Time passes.
    pub(crate) fn pass(&self, ms: u64) {
        self.wall.fetch_add(ms, Ordering::SeqCst);
        self.monotonic.fetch_add(ms, Ordering::SeqCst);
    }

    /// Time passes, and the wall clock does not see it.
    pub(crate) fn pass_frozen(&self, ms: u64) {
        self.monotonic.fetch_add(ms, Ordering::SeqCst);
    }

    /// Somebody sets the wall clock.
    pub(crate) fn set(&self, wall_ms: u64) {
        self.wall.store(wall_ms, Ordering::SeqCst);
    }

    pub(crate) fn wall(&self) -> u64 {
        self.wall.load(Ordering::SeqCst)
    }
}

impl Clock for FakeClock {
    fn wall_ms(&self) -> u64 {
        self.wall()
    }

    fn monotonic_ms(&self) -> u64 {
        self.monotonic.load(Ordering::SeqCst)
    }
}
