use alloc::string::{String, ToString as _};
use alloc::vec;

use ed25519_dalek::SigningKey;

use super::*;
use crate::chain::leaf_hash;
use crate::merkle::Tree;
use crate::note::{Signer, VerifierKey};

const ORIGIN: &str = "log.example/acme";

fn signer() -> Signer {
    Signer::new(ORIGIN, SigningKey::from_bytes(&[7; 32])).unwrap()
}

fn key() -> VerifierKey {
    signer().verifier_key()
}

/// Of entry `b"2"` in a log of five.
fn proof() -> InclusionProof {
    let mut tree = Tree::new();
    tree.extend([b"0", b"1", b"2", b"3", b"4"].map(|entry| leaf_hash(entry)));
    let checkpoint = Checkpoint {
        origin: ORIGIN.to_string(),
        size: 5,
        root: tree.root_at(5).unwrap(),
    };
    InclusionProof {
        extra: None,
        index: 2,
        path: tree.inclusion(2, 5).unwrap(),
        checkpoint: checkpoint.sign(&signer()).unwrap().note().to_string(),
    }
}

fn read(text: &str) -> Result<InclusionProof, ProofFileError> {
    text.parse()
}

#[test]
fn a_written_proof_reads_back_and_verifies() {
    let text = proof().to_string();
    assert!(text.starts_with("c2sp.org/tlog-proof@v1\nindex 2\n"));
    let again = read(&text).unwrap();
    assert_eq!(again, proof());
    assert_eq!(again.verify(leaf_hash(b"2"), &key()).unwrap().size, 5);
}

#[test]
fn extra_words_are_kept_and_vouch_for_nothing() {
    let mut with_extra = proof();
    with_extra.extra = Some(vec![1, 2, 3]);
    let text = with_extra.to_string();
    assert!(text.starts_with("c2sp.org/tlog-proof@v1\nextra AQID\nindex 2\n"));
    assert_eq!(read(&text), Ok(with_extra));
}

#[test]
fn another_entry_or_place_is_not_proven() {
    let refused = proof().verify(leaf_hash(b"3"), &key());
    assert!(matches!(refused, Err(ProofError::Inclusion(_))));
    let mut elsewhere = proof();
    elsewhere.index = 3;
    assert!(elsewhere.verify(leaf_hash(b"2"), &key()).is_err());
}

#[test]
fn another_logs_key_does_not_verify() {
    let other = Signer::new(ORIGIN, SigningKey::from_bytes(&[8; 32])).unwrap();
    let refused = proof().verify(leaf_hash(b"2"), &other.verifier_key());
    assert!(matches!(refused, Err(ProofError::Checkpoint(_))));
}

#[test]
fn a_file_has_one_reading() {
    let good = proof().to_string();
    let hash = base64::encode(&proof().path[0]) + "\n";
    let many = hash.repeat(INCLUSION_HASHES_MAX);
    let cases: [(String, ProofFileError); 11] = [
        (good.replace("@v1", "@v2"), ProofFileError::Header),
        (String::new(), ProofFileError::Header),
        (
            good.replace("index", "extra AQ\nindex"),
            ProofFileError::Extra,
        ),
        (good.replace("index 2", "index +2"), ProofFileError::Index),
        (good.replace("index 2", "index 02"), ProofFileError::Index),
        (good.replace("index 2", "index  2"), ProofFileError::Index),
        (good.replace("index 2", "Index 2"), ProofFileError::Index),
        (
            good.replace(&hash, "AQID\n"),
            ProofFileError::Hash { number: 1 },
        ),
        (
            good.replace(&hash, &(many + &hash)),
            ProofFileError::TooManyHashes,
        ),
        (good[..40].to_string(), ProofFileError::NoCheckpoint),
        (
            good.replace("\n\nlog", "\n\n\nlog").replace("—", "-"),
            ProofFileError::Note(NoteError::SignatureLine { line: 1 }),
        ),
    ];
    for (text, error) in cases {
        assert_eq!(read(&text), Err(error), "{text:?}");
    }
}
