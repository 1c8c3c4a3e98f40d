//! Time and randomness in the hands of a test.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use countersign_service::{Clock, Entropy, EntropyError, SystemEntropy};

/// A clock that a test moves; nobody sleeps.
#[derive(Clone, Default)]
pub(crate) struct TestClock {
    hands: Arc<Mutex<Hands>>,
    /// Read together with the wall clock: both hands are of one moment, also while a test moves them.
    seen: Cell<u64>,
}

#[derive(Clone, Copy, Default)]
pub(crate) struct Hands {
    wall: u64,
    monotonic: u64,
}

impl TestClock {
    /// Time passes.
    pub(crate) fn pass(&self, ms: u64) {
        let mut hands = self.hands.lock().unwrap();
        hands.wall += ms;
        hands.monotonic += ms;
    }

    /// Somebody sets the wall clock.
    pub(crate) fn jump(&self, ms: u64) {
        self.hands.lock().unwrap().wall += ms;
    }
}

/// The same clock for many threads at once; its hands need not be read together.
pub(crate) struct Steady(Arc<Mutex<Hands>>);

impl TestClock {
    /// How much time has passed.
    pub(crate) fn passed_ms(&self) -> u64 {
        self.hands.lock().unwrap().monotonic
    }

    pub(crate) fn steady(&self) -> Steady {
        Steady(Arc::clone(&self.hands))
    }
}

impl Clock for Steady {
    fn wall_ms(&self) -> u64 {
        EPOCH_MS + self.0.lock().unwrap().wall
    }

    fn monotonic_ms(&self) -> u64 {
        self.0.lock().unwrap().monotonic
    }
}

impl Clock for TestClock {
    fn wall_ms(&self) -> u64 {
        let hands = *self.hands.lock().unwrap();
        self.seen.set(hands.monotonic);
        EPOCH_MS + hands.wall
    }

    fn monotonic_ms(&self) -> u64 {
        self.seen.get()
    }
}

/// The system's generator, which a test can silence.
#[derive(Clone, Debug, Default)]
pub(crate) struct TestEntropy(Arc<AtomicBool>);

impl TestEntropy {
    pub(crate) fn fails(&self, fails: bool) {
        self.0.store(fails, Ordering::SeqCst);
    }
}

impl Entropy for TestEntropy {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        if self.0.load(Ordering::SeqCst) {
            return Err(EntropyError);
        }
        SystemEntropy.fill(bytes)
    }
}

/// When a test begins, by the wall clock.
const EPOCH_MS: u64 = 1_700_000_000_000;

pub(crate) const SECOND: u64 = 1000;
pub(crate) const MINUTE: u64 = 60 * SECOND;
pub(crate) const HOUR: u64 = 60 * MINUTE;
