//! The right edge of the tree.

use alloc::vec::Vec;

use countersign_record::digest::{LeafHash, RootHash};

use crate::merkle::{empty_root, node};

/// The least that must be kept to go on appending and to know the root: one hash for each one bit
/// of the size, at most 64.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Frontier {
    size: u64,
    /// Roots of the complete subtrees that the tree splits into, the largest (leftmost) first.
    peaks: Vec<[u8; 32]>,
}

impl Frontier {
    /// The frontier of the tree of no entries.
    pub const fn new() -> Self {
        Self {
            size: 0,
            peaks: Vec::new(),
        }
    }

    /// Adds the next entry's leaf.
    pub fn append(&mut self, leaf: LeafHash) {
        let mut peak = leaf.0;
        // Adding one carries through the trailing ones of the size; each carry joins two subtrees.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                peak = node(&left, &peak);
            }
        }
        self.peaks.push(peak);
        self.size += 1;
    }

    /// The number of entries.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The root of the tree of all entries so far.
    pub fn root(&self) -> RootHash {
        let root = self.peaks.iter().copied().rev();
        RootHash(
            root.reduce(|right, left| node(&left, &right))
                .unwrap_or_else(empty_root),
        )
    }
}
