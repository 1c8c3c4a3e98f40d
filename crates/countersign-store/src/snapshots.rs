//! Sealed snapshots of the fold, by the place in the log that they are of (docs/spec/disk.md,
//! part 7). Derived: what is lost, damaged or of another log is passed over.

use std::io;
use std::sync::Arc;

use countersign_ledger::frame::FrameHash;

use crate::disk::{Access, Disk, read_all, replace};
use crate::index::INDEX_DIRECTORY;
use crate::log::LogHead;

const MAGIC: &[u8; 8] = b"CSSNAP1\n";
const PREFIX: &str = "snapshot-";
/// The newest, and one more in case the newest turns out damaged.
const KEPT: usize = 2;

/// The snapshots of one log.
#[derive(Clone, Debug)]
pub struct Snapshots {
    disk: Arc<dyn Disk>,
}

impl Snapshots {
    /// Those in a log's directory.
    pub fn new(disk: Arc<dyn Disk>) -> Self {
        Self { disk }
    }

    /// The places that they say they are of, the longest log first.
    pub fn list(&self) -> Vec<LogHead> {
        heads(&*self.disk)
    }

    /// The sealed bytes of one.
    pub fn read(&self, head: &LogHead) -> Option<Vec<u8>> {
        let bytes = read_all(&*self.disk, &path(head.size)).ok()?;
        let sealed = bytes.strip_prefix(MAGIC)?.strip_prefix(&head.frame.0)?;
        Some(sealed.to_vec())
    }

    /// Keeps a snapshot, durable on return, and forgets all but the newest ones.
    pub fn keep(&self, head: &LogHead, sealed: &[u8]) -> io::Result<()> {
        if !self.disk.exists(INDEX_DIRECTORY)? {
            self.disk.create_directory(INDEX_DIRECTORY)?;
        }
        let bytes = [MAGIC, head.frame.0.as_slice(), sealed].concat();
        replace(&*self.disk, &path(head.size), &bytes, Access::Owner)?;
        self.forget_all_but(KEPT)
    }

    /// Removes every one: a key of a body was destroyed.
    pub fn forget(&self) -> io::Result<()> {
        self.forget_all_but(0)
    }

    fn forget_all_but(&self, kept: usize) -> io::Result<()> {
        let mut sizes = sizes(&*self.disk)?;
        sizes.sort_unstable();
        for size in sizes.iter().rev().skip(kept) {
            self.disk.remove(&path(*size))?;
        }
        Ok(())
    }
}

/// The places of all snapshots, the longest log first; what cannot be read is none.
pub(crate) fn heads(disk: &dyn Disk) -> Vec<LogHead> {
    let mut sizes = sizes(disk).unwrap_or_default();
    sizes.sort_unstable();
    let heads = sizes.into_iter().rev();
    heads.filter_map(|size| head(disk, size)).collect()
}

fn sizes(disk: &dyn Disk) -> io::Result<Vec<u64>> {
    let names = match disk.list(INDEX_DIRECTORY) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        names => names?,
    };
    let size = |name: &String| name.strip_prefix(PREFIX)?.parse().ok();
    Ok(names.iter().filter_map(size).collect())
}

fn head(disk: &dyn Disk, size: u64) -> Option<LogHead> {
    let mut bytes = [0; MAGIC.len() + 32];
    let file = disk.open(&path(size)).ok()?;
    let read = file.read_at(0, &mut bytes).ok()?;
    let frame = bytes[..read].strip_prefix(MAGIC)?.try_into().ok()?;
    let frame = FrameHash(frame);
    Some(LogHead { size, frame })
}

fn path(size: u64) -> String {
    format!("{INDEX_DIRECTORY}/{PREFIX}{size:020}")
}

#[cfg(test)]
mod tests;
