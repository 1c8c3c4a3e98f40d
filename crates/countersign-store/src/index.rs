//! Which entries are about an id: derived from the log, rebuilt whenever in doubt, never waited for.

mod ids;
mod sled_store;
mod worker;

use std::fmt::Debug;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

pub use ids::entry_ids;
pub use sled_store::SledPlace;

use crate::log::{ReadLog, Stored};
use worker::{Shared, Worker};

/// The directory of everything that is derived and private to the server.
pub(crate) const INDEX_DIRECTORY: &str = "index";

/// What an entry is found by: the ids that it is about, and whatever else the caller makes of it.
/// Nothing personal in plain text.
pub type TermsOf = Box<dyn FnMut(&Stored) -> Vec<String> + Send>;

/// How far an index goes, and over which log.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Watermark {
    /// Entries 0 to `size` − 1 are indexed.
    pub size: u64,
    /// SHA-256 of the bytes of entry `size` − 1; zeros when `size` is 0. An index of another log, or
    /// of a log that was set back and went on differently, is found by it.
    pub last: [u8; 32],
}

/// An entry as the index has it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Indexed {
    /// What it is found by.
    pub terms: Vec<String>,
    /// How far the index goes with it; it is the entry before `size`.
    pub upto: Watermark,
}

/// Where an index is kept.
pub trait IndexPlace: Debug + Send {
    /// Opens it, or makes an empty one. May panic; the caller catches that.
    fn open(&self) -> Result<Arc<dyn IndexStore>, IndexFault>;
    /// Moves whatever is there out of the way.
    fn set_aside(&self) -> Result<(), IndexFault>;
}

/// An open index.
pub trait IndexStore: Send + Sync {
    /// How far it goes.
    fn watermark(&self) -> Result<Watermark, IndexFault>;
    /// Adds entries that follow one another. A crash leaves the first of them, and nothing of the others.
    fn apply(&self, entries: &[Indexed]) -> Result<(), IndexFault>;
    /// The first `limit` seqs of an id from `from` on, ascending.
    fn seqs(&self, id: &str, from: u64, limit: usize) -> Result<Vec<u64>, IndexFault>;
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
    /// Entries about the id, ascending, no more than were asked for.
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
        terms: TermsOf,
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

    /// The first `limit` entries about `id` from `from` on, as far as the index has come.
    pub fn seqs(&self, id: &str, from: u64, limit: usize) -> Result<Found, IndexError> {
        self.shared.seqs(id, from, limit)
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
