use countersign_ledger::merkle::{Tree, consistency, inclusion, root_at, verify_inclusion};
use countersign_record::digest::sha256;

use super::*;
use crate::log::Log as _;
use crate::segments::tests::{append, new_log};
use crate::testing::{MemoryDisk, Survivors};

fn leaf(seq: u64) -> LeafHash {
    LeafHash(sha256(&[&seq.to_be_bytes()]))
}

fn memory(size: u64) -> Tree {
    let mut tree = Tree::new();
    tree.extend((0..size).map(leaf));
    tree
}

fn disk() -> Arc<MemoryDisk> {
    Arc::new(MemoryDisk::new())
}

fn stored(disk: &Arc<MemoryDisk>, size: u64, saved: u64) -> StoredTree {
    let mut tree = StoredTree::empty(Arc::<MemoryDisk>::clone(disk));
    (0..size).for_each(|seq| tree.append(leaf(seq)));
    tree.save(saved).unwrap();
    tree
}

/// Roots, proofs and hashes are those of a tree in memory.
fn check(tree: &StoredTree, size: u64) {
    let expected = memory(size);
    assert_eq!(tree.size(), size);
    for at in 0..=size {
        assert_eq!(root_at(tree, at), expected.root_at(at));
        for seq in 0..at {
            assert_eq!(inclusion(tree, seq, at), expected.inclusion(seq, at));
            assert_eq!(consistency(tree, seq, at), expected.consistency(seq, at));
        }
    }
    assert_eq!(tree.node(0, size), None);
}

#[test]
fn saved_or_not_it_is_the_same_tree() {
    for saved in [0, 1, 2, 7, 16, 20, 21] {
        let disk = disk();
        let mut tree = stored(&disk, 21, saved);
        check(&tree, 21);
        tree.save(21).unwrap();
        tree.save(21).unwrap();
        check(&tree, 21);
        assert_eq!(disk.bytes(TREE_FILE).unwrap().len(), (2 * 21 - 3) * 32);
    }
}

#[test]
fn a_restart_goes_on_where_the_snapshot_is() {
    let disk = disk();
    stored(&disk, 21, 21);
    for size in [1, 2, 13, 16, 20, 21] {
        let frontier = Frontier::of(&memory(21), size).unwrap();
        let shared = Arc::<MemoryDisk>::clone(&disk);
        let mut tree = StoredTree::resume(shared, &frontier).unwrap();
        check(&tree, size);
        (size..21).for_each(|seq| tree.append(leaf(seq)));
        check(&tree, 21);
        tree.save(21).unwrap();
    }
}

#[test]
fn a_file_that_is_missing_short_or_of_another_log_is_not_resumed() {
    let frontier = Frontier::of(&memory(21), 21).unwrap();
    assert!(StoredTree::resume(disk(), &frontier).is_none());
    let short = disk();
    stored(&short, 21, 20);
    assert!(StoredTree::resume(short, &frontier).is_none());
    let other = disk();
    let mut tree = StoredTree::empty(Arc::<MemoryDisk>::clone(&other));
    (1..22).for_each(|seq| tree.append(leaf(seq)));
    tree.save(21).unwrap();
    assert!(StoredTree::resume(other, &frontier).is_none());
}

#[test]
fn a_flipped_bit_anywhere_gives_no_proof_that_verifies_and_is_wrong() {
    let (intact, size) = (disk(), 21);
    stored(&intact, size, size);
    let bytes = intact.bytes(TREE_FILE).unwrap();
    let (frontier, root) = (
        Frontier::of(&memory(size), size).unwrap(),
        memory(size).root_at(size),
    );
    for at in 0..bytes.len() {
        let mut altered = bytes.clone();
        altered[at] ^= 0x40;
        let disk = disk();
        disk.create_directory(INDEX_DIRECTORY).unwrap();
        disk.put(TREE_FILE, &altered);
        let Some(tree) = StoredTree::resume(disk, &frontier) else {
            continue;
        };
        let mut refused = 0;
        for seq in 0..size {
            let path = inclusion(&tree, seq, size).unwrap();
            let verified = verify_inclusion(leaf(seq), seq, size, &path, root.unwrap()).is_ok();
            assert_eq!(verified, path == memory(size).inclusion(seq, size).unwrap());
            let own = LeafHash(tree.node(0, seq).unwrap());
            refused += u64::from(verify_inclusion(own, seq, size, &path, root.unwrap()).is_err());
        }
        assert!(refused > 0, "byte {at} is used by no proof");
    }
}

#[test]
fn what_a_power_cut_leaves_is_resumed_whole_or_not_at_all_once_it_was_synced() {
    for seed in 0..40 {
        let disk = disk();
        let mut tree = stored(&disk, 300, 200);
        tree.file().unwrap().sync_data().unwrap();
        disk.sync_directory(INDEX_DIRECTORY).unwrap();
        tree.save(300).unwrap();
        let found = Arc::new(disk.after_power_cut(Survivors::Some(seed)));
        let frontier = Frontier::of(&memory(200), 200).unwrap();
        let tree = StoredTree::resume(found, &frontier).unwrap();
        assert_eq!(root_at(&tree, 200), memory(200).root_at(200));
        for seq in (0..200).step_by(17) {
            assert_eq!(inclusion(&tree, seq, 200), memory(200).inclusion(seq, 200));
        }
    }
}

#[test]
fn entries_that_were_not_committed_are_cut_off_again() {
    let disk = disk();
    let mut tree = stored(&disk, 21, 10);
    assert!(tree.cut(15));
    check(&tree, 15);
    assert!(!tree.cut(9), "that is saved already");
    assert!(!tree.cut(16), "that is gone");
}

#[test]
fn it_is_made_again_from_the_log_and_the_damaged_file_is_gone() {
    let log_disk = MemoryDisk::new();
    let mut log = new_log(&log_disk);
    for _ in 0..9 {
        append(&mut log, 3).unwrap();
    }
    let (disk, reader) = (disk(), log.reader());
    let mut tree = StoredTree::empty(Arc::<MemoryDisk>::clone(&disk));
    tree.follow(&*reader, 20).unwrap();
    assert_eq!(tree.size(), 20);
    tree.follow(&*reader, 27).unwrap();
    tree.save(27).unwrap();
    let root = root_at(&tree, 27);
    tree.distrust();
    tree.rebuild(&*reader, 27).unwrap();
    assert_eq!((root_at(&tree, 27), tree.is_damaged()), (root, false));
    assert_eq!(disk.bytes(TREE_FILE), None);
}

#[test]
fn a_disk_that_refuses_leaves_everything_in_memory() {
    let disk = disk();
    let mut tree = stored(&disk, 12, 5);
    disk.set_capacity(Some(disk.used()));
    assert!(tree.save(12).is_err());
    check(&tree, 12);
    disk.set_capacity(None);
    tree.save(12).unwrap();
    check(&tree, 12);
}
