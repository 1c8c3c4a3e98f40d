//! The crates `signed_note` and `tlog_tiles`, which share no code with this one: what we make they
//! accept, what they make we accept, and what they refuse we refuse.
#![expect(clippy::unwrap_used, reason = "a test's helper fails the test")]

use base64ct::{Base64, Encoding as _};
use countersign_ledger::chain::leaf_hash;
use countersign_ledger::checkpoint::Checkpoint;
use countersign_ledger::merkle::{Nodes as _, Tree};
use countersign_ledger::note::{Note, Signer, VerifierKey};
use countersign_ledger::tiles::{TileContent, TilePath};
use countersign_record::digest::{hex, sha256};
use ed25519_dalek::SigningKey;
use proptest::prelude::*;
use tlog_tiles::{Hash, HashReader, Tile};

const ORIGIN: &str = "log.example/acme";

fn signer() -> Signer {
    Signer::new(ORIGIN, SigningKey::from_bytes(&[7; 32])).unwrap()
}

/// The same key in the other crate's text form.
fn their_signer() -> signed_note::StandardSigner {
    let public = SigningKey::from_bytes(&[7; 32]).verifying_key();
    let id = sha256(&[ORIGIN.as_bytes(), b"\n\x01", public.as_bytes()]);
    let private = [[1].as_slice(), &[7; 32]].concat();
    let text = format!(
        "PRIVATE+KEY+{ORIGIN}+{}+{}",
        hex(&id[..4]),
        Base64::encode_string(&private)
    );
    signed_note::StandardSigner::new(&text).unwrap()
}

fn their_verdict(note: &[u8], key: &VerifierKey) -> Option<Vec<u8>> {
    let verifier = signed_note::StandardVerifier::new(&key.to_string()).unwrap();
    let list = signed_note::VerifierList::new(vec![Box::new(verifier)]);
    let note = signed_note::Note::from_bytes(note).ok()?;
    note.verify(&list).ok()?;
    Some(note.text().to_vec())
}

fn our_verdict(note: &[u8], key: &VerifierKey) -> Option<Vec<u8>> {
    let note = core::str::from_utf8(note).ok()?;
    let text = Note::parse(note).ok()?.verify(key).ok()?;
    Some(text.as_bytes().to_vec())
}

fn tree(size: u64) -> Tree {
    let mut tree = Tree::new();
    tree.extend((0..size).map(|n| leaf_hash(&n.to_be_bytes())));
    tree
}

fn checkpoint(size: u64) -> Checkpoint {
    Checkpoint {
        origin: ORIGIN.to_owned(),
        size,
        root: tree(size).root_at(size).unwrap(),
    }
}

/// Our tree in their numbering.
struct TheirView(Tree);

impl HashReader for TheirView {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, tlog_tiles::Error> {
        let hash = |index: &u64| {
            let (level, place) = tlog_tiles::split_stored_hash_index(*index);
            Hash(self.0.node(level, place).unwrap())
        };
        Ok(indexes.iter().map(hash).collect())
    }
}

#[test]
fn our_checkpoint_opens_there() {
    let signed = checkpoint(5).sign(&signer()).unwrap();
    let key = signer().verifier_key();
    let text = their_verdict(signed.note().as_bytes(), &key).unwrap();
    let theirs = tlog_tiles::Checkpoint::from_bytes(&text).unwrap();
    assert_eq!((theirs.origin(), theirs.size()), (ORIGIN, 5));
    assert_eq!(theirs.hash().0, checkpoint(5).root.0);
    assert_eq!(theirs.extension(), "");
}

#[test]
fn their_note_opens_here_and_is_the_same_bytes() {
    let text = checkpoint(5).text();
    let mut note = signed_note::Note::new(text.as_bytes(), &[]).unwrap();
    note.add_sigs(&[&their_signer()]).unwrap();
    let note = String::from_utf8(note.to_bytes()).unwrap();
    let opened = Checkpoint::open(&note, &signer().verifier_key());
    assert_eq!(opened, Ok(checkpoint(5)));
    assert_eq!(note, checkpoint(5).sign(&signer()).unwrap().note());
}

#[test]
fn our_roots_and_proofs_are_theirs() {
    let view = TheirView(tree(130));
    for size in [1, 2, 3, 7, 8, 64, 65, 100, 127, 128, 129, 130] {
        let root = view.0.root_at(size).unwrap();
        assert_eq!(tlog_tiles::tree_hash(size, &view).unwrap().0, root.0);
        for index in 0..size {
            let ours = view.0.inclusion(index, size).unwrap();
            let ours: Vec<_> = ours.into_iter().map(Hash).collect();
            let theirs = tlog_tiles::prove_record(size, index, &view).unwrap();
            assert!(ours == theirs, "{index} of {size}");
            let leaf = Hash(leaf_hash(&index.to_be_bytes()).0);
            tlog_tiles::check_record(&ours, size, Hash(root.0), index, leaf).unwrap();
        }
        for old in 1..=size {
            let ours = view.0.consistency(old, size).unwrap();
            let ours: Vec<_> = ours.into_iter().map(Hash).collect();
            let old_root = Hash(view.0.root_at(old).unwrap().0);
            tlog_tiles::check_tree(&ours, size, Hash(root.0), old, old_root).unwrap();
        }
    }
}

proptest! {
    /// A second line, of a key that is not asked for, is where mangling can go unnoticed.
    #[test]
    fn what_we_open_of_a_mangled_note_they_open(
        at: prop::sample::Index, byte in prop::sample::select(b"\n +=/A0a\x80\xe2\xa0".to_vec()),
        how in 0..3_u8,
    ) {
        let key = signer().verifier_key();
        let signed = checkpoint(5).sign(&signer()).unwrap();
        let mut note = format!("{}— other.example AAAAAAAAAA==\n", signed.note()).into_bytes();
        prop_assert!(our_verdict(&note, &key).is_some());
        let at = at.index(note.len());
        match how {
            0 => note[at] = byte,
            1 => note.insert(at, byte),
            _ => drop(note.remove(at)),
        }
        if let Some(text) = our_verdict(&note, &key) {
            prop_assert_eq!(their_verdict(&note, &key), Some(text));
        }
    }

    #[test]
    fn tile_paths_are_theirs(level in 0..8_u8, index in 0..1_u64 << 40, width in 1..=256_u16) {
        let ours = TilePath::new(TileContent::Hashes { level }, index, width).unwrap();
        let theirs = Tile::new(8, level, index, u32::from(width), false).path();
        // Theirs names the tile's height too, as Go's module index does.
        prop_assert_eq!(ours.to_string(), theirs.replacen("tile/8/", "tile/", 1));
    }
}
