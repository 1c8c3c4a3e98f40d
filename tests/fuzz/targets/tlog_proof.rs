//! Proof files, tile paths, entry bundles, frames: one text for one meaning, and no proof of an entry
//! that is not in the log.
#![no_main]

use countersign_ledger::chain::leaf_hash;
use countersign_ledger::frame::Frame;
use countersign_ledger::note::Signer;
use countersign_ledger::proof::InclusionProof;
use countersign_ledger::tiles::{TilePath, decode_bundle, encode_bundle};
use ed25519_dalek::SigningKey;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(entries) = decode_bundle(bytes) {
        assert_eq!(encode_bundle(&entries).as_deref(), Ok(bytes));
    }
    if let Ok(frame) = Frame::parse(bytes) {
        let _any = (frame.records().count(), frame.bodies_are_intact());
    }
    let Ok(text) = str::from_utf8(bytes) else {
        return;
    };
    if let Ok(path) = text.parse::<TilePath>() {
        assert_eq!(path.to_string(), text);
    }
    if let Ok(proof) = text.parse::<InclusionProof>() {
        assert_eq!(proof.to_string(), text);
        let signer = Signer::new("log.example/acme", SigningKey::from_bytes(&[7; 32]));
        let key = signer.expect("a name").verifier_key();
        assert!(proof.verify(leaf_hash(b"never appended"), &key).is_err());
    }
});
