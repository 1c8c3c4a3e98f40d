//! The indexer thread: open, catch up, follow; on any fault set aside and begin again.

use std::fmt;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use countersign_record::digest::sha256;

use super::runs::{Run, Term};
use super::{Found, IndexError, IndexFault, IndexPlace, IndexStore, Terms, Watermark};
use crate::log::{ReadError, ReadLog};

/// As many faults in a row, without once having caught up, and the disk or the engine is at fault.
const FAULTS_MAX: u32 = 3;
/// So many entries are added before those who ask see them: a lock is taken once for all of them.
const ENTRIES: usize = 64;

/// What the thread and those who ask share.
#[derive(Default)]
pub(super) struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    open: Option<Opened>,
    rebuilds: u64,
    woken: bool,
    stopping: bool,
    /// A fault met while answering, for the thread to act on.
    met: Option<IndexFault>,
    given_up: Option<String>,
}

/// An index that can be asked.
struct Opened {
    store: Arc<dyn IndexStore>,
    /// What comes after the store's watermark.
    tail: Arc<Run>,
}

impl State {
    fn applied(&self) -> u64 {
        self.open.as_ref().map_or(0, |open| open.tail.end())
    }
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
        self.state().applied()
    }

    pub(super) fn rebuilds(&self) -> u64 {
        self.state().rebuilds
    }

    pub(super) fn seqs(
        &self,
        term: &Term,
        range: Range<u64>,
        limit: usize,
    ) -> Result<Found, IndexError> {
        let (store, tail) = {
            let state = self.state();
            if let Some(reason) = &state.given_up {
                return Err(IndexError::GivenUp(reason.clone()));
            }
            let Some(Opened { store, tail }) = &state.open else {
                return Ok(Found {
                    seqs: Vec::new(),
                    complete_to: 0,
                });
            };
            (Arc::clone(store), Arc::clone(tail))
        };
        // The thread may have added the tail to the store meanwhile.
        let stored = range.start..range.end.min(tail.first());
        let found = if stored.is_empty() {
            Ok(Vec::new())
        } else {
            caught(|| store.seqs(term, &stored, limit))
        };
        match found {
            Ok(mut seqs) => {
                let left = limit.saturating_sub(seqs.len());
                seqs.extend(tail.seqs(term, &range).take(left));
                let complete_to = tail.end();
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
        while state.applied() < size {
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
    terms: Terms,
    faults: u32,
}

impl Worker {
    pub(super) fn new(
        shared: Arc<Shared>,
        place: Box<dyn IndexPlace>,
        log: Arc<dyn ReadLog>,
        terms: Terms,
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
                state.open = None;
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
            state.open = None;
            state.given_up = Some(reason.to_owned());
        });
    }

    /// Opens the index and keeps it up to date until something ends that.
    fn follow(&mut self) -> Left {
        let opened = caught(|| self.place.open()).and_then(|store| {
            let watermark = caught(|| store.watermark())?;
            Ok((store, watermark))
        });
        let (store, reached) = match opened {
            Ok(opened) => opened,
            Err(fault) => return Left::Fault(fault),
        };
        let known = self.check(reached, store.run());
        if let Err(left) = known.and_then(|()| self.learn(&*store, reached.size)) {
            return left;
        }
        self.shared.change(|state| {
            let (store, tail) = (Arc::clone(&store), Arc::new(Run::new(reached.size)));
            state.open = Some(Opened { store, tail });
        });
        loop {
            if let Err(left) = self.catch_up(&*store) {
                return left;
            }
            self.faults = 0;
            if let Err(left) = self.wait() {
                return left;
            }
        }
    }

    /// An index must be of this log, as it is now.
    fn check(&self, reached: Watermark, run: u32) -> Result<(), Left> {
        if !reached.size.is_multiple_of(run.into()) {
            return Err(IndexFault::Form.into());
        }
        let Some(last) = reached.size.checked_sub(1) else {
            return Ok(());
        };
        match self.log.read(last).map_err(Left::Log)? {
            Some(stored) if sha256(&[&stored.entry]) == reached.last => Ok(()),
            _ => Err(IndexFault::Stale(reached.size).into()),
        }
    }

    /// Passes again what is needed to make the terms of later entries.
    fn learn(&mut self, store: &dyn IndexStore, size: u64) -> Result<(), Left> {
        if size == 0 {
            return Ok(());
        }
        let taught_by = Term::of(self.terms.taught_by);
        let seqs = caught(|| store.seqs(&taught_by, &(0..size), usize::MAX))?;
        for seq in seqs {
            if let Some(stored) = self.log.read(seq).map_err(Left::Log)? {
                drop((self.terms.of)(&stored));
            }
        }
        Ok(())
    }

    fn catch_up(&mut self, store: &dyn IndexStore) -> Result<(), Left> {
        let log = Arc::clone(&self.log);
        let (mut end, mut unseen) = (self.shared.applied(), Vec::new());
        for frame in log.frames(end) {
            for stored in frame.map_err(Left::Log)?.records {
                // A frame is read whole, also the part of it that is indexed.
                if stored.seq < end {
                    continue;
                }
                end = stored.seq + 1;
                let terms = (self.terms.of)(&stored);
                unseen.push(terms.iter().map(|term| Term::of(term)).collect());
                let is_whole = end.is_multiple_of(store.run().into());
                if is_whole || unseen.len() == ENTRIES {
                    self.show(&mut unseen);
                    self.left()?;
                }
                if is_whole {
                    self.keep(store, sha256(&[&stored.entry]))?;
                }
            }
        }
        self.show(&mut unseen);
        self.left()
    }

    /// Those who ask see these entries from here on.
    fn show(&self, entries: &mut Vec<Vec<Term>>) {
        self.shared.change(|state| {
            // Copied only where somebody is asking.
            let tail = state.open.as_mut().map(|it| Arc::make_mut(&mut it.tail));
            if let Some(tail) = tail {
                entries.drain(..).for_each(|terms| tail.push(&terms));
            }
        });
    }

    /// The tail is a whole run, and becomes the store's.
    fn keep(&self, store: &dyn IndexStore, last: [u8; 32]) -> Result<(), Left> {
        let tail = {
            let state = self.shared.state();
            state.open.as_ref().map(|open| Arc::clone(&open.tail))
        };
        if let Some(tail) = tail {
            caught(|| store.add(&tail, last))?;
            self.shared.change(|state| {
                let open = state.open.iter_mut();
                open.for_each(|open| open.tail = Arc::new(Run::new(tail.end())));
            });
        }
        Ok(())
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
