//! The thread that waits for head.lock, while the writer goes on with the next batch.

use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};

use countersign_store::head::{HeadLock, HeadLockError};

/// A note, and the one that it takes the place of.
type Swap = (Option<String>, String);

/// Swaps one note at a time; ends when it is dropped.
pub(crate) struct Swapper {
    swaps: mpsc::SyncSender<Swap>,
    swapped: mpsc::Receiver<Result<(), HeadLockError>>,
    thread: JoinHandle<()>,
}

impl Swapper {
    /// Starts the thread, which says by `wake` that it has done what it was told.
    pub(crate) fn start(
        head_lock: Arc<dyn HeadLock>,
        wake: impl Fn() + Send + 'static,
    ) -> std::io::Result<Self> {
        let (swaps, inbox) = mpsc::sync_channel::<Swap>(1);
        let (outbox, swapped) = mpsc::channel();
        let thread = thread::Builder::new().name("head".into()).spawn(move || {
            for (old, new) in inbox {
                if outbox.send(head_lock.swap(old.as_deref(), &new)).is_err() {
                    return;
                }
                wake();
            }
        })?;
        Ok(Self {
            swaps,
            swapped,
            thread,
        })
    }

    /// Whether it can still be told anything.
    pub(crate) fn is_alive(&self) -> bool {
        !self.thread.is_finished()
    }

    /// Begins to swap; nothing else may be under way.
    pub(crate) fn begin(&self, old: Option<&str>, new: &str) {
        // A thread that is gone is found out when its answer is waited for.
        drop(self.swaps.send((old.map(str::to_owned), new.to_owned())));
    }

    /// What came of it, if that is known.
    pub(crate) fn look(&self) -> Option<Result<(), HeadLockError>> {
        match self.swapped.try_recv() {
            Ok(swapped) => Some(swapped),
            Err(mpsc::TryRecvError::Empty) => None,
            Err(mpsc::TryRecvError::Disconnected) => Some(Err(gone())),
        }
    }

    /// Waits until it is known.
    pub(crate) fn wait(&self) -> Result<(), HeadLockError> {
        self.swapped.recv().unwrap_or_else(|_| Err(gone()))
    }
}

/// What head.lock holds is not known; it is read.
fn gone() -> HeadLockError {
    HeadLockError::Disk {
        place: "head.lock".into(),
        cause: std::io::Error::other("the thread that replaces it has ended"),
    }
}
