//! Changes made and found.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::figures::figures;

/// How many accepted changes are printed in full.
const SHOWN_MAX: usize = 40;

/// Of one sort of change.
pub(crate) struct Tally {
    what: &'static str,
    made: u64,
    missed: Vec<String>,
}

impl Tally {
    pub(crate) const fn new(what: &'static str) -> Self {
        Self {
            what,
            made: 0,
            missed: Vec::new(),
        }
    }

    /// One change: whether it was found as it must be, or what was said instead.
    pub(crate) fn judge(&mut self, found: Result<(), String>, change: impl FnOnce() -> String) {
        self.made += 1;
        if let Err(said) = found {
            self.missed.push(format!("{}: {said}", change()));
        }
    }

    /// The same where nothing has to be named.
    pub(crate) fn refused(&mut self, is_refused: bool, change: impl FnOnce() -> String) {
        let found = is_refused.then_some(()).ok_or_else(|| "accepted".into());
        self.judge(found, change);
    }

    /// Says how it went; nothing may have been missed, and there must have been something to miss.
    pub(crate) fn close(self) {
        let found = self.made - u64::try_from(self.missed.len()).unwrap();
        figures(&format!(
            "{}: {} changes, {found} found",
            self.what, self.made
        ));
        for missed in self.missed.iter().take(SHOWN_MAX) {
            println!("NOT FOUND: {missed}");
        }
        assert_eq!(
            (self.made > 0, self.missed.len()),
            (true, 0),
            "{}",
            self.what
        );
    }
}

/// Work on the numbers below `count`, on all cores.
pub(crate) fn on_all_cores(
    what: &'static str,
    count: usize,
    work: impl Fn(usize, &mut Tally) + Sync,
) -> Tally {
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Tally::new(what)));
    let cores = thread::available_parallelism().map_or(2, usize::from);
    thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                let mut own = Tally::new(what);
                loop {
                    let number = next.fetch_add(1, Ordering::SeqCst);
                    if number >= count {
                        break;
                    }
                    work(number, &mut own);
                }
                let mut done = done.lock().unwrap();
                done.made += own.made;
                done.missed.append(&mut own.missed);
            });
        }
    });
    done.into_inner().unwrap()
}
