//! Notes, keys and checkpoints: nothing verifies that the log did not sign.
#![no_main]

use countersign_ledger::checkpoint::Checkpoint;
use countersign_ledger::note::{Note, Signer, VerifierKey, WitnessKey};
use ed25519_dalek::SigningKey;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let signer = Signer::new("log.example/acme", SigningKey::from_bytes(&[7; 32])).expect("a name");
    let key = signer.verifier_key();
    if let Ok(note) = Note::parse(text) {
        assert!(
            note.verify(&key).is_err(),
            "nothing was ever signed with this key"
        );
    }
    if let Ok(checkpoint) = Checkpoint::parse(text) {
        assert_eq!(checkpoint.text(), text);
    }
    if let Ok(key) = text.parse::<VerifierKey>() {
        assert_eq!(key.to_string(), text);
        assert!(
            text.parse::<WitnessKey>().is_err(),
            "a log's key as a witness's"
        );
    }
    if let Ok(key) = text.parse::<WitnessKey>() {
        assert_eq!(key.to_string(), text);
    }
});
