//! New segments, and the reserve for when there is no space for one.

use std::io;
use std::sync::Arc;

use super::ahead::{Ahead, NEXT_FILE};
use super::format::PAGE_BYTES;
use super::map::segment_name;
use super::{LOG_DIRECTORY, SegmentLog, Writing};
use crate::disk::{Access, Disk, DiskFile, is_full};
use crate::log::{CommitError, Log as _, Urgency};

/// A pre-zeroed file in waiting: on a full disk it becomes the next segment, which needs no space.
pub(super) const RESERVE_FILE: &str = "log/reserve";
/// A segment or reserve that is being made.
const UNFINISHED_FILE: &str = "log/unfinished";
static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];

impl SegmentLog {
    /// Makes sure that the last segment has room for `needed` bytes.
    pub(super) fn make_room(&mut self, needed: u64, urgency: Urgency) -> Result<(), CommitError> {
        let fits = self.last.used.saturating_add(needed) <= self.last.len;
        if self.reserve < self.format.reserve_bytes {
            match self.restore_reserve() {
                // What is left of segment and reserve is for what must be recorded.
                Err(CommitError::Full) if urgency == Urgency::Final && fits => return Ok(()),
                Err(CommitError::Full) if urgency == Urgency::Final => {
                    return self.use_reserve(needed);
                }
                restored => restored?,
            }
        }
        if fits {
            return Ok(());
        }
        let len = needed
            .max(self.format.segment_bytes)
            .next_multiple_of(PAGE_BYTES);
        match self.new_segment(len) {
            Ok(file) => {
                self.rotate(file, len);
                Ok(())
            }
            Err(error) if is_full(&error) => match urgency {
                Urgency::Routine => Err(CommitError::Full),
                Urgency::Final => self.use_reserve(needed),
            },
            Err(error) => Err(self.fatal("making a segment", &error)),
        }
    }

    /// A zeroed segment that begins where the log ends: the one made ahead, or a new one.
    fn new_segment(&mut self, len: u64) -> io::Result<Arc<dyn DiskFile>> {
        let name = segment_name(self.head().size);
        let next = self
            .next
            .take()
            .filter(|_| len == self.format.segment_bytes);
        let Some(file) = next.and_then(Ahead::finish) else {
            return zeroed(&*self.disk, &name, len);
        };
        give_name(&*self.disk, NEXT_FILE, &name)?;
        Ok(file)
    }

    fn rotate(&mut self, file: Arc<dyn DiskFile>, len: u64) {
        self.last = Writing { file, len, used: 0 };
        self.shape.begins(self.head().size);
    }

    /// Gives a quarter of the whole reserve back to the disk, or what is left; whether there was
    /// anything.
    pub(super) fn cut_reserve(&mut self) -> io::Result<bool> {
        if self.reserve == 0 {
            return Ok(false);
        }
        let quarter = (self.format.reserve_bytes / 4).next_multiple_of(PAGE_BYTES);
        // A cut that fails is not tried again: the reserve then counts as shorter than its file.
        self.reserve = self.reserve.saturating_sub(quarter);
        let file = self.disk.open(RESERVE_FILE)?;
        file.set_len(self.reserve)?;
        file.sync_data()?;
        Ok(true)
    }

    /// Turns the reserve into a segment, without its last quarter: that is given back to the disk,
    /// for head lock, keyring and index.
    fn use_reserve(&mut self, needed: u64) -> Result<(), CommitError> {
        let most = (self.format.reserve_bytes / 4 * 3).next_multiple_of(PAGE_BYTES);
        let len = most.min(self.reserve);
        if needed > len {
            return Err(CommitError::Full);
        }
        let name = segment_name(self.head().size);
        let taken = self.disk.open(RESERVE_FILE).and_then(|file| {
            file.set_len(len)?;
            file.sync_data()?;
            give_name(&*self.disk, RESERVE_FILE, &name)?;
            Ok(file)
        });
        let file = taken.map_err(|error| self.fatal("taking the disk reserve", &error))?;
        self.reserve = 0;
        self.rotate(file, len);
        Ok(())
    }

    /// Makes the reserve again once there is space for it and a segment besides.
    fn restore_reserve(&mut self) -> Result<(), CommitError> {
        let wanted = self.format.reserve_bytes + self.format.segment_bytes;
        let free = self.disk.free_bytes();
        let free = free.map_err(|error| self.fatal("measuring free space", &error))?;
        if free < wanted {
            return Err(CommitError::Full);
        }
        match make_reserve(&*self.disk, self.format.reserve_bytes) {
            Ok(made) => {
                self.reserve = made;
                if made < self.format.reserve_bytes {
                    return Err(CommitError::Full);
                }
                Ok(())
            }
            Err(error) => Err(self.fatal("making the disk reserve", &error)),
        }
    }
}

/// Makes the reserve if it is not there, or not whole; how many bytes it has then, fewer than
/// `bytes` when there is no space for it.
pub(super) fn make_reserve(disk: &dyn Disk, bytes: u64) -> io::Result<u64> {
    let found = if disk.exists(RESERVE_FILE)? {
        disk.open(RESERVE_FILE)?.len()?
    } else {
        0
    };
    if found >= bytes {
        return Ok(bytes);
    }
    match zeroed(disk, RESERVE_FILE, bytes) {
        Ok(_) => Ok(bytes),
        Err(error) if is_full(&error) => Ok(found),
        Err(error) => Err(error),
    }
}

/// Removes what a crash or a full disk left half made.
pub(super) fn remove_unfinished(disk: &dyn Disk) -> io::Result<()> {
    match disk.remove(UNFINISHED_FILE) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// A file of zeros, whole and durable before it has its name.
pub(super) fn zeroed(disk: &dyn Disk, name: &str, len: u64) -> io::Result<Arc<dyn DiskFile>> {
    let made = fill_zeros(disk, len);
    if made.is_err() {
        remove_unfinished(disk)?;
    }
    let file = made?;
    give_name(disk, UNFINISHED_FILE, name)?;
    Ok(file)
}

/// Renames a file, durably. With the name it is a part of the log: a failure from then on is never
/// taken for a full disk, after which the log would go on without it.
fn give_name(disk: &dyn Disk, from: &str, to: &str) -> io::Result<()> {
    disk.rename(from, to)?;
    disk.sync_directory(LOG_DIRECTORY).map_err(io::Error::other)
}

fn fill_zeros(disk: &dyn Disk, len: u64) -> io::Result<Arc<dyn DiskFile>> {
    remove_unfinished(disk)?;
    let file = disk.create(UNFINISHED_FILE, Access::Group)?;
    zero(&*file, 0, len)?;
    file.sync_data()?;
    Ok(file)
}

/// Writes zeros from `start` to `end`.
pub(super) fn zero(file: &dyn DiskFile, start: u64, end: u64) -> io::Result<()> {
    let mut at = start;
    while at < end {
        let step = usize::try_from(end - at).map_or(ZEROS.len(), |left| left.min(ZEROS.len()));
        file.write_at(at, &ZEROS[..step])?;
        at += super::as_u64(step);
    }
    Ok(())
}
