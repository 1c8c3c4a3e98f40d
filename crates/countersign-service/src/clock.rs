//! Time, and whether to believe it.

use std::time::{Duration, Instant};

/// Where time comes from; a simulated one can stand in.
pub trait Clock: Send {
    /// Milliseconds since 1970.
    fn wall_ms(&self) -> u64;
    /// Milliseconds since some moment; never goes back.
    fn monotonic_ms(&self) -> u64;
}

/// The machine's clocks.
#[derive(Debug)]
pub struct SystemClock {
    started: Instant,
}

impl SystemClock {
    /// The machine's clocks.
    pub fn new() -> Self {
        Self {
            started: Instant::now(),
        }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the wall clock"
    )]
    fn wall_ms(&self) -> u64 {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        millis(since.unwrap_or_default())
    }

    fn monotonic_ms(&self) -> u64 {
        millis(self.started.elapsed())
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The wall clock may run away from the monotonic one by this much: 5 min.
const DRIFT_MS: u64 = 5 * 60 * 1000;
/// A start this long after the last entry is suspicious: 24 h.
const GAP_MS: u64 = 24 * 60 * 60 * 1000;
/// A start this much before the last entry is suspicious: 2 s.
const BEHIND_MS: u64 = 2 * 1000;

/// Time as the ledger records it: never goes back, and stands still while it is not believed.
pub(crate) struct Timekeeper {
    clock: Box<dyn Clock>,
    wall: u64,
    monotonic: u64,
    trusted: bool,
}

impl Timekeeper {
    /// `last_at` is the time of the log's last entry, 0 for an empty log.
    pub(crate) fn start(clock: Box<dyn Clock>, last_at: u64) -> Self {
        let (wall, monotonic) = (clock.wall_ms(), clock.monotonic_ms());
        let plausible = wall + BEHIND_MS >= last_at && wall <= last_at.saturating_add(GAP_MS);
        Self {
            clock,
            wall,
            monotonic,
            trusted: last_at == 0 || plausible,
        }
    }

    /// The time for the next entry.
    pub(crate) fn now(&mut self, last_at: u64) -> u64 {
        let wall = self.clock.wall_ms();
        let expected = self.wall + self.clock.monotonic_ms().saturating_sub(self.monotonic);
        if wall.abs_diff(expected) > DRIFT_MS {
            self.trusted = false;
        }
        if self.trusted {
            wall.max(last_at)
        } else {
            last_at
        }
    }

    /// Whether time is believed.
    pub(crate) fn is_trusted(&self) -> bool {
        self.trusted
    }

    /// What the wall clock says.
    pub(crate) fn wall_ms(&self) -> u64 {
        self.clock.wall_ms()
    }

    /// Milliseconds since some moment, whatever happens to the wall clock.
    pub(crate) fn monotonic_ms(&self) -> u64 {
        self.clock.monotonic_ms()
    }

    /// The operator vouches for the clock as it stands.
    pub(crate) fn accept(&mut self) {
        (self.wall, self.monotonic) = (self.clock.wall_ms(), self.clock.monotonic_ms());
        self.trusted = true;
    }
}
