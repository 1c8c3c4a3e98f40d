//! Roots and proofs from the hashes of complete subtrees.

use alloc::vec::Vec;

use countersign_record::digest::{LeafHash, RootHash};

use crate::merkle::{SIZE_MAX, empty_root, node};

/// Where complete subtrees' hashes come from: memory, or stored tiles.
pub trait Nodes {
    /// The root over the entries from `index · 2^level` up to, not including,
    /// `(index + 1) · 2^level`, or nothing if not all of these are there.
    fn node(&self, level: u8, index: u64) -> Option<[u8; 32]>;
}

/// Why a root or a proof cannot be made.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ProveError {
    /// There is no entry of this number in a tree of this size.
    #[error("entry {index} is not in a tree of {size} entries")]
    OutsideTree {
        /// The entry's number.
        index: u64,
        /// The tree's size.
        size: u64,
    },
    /// A tree grows, and nothing is consistent with an empty one.
    #[error("no tree of {old} entries comes before a tree of {new} entries")]
    NotEarlier {
        /// The size said to be earlier.
        old: u64,
        /// The size said to be later.
        new: u64,
    },
    /// The tree does not reach that far, or its storage lacks a hash.
    #[error("the tree has no hash {index} of level {level}")]
    Missing {
        /// The subtree's height: it has `2^level` entries.
        level: u8,
        /// The subtree's place among those of its height.
        index: u64,
    },
    /// The size is above [`SIZE_MAX`].
    #[error("a tree cannot have {size} entries")]
    TooLarge {
        /// The size asked for.
        size: u64,
    },
}

/// The root of the tree of the first `size` entries.
pub fn root_at<N: Nodes + ?Sized>(nodes: &N, size: u64) -> Result<RootHash, ProveError> {
    if size == 0 {
        return Ok(RootHash(empty_root()));
    }
    Range::whole(size)?.root(nodes).map(RootHash)
}

/// The root of the first `size` entries, computed through the hashes of that level with numbers in
/// `hashes`: it is the tree's root only if each of them is right, and those beside them are.
pub fn root_through<N: Nodes + ?Sized>(
    nodes: &N,
    size: u64,
    level: u8,
    hashes: core::ops::Range<u64>,
) -> Result<RootHash, ProveError> {
    let first = |index: u64| index.saturating_mul(1 << level.min(63));
    let entries = first(hashes.start)..first(hashes.end);
    Range::whole(size)?
        .root_through(nodes, 1 << level.min(63), &entries)
        .map(RootHash)
}

/// The hashes beside the path from entry `index` to the root of the first `size` entries, the
/// leaf's sibling first (RFC 6962 part 2.1.1).
pub fn inclusion<N: Nodes + ?Sized>(
    nodes: &N,
    index: u64,
    size: u64,
) -> Result<Vec<[u8; 32]>, ProveError> {
    if index >= size {
        return Err(ProveError::OutsideTree { index, size });
    }
    let mut range = Range::whole(size)?;
    let mut path = Vec::new();
    while let Some((left, right)) = range.split() {
        let (inside, beside) = if index < right.start {
            (left, right)
        } else {
            (right, left)
        };
        path.push(beside.root(nodes)?);
        range = inside;
    }
    path.reverse();
    Ok(path)
}

/// The hashes that show that the tree of `old` entries is a prefix of the tree of `new` entries
/// (RFC 6962 part 2.1.2); none if the sizes are equal.
pub fn consistency<N: Nodes + ?Sized>(
    nodes: &N,
    old: u64,
    new: u64,
) -> Result<Vec<[u8; 32]>, ProveError> {
    if old == 0 || old > new {
        return Err(ProveError::NotEarlier { old, new });
    }
    let mut range = Range::whole(new)?;
    let mut path = Vec::new();
    while let Some((left, right)) = range.split().filter(|_| range.end() != old) {
        let (inside, beside) = if old <= right.start {
            (left, right)
        } else {
            (right, left)
        };
        path.push(beside.root(nodes)?);
        range = inside;
    }
    // The verifier has the old root itself; any other subtree of it must be given.
    if range.start != 0 {
        path.push(range.root(nodes)?);
    }
    path.reverse();
    Ok(path)
}

/// Every complete subtree of a growing tree, in memory: 64 bytes an entry.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    size: u64,
    levels: Vec<Vec<[u8; 32]>>,
}

impl Tree {
    /// The tree of no entries.
    pub const fn new() -> Self {
        Self {
            size: 0,
            levels: Vec::new(),
        }
    }

    /// Adds the next entry's leaf.
    pub fn append(&mut self, leaf: LeafHash) {
        let mut hash = leaf.0;
        for level in 0.. {
            if level == self.levels.len() {
                self.levels.push(Vec::new());
            }
            let row = &mut self.levels[level];
            row.push(hash);
            match row.as_slice() {
                [.., left, right] if row.len().is_multiple_of(2) => hash = node(left, right),
                _ => break,
            }
        }
        self.size += 1;
    }

    /// The number of entries.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The root of the first `size` entries.
    pub fn root_at(&self, size: u64) -> Result<RootHash, ProveError> {
        root_at(self, size)
    }

    /// See [`inclusion`].
    pub fn inclusion(&self, index: u64, size: u64) -> Result<Vec<[u8; 32]>, ProveError> {
        inclusion(self, index, size)
    }

    /// See [`consistency`].
    pub fn consistency(&self, old: u64, new: u64) -> Result<Vec<[u8; 32]>, ProveError> {
        consistency(self, old, new)
    }
}

impl Nodes for Tree {
    fn node(&self, level: u8, index: u64) -> Option<[u8; 32]> {
        let row = self.levels.get(usize::from(level))?;
        row.get(usize::try_from(index).ok()?).copied()
    }
}

impl Extend<LeafHash> for Tree {
    fn extend<I: IntoIterator<Item = LeafHash>>(&mut self, leaves: I) {
        leaves.into_iter().for_each(|leaf| self.append(leaf));
    }
}

/// Entries `start..start + len`, where `start` is a multiple of the smallest power of two that is
/// at least `len`, and `len` is at least one: what RFC 6962 calls D\[start:start+len\].
#[derive(Clone, Copy)]
struct Range {
    start: u64,
    len: u64,
}

impl Range {
    fn whole(size: u64) -> Result<Self, ProveError> {
        if size > SIZE_MAX {
            return Err(ProveError::TooLarge { size });
        }
        Ok(Self {
            start: 0,
            len: size,
        })
    }

    const fn end(self) -> u64 {
        self.start + self.len
    }

    /// The left part is the largest complete subtree that is not the whole range.
    fn split(self) -> Option<(Self, Self)> {
        let left = 1 << self.len.checked_sub(1)?.checked_ilog2()?;
        Some((
            Self {
                start: self.start,
                len: left,
            },
            Self {
                start: self.start + left,
                len: self.len - left,
            },
        ))
    }

    fn root<N: Nodes + ?Sized>(self, nodes: &N) -> Result<[u8; 32], ProveError> {
        match self.split().filter(|_| !self.len.is_power_of_two()) {
            Some((left, right)) => Ok(node(&left.root(nodes)?, &right.root(nodes)?)),
            None => self.complete(nodes),
        }
    }

    /// The root, from the hashes of subtrees of `height` entries wherever it overlaps `entries`.
    fn root_through<N: Nodes + ?Sized>(
        self,
        nodes: &N,
        height: u64,
        entries: &core::ops::Range<u64>,
    ) -> Result<[u8; 32], ProveError> {
        let overlaps = self.start < entries.end && entries.start < self.end();
        match self.split().filter(|_| overlaps && self.len > height) {
            Some((left, right)) => Ok(node(
                &left.root_through(nodes, height, entries)?,
                &right.root_through(nodes, height, entries)?,
            )),
            None => self.root(nodes),
        }
    }

    fn complete<N: Nodes + ?Sized>(self, nodes: &N) -> Result<[u8; 32], ProveError> {
        let level = u8::try_from(self.len.trailing_zeros()).unwrap_or(u8::MAX);
        let index = self.start >> level;
        nodes
            .node(level, index)
            .ok_or(ProveError::Missing { level, index })
    }
}
