//! No signature of one kind verifies as another, though one raw key made them all.

use countersign_attest::verify::VerifyError;
use countersign_attest::{Context, Grant, sshsig, verify};
use ed25519_dalek::{Signature, Signer, SigningKey};

use crate::samples::{LOG, documents, expected, grant, grant_key, public, secret};

/// The raw Ed25519 signature at the end of a software key's blob.
fn raw(blob: &[u8]) -> [u8; 64] {
    blob[blob.len() - 64..].try_into().expect("64 bytes")
}

/// A good blob with another raw signature in it.
fn blob_with(secret: &SigningKey, context: Context, bytes: &[u8], raw: [u8; 64]) -> Vec<u8> {
    let mut blob = sshsig::sign_ed25519(secret, context.as_str(), bytes);
    let start = blob.len() - 64;
    blob[start..].copy_from_slice(&raw);
    blob
}

/// The text of a checkpoint (C2SP signed note), as the log's key signs it.
fn checkpoint() -> Vec<u8> {
    format!("{LOG}\n42\n{}=\n", "A".repeat(43)).into_bytes()
}

fn token(secret: &SigningKey) -> String {
    grant().sign(grant_key(), secret).expect("a good grant")
}

/// A token's signing input and raw signature.
fn jws(token: &str) -> (Vec<u8>, [u8; 64]) {
    use base64ct::{Base64UrlUnpadded, Encoding};
    let (input, signature) = token.rsplit_once('.').expect("three parts");
    let signature = Base64UrlUnpadded::decode_vec(signature).expect("base64url");
    (input.into(), signature.try_into().expect("64 bytes"))
}

#[test]
fn a_signature_of_one_context_is_refused_in_every_other() {
    let (key, secret) = (public(), secret());
    for (name, _, bytes) in documents() {
        for made in Context::ALL {
            let blob = sshsig::sign_ed25519(&secret, made.as_str(), &bytes);
            for asked in Context::ALL {
                let result = verify(*asked, &key, &bytes, &blob);
                assert_eq!(result.is_ok(), made == asked, "{name}: {made} as {asked}");
            }
        }
    }
}

#[test]
fn a_raw_signature_moved_into_another_contexts_envelope_is_refused() {
    let (key, secret) = (public(), secret());
    for made in Context::ALL {
        for asked in Context::ALL.iter().filter(|asked| *asked != made) {
            let raw = raw(&sshsig::sign_ed25519(&secret, made.as_str(), b"bytes"));
            let blob = blob_with(&secret, *asked, b"bytes", raw);
            let refused = verify(*asked, &key, b"bytes", &blob).err();
            assert_eq!(refused, Some(VerifyError::Mismatch), "{made} as {asked}");
        }
    }
}

#[test]
fn a_signature_over_one_document_is_refused_over_every_other() {
    let (key, secret) = (public(), secret());
    for (signed_name, context, signed) in documents() {
        let blob = sshsig::sign_ed25519(&secret, context.as_str(), &signed);
        for (name, _, bytes) in documents() {
            let result = verify(context, &key, &bytes, &blob);
            assert_eq!(
                result.is_ok(),
                name == signed_name,
                "{signed_name} as {name}"
            );
        }
    }
}

#[test]
fn a_checkpoints_signature_is_no_statements() {
    let (key, secret) = (public(), secret());
    let note = checkpoint();
    let signature = secret.sign(&note).to_bytes();
    for context in Context::ALL {
        let blob = blob_with(&secret, *context, &note, signature);
        let refused = verify(*context, &key, &note, &blob).err();
        assert_eq!(refused, Some(VerifyError::Mismatch));
        let signed = sshsig::sign_ed25519(&secret, context.as_str(), &note);
        let signature = Signature::from_bytes(&raw(&signed));
        let as_note = secret.verifying_key().verify_strict(&note, &signature);
        assert!(as_note.is_err(), "{context} as a checkpoint");
    }
}

#[test]
fn a_grants_signature_is_no_statements() {
    let (key, secret) = (public(), secret());
    let (input, signature) = jws(&token(&secret));
    for context in Context::ALL {
        let blob = blob_with(&secret, *context, &input, signature);
        let refused = verify(*context, &key, &input, &blob).err();
        assert_eq!(refused, Some(VerifyError::Mismatch));
    }
}

#[test]
fn no_other_signature_makes_a_grant() {
    use base64ct::{Base64UrlUnpadded, Encoding};
    let secret = secret();
    let token = token(&secret);
    let (input, signature) = jws(&token);
    let as_grant = |raw: [u8; 64]| {
        let input = core::str::from_utf8(&input).expect("text");
        let token = format!("{input}.{}", Base64UrlUnpadded::encode_string(&raw));
        Grant::verify(&token, &secret.verifying_key(), &expected())
    };
    assert_eq!(as_grant(signature), Ok(grant()));
    assert!(as_grant(secret.sign(&checkpoint()).to_bytes()).is_err());
    for context in Context::ALL {
        let blob = sshsig::sign_ed25519(&secret, context.as_str(), &input);
        assert!(as_grant(raw(&blob)).is_err(), "{context} as a grant");
    }
}
