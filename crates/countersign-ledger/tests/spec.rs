//! The worked example of docs/spec/ledger.md is what this crate makes.

use base64ct::{Base64, Encoding as _};
use countersign_ledger::chain::{genesis, leaf_hash, link};
use countersign_ledger::checkpoint::Checkpoint;
use countersign_ledger::frame::{Frame, FrameHash, Record, encode};
use countersign_ledger::merkle::Tree;
use countersign_ledger::note::Signer;
use countersign_ledger::proof::InclusionProof;
use countersign_record::digest::hex;
use ed25519_dalek::SigningKey;

const SPEC: &str = include_str!("../../../docs/spec/ledger.md");
const ORIGIN: &str = "log.example/acme";
const ENTRIES: [&[u8]; 2] = [b"entry 0", b"entry 1"];

fn assert_printed(text: &str) {
    assert!(SPEC.contains(text), "ledger.md does not have\n{text}");
}

#[test]
fn the_specification_has_our_hashes() {
    let mut tree = Tree::new();
    tree.extend(ENTRIES.map(leaf_hash));
    assert_printed(&genesis(ORIGIN).to_string());
    for entry in ENTRIES {
        assert_printed(&link(entry).to_string());
        assert_printed(&leaf_hash(entry).to_string());
    }
    assert_printed(&tree.root_at(2).unwrap().to_string());
}

#[test]
fn the_specification_has_our_proof_file() {
    let signer = Signer::new(ORIGIN, SigningKey::from_bytes(&[7; 32])).unwrap();
    let mut tree = Tree::new();
    tree.extend(ENTRIES.map(leaf_hash));
    let checkpoint = Checkpoint {
        origin: ORIGIN.to_owned(),
        size: 2,
        root: tree.root_at(2).unwrap(),
    };
    let note = checkpoint.sign(&signer).unwrap().note().to_owned();
    let proof = InclusionProof {
        extra: None,
        index: 1,
        path: tree.inclusion(1, 2).unwrap(),
        checkpoint: note,
    };
    assert_printed(&signer.verifier_key().to_string());
    assert_printed(&proof.to_string());
    assert_printed(&Base64::encode_string(&leaf_hash(ENTRIES[0]).0));
}

#[test]
fn the_specification_has_our_frame() {
    let bodies: [&[u8]; 2] = [b"first", b"second body"];
    let records = [
        Record {
            entry: ENTRIES[0],
            bodies: &bodies,
        },
        Record {
            entry: ENTRIES[1],
            bodies: &[],
        },
    ];
    let frame = encode(0, FrameHash::genesis(ORIGIN), &records).unwrap();
    let (_, block) = SPEC.split_once("```frame\n").unwrap();
    let (block, _) = block.split_once("```").unwrap();
    let printed = block.lines().filter_map(|line| line.split(' ').next());
    assert_eq!(printed.collect::<String>(), hex(&frame.bytes));
    assert!(Frame::parse(&frame.bytes).unwrap().bodies_are_intact());
}
