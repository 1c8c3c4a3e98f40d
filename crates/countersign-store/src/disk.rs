//! The few things that this crate asks of a file system, so that a simulated one can stand behind it.

mod file;
mod replace;

use std::fmt::Debug;
use std::io;
use std::sync::Arc;

pub use file::FileDisk;
pub(crate) use replace::{parent, replace};

/// A directory tree. Paths are relative to its root and use `/`.
pub trait Disk: Debug + Send + Sync {
    /// Makes a new empty file; an existing one is an error (`O_EXCL`).
    fn create(&self, path: &str, access: Access) -> io::Result<Arc<dyn DiskFile>>;
    /// Opens an existing file for reading and, where permitted, writing.
    fn open(&self, path: &str) -> io::Result<Arc<dyn DiskFile>>;
    /// Whether a file or directory of that name exists.
    fn exists(&self, path: &str) -> io::Result<bool>;
    /// The names in a directory, sorted; an absent directory is `NotFound`.
    fn list(&self, directory: &str) -> io::Result<Vec<String>>;
    /// Makes a directory that only its owner can enter; an existing one is an error.
    fn create_directory(&self, path: &str) -> io::Result<()>;
    /// Gives a file or directory another name, replacing a file of that name.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &str) -> io::Result<()>;
    /// Makes the names in a directory durable (`""` is the root).
    fn sync_directory(&self, path: &str) -> io::Result<()>;
    /// How many bytes can still be allocated.
    fn free_bytes(&self) -> io::Result<u64>;
    /// Takes the advisory lock of a file, made if absent, until the answer is dropped.
    /// `None`: somebody else holds it and `wait` is not set.
    fn lock(&self, path: &str, wait: Wait) -> io::Result<Option<Box<dyn Held>>>;
}

/// One open file.
pub trait DiskFile: Debug + Send + Sync {
    /// Its length in bytes.
    fn len(&self) -> io::Result<u64>;
    /// Whether it has no bytes.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }
    /// Reads at `offset` until `bytes` is full or the file ends; how many bytes were read.
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<usize>;
    /// Writes all of `bytes` at `offset`.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;
    /// Cuts or extends the file.
    fn set_len(&self, len: u64) -> io::Result<()>;
    /// `fdatasync`: everything written so far survives a power cut.
    fn sync_data(&self) -> io::Result<()>;
}

/// A lock that is held until this is dropped.
pub trait Held: Debug + Send {
    /// Writes who holds it into the locked file, for whoever is refused.
    fn sign(&self, holder: &str) -> io::Result<()>;
}

/// Who may read a new file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Access {
    /// Owner and group (0640).
    Group,
    /// The owner only (0600): secrets.
    Owner,
}

/// Whether to wait for a lock.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Wait {
    /// Until it is free.
    Yes,
    /// Not at all.
    No,
}

/// The whole of a small file.
pub(crate) fn read_all(disk: &dyn Disk, path: &str) -> io::Result<Vec<u8>> {
    let file = disk.open(path)?;
    let len = usize::try_from(file.len()?).map_err(io::Error::other)?;
    let mut bytes = vec![0; len];
    let read = file.read_at(0, &mut bytes)?;
    bytes.truncate(read);
    Ok(bytes)
}

/// Whether an error says that nothing more can be allocated.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}
