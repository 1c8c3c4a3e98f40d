//! Every reader of this crate against bytes and texts that are right but for one change.

use std::fs;

use countersign_attest::key::WIRE_BYTES_MAX;
use countersign_attest::sshsig::{BLOB_BYTES_MAX, Blob, armour, unarmour};
use countersign_attest::statement::{AttestKey, Enrolment, Login, Revocation, Statement};
use countersign_attest::{Grant, PublicKey, sshsig, verify};
use countersign_hostile::{mutated, mutated_text};
use ed25519_dalek::SigningKey;
use proptest::prelude::*;

use crate::samples::{documents, expected, fixtures, grant, grant_key};

/// What a change of any document of a kind is read as, and written again.
fn again(bytes: &[u8]) -> Vec<Vec<u8>> {
    let read = [
        Statement::read(bytes).and_then(|it| it.to_bytes()),
        Enrolment::read(bytes).and_then(|it| it.to_bytes()),
        AttestKey::read(bytes).and_then(|it| it.to_bytes()),
        Revocation::read(bytes).and_then(|it| it.to_bytes()),
        Login::read(bytes).and_then(|it| it.to_bytes()),
    ];
    read.into_iter().flatten().collect()
}

/// Lines of every scheme.
fn line() -> impl Strategy<Value = String> {
    let names = ["software-ed25519", "sk-ed25519", "sk-ecdsa"];
    let read = |name: &str| {
        let text = fs::read_to_string(fixtures().join(format!("keys/{name}.pub")));
        text.expect("a key").trim_end().to_owned()
    };
    prop::sample::select(names.map(read).to_vec())
}

proptest! {
    #[test]
    fn a_document_with_any_change_is_refused_or_has_exactly_these_bytes(
        changed in prop::sample::select(documents()).prop_flat_map(|(_, _, bytes)| mutated(bytes)),
    ) {
        let written = again(&changed);
        prop_assert!(written.len() <= 1, "two kinds of document in the same bytes");
        prop_assert!(written.iter().all(|bytes| *bytes == changed));
    }

    #[test]
    fn a_signature_with_any_change_does_not_verify(
        (document, changed) in prop::sample::select(documents()).prop_flat_map(|document| {
            let key = SigningKey::from_bytes(&[7; 32]);
            let blob = sshsig::sign_ed25519(&key, document.1.as_str(), &document.2);
            (Just(document), mutated(blob))
        }),
    ) {
        let (_, context, bytes) = document;
        let key = SigningKey::from_bytes(&[7; 32]);
        let public = PublicKey::from_ed25519(key.verifying_key().as_bytes()).expect("a good key");
        prop_assert!(verify(context, &public, &bytes, &changed).is_err());
        let blob = sshsig::sign_ed25519(&key, context.as_str(), &bytes);
        prop_assert!(verify(context, &public, &changed, &blob).is_err());
    }

    #[test]
    fn armour_with_any_change_holds_another_blob_or_none(
        (blob, changed) in prop::collection::vec(any::<u8>(), 1..200)
            .prop_flat_map(|blob| {
                let text = armour(&blob);
                (Just(blob), mutated_text(&text))
            }),
    ) {
        prop_assert_eq!(unarmour(&armour(&blob)), Ok(blob));
        if let Ok(read) = unarmour(&changed) {
            // The newline at the very end may be missing.
            let written = armour(&read);
            prop_assert_eq!(written.trim_end(), changed.trim_end_matches('\n'));
        }
    }

    #[test]
    fn a_key_line_with_any_change_is_another_key_or_none(
        (good, changed) in line().prop_flat_map(|line| (Just(line.clone()), mutated_text(&line))),
    ) {
        let key = PublicKey::from_openssh_line(&good).expect("a good line");
        prop_assert_eq!(PublicKey::from_ssh_wire(&key.to_ssh_wire()), Ok(key.clone()));
        if let Ok(read) = PublicKey::from_openssh_line(&changed) {
            // Comments are not kept, and may be anything.
            prop_assert!(changed.starts_with(&read.to_openssh_line()));
        }
    }

    #[test]
    fn a_keys_wire_form_with_any_change_is_another_key_or_none(
        changed in line().prop_flat_map(|line| {
            let key = PublicKey::from_openssh_line(&line).expect("a good line");
            mutated(key.to_ssh_wire())
        }),
    ) {
        if let Ok(read) = PublicKey::from_ssh_wire(&changed) {
            prop_assert_eq!(read.to_ssh_wire(), changed);
        }
    }

    #[test]
    fn a_grant_with_any_change_is_no_grant(
        changed in {
            let key = SigningKey::from_bytes(&[9; 32]);
            mutated_text(&grant().sign(grant_key(), &key).expect("a good grant"))
        },
    ) {
        let key = SigningKey::from_bytes(&[9; 32]).verifying_key();
        prop_assert!(Grant::verify(&changed, &key, &expected()).is_err());
    }

    #[test]
    fn no_bytes_bring_a_reader_down(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(again(&bytes).is_empty());
        let _any = (Blob::read(&bytes).is_ok(), PublicKey::from_ssh_wire(&bytes).is_ok());
        let text = String::from_utf8_lossy(&bytes);
        let _any = (unarmour(&text).is_ok(), PublicKey::from_openssh_line(&text).is_ok());
        let key = SigningKey::from_bytes(&[9; 32]).verifying_key();
        prop_assert!(Grant::verify(&text, &key, &expected()).is_err());
    }
}

#[test]
fn a_blob_and_a_key_have_their_longest_length() {
    use countersign_attest::key::KeyError;
    use countersign_attest::sshsig::BlobError;
    let blob = |length: usize| Blob::read(&vec![0; length]).err();
    assert_eq!(blob(BLOB_BYTES_MAX), Some(BlobError::Magic));
    assert_eq!(blob(BLOB_BYTES_MAX + 1), Some(BlobError::TooLong));
    let wire = vec![0; WIRE_BYTES_MAX + 1];
    assert_eq!(PublicKey::from_ssh_wire(&wire), Err(KeyError::Malformed));
}
