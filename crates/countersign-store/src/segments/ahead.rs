//! The next segment, made before it is needed: zeroing one takes as long as hundreds of commits.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::thread::JoinHandle;

use super::space::zero;
use crate::disk::{Access, Disk, DiskFile};

/// Not a segment's name: no reader takes it for one.
pub(super) const NEXT_FILE: &str = "log/next";
/// Zeroed and synced step by step, so that a commit waits for one step at most.
const STEP: u64 = 1024 * 1024;

/// A thread that makes `log/next`. Dropped, it stops.
pub(super) struct Ahead {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<io::Result<Arc<dyn DiskFile>>>>,
}

impl Ahead {
    pub(super) fn start(disk: Arc<dyn Disk>, len: u64) -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::Builder::new()
            .name("segment".into())
            .spawn(move || make(&*disk, len, &stopped))?;
        Ok(Self {
            stop,
            thread: Some(thread),
        })
    }

    /// The file, whole and durable; waits for it. `None`: there was no space, or it cannot be made.
    pub(super) fn finish(mut self) -> Option<Arc<dyn DiskFile>> {
        self.thread.take()?.join().ok()?.ok()
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // What it made is removed at the next start.
        drop(self.thread.take().map(JoinHandle::join));
    }
}

fn make(disk: &dyn Disk, len: u64, stop: &AtomicBool) -> io::Result<Arc<dyn DiskFile>> {
    remove(disk)?;
    let file = disk.create(NEXT_FILE, Access::Group)?;
    let made = fill(&*file, len, stop);
    if made.is_err() {
        remove(disk)?;
    }
    made.map(|()| file)
}

fn fill(file: &dyn DiskFile, len: u64, stop: &AtomicBool) -> io::Result<()> {
    let mut at = 0;
    while at < len {
        if stop.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let end = len.min(at + STEP);
        zero(file, at, end)?;
        file.sync_data()?;
        at = end;
    }
    Ok(())
}

/// Removes what an earlier life left.
pub(super) fn remove(disk: &dyn Disk) -> io::Result<()> {
    match disk.remove(NEXT_FILE) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}
