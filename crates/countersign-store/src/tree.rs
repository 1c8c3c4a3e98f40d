//! The hashes of the tree on disk: one flat file that is only appended to, one positioned read a hash.
//!
//! Derived: whoever hands out what is made of it verifies that against a signed root first, and a
//! file that is lost or damaged is made again from the log (docs/spec/disk.md, part 7).

use std::cell::Cell;
use std::io;
use std::sync::Arc;

use countersign_ledger::chain::leaf_hash;
use countersign_ledger::merkle::{Frontier, Nodes, stored_count, stored_index};
use countersign_record::digest::LeafHash;

use crate::disk::{Access, Disk, DiskFile};
use crate::index::INDEX_DIRECTORY;
use crate::log::{ReadError, ReadLog};

/// The file.
pub(crate) const TREE_FILE: &str = "index/tree";
/// So many hashes are written at once: 128 KiB.
const SAVED_AT_ONCE: usize = 4096;

/// The tree of one log: what was saved is read from the file, the rest is in memory.
#[derive(Debug)]
pub struct StoredTree {
    disk: Arc<dyn Disk>,
    file: Option<Arc<dyn DiskFile>>,
    /// How many hashes the file has.
    saved: u64,
    /// The hashes after those.
    tail: Vec<[u8; 32]>,
    frontier: Frontier,
    /// Whether anything is written at all.
    is_kept: bool,
    damaged: Cell<bool>,
}

impl StoredTree {
    /// The tree of no entries; whatever the file holds is overwritten.
    pub fn empty(disk: Arc<dyn Disk>) -> Self {
        Self {
            disk,
            file: None,
            saved: 0,
            tail: Vec::new(),
            frontier: Frontier::new(),
            is_kept: true,
            damaged: Cell::new(false),
        }
    }

    /// The tree with this right edge, where the file has it; what the file holds beyond is not
    /// believed.
    pub fn resume(disk: Arc<dyn Disk>, frontier: &Frontier) -> Option<Self> {
        let saved = stored_count(frontier.size())?;
        let file = disk.open(TREE_FILE).ok()?;
        let tree = Self {
            file: Some(file),
            saved,
            ..Self::empty(disk)
        };
        let found = Frontier::of(&tree, frontier.size())?;
        (found == *frontier).then_some(Self {
            frontier: found,
            ..tree
        })
    }

    /// How many entries it has.
    pub fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// Its right edge.
    pub fn frontier(&self) -> &Frontier {
        &self.frontier
    }

    /// Adds the next entry's leaf.
    pub fn append(&mut self, leaf: LeafHash) {
        let tail = &mut self.tail;
        self.frontier.append_each(leaf, |hash| tail.push(hash));
    }

    /// Adds the log's entries up to `size`, and saves them on the way.
    pub fn follow(&mut self, log: &dyn ReadLog, size: u64) -> Result<(), ReadError> {
        for frame in log.frames(self.size()) {
            for record in frame?.records {
                if record.seq == self.size() && record.seq < size {
                    self.append(leaf_hash(&record.entry));
                }
            }
            // What cannot be saved stays in memory.
            drop(self.save_many(self.size()));
        }
        Ok(())
    }

    /// Forgets all entries from `size` on, which must not have been saved; whether it could.
    pub fn cut(&mut self, size: u64) -> bool {
        let (Some(frontier), Some(count)) = (Frontier::of(self, size), stored_count(size)) else {
            return false;
        };
        let Some(left) = count.checked_sub(self.saved) else {
            return false;
        };
        self.tail
            .truncate(usize::try_from(left).unwrap_or(usize::MAX));
        self.frontier = frontier;
        true
    }

    /// Writes the hashes of the first `size` entries, which must be durable, once there are many.
    pub fn save_many(&mut self, size: u64) -> io::Result<()> {
        if self.tail.len() < SAVED_AT_ONCE {
            return Ok(());
        }
        self.save(size)
    }

    /// Writes the hashes of the first `size` entries, which must be durable. Not synced.
    pub fn save(&mut self, size: u64) -> io::Result<()> {
        let upto = stored_count(size.min(self.size())).unwrap_or(0);
        let count = usize::try_from(upto.saturating_sub(self.saved)).map_err(io::Error::other)?;
        if count == 0 || !self.is_kept {
            return Ok(());
        }
        let file = self.opened()?;
        file.write_at(self.saved * HASH, &self.tail[..count].concat())?;
        self.tail.drain(..count);
        self.saved = upto;
        Ok(())
    }

    /// The file, for whoever makes it durable; `None` while nothing was saved.
    pub fn file(&self) -> Option<Arc<dyn DiskFile>> {
        self.file.clone()
    }

    /// Something made of these hashes did not verify, or one of them could not be read.
    pub fn distrust(&self) {
        self.damaged.set(true);
    }

    /// Whether it must be made again.
    pub fn is_damaged(&self) -> bool {
        self.damaged.get()
    }

    /// Makes all of it again from the log, in memory: a disk that gave wrong bytes once is not asked
    /// again before a restart.
    pub fn rebuild(&mut self, log: &dyn ReadLog, size: u64) -> Result<(), ReadError> {
        let mut tree = Self::empty(Arc::clone(&self.disk));
        tree.is_kept = false;
        // The next start makes it again.
        drop(self.disk.remove(TREE_FILE));
        tree.follow(log, size)?;
        *self = tree;
        Ok(())
    }

    fn opened(&mut self) -> io::Result<Arc<dyn DiskFile>> {
        if let Some(file) = &self.file {
            return Ok(Arc::clone(file));
        }
        if !self.disk.exists(INDEX_DIRECTORY)? {
            self.disk.create_directory(INDEX_DIRECTORY)?;
        }
        if self.disk.exists(TREE_FILE)? {
            self.disk.remove(TREE_FILE)?;
        }
        let file = self.disk.create(TREE_FILE, Access::Group)?;
        self.file = Some(Arc::clone(&file));
        Ok(file)
    }
}

/// Bytes of one hash.
const HASH: u64 = 32;

impl Nodes for StoredTree {
    fn node(&self, level: u8, index: u64) -> Option<[u8; 32]> {
        let place = stored_index(level, index)?;
        if let Some(ahead) = place.checked_sub(self.saved) {
            return self.tail.get(usize::try_from(ahead).ok()?).copied();
        }
        let mut hash = [0; 32];
        let read = self.file.as_ref()?.read_at(place * HASH, &mut hash);
        read.is_ok_and(|read| read == hash.len()).then_some(hash)
    }
}

#[cfg(test)]
mod tests;
