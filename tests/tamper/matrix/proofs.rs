//! Forged proofs: each hash changed, left out, added; other numbers; of other entries and trees.

use countersign_ledger::chain::leaf_hash;
use countersign_ledger::merkle::{Tree, verify_consistency, verify_inclusion};
use countersign_ledger::proof::InclusionProof;
use countersign_record::digest::LeafHash;
use countersign_tamper::golden;

use crate::draw::Draw;
use crate::figures::figures;
use crate::shelf::Shelf;
use crate::tally::{Tally, on_all_cores};

type Path = Vec<[u8; 32]>;

fn leaves() -> Vec<LeafHash> {
    let records = Shelf::golden().records;
    records
        .iter()
        .map(|record| leaf_hash(&record.entry))
        .collect()
}

fn tree(leaves: &[LeafHash]) -> Tree {
    let mut tree = Tree::new();
    tree.extend(leaves.iter().copied());
    tree
}

/// The same log with another entry at one place.
fn other_tree(leaves: &[LeafHash], place: usize) -> Tree {
    let mut leaves = leaves.to_vec();
    leaves[place].0[0] ^= 1;
    tree(&leaves)
}

/// Every proof that is nearly this one.
fn nearly(path: &[[u8; 32]], draw: &mut Draw) -> Vec<(String, Path)> {
    let mut made = Vec::new();
    for place in 0..path.len() {
        for byte in 0..32 {
            let mut path = path.to_vec();
            path[place][byte] ^= 1 << draw.below(8);
            made.push((format!("hash {place} byte {byte}"), path));
        }
        let mut without = path.to_vec();
        without.remove(place);
        made.push((format!("without hash {place}"), without));
        let mut twice = path.to_vec();
        twice.insert(place, path[place]);
        made.push((format!("hash {place} twice"), twice));
        for other in place + 1..path.len() {
            let mut swapped = path.to_vec();
            swapped.swap(place, other);
            made.push((format!("hashes {place} and {other} swapped"), swapped));
        }
    }
    for place in 0..=path.len() {
        let mut more = path.to_vec();
        more.insert(place, draw.bytes());
        made.push((format!("a hash more at {place}"), more));
    }
    made
}

#[test]
#[ignore = "long: every hash of every proof; tests/run runs it"]
fn every_forged_inclusion_proof_is_refused() {
    let leaves = leaves();
    let (whole, count) = (tree(&leaves), leaves.len());
    let size = whole.size();
    let root = whole.root_at(size).unwrap();
    let tally = on_all_cores("inclusion proofs", count, |place, tally| {
        let index = u64::try_from(place).unwrap();
        let path = whole.inclusion(index, size).unwrap();
        let holds = |leaf, index, path: &[[u8; 32]], root| {
            verify_inclusion(leaf, index, size, path, root).is_ok()
        };
        assert!(holds(leaves[place], index, &path, root));
        for (what, path) in nearly(&path, &mut Draw::new(index)) {
            tally.refused(!holds(leaves[place], index, &path, root), || {
                format!("entry {place}: {what}")
            });
        }
        for other in (0..count).filter(|other| *other != place) {
            let at = u64::try_from(other).unwrap();
            let theirs = whole.inclusion(at, size).unwrap();
            let change = |what: &'static str| move || format!("entry {place}: {what} of {other}");
            tally.refused(!holds(leaves[place], at, &path, root), change("the number"));
            tally.refused(
                !holds(leaves[place], index, &theirs, root),
                change("the proof"),
            );
            tally.refused(
                !holds(leaves[place], at, &theirs, root),
                change("number and proof"),
            );
            tally.refused(
                !holds(leaves[other], index, &path, root),
                change("the leaf"),
            );
        }
        let elsewhere = other_tree(&leaves, (place + 1) % count);
        let theirs = elsewhere.inclusion(index, size).unwrap();
        let their_root = elsewhere.root_at(size).unwrap();
        let of_other = || format!("entry {place}: of another tree");
        tally.refused(!holds(leaves[place], index, &theirs, root), of_other);
        tally.refused(!holds(leaves[place], index, &path, their_root), of_other);
        for number in [size, size + 1, u64::MAX] {
            tally.refused(!holds(leaves[place], number, &path, root), of_other);
        }
    });
    tally.close();
}

#[test]
#[ignore = "long: every hash of every proof; tests/run runs it"]
fn every_forged_consistency_proof_is_refused() {
    let leaves = leaves();
    let whole = tree(&leaves);
    let new = whole.size();
    let root = |size| whole.root_at(size).unwrap();
    let tally = on_all_cores("consistency proofs", leaves.len(), |before, tally| {
        let old = u64::try_from(before).unwrap() + 1;
        let path = whole.consistency(old, new).unwrap();
        let holds = |path: &[[u8; 32]], old_root, new_root| {
            verify_consistency(old, new, old_root, new_root, path).is_ok()
        };
        assert!(holds(&path, root(old), root(new)));
        for (what, path) in nearly(&path, &mut Draw::new(old)) {
            tally.refused(!holds(&path, root(old), root(new)), || {
                format!("from {old}: {what}")
            });
        }
        for other in (1..=new).filter(|other| *other != old) {
            let theirs = whole.consistency(other, new).unwrap();
            let change = || format!("from {old}: of {other}");
            tally.refused(!holds(&path, root(other), root(new)), change);
            if other != new {
                tally.refused(!holds(&path, root(old), root(other)), change);
            }
            tally.refused(!holds(&theirs, root(old), root(new)), change);
        }
        for place in 0..leaves.len() {
            let elsewhere = other_tree(&leaves, place);
            let theirs = elsewhere.consistency(old, new).unwrap();
            let their_root = |size| elsewhere.root_at(size).unwrap();
            let change = || format!("from {old}: entry {place} changed");
            tally.refused(!holds(&path, root(old), their_root(new)), change);
            if place > before {
                // No forgery: what changed lies behind the old root, and the new one is of the change.
                assert!(holds(&theirs, root(old), their_root(new)));
            } else {
                tally.refused(!holds(&theirs, root(old), their_root(new)), change);
            }
            tally.refused(!holds(&theirs, their_root(old), root(new)), change);
        }
        tally.refused(
            verify_consistency(0, new, root(old), root(new), &path).is_err(),
            || format!("from nothing, by the proof from {old}"),
        );
    });
    tally.close();
}

/// A proof alone does not say how large the tree is: its checkpoint does, and that is signed.
#[test]
fn the_sizes_of_a_proof_are_those_of_signed_checkpoints() {
    let leaves = leaves();
    let whole = tree(&leaves);
    let size = whole.size();
    let root = whole.root_at(size).unwrap();
    let (mut refused, mut unbound) = (0_u64, 0_u64);
    for (index, leaf) in (0..size).zip(&leaves) {
        let path = whole.inclusion(index, size).unwrap();
        for other in (1..2 * size).filter(|other| *other != size) {
            match verify_inclusion(*leaf, index, other, &path, root) {
                Ok(()) => unbound += 1,
                Err(_) => refused += 1,
            }
        }
    }
    figures(&format!(
        "inclusion proofs with another size and the same root: {refused} refused, {unbound} hold all the same: \
         the size is the signed checkpoint's word"
    ));
    assert!(refused > unbound);
}

#[test]
#[ignore = "long: a signature for each bit; tests/run runs it"]
fn a_proof_file_changed_in_any_bit_or_taken_from_another_entry_is_refused() {
    let files = golden::files(&golden::bundle().join("data/proofs"));
    let leaves = leaves();
    let proofs: Vec<String> = files
        .into_values()
        .map(|bytes| String::from_utf8(bytes).unwrap())
        .collect();
    let key = golden::vkey();
    let shows = |text: &str, place: usize| {
        let proof = text.parse::<InclusionProof>();
        // The file's place in the bundle says which entry it is about.
        proof.is_ok_and(|proof| {
            proof.index == u64::try_from(place).unwrap()
                && proof.verify(leaves[place], &key).is_ok()
        })
    };
    let tally = on_all_cores(
        "proof files, every bit, and each for each other entry",
        proofs.len(),
        |place, tally| {
            let text = &proofs[place];
            assert!(shows(text, place));
            for bit in 0..text.len() * 8 {
                let mut bytes = text.clone().into_bytes();
                bytes[bit / 8] ^= 1 << (bit % 8);
                let is_refused = String::from_utf8(bytes).map_or(true, |text| !shows(&text, place));
                tally.refused(is_refused, || format!("proof {place} bit {bit}"));
            }
            for other in (0..proofs.len()).filter(|other| *other != place) {
                tally.refused(!shows(&proofs[other], place), || {
                    format!("proof {other} for {place}")
                });
            }
            let extra = text.replacen('\n', "\nextra QQ==\n", 1);
            assert!(shows(&extra, place), "nothing vouches for an extra line");
        },
    );
    tally.close();
    let mut tally = Tally::new("proof files, lines repeated and left out");
    for (place, text) in proofs.iter().enumerate() {
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        for line in 0..lines.len() {
            let without = [&lines[..line], &lines[line + 1..]].concat().concat();
            let twice = [&lines[..=line], &lines[line..]].concat().concat();
            tally.refused(!shows(&without, place), || {
                format!("proof {place} without line {line}")
            });
            tally.refused(!shows(&twice, place), || {
                format!("proof {place} line {line} twice")
            });
        }
    }
    tally.close();
    figures(
        "means nothing by the specification, and is passed over: an `extra` line of a proof file outside a bundle",
    );
}
