//! The indexer thread: open, catch up, follow; on any fault set aside and begin again.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use countersign_record::digest::sha256;

use super::{Found, IndexError, IndexFault, IndexPlace, IndexStore, Indexed, TermsOf, Watermark};
use crate::log::{ReadError, ReadLog};

/// As many faults in a row, without once having caught up, and the disk or the engine is at fault.
const FAULTS_MAX: u32 = 3;
/// Entries per call of [`IndexStore::apply`]: as many as one key of an id covers.
const ENTRIES: usize = 64;

/// What the thread and those who ask share.
#[derive(Default)]
pub(super) struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    store: Option<Arc<dyn IndexStore>>,
    applied: u64,
    rebuilds: u64,
    woken: bool,
    stopping: bool,
    /// A fault met while answering, for the thread to act on.
    met: Option<IndexFault>,
    given_up: Option<String>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Shared {{ applied: {} }}", self.applied())
    }
}

impl Shared {
    pub(super) fn wake(&self) {
        self.change(|state| state.woken = true);
    }

    pub(super) fn stop(&self) {
        self.change(|state| state.stopping = true);
    }

    pub(super) fn applied(&self) -> u64 {
        self.state().applied
    }

    pub(super) fn rebuilds(&self) -> u64 {
        self.state().rebuilds
    }

    pub(super) fn seqs(&self, id: &str, from: u64, limit: usize) -> Result<Found, IndexError> {
        let (store, complete_to) = {
            let state = self.state();
            if let Some(reason) = &state.given_up {
                return Err(IndexError::GivenUp(reason.clone()));
            }
            (state.store.clone(), state.applied)
        };
        let Some(store) = store else {
            return Ok(Found {
                seqs: Vec::new(),
                complete_to: 0,
            });
        };
        match caught(|| store.seqs(id, from, limit)) {
            Ok(mut seqs) => {
                // The thread may be ahead of what `complete_to` says.
                seqs.retain(|seq| *seq < complete_to);
                Ok(Found { seqs, complete_to })
            }
            Err(fault) => {
                let reason = fault.to_string();
                self.change(|state| state.met = Some(fault));
                Err(IndexError::Rebuilding(reason))
            }
        }
    }

    pub(super) fn wait_for(&self, size: u64, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        let mut state = self.state();
        while state.applied < size {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = self
                .changed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        true
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.changed.notify_all();
    }
}

/// Why the thread left an index.
enum Left {
    Stopping,
    Fault(IndexFault),
    Log(ReadError),
}

impl From<IndexFault> for Left {
    fn from(fault: IndexFault) -> Self {
        Self::Fault(fault)
    }
}

pub(super) struct Worker {
    shared: Arc<Shared>,
    place: Box<dyn IndexPlace>,
    log: Arc<dyn ReadLog>,
    terms: TermsOf,
    faults: u32,
}

impl Worker {
    pub(super) fn new(
        shared: Arc<Shared>,
        place: Box<dyn IndexPlace>,
        log: Arc<dyn ReadLog>,
        terms: TermsOf,
    ) -> Self {
        Self {
            shared,
            place,
            log,
            terms,
            faults: 0,
        }
    }

    pub(super) fn run(mut self) {
        loop {
            let reason = match self.follow() {
                Left::Stopping => return,
                Left::Log(error) => return self.give_up(&error.to_string()),
                Left::Fault(fault) => fault.to_string(),
            };
            self.shared.change(|state| {
                state.store = None;
                state.applied = 0;
                state.rebuilds += 1;
            });
            self.faults += 1;
            if self.faults >= FAULTS_MAX {
                return self.give_up(&reason);
            }
            if let Err(fault) = self.place.set_aside() {
                return self.give_up(&fault.to_string());
            }
        }
    }

    fn give_up(&self, reason: &str) {
        self.shared.change(|state| {
            state.store = None;
            state.applied = 0;
            state.given_up = Some(reason.to_owned());
        });
    }

    /// Opens the index and keeps it up to date until something ends that.
    fn follow(&mut self) -> Left {
        let opened = caught(|| self.place.open()).and_then(|store| {
            let watermark = caught(|| store.watermark())?;
            Ok((store, watermark))
        });
        let (store, mut reached) = match opened {
            Ok(opened) => opened,
            Err(fault) => return Left::Fault(fault),
        };
        if let Err(left) = self.check(reached) {
            return left;
        }
        self.shared.change(|state| {
            state.store = Some(Arc::clone(&store));
            state.applied = reached.size;
        });
        loop {
            if let Err(left) = self.catch_up(&*store, &mut reached) {
                return left;
            }
            self.faults = 0;
            if let Err(left) = self.wait() {
                return left;
            }
        }
    }

    /// An index must be of this log, as it is now.
    fn check(&self, reached: Watermark) -> Result<(), Left> {
        let Some(last) = reached.size.checked_sub(1) else {
            return Ok(());
        };
        match self.log.read(last).map_err(Left::Log)? {
            Some(stored) if sha256(&[&stored.entry]) == reached.last => Ok(()),
            _ => Err(IndexFault::Stale(reached.size).into()),
        }
    }

    fn catch_up(&mut self, store: &dyn IndexStore, reached: &mut Watermark) -> Result<(), Left> {
        let mut entries = Vec::new();
        let log = Arc::clone(&self.log);
        for frame in log.frames(reached.size) {
            for stored in frame.map_err(Left::Log)?.records {
                // A frame is read whole, also the part of it that is indexed.
                if stored.seq < reached.size {
                    continue;
                }
                *reached = Watermark {
                    size: stored.seq + 1,
                    last: sha256(&[&stored.entry]),
                };
                entries.push(Indexed {
                    terms: (self.terms)(&stored),
                    upto: *reached,
                });
                if entries.len() == ENTRIES {
                    self.apply(store, &entries)?;
                    entries.clear();
                }
            }
        }
        self.apply(store, &entries)
    }

    fn apply(&self, store: &dyn IndexStore, entries: &[Indexed]) -> Result<(), Left> {
        if let Some(last) = entries.last() {
            caught(|| store.apply(entries))?;
            self.shared.change(|state| state.applied = last.upto.size);
        }
        self.left()
    }

    /// Waits for news.
    fn wait(&self) -> Result<(), Left> {
        let state = self.shared.state();
        let mut state = self
            .shared
            .changed
            .wait_while(state, |state| {
                !(state.woken || state.stopping || state.met.is_some())
            })
            .unwrap_or_else(PoisonError::into_inner);
        state.woken = false;
        drop(state);
        self.left()
    }

    /// Whether there is a reason to leave this index.
    fn left(&self) -> Result<(), Left> {
        let mut state = self.shared.state();
        if state.stopping {
            return Err(Left::Stopping);
        }
        match state.met.take() {
            Some(fault) => Err(Left::Fault(fault)),
            None => Ok(()),
        }
    }
}

/// Runs a call of the engine; a panic in it is a fault like any other.
pub(super) fn caught<T>(call: impl FnOnce() -> Result<T, IndexFault>) -> Result<T, IndexFault> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|panic| {
        let words = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied());
        Err(IndexFault::Panicked(words.unwrap_or("no words").to_owned()))
    })
}
