//! Which entries are about an id: derived from the log, rebuilt whenever in doubt, never waited for.

mod ids;
mod runs;
mod sled_store;
mod worker;

use std::fmt::{self, Debug};
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

pub use ids::entry_ids;
pub use runs::{Run, Term};
pub use sled_store::SledPlace;

use crate::log::{ReadLog, Stored};
use worker::{Shared, Worker};

/// The directory of everything that is derived and private to the server.
pub(crate) const INDEX_DIRECTORY: &str = "index";

/// Makes the terms of an entry.
pub type TermsOf = Box<dyn FnMut(&Stored) -> Vec<String> + Send>;

/// What entries are found by.
pub struct Terms {
    /// The terms of an entry: the ids that it is about, and whatever else the caller makes of it, also
    /// by entries that it passed before. Entries are passed in order.
    pub of: TermsOf,
    /// The term of those entries by which later ones are understood: after a restart they are passed
    /// again before any other.
    pub taught_by: &'static str,
}

impl Debug for Terms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Terms(taught by {})", self.taught_by)
    }
}

/// How far an index goes, and over which log.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Watermark {
    /// Entries 0 to `size` − 1 are indexed.
    pub size: u64,
    /// SHA-256 of the bytes of entry `size` − 1; zeros when `size` is 0. An index of another log, or
    /// of a log that was set back and went on differently, is found by it.
    pub last: [u8; 32],
}

/// Where an index is kept.
pub trait IndexPlace: Debug + Send {
    /// Opens it, or makes an empty one. May panic; the caller catches that.
    fn open(&self) -> Result<Arc<dyn IndexStore>, IndexFault>;
    /// Moves whatever is there out of the way.
    fn set_aside(&self) -> Result<(), IndexFault>;
}

/// An open index. It holds whole runs; the entries after the last of them are held in memory.
pub trait IndexStore: Send + Sync {
    /// How many entries a run has.
    fn run(&self) -> u32;
    /// How far it goes: a number of whole runs.
    fn watermark(&self) -> Result<Watermark, IndexFault>;
    /// Adds the next run, and the hash of its last entry. A crash leaves all of it, or a watermark
    /// that says that nothing of it is there.
    fn add(&self, run: &Run, last: [u8; 32]) -> Result<(), IndexFault>;
    /// The first `limit` entries within a range below the watermark that are found by the term,
    /// ascending.
    fn seqs(&self, term: &Term, range: &Range<u64>, limit: usize) -> Result<Vec<u64>, IndexFault>;
}

/// What is wrong with an index. The cure is always the same: set aside, rebuild.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IndexFault {
    /// The engine reported an error.
    #[error("the index engine reports: {0}")]
    Engine(#[from] sled::Error),
    /// The engine panicked, as it does on some damaged bytes.
    #[error("the index engine panicked: {0}")]
    Panicked(String),
    /// A record that this version did not write.
    #[error("the index holds a record of unknown form")]
    Form,
    /// It is not an index of this log as it is now.
    #[error("the index is of another log, or of one that was longer ({0} entries)")]
    Stale(u64),
    /// Its directory cannot be read, cleaned or moved.
    #[error("the index directory cannot be used")]
    Directory(#[source] io::Error),
}

/// Why a question got no answer.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum IndexError {
    /// The index broke while answering; it is being rebuilt.
    #[error("the index is being rebuilt: {0}")]
    Rebuilding(String),
    /// The index broke several times over; the log itself is unaffected.
    #[error("there is no index until the service restarts: {0}")]
    GivenUp(String),
}

/// An answer, with how far it goes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Found {
    /// Entries that are found by the term, ascending, no more than were asked for.
    pub seqs: Vec<u64>,
    /// Entries from this one on were not looked at yet.
    pub complete_to: u64,
}

/// The index of one log, kept up to date by a thread of its own.
#[derive(Debug)]
pub struct Index {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Index {
    /// Starts the thread: it opens the index, catches up with the log, and then follows
    /// [`Index::advance`].
    pub fn start(
        place: Box<dyn IndexPlace>,
        log: Arc<dyn ReadLog>,
        terms: Terms,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let worker = Worker::new(Arc::clone(&shared), place, log, terms);
        let thread = std::thread::Builder::new()
            .name("index".to_owned())
            .spawn(move || worker.run())?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// Says that the log has grown. Never waits for the index.
    pub fn advance(&self) {
        self.shared.wake();
    }

    /// The first `limit` entries within `range` that are found by `term`, as far as the index has come.
    pub fn seqs(&self, term: &str, range: Range<u64>, limit: usize) -> Result<Found, IndexError> {
        self.shared.seqs(&Term::of(term), range, limit)
    }

    /// How many entries are indexed.
    pub fn size(&self) -> u64 {
        self.shared.applied()
    }

    /// How often the index was set aside and rebuilt since the start, for metrics.
    pub fn rebuilds(&self) -> u64 {
        self.shared.rebuilds()
    }

    /// Waits until `size` entries are indexed; whether they are.
    pub fn wait_for(&self, size: u64, patience: Duration) -> bool {
        self.shared.wait_for(size, patience)
    }
}

impl Drop for Index {
    fn drop(&mut self) {
        self.shared.stop();
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was reported by the panic hook; there is nothing to add here.
            drop(thread.join());
        }
    }
}

#[cfg(test)]
mod tests;
