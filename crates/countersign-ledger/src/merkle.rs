//! The Merkle tree of RFC 6962 with SHA-256: appending, roots, proofs and their verification.
//!
//! [`Tree`] keeps every complete subtree and proves; [`Frontier`] keeps only what the next root
//! needs. Verification needs neither. Nodes are plain 32 bytes; leaves and roots have types of
//! their own.

mod frontier;
mod stored;
mod tree;
mod verify;

use countersign_record::digest::sha256;

pub use frontier::Frontier;
pub use stored::{stored_count, stored_index};
pub use tree::{Nodes, ProveError, Tree, consistency, inclusion, root_at, root_through};
pub use verify::{ConsistencyError, InclusionError, verify_consistency, verify_inclusion};

/// Sizes above this are refused everywhere: other people's verifiers count in signed 64 bits.
pub const SIZE_MAX: u64 = (1 << 63) - 1;

/// More hashes than this are in no inclusion proof: a tree of [`SIZE_MAX`] entries has 63 levels.
pub const INCLUSION_HASHES_MAX: usize = 63;

/// The hash over two children: SHA-256(0x01 ‖ left ‖ right).
pub fn node(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    sha256(&[&[1], left, right])
}

/// The root of the tree of no entries: SHA-256 of nothing.
fn empty_root() -> [u8; 32] {
    sha256(&[])
}

#[cfg(test)]
mod tests;
