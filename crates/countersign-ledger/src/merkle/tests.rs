use alloc::string::ToString as _;
use alloc::vec::Vec;

use countersign_record::digest::{LeafHash, RootHash, sha256};
use proptest::prelude::*;

use super::*;
use crate::chain::leaf_hash;

const LEAVES: u64 = 130;

fn leaves(count: u64) -> Vec<LeafHash> {
    (0..count).map(|n| leaf_hash(&n.to_be_bytes())).collect()
}

fn tree(leaves: &[LeafHash]) -> Tree {
    let mut tree = Tree::new();
    tree.extend(leaves.iter().copied());
    tree
}

/// MTH as RFC 6962 part 2.1 defines it, with no thought of speed.
fn naive_root(leaves: &[LeafHash]) -> [u8; 32] {
    match leaves {
        [] => sha256(&[]),
        [one] => one.0,
        more => {
            let left = more.len().next_power_of_two() / 2;
            node(&naive_root(&more[..left]), &naive_root(&more[left..]))
        }
    }
}

#[test]
fn the_tree_of_eight_leaves_is_that_of_certificate_transparency() {
    // The leaves and roots with which implementations of RFC 6962 test themselves.
    let inputs: [&[u8]; 8] = [
        b"",
        b"\x00",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ];
    let roots = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let leaves: Vec<_> = inputs.iter().map(|input| leaf_hash(input)).collect();
    let tree = tree(&leaves);
    for (size, root) in (0..).zip(roots) {
        assert_eq!(tree.root_at(size).unwrap().to_string(), root, "size {size}");
    }
}

#[test]
fn tree_frontier_and_definition_agree_at_every_size() {
    let leaves = leaves(LEAVES);
    let tree = tree(&leaves);
    let mut frontier = Frontier::new();
    for size in 0..=LEAVES {
        let naive = RootHash(naive_root(&leaves[..usize::try_from(size).unwrap()]));
        assert_eq!(frontier.root(), naive, "size {size}");
        assert_eq!(tree.root_at(size), Ok(naive), "size {size}");
        assert_eq!(frontier.size(), size);
        if let Some(leaf) = leaves.get(usize::try_from(size).unwrap()) {
            frontier.append(*leaf);
        }
    }
}

#[test]
fn every_entry_of_every_size_is_proven() {
    let leaves = leaves(LEAVES);
    let tree = tree(&leaves);
    for size in 1..=LEAVES {
        let root = tree.root_at(size).unwrap();
        for (index, leaf) in (0..size).zip(&leaves) {
            let proof = tree.inclusion(index, size).unwrap();
            let verified = verify_inclusion(*leaf, index, size, &proof, root);
            assert_eq!(verified, Ok(()), "{index} of {size}");
        }
    }
}

#[test]
fn every_earlier_size_is_consistent_with_every_later_one() {
    let tree = tree(&leaves(LEAVES));
    for new in 1..=LEAVES {
        let new_root = tree.root_at(new).unwrap();
        for old in 1..=new {
            let old_root = tree.root_at(old).unwrap();
            let proof = tree.consistency(old, new).unwrap();
            let verified = verify_consistency(old, new, old_root, new_root, &proof);
            assert_eq!(verified, Ok(()), "{old} to {new}");
        }
    }
}

#[test]
fn nothing_is_proven_about_an_empty_tree() {
    let tree = tree(&leaves(3));
    let none = ProveError::NotEarlier { old: 0, new: 3 };
    assert_eq!(tree.consistency(0, 3), Err(none));
    let (of_none, of_three) = (tree.root_at(0).unwrap(), tree.root_at(3).unwrap());
    let refused = ConsistencyError::NotEarlier { old: 0, new: 3 };
    assert_eq!(
        verify_consistency(0, 3, of_none, of_three, &[]),
        Err(refused)
    );
    assert!(verify_consistency(0, 0, of_none, of_none, &[]).is_err());
}

#[test]
fn a_tree_does_not_prove_beyond_its_end() {
    let tree = tree(&leaves(3));
    let outside = ProveError::OutsideTree { index: 3, size: 3 };
    assert_eq!(tree.inclusion(3, 3), Err(outside));
    let missing = ProveError::Missing { level: 2, index: 0 };
    assert_eq!(tree.root_at(4), Err(missing));
    assert_eq!(
        tree.inclusion(0, 5),
        Err(ProveError::Missing { level: 0, index: 4 })
    );
    let too_large = ProveError::TooLarge { size: u64::MAX };
    assert_eq!(tree.root_at(u64::MAX), Err(too_large));
}

#[test]
fn a_proof_of_the_wrong_length_is_refused() {
    let leaves = leaves(11);
    let tree = tree(&leaves);
    let root = tree.root_at(11).unwrap();
    let mut proof = tree.inclusion(4, 11).unwrap();
    proof.push([0; 32]);
    let too_long = verify_inclusion(leaves[4], 4, 11, &proof, root);
    assert!(matches!(
        too_long,
        Err(InclusionError::Length { found: 5, .. })
    ));
    let too_short = verify_inclusion(leaves[4], 4, 11, &proof[..3], root);
    assert!(matches!(
        too_short,
        Err(InclusionError::Length { found: 3, .. })
    ));
}

#[test]
fn the_largest_size_is_verified_without_overflow() {
    let leaf = LeafHash([1; 32]);
    let proof = [[2; 32]; INCLUSION_HASHES_MAX];
    for index in [0, 1, SIZE_MAX / 2] {
        let refused = verify_inclusion(leaf, index, SIZE_MAX, &proof, RootHash([3; 32]));
        assert!(matches!(refused, Err(InclusionError::OtherRoot { .. })));
    }
    let beyond = verify_inclusion(leaf, 0, SIZE_MAX + 1, &proof, RootHash([3; 32]));
    assert!(matches!(beyond, Err(InclusionError::OutsideTree { .. })));
}

proptest! {
    #[test]
    fn any_changed_bit_of_leaf_proof_or_root_breaks_inclusion(
        size in 1..=LEAVES, index: u64, byte: usize, bit in 0..8_u32,
    ) {
        let index = index % size;
        let leaves = leaves(size);
        let tree = tree(&leaves);
        let mut hashes = tree.inclusion(index, size).unwrap();
        hashes.push(leaves[usize::try_from(index).unwrap()].0);
        hashes.push(tree.root_at(size).unwrap().0);
        let byte = byte % (hashes.len() * 32);
        hashes[byte / 32][byte % 32] ^= 1 << bit;
        let (root, rest) = hashes.split_last().unwrap();
        let (leaf, proof) = rest.split_last().unwrap();
        prop_assert!(
            verify_inclusion(LeafHash(*leaf), index, size, proof, RootHash(*root)).is_err()
        );
    }

    #[test]
    fn another_place_is_not_proven(size in 2..=LEAVES, index: u64, other: u64) {
        let (index, other) = (index % size, other % size);
        prop_assume!(index != other);
        let leaves = leaves(size);
        let tree = tree(&leaves);
        let proof = tree.inclusion(index, size).unwrap();
        let root = tree.root_at(size).unwrap();
        let leaf = leaves[usize::try_from(index).unwrap()];
        prop_assert!(verify_inclusion(leaf, other, size, &proof, root).is_err());
    }

    #[test]
    fn any_changed_bit_of_proof_or_roots_breaks_consistency(
        new in 1..=LEAVES, old: u64, byte: usize, bit in 0..8_u32,
    ) {
        let old = 1 + old % new;
        let tree = tree(&leaves(new));
        let mut hashes = tree.consistency(old, new).unwrap();
        hashes.push(tree.root_at(old).unwrap().0);
        hashes.push(tree.root_at(new).unwrap().0);
        let byte = byte % (hashes.len() * 32);
        hashes[byte / 32][byte % 32] ^= 1 << bit;
        let (new_root, rest) = hashes.split_last().unwrap();
        let (old_root, proof) = rest.split_last().unwrap();
        prop_assert!(
            verify_consistency(old, new, RootHash(*old_root), RootHash(*new_root), proof).is_err()
        );
    }
}

#[test]
fn a_frontier_is_found_again_in_the_tree() {
    let (mut tree, mut frontier) = (Tree::new(), Frontier::new());
    for seq in 0..70_u64 {
        let found = Frontier::of(&tree, seq).unwrap();
        assert_eq!(found, frontier);
        assert_eq!(
            Frontier::from_peaks(seq, frontier.peaks().to_vec()),
            Some(found)
        );
        assert_eq!(
            Frontier::from_peaks(seq + 1, frontier.peaks().to_vec()).is_some(),
            (seq + 1).count_ones() == seq.count_ones()
        );
        let leaf = LeafHash([u8::try_from(seq).unwrap(); 32]);
        tree.append(leaf);
        frontier.append(leaf);
    }
    assert_eq!(Frontier::of(&tree, 71), None);
}

#[test]
fn a_root_through_hashes_is_another_one_when_one_of_them_is_wrong() {
    struct Wrong<'a>(&'a Tree, (u8, u64));
    impl Nodes for Wrong<'_> {
        fn node(&self, level: u8, index: u64) -> Option<[u8; 32]> {
            let hash = self.0.node(level, index)?;
            Some(if (level, index) == self.1 {
                [0xee; 32]
            } else {
                hash
            })
        }
    }
    let mut tree = Tree::new();
    tree.extend((0..21_u8).map(|seq| LeafHash([seq; 32])));
    let root = tree.root_at(21).unwrap();
    for (level, width) in [(0_u8, 21_u64), (1, 10), (2, 5), (3, 2), (4, 1)] {
        let right = root_through(&tree, 21, level, 0..width);
        assert_eq!(right, Ok(root));
        for index in 0..width {
            let wrong = Wrong(&tree, (level, index));
            for hashes in [0..width, index..index + 1] {
                assert_ne!(
                    root_through(&wrong, 21, level, hashes),
                    Ok(root),
                    "{level} {index}"
                );
            }
        }
    }
}
