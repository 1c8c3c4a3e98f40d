//! What is derived, held against the log while it is passed.

use std::io;
use std::sync::Arc;

use countersign_ledger::chain::leaf_hash;
use countersign_ledger::frame::Frame;
use countersign_ledger::merkle::Frontier;

use super::Finding;
use crate::disk::{Disk, DiskFile};
use crate::log::LogHead;
use crate::snapshots::heads;
use crate::tree::TREE_FILE;

const HASH: usize = 32;
/// Hashes read at once.
const CHUNK: usize = 2048;

/// Tree file and snapshots of one log.
pub(super) struct Derived {
    tree: Option<TreeFile>,
    /// Snapshots whose place the log was not found to have yet.
    unplaced: Vec<LogHead>,
}

impl Derived {
    pub(super) fn open(disk: &dyn Disk) -> io::Result<Self> {
        let tree = disk.exists(TREE_FILE)?.then(|| disk.open(TREE_FILE));
        Ok(Self {
            tree: tree.transpose()?.map(TreeFile::new),
            unplaced: heads(disk),
        })
    }

    pub(super) fn pass(&mut self, frame: &Frame<'_>) {
        let (size, hash) = (frame.header().next_seq(), frame.hash());
        self.unplaced
            .retain(|head| (head.size, head.frame) != (size, hash));
        if let Some(tree) = &mut self.tree {
            for record in frame.records() {
                tree.pass(record.seq, record.entry);
            }
        }
    }

    pub(super) fn findings(self) -> impl Iterator<Item = Finding> {
        let wrong = self.tree.and_then(|tree| tree.wrong_from);
        let tree = wrong.map(|seq| Finding::Tree { seq });
        let snapshots = self.unplaced.into_iter();
        let snapshots = snapshots.map(|head| Finding::Snapshot { size: head.size });
        tree.into_iter().chain(snapshots)
    }
}

struct TreeFile {
    file: Arc<dyn DiskFile>,
    frontier: Frontier,
    /// Hashes that were read ahead, and how many of them were compared.
    chunk: Vec<u8>,
    compared: usize,
    offset: u64,
    wrong_from: Option<u64>,
}

impl TreeFile {
    fn new(file: Arc<dyn DiskFile>) -> Self {
        Self {
            file,
            frontier: Frontier::new(),
            chunk: Vec::new(),
            compared: 0,
            offset: 0,
            wrong_from: None,
        }
    }

    fn pass(&mut self, seq: u64, entry: &[u8]) {
        let mut hashes = Vec::new();
        let leaf = leaf_hash(entry);
        self.frontier.append_each(leaf, |hash| hashes.push(hash));
        for hash in hashes {
            if self.wrong_from.is_none() && self.next().is_some_and(|found| found != hash) {
                self.wrong_from = Some(seq);
            }
        }
    }

    /// The file's next hash; none behind its end: what was not saved yet is no fault.
    fn next(&mut self) -> Option<[u8; HASH]> {
        if self.compared * HASH == self.chunk.len() {
            self.chunk.resize(CHUNK * HASH, 0);
            let read = self.file.read_at(self.offset, &mut self.chunk).ok()?;
            self.chunk.truncate(read / HASH * HASH);
            self.offset += u64::try_from(self.chunk.len()).ok()?;
            self.compared = 0;
        }
        let hash = self.chunk.as_chunks().0.get(self.compared).copied()?;
        self.compared += 1;
        Some(hash)
    }
}
