//! The Merkle tree hash of RFC 6962 §2.1 over a list that is all there.

use alloc::vec::Vec;

use crate::digest::sha256;

/// The root over these leaf data, in this order. (A log that grows keeps a frontier instead:
/// `countersign-ledger`.)
pub fn merkle_root<L: AsRef<[u8]>>(leaf_data: impl IntoIterator<Item = L>) -> [u8; 32] {
    let mut level: Vec<[u8; 32]> = leaf_data
        .into_iter()
        .map(|leaf| sha256(&[&[0], leaf.as_ref()]))
        .collect();
    while level.len() > 1 {
        level = level.chunks(2).map(parent).collect();
    }
    level.first().copied().unwrap_or_else(|| sha256(&[]))
}

/// A node without a right neighbour rises as it is: the left subtree is always a full one.
fn parent(children: &[[u8; 32]]) -> [u8; 32] {
    match children {
        [left, right] => sha256(&[&[1], left, right]),
        [alone, ..] => *alone,
        [] => sha256(&[]),
    }
}
