//! The right edge of the tree.

use alloc::vec::Vec;

use countersign_record::digest::{LeafHash, RootHash};

use crate::merkle::{Nodes, SIZE_MAX, empty_root, node};

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

    /// The right edge of the first `size` entries of a tree that is kept elsewhere.
    pub fn of<N: Nodes + ?Sized>(nodes: &N, size: u64) -> Option<Self> {
        let mut peaks = Vec::new();
        let mut start = 0_u64;
        for level in (0..63_u8).rev().filter(|level| size >> level & 1 == 1) {
            peaks.push(nodes.node(level, start >> level)?);
            start += 1 << level;
        }
        Self::from_peaks(size, peaks)
    }

    /// The frontier that has these [`Frontier::peaks`]; there is one for each one bit of the size.
    pub fn from_peaks(size: u64, peaks: Vec<[u8; 32]>) -> Option<Self> {
        let expected = usize::try_from(size.count_ones()).ok()?;
        (size <= SIZE_MAX && peaks.len() == expected).then_some(Self { size, peaks })
    }

    /// Roots of the complete subtrees that the tree splits into, the largest (leftmost) first.
    pub fn peaks(&self) -> &[[u8; 32]] {
        &self.peaks
    }

    /// Adds the next entry's leaf.
    pub fn append(&mut self, leaf: LeafHash) {
        self.append_each(leaf, |_| {});
    }

    /// The same, and shows the hash of every subtree that becomes complete: the leaf, then the larger
    /// ones.
    pub fn append_each(&mut self, leaf: LeafHash, mut complete: impl FnMut([u8; 32])) {
        let mut peak = leaf.0;
        complete(peak);
        // Adding one carries through the trailing ones of the size; each carry joins two subtrees.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                peak = node(&left, &peak);
                complete(peak);
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
