//! `openssl` over the signatures of the log itself. Devices' signatures are held against
//! `ssh-keygen` by countersign-attest, and in the demo's bundle by `tests/run`.

use std::fs;
use std::process::Command;

use base64ct::{Base64, Encoding as _};
use countersign_ledger::checkpoint::Checkpoint;
use countersign_ledger::note::Signer;
use countersign_record::digest::RootHash;
use countersign_tests::run;
use ed25519_dalek::SigningKey;
use tempfile::TempDir;

/// `SubjectPublicKeyInfo` of an Ed25519 key up to the key (RFC 8410).
const SPKI: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

/// Whether `openssl` takes the signature of a checkpoint over `text`.
fn openssl_takes(text: &str, note: &str, key: &SigningKey) -> Option<bool> {
    let folder = TempDir::new().expect("a scratch folder");
    let write = |name: &str, bytes: &[u8]| {
        fs::write(folder.path().join(name), bytes).expect("a scratch file");
    };
    let (_, line) = note.rsplit_once("\n\n").expect("a signature line");
    let signature = line.trim_end().rsplit_once(' ').expect("a signature").1;
    let signature = Base64::decode_vec(signature).expect("base64");
    write("text", text.as_bytes());
    write("signature", &signature[4..]);
    write(
        "key.der",
        &[&SPKI, key.verifying_key().as_bytes().as_slice()].concat(),
    );
    let arguments =
        "pkeyutl -verify -pubin -keyform DER -inkey key.der -rawin -in text -sigfile signature";
    let mut openssl = Command::new("openssl");
    let openssl = openssl
        .args(arguments.split(' '))
        .current_dir(folder.path());
    Some(run(openssl, b"")?.status.success())
}

#[test]
fn openssl_takes_the_signature_of_a_checkpoint_and_of_no_other_text() {
    let key = SigningKey::from_bytes(&[7; 32]);
    let signer = Signer::new("log.example/acme", key.clone()).expect("a name");
    let checkpoint = Checkpoint {
        origin: "log.example/acme".into(),
        size: 5,
        root: RootHash([9; 32]),
    };
    let note = checkpoint.clone().sign(&signer).expect("signed");
    let text = checkpoint.text();
    if let Some(taken) = openssl_takes(&text, note.note(), &key) {
        assert!(taken);
        let other = text.replace("\n5\n", "\n6\n");
        assert_eq!(openssl_takes(&other, note.note(), &key), Some(false));
    }
}
