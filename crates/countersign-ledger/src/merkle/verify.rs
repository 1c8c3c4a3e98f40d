//! Checking proofs without a tree (RFC 9162 parts 2.1.3.2 and 2.1.4.2).

use countersign_record::digest::{LeafHash, RootHash};

use crate::merkle::{SIZE_MAX, node};

/// Why an inclusion proof shows nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InclusionError {
    /// There is no entry of this number in a tree of this size.
    #[error("entry {index} is not in a tree of {size} entries")]
    OutsideTree {
        /// The entry's number.
        index: u64,
        /// The tree's size.
        size: u64,
    },
    /// The proof has more or fewer hashes than the way from this entry to the root has levels.
    #[error("a proof for entry {index} of {size} does not have {found} hashes")]
    Length {
        /// The entry's number.
        index: u64,
        /// The tree's size.
        size: u64,
        /// The number of hashes given.
        found: usize,
    },
    /// Entry and proof make another root: the entry, its place or the proof is not what was logged.
    #[error("entry {index} is not under this root: the proof leads to {computed}")]
    OtherRoot {
        /// The entry's number.
        index: u64,
        /// The root that leaf and proof make.
        computed: RootHash,
    },
}

/// Why a consistency proof shows nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConsistencyError {
    /// A tree grows, and everything is consistent with an empty one, so that shows nothing.
    #[error("no tree of {old} entries comes before a tree of {new} entries")]
    NotEarlier {
        /// The size said to be earlier.
        old: u64,
        /// The size said to be later.
        new: u64,
    },
    /// The proof has more or fewer hashes than these sizes need.
    #[error("a proof from {old} to {new} entries does not have {found} hashes")]
    Length {
        /// The earlier size.
        old: u64,
        /// The later size.
        new: u64,
        /// The number of hashes given.
        found: usize,
    },
    /// The proof is not about the earlier tree.
    #[error("the proof is for another tree of {old} entries: {computed}")]
    OtherOldRoot {
        /// The earlier size.
        old: u64,
        /// The earlier root that the proof makes.
        computed: RootHash,
    },
    /// The earlier tree is not the beginning of the later one.
    #[error("the tree of {new} entries does not continue the earlier one: {computed}")]
    OtherNewRoot {
        /// The later size.
        new: u64,
        /// The later root that the proof makes.
        computed: RootHash,
    },
}

/// Checks that entry `index` of the tree of `size` entries with this `root` has this `leaf`.
pub fn verify_inclusion(
    leaf: LeafHash,
    index: u64,
    size: u64,
    proof: &[[u8; 32]],
    root: RootHash,
) -> Result<(), InclusionError> {
    if index >= size || size > SIZE_MAX {
        return Err(InclusionError::OutsideTree { index, size });
    }
    let wrong_length = InclusionError::Length {
        index,
        size,
        found: proof.len(),
    };
    let mut climb = Climb::new(index, size - 1);
    let mut hash = leaf.0;
    for beside in proof {
        hash = match climb.step().ok_or(wrong_length)? {
            Side::Left => node(beside, &hash),
            Side::Right => node(&hash, beside),
        };
    }
    let computed = RootHash(hash);
    if !climb.is_at_root() {
        Err(wrong_length)
    } else if computed == root {
        Ok(())
    } else {
        Err(InclusionError::OtherRoot { index, computed })
    }
}

/// Checks that the tree of `old` entries with `old_root` is the beginning of the tree of `new`
/// entries with `new_root`. `old` must be at least one.
pub fn verify_consistency(
    old: u64,
    new: u64,
    old_root: RootHash,
    new_root: RootHash,
    proof: &[[u8; 32]],
) -> Result<(), ConsistencyError> {
    if old == 0 || old > new || new > SIZE_MAX {
        return Err(ConsistencyError::NotEarlier { old, new });
    }
    let wrong_length = ConsistencyError::Length {
        old,
        new,
        found: proof.len(),
    };
    // A subtree of the later tree that is the whole earlier one is left out of the proof, since the
    // verifier has its root.
    let (first, rest) = if old.is_power_of_two() || old == new {
        (old_root.0, proof)
    } else {
        let (first, rest) = proof.split_first().ok_or(wrong_length)?;
        (*first, rest)
    };
    let mut climb = if old == new {
        Climb::new(0, 0)
    } else {
        Climb::new(old - 1, new - 1)
    };
    climb.skip_complete();
    let (mut old_hash, mut new_hash) = (first, first);
    for beside in rest {
        match climb.step().ok_or(wrong_length)? {
            Side::Left => {
                old_hash = node(beside, &old_hash);
                new_hash = node(beside, &new_hash);
            }
            Side::Right => new_hash = node(&new_hash, beside),
        }
    }
    let (computed_old, computed_new) = (RootHash(old_hash), RootHash(new_hash));
    if !climb.is_at_root() {
        Err(wrong_length)
    } else if computed_old != old_root {
        Err(ConsistencyError::OtherOldRoot {
            old,
            computed: computed_old,
        })
    } else if computed_new != new_root {
        Err(ConsistencyError::OtherNewRoot {
            new,
            computed: computed_new,
        })
    } else {
        Ok(())
    }
}

/// Where the next hash of a proof stands beside the path.
enum Side {
    Left,
    Right,
}

/// The way from one node to the root, `fn` and `sn` of the RFC.
struct Climb {
    place: u64,
    last: u64,
}

impl Climb {
    const fn new(place: u64, last: u64) -> Self {
        Self { place, last }
    }

    const fn is_at_root(&self) -> bool {
        self.last == 0
    }

    /// Goes up to the largest complete subtree that ends where the old tree ends.
    fn skip_complete(&mut self) {
        self.rise(self.place.trailing_ones());
    }

    /// Goes up to the next level at which a sibling is needed.
    fn step(&mut self) -> Option<Side> {
        if self.last == 0 {
            return None;
        }
        if self.place % 2 == 1 {
            self.rise(1);
            return Some(Side::Left);
        }
        if self.place == self.last {
            // The last node of an uneven level moves up without a sibling. Not zero, so this ends.
            self.rise(self.place.trailing_zeros() + 1);
            return Some(Side::Left);
        }
        self.rise(1);
        Some(Side::Right)
    }

    fn rise(&mut self, levels: u32) {
        self.place = self.place.checked_shr(levels).unwrap_or(0);
        self.last = self.last.checked_shr(levels).unwrap_or(0);
    }
}
