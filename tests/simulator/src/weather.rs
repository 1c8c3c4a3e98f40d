//! What goes wrong, and how often: each seed draws a subset of faults and their rates.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use countersign_store::testing::{Effect, MemoryDisk, Op};

use crate::chance::Rng;

/// How often each fault happens, per 100,000 operations of the disk.
#[derive(Clone, Copy, Debug, Default)]
struct Rates {
    cut: u64,
    error: u64,
    short: u64,
    forget: u64,
    full: u64,
    flip_read: u64,
    flip_write: u64,
    rot: u64,
}

impl Rates {
    fn drawn(rng: &mut Rng) -> Self {
        let mut rate = |rates: [u64; 4]| *rng.pick(&rates).unwrap_or(&0);
        Self {
            cut: rate([0, 30, 100, 300]),
            error: rate([0, 0, 100, 500]),
            short: rate([0, 0, 200, 2_000]),
            forget: rate([0, 0, 300, 2_000]),
            full: rate([0, 0, 100, 1_000]),
            flip_read: rate([0, 0, 0, 100]),
            flip_write: rate([0, 0, 0, 200]),
            rot: rate([0, 0, 0, 30]),
        }
    }
}

/// The weather over all disks of one history.
#[derive(Clone, Debug)]
pub(crate) struct Weather(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    rng: Rng,
    rates: Rates,
    calm: bool,
    dead: bool,
    /// So many operations in a row find no space.
    full_for: u64,
    fired: BTreeMap<&'static str, u64>,
    /// Those that no step names yet.
    news: Vec<String>,
    since: u64,
    spoiled: bool,
}

impl Weather {
    pub(crate) fn drawn(rng: &mut Rng) -> Self {
        Self(Arc::new(Mutex::new(State {
            rates: Rates::drawn(rng),
            rng: Rng::new(rng.next()),
            calm: true,
            dead: false,
            full_for: 0,
            fired: BTreeMap::new(),
            news: Vec::new(),
            since: 0,
            spoiled: false,
        })))
    }

    /// Puts a disk under this weather.
    pub(crate) fn over(&self, disk: &MemoryDisk) {
        let weather = self.clone();
        disk.set_hazard(move |op| weather.state().decide(op));
    }

    /// Nothing more goes wrong, or it does again.
    pub(crate) fn calm(&self, calm: bool) {
        self.state().calm = calm;
    }

    pub(crate) fn is_calm(&self) -> bool {
        self.state().calm
    }

    /// Whether the power is gone.
    pub(crate) fn is_dead(&self) -> bool {
        self.state().dead
    }

    /// The power is gone now.
    pub(crate) fn cut(&self) {
        self.state().dead = true;
    }

    /// The power is back.
    pub(crate) fn power(&self) {
        let mut state = self.state();
        state.dead = false;
        state.full_for = 0;
    }

    /// Whether stored bytes were changed behind the server's back.
    pub(crate) fn is_spoiled(&self) -> bool {
        self.state().spoiled
    }

    /// How many faults there were since this was asked last.
    pub(crate) fn faults(&self) -> u64 {
        std::mem::take(&mut self.state().since)
    }

    /// The faults since this was asked last, in their order.
    pub(crate) fn news(&self) -> Vec<String> {
        std::mem::take(&mut self.state().news)
    }

    /// All faults by kind.
    pub(crate) fn fired(&self) -> BTreeMap<&'static str, u64> {
        self.state().fired.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn decide(&mut self, op: Op<'_>) -> Effect {
        if self.dead {
            return Effect::Cut;
        }
        if self.calm {
            return Effect::None;
        }
        let rates = self.rates;
        if self.rng.happens(rates.cut) {
            self.dead = true;
            return self.fire(op, "power cut during an operation", Effect::Cut);
        }
        match op {
            Op::Read(_, len) => self.reading(op, len),
            Op::Write(_, len) => self.writing(op, len),
            Op::Sync(_) if self.rng.happens(rates.forget) => {
                let evicted = self.rng.below(2) == 0;
                self.fire(op, "sync failed, pages dropped", Effect::Forget { evicted })
            }
            Op::Create(_) | Op::Rename(..) | Op::SyncDirectory(_) if self.is_full() => {
                self.fire(op, "no space", Effect::Full)
            }
            _ if self.rng.happens(rates.error) => {
                self.fire(op, "input/output error", Effect::Error)
            }
            _ => Effect::None,
        }
    }

    fn reading(&mut self, op: Op<'_>, len: usize) -> Effect {
        let rates = self.rates;
        if self.rng.happens(rates.flip_read) {
            let bit = self.rng.index(len * 8);
            return self.fire(op, "bit flipped in one reading", Effect::Flip(bit));
        }
        if self.rng.happens(rates.rot) {
            self.spoiled = true;
            let bit = self.rng.index(len * 8);
            return self.fire(op, "bit flipped on the disk", Effect::Rot(bit));
        }
        if self.rng.happens(rates.error) {
            return self.fire(op, "input/output error", Effect::Error);
        }
        Effect::None
    }

    fn writing(&mut self, op: Op<'_>, len: usize) -> Effect {
        let rates = self.rates;
        if self.is_full() {
            return self.fire(op, "no space", Effect::Full);
        }
        if self.rng.happens(rates.short) {
            let written = self.rng.index(len + 1);
            return self.fire(op, "short write", Effect::Short(written));
        }
        if self.rng.happens(rates.flip_write) {
            self.spoiled = true;
            let bit = self.rng.index(len * 8);
            return self.fire(
                op,
                "bit flipped in memory before a write",
                Effect::Flip(bit),
            );
        }
        if self.rng.happens(rates.error) {
            return self.fire(op, "input/output error", Effect::Error);
        }
        Effect::None
    }

    fn is_full(&mut self) -> bool {
        if self.full_for == 0 && self.rng.happens(self.rates.full) {
            self.full_for = 1 + self.rng.below(30);
        }
        let full = self.full_for > 0;
        self.full_for = self.full_for.saturating_sub(1);
        full
    }

    fn fire(&mut self, op: Op<'_>, kind: &'static str, effect: Effect) -> Effect {
        *self.fired.entry(kind).or_default() += 1;
        self.news.push(format!("{kind}: {op:?}"));
        self.since += 1;
        effect
    }
}
