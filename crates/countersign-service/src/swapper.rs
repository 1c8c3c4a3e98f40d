//! Who waits for head.lock while the writer goes on with the next batch: a thread, or in a
//! simulation nobody.

use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};

use countersign_store::head::{HeadLock, HeadLockError};

/// A note, and the one that it takes the place of.
type Notes = (Option<String>, String);

/// Swaps one note at a time.
pub(crate) trait Swap: Send {
    /// Whether it can still be told anything.
    fn is_alive(&self) -> bool;
    /// Begins to swap; nothing else may be under way.
    fn begin(&mut self, old: Option<&str>, new: &str);
    /// What came of it, if that is known.
    fn look(&mut self) -> Option<Result<(), HeadLockError>>;
    /// Waits until it is known.
    fn wait(&mut self) -> Result<(), HeadLockError>;
}

/// A thread that swaps; it ends when this is dropped.
pub(crate) struct Swapper {
    swaps: mpsc::SyncSender<Notes>,
    swapped: mpsc::Receiver<Result<(), HeadLockError>>,
    thread: JoinHandle<()>,
}

impl Swapper {
    /// Starts the thread, which says by `wake` that it has done what it was told.
    pub(crate) fn start(
        head_lock: Arc<dyn HeadLock>,
        wake: impl Fn() + Send + 'static,
    ) -> std::io::Result<Self> {
        let (swaps, inbox) = mpsc::sync_channel::<Notes>(1);
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
}

impl Swap for Swapper {
    fn is_alive(&self) -> bool {
        !self.thread.is_finished()
    }

    fn begin(&mut self, old: Option<&str>, new: &str) {
        // A thread that is gone is found out when its answer is waited for.
        drop(self.swaps.send((old.map(str::to_owned), new.to_owned())));
    }

    fn look(&mut self) -> Option<Result<(), HeadLockError>> {
        match self.swapped.try_recv() {
            Ok(swapped) => Some(swapped),
            Err(mpsc::TryRecvError::Empty) => None,
            Err(mpsc::TryRecvError::Disconnected) => Some(Err(gone())),
        }
    }

    fn wait(&mut self) -> Result<(), HeadLockError> {
        self.swapped.recv().unwrap_or_else(|_| Err(gone()))
    }
}

/// Swaps by itself, the first, second or third time that it is looked at, by turns: the same looks
/// give the same swaps.
pub(crate) struct Stepper {
    head_lock: Arc<dyn HeadLock>,
    notes: Option<Notes>,
    looks: u8,
    turn: u8,
}

impl Stepper {
    pub(crate) fn new(head_lock: Arc<dyn HeadLock>) -> Self {
        Self {
            head_lock,
            notes: None,
            looks: 0,
            turn: 0,
        }
    }
}

impl Swap for Stepper {
    fn is_alive(&self) -> bool {
        true
    }

    fn begin(&mut self, old: Option<&str>, new: &str) {
        self.notes = Some((old.map(str::to_owned), new.to_owned()));
        self.looks = self.turn;
        self.turn = (self.turn + 1) % 3;
    }

    fn look(&mut self) -> Option<Result<(), HeadLockError>> {
        if self.looks > 0 {
            self.looks -= 1;
            return None;
        }
        let (old, new) = self.notes.take()?;
        Some(self.head_lock.swap(old.as_deref(), &new))
    }

    fn wait(&mut self) -> Result<(), HeadLockError> {
        self.looks = 0;
        self.look().unwrap_or_else(|| Err(gone()))
    }
}

/// What head.lock holds is not known; it is read.
fn gone() -> HeadLockError {
    HeadLockError::Disk {
        place: "head.lock".into(),
        cause: std::io::Error::other("the thread that replaces it has ended"),
    }
}
