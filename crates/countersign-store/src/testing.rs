//! A disk in memory that forgets what was not synced, fails when told to, and counts.
//!
//! The model of a power cut: what was written and not synced survives sector by sector (512 bytes),
//! or not; so does each making, moving and removing of a name whose directory was not synced.

mod files;
mod hazard;

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::disk::{Access, Disk, DiskFile, Held, Wait};
use files::{File, Files};
pub use hazard::{Effect, Op};
use hazard::{Hazard, flipped};

/// A simulated disk; clones share it.
#[derive(Clone, Debug, Default)]
pub struct MemoryDisk {
    state: Arc<Mutex<State>>,
    unlocked: Arc<Condvar>,
}

/// What happens at the operation chosen by [`MemoryDisk::fail_at`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// It does nothing and answers an input/output error.
    Error,
    /// A write puts down its first half; the answer is an input/output error.
    Torn,
    /// It and everything after it fails: the process is gone.
    PowerCut,
}

/// What of the unsynced writes survives a power cut.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Survivors {
    /// Only what was synced.
    Synced,
    /// Everything.
    All,
    /// Each sector by chance, seeded.
    Some(u64),
}

/// How many operations were asked for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counts {
    /// Operations that change something, syncs among them.
    pub changes: u64,
    /// `write_at`.
    pub writes: u64,
    /// `sync_data`.
    pub syncs: u64,
}

#[derive(Debug, Default)]
struct State {
    files: Files,
    counts: Counts,
    fault: Option<(u64, Fault)>,
    dead: bool,
    capacity: Option<u64>,
    locks: Vec<String>,
    hazard: Hazard,
}

impl MemoryDisk {
    /// An empty disk without limit.
    pub fn new() -> Self {
        Self::default()
    }

    /// Operations so far.
    pub fn counts(&self) -> Counts {
        self.state().counts
    }

    /// Fails the n-th changing operation from now (the first is 1).
    pub fn fail_at(&self, n: u64, fault: Fault) {
        let mut state = self.state();
        state.fault = Some((state.counts.changes + n, fault));
    }

    /// Asks `hazard` at every operation what becomes of it; it must not use the disk itself.
    pub fn set_hazard(&self, hazard: impl FnMut(Op<'_>) -> Effect + Send + 'static) {
        self.state().hazard.0 = Some(Box::new(hazard));
    }

    /// Lets files have at most this many bytes together.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.state().capacity = bytes;
    }

    /// How many bytes all files have together.
    pub fn used(&self) -> u64 {
        self.state().files.used()
    }

    /// The disk that is found when the power is back: another one, without faults, counts or locks.
    #[must_use]
    pub fn after_power_cut(&self, survivors: Survivors) -> Self {
        let disk = Self::new();
        disk.state().files = self.state().files.after_power_cut(survivors);
        disk
    }

    /// An independent disk with the same bytes.
    #[must_use]
    pub fn copy(&self) -> Self {
        self.after_power_cut(Survivors::All)
    }

    /// The bytes of a file.
    pub fn bytes(&self, path: &str) -> Option<Vec<u8>> {
        let state = self.state();
        state.files.named(path).map(|file| file.now.clone())
    }

    /// Puts a durable file there, whatever was there before: a hand that edits the disk.
    pub fn put(&self, path: &str, bytes: &[u8]) {
        self.state().files.put(path, bytes);
    }

    /// Takes a file away durably: the same hand.
    pub fn lose(&self, path: &str) {
        self.state().files.lose(path);
    }

    /// The paths of all files.
    pub fn paths(&self) -> Vec<String> {
        self.state().files.paths()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn opened(&self, number: usize) -> Arc<dyn DiskFile> {
        Arc::new(Opened {
            disk: self.clone(),
            number,
        })
    }
}

impl State {
    /// Counts a changing operation; an error when it is the one that shall fail.
    fn change(&mut self) -> Result<(), (io::Error, Fault)> {
        self.counts.changes += 1;
        let failed = |fault| (io::Error::other("simulated fault"), fault);
        if self.dead {
            return Err(failed(Fault::PowerCut));
        }
        match self.fault {
            Some((at, fault)) if at == self.counts.changes => {
                self.dead = fault == Fault::PowerCut;
                Err(failed(fault))
            }
            _ => Ok(()),
        }
    }

    fn plain_change(&mut self, op: Op<'_>) -> io::Result<Effect> {
        self.change().map_err(|(error, _)| error)?;
        self.meet(op)
    }

    /// What the hazard makes of an operation.
    fn meet(&mut self, op: Op<'_>) -> io::Result<Effect> {
        let effect = self.hazard.meet(op);
        match effect {
            Effect::Error => Err(io::Error::other("simulated fault")),
            Effect::Full => Err(io::ErrorKind::StorageFull.into()),
            Effect::Cut => {
                self.dead = true;
                Err(io::Error::other("the power is gone"))
            }
            Effect::None
            | Effect::Short(_)
            | Effect::Forget { .. }
            | Effect::Flip(_)
            | Effect::Rot(_) => Ok(effect),
        }
    }

    /// A write as the hazard lets it be.
    fn write_met(&mut self, number: usize, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let path = self.files.path(number);
        match self.meet(Op::Write(&path, bytes.len()))? {
            Effect::Short(len) => {
                let file = self.files.file_mut(number);
                file.write(offset, &bytes[..len.min(bytes.len())]);
                Err(io::Error::other("simulated fault"))
            }
            Effect::Flip(bit) => {
                let mut bytes = bytes.to_vec();
                flipped(&mut bytes, bit);
                self.files.file_mut(number).write(offset, &bytes);
                Ok(())
            }
            _ => {
                self.files.file_mut(number).write(offset, bytes);
                Ok(())
            }
        }
    }

    fn free(&self) -> u64 {
        let capacity = self.capacity.unwrap_or(u64::MAX);
        capacity.saturating_sub(self.files.used())
    }

    /// Refuses a file's growth beyond the capacity.
    fn room(&self, file: &File, len: u64) -> io::Result<()> {
        let growth = len.saturating_sub(file.len());
        if growth > self.free() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }
}

impl Disk for MemoryDisk {
    fn create(&self, path: &str, _access: Access) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.state();
        state.plain_change(Op::Create(path))?;
        let number = state.files.create(path)?;
        Ok(self.opened(number))
    }

    fn open(&self, path: &str) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.state();
        state.meet(Op::Open(path))?;
        let number = state.files.number(path)?;
        Ok(self.opened(number))
    }

    fn exists(&self, path: &str) -> io::Result<bool> {
        Ok(self.state().files.exists(path))
    }

    fn list(&self, directory: &str) -> io::Result<Vec<String>> {
        self.state().files.list(directory)
    }

    fn create_directory(&self, path: &str) -> io::Result<()> {
        let mut state = self.state();
        state.plain_change(Op::Create(path))?;
        state.files.create_directory(path)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.state();
        state.plain_change(Op::Rename(from, to))?;
        state.files.rename(from, to)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        let mut state = self.state();
        state.plain_change(Op::Remove(path))?;
        state.files.remove(path)
    }

    fn sync_directory(&self, path: &str) -> io::Result<()> {
        let mut state = self.state();
        state.plain_change(Op::SyncDirectory(path))?;
        state.files.sync_directory(path);
        Ok(())
    }

    fn free_bytes(&self) -> io::Result<u64> {
        Ok(self.state().free())
    }

    fn lock(&self, path: &str, wait: Wait) -> io::Result<Option<Box<dyn Held>>> {
        let mut state = self.state();
        while state.locks.iter().any(|held| held == path) {
            if wait == Wait::No {
                return Ok(None);
            }
            state = self
                .unlocked
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        if !state.files.exists(path) {
            state.files.create(path)?;
        }
        state.locks.push(path.to_owned());
        Ok(Some(Box::new(Locked {
            disk: self.clone(),
            path: path.to_owned(),
        })))
    }
}

#[derive(Debug)]
struct Opened {
    disk: MemoryDisk,
    number: usize,
}

impl DiskFile for Opened {
    fn len(&self) -> io::Result<u64> {
        Ok(self.disk.state().files.file(self.number).len())
    }

    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
        let mut state = self.disk.state();
        let state = &mut *state;
        let path = state.files.path(self.number);
        let effect = state.meet(Op::Read(&path, bytes.len()))?;
        if let Effect::Rot(bit) = effect {
            state
                .files
                .file_mut(self.number)
                .rot(offset, bytes.len(), bit);
        }
        let read = state.files.file(self.number).read(offset, bytes);
        if let Effect::Flip(bit) = effect {
            flipped(&mut bytes[..read], bit);
        }
        Ok(read)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.disk.state();
        state.counts.writes += 1;
        let end = offset.saturating_add(bytes.len() as u64);
        state.room(state.files.file(self.number), end)?;
        match state.change() {
            Ok(()) => state.write_met(self.number, offset, bytes),
            Err((error, Fault::Error)) => Err(error),
            Err((error, Fault::Torn | Fault::PowerCut)) => {
                let file = state.files.file_mut(self.number);
                file.write(offset, &bytes[..bytes.len() / 2]);
                Err(error)
            }
        }
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut state = self.disk.state();
        state.room(state.files.file(self.number), len)?;
        let path = state.files.path(self.number);
        state.plain_change(Op::SetLen(&path))?;
        state.files.file_mut(self.number).set_len(len);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.disk.state();
        state.counts.syncs += 1;
        let path = state.files.path(self.number);
        let effect = state.plain_change(Op::Sync(&path))?;
        let file = state.files.file_mut(self.number);
        if let Effect::Forget { evicted } = effect {
            file.forget(evicted);
            return Err(io::Error::other("simulated fault"));
        }
        file.sync();
        Ok(())
    }
}

#[derive(Debug)]
struct Locked {
    disk: MemoryDisk,
    path: String,
}

impl Held for Locked {
    fn sign(&self, holder: &str) -> io::Result<()> {
        self.disk.put(&self.path, holder.as_bytes());
        Ok(())
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        self.disk.state().locks.retain(|held| *held != self.path);
        self.disk.unlocked.notify_all();
    }
}
