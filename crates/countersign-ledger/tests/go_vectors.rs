//! Checkpoints, proofs and tiles that Go's x/mod made, and a checkpoint that a third party's
//! witness cosigned (fixtures/vectors/tlog/README.md).
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test's helper fails the test"
)]

use std::fs;
use std::path::PathBuf;

use base64ct::{Base64, Encoding as _};
use countersign_ledger::chain::leaf_hash;
use countersign_ledger::checkpoint::Checkpoint;
use countersign_ledger::merkle::{Frontier, Tree, verify_consistency, verify_inclusion};
use countersign_ledger::note::{Note, SignatureError, VerifierKey, WitnessKey};
use countersign_ledger::tiles::{TilePath, decode_bundle, encode_bundle, hash_tile};
use countersign_record::digest::{LeafHash, RootHash};
use serde_json::Value;

const FILES: [&str; 2] = ["vectors.json", "vectors-sigsum-origin.json"];

fn folder() -> PathBuf {
    PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../fixtures/vectors/tlog"
    ))
}

fn text(name: &str) -> String {
    fs::read_to_string(folder().join(name)).expect("fixtures are part of the repository")
}

fn vectors(name: &str) -> Value {
    serde_json::from_str(&text(name)).unwrap()
}

fn hash(value: &Value) -> [u8; 32] {
    let bytes = Base64::decode_vec(value.as_str().unwrap()).unwrap();
    bytes.try_into().unwrap()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

fn hashes(value: &Value) -> Vec<[u8; 32]> {
    value.as_array().into_iter().flatten().map(hash).collect()
}

fn list<'a>(vectors: &'a Value, name: &str) -> &'a Vec<Value> {
    vectors[name].as_array().unwrap()
}

/// The log that the vectors are of: entry n is `entry-n`.
fn tree() -> Tree {
    let mut tree = Tree::new();
    tree.extend((0..600).map(|n| leaf_hash(format!("entry-{n}").as_bytes())));
    tree
}

#[test]
fn all_fourteen_checkpoints_open_and_have_our_roots() {
    let tree = tree();
    for file in FILES {
        let vectors = vectors(file);
        let key: VerifierKey = vectors["VKey"].as_str().unwrap().parse().unwrap();
        assert_eq!(key.to_string(), vectors["VKey"].as_str().unwrap());
        let checkpoints = vectors["Checkpoints"].as_object().unwrap();
        assert_eq!(checkpoints.len(), 14);
        for (size, note) in checkpoints {
            let checkpoint = Checkpoint::open(note.as_str().unwrap(), &key).unwrap();
            assert_eq!(checkpoint.size.to_string(), *size);
            assert_eq!(checkpoint.root.0, hash(&vectors["Roots"][size]));
            assert_eq!(tree.root_at(checkpoint.size), Ok(checkpoint.root));
        }
    }
}

#[test]
fn all_39_inclusion_proofs_verify_and_are_ours() {
    let tree = tree();
    for file in FILES {
        let vectors = vectors(file);
        assert_eq!(list(&vectors, "Inclusion").len(), 39);
        for vector in list(&vectors, "Inclusion") {
            let (index, size) = (number(&vector["Index"]), number(&vector["Size"]));
            let proof = hashes(&vector["Proof"]);
            let leaf = LeafHash(hash(&vector["Leaf"]));
            let root = RootHash(hash(&vector["Root"]));
            let verified = verify_inclusion(leaf, index, size, &proof, root);
            assert_eq!(verified, Ok(()), "{index} of {size}");
            assert_eq!(tree.inclusion(index, size), Ok(proof), "{index} of {size}");
        }
    }
}

#[test]
fn all_91_consistency_proofs_verify_and_are_ours() {
    let tree = tree();
    for file in FILES {
        let vectors = vectors(file);
        assert_eq!(list(&vectors, "Consistency").len(), 91);
        for vector in list(&vectors, "Consistency") {
            let (old, new) = (number(&vector["Old"]), number(&vector["New"]));
            let proof = hashes(&vector["Proof"]);
            let old_root = RootHash(hash(&vector["OldRoot"]));
            let new_root = RootHash(hash(&vector["NewRoot"]));
            let verified = verify_consistency(old, new, old_root, new_root, &proof);
            assert_eq!(verified, Ok(()), "{old} to {new}");
            assert_eq!(tree.consistency(old, new), Ok(proof), "{old} to {new}");
        }
    }
}

#[test]
fn the_tile_tree_of_600_entries_is_ours_byte_for_byte() {
    let tree = tree();
    let mut frontier = Frontier::new();
    for path in [
        "tile/entries/000",
        "tile/entries/001",
        "tile/entries/002.p/88",
    ] {
        let stored = fs::read(folder().join("log").join(path)).unwrap();
        let entries = decode_bundle(&stored).unwrap();
        let parsed: TilePath = path.parse().unwrap();
        assert_eq!(entries.len(), usize::from(parsed.width()));
        for entry in &entries {
            frontier.append(leaf_hash(entry));
        }
        assert_eq!(encode_bundle(&entries), Ok(stored));
    }
    for path in [
        "tile/0/000",
        "tile/0/001",
        "tile/0/002.p/88",
        "tile/1/000.p/2",
    ] {
        let stored = fs::read(folder().join("log").join(path)).unwrap();
        let parsed: TilePath = path.parse().unwrap();
        assert_eq!(parsed.to_string(), path);
        assert_eq!(hash_tile(&tree, parsed), Some(stored), "{path}");
    }
    let key: VerifierKey = text("log.vkey").trim_end().parse().unwrap();
    let checkpoint = Checkpoint::open(&text("log/checkpoint"), &key).unwrap();
    assert_eq!(frontier.size(), checkpoint.size);
    assert_eq!(frontier.root(), checkpoint.root);
}

#[test]
fn a_third_partys_cosignature_verifies() {
    let log: VerifierKey = vectors(FILES[1])["VKey"].as_str().unwrap().parse().unwrap();
    let witness: WitnessKey = text("witness.vkey").trim_end().parse().unwrap();
    assert_eq!(witness.to_string(), text("witness.vkey").trim_end());
    let note = text("cosigned-600.txt");
    assert_eq!(Checkpoint::open(&note, &log).unwrap().size, 600);
    let seen = Note::parse(&note).unwrap().cosignatures(&witness).unwrap();
    let at: Vec<_> = seen.iter().map(|cosignature| cosignature.at_s).collect();
    assert_eq!(at, [0x6b00_8e50]);
}

#[test]
fn a_cosignature_over_another_checkpoint_is_refused() {
    let witness: WitnessKey = text("witness.vkey").trim_end().parse().unwrap();
    let name = witness.name().to_owned();
    let note = text("cosigned-600.txt").replace("\n600\n", "\n601\n");
    let refused = Note::parse(&note).unwrap().cosignatures(&witness);
    assert_eq!(refused, Err(SignatureError::Wrong { name }));
}

#[test]
fn a_witness_that_did_not_cosign_is_named() {
    let witness: WitnessKey = text("witness.vkey").trim_end().parse().unwrap();
    let name = witness.name().to_owned();
    let note = text("log/checkpoint");
    let refused = Note::parse(&note).unwrap().cosignatures(&witness);
    assert_eq!(refused, Err(SignatureError::NotSigned { name }));
}
