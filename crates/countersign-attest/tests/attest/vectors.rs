//! The golden bytes in fixtures/vectors/attest, which a second implementation can use.

use std::fs;
use std::path::PathBuf;

use countersign_attest::verify::{TokenClaim, VerifyError};
use countersign_attest::{Context, Grant, PublicKey, Statement, challenge, sshsig, verify};
use countersign_record::digest::{hex, unhex32};
use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};

use crate::samples::{documents, expected, fixtures, grant, grant_key, public, secret};

fn path(name: &str) -> PathBuf {
    fixtures().join("vectors/attest").join(name)
}

fn vector(name: &str) -> Vec<u8> {
    fs::read(path(name)).unwrap_or_else(|cause| panic!("{name}: {cause}"))
}

fn text(name: &str) -> String {
    String::from_utf8(vector(name)).expect("text")
}

/// What the files hold that this program makes; the rest was made by `ssh-keygen`.
fn made() -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    let mut challenges = String::new();
    for (name, context, bytes) in documents() {
        let blob = sshsig::sign_ed25519(&secret(), context.as_str(), &bytes);
        let line = format!(
            "{}  {name}.json  {context}\n",
            hex(&challenge(context, &bytes))
        );
        challenges.push_str(&line);
        files.push((
            format!("{name}.json.sig"),
            sshsig::armour(&blob).into_bytes(),
        ));
        files.push((format!("{name}.json"), bytes));
    }
    let token = grant().sign(grant_key(), &secret()).expect("a good grant");
    files.push((
        "ed25519-keys-refused.txt".to_owned(),
        refused_keys().into_bytes(),
    ));
    files.push(("challenges.txt".to_owned(), challenges.into_bytes()));
    files.push(("grant.jwt".to_owned(), token.into_bytes()));
    files
}

/// Keys that the gate refuses, with the reason: of small order, of mixed order, in a second
/// encoding.
fn refused_keys() -> String {
    let points = EIGHT_TORSION.into_iter();
    let mixed = EIGHT_TORSION[1..]
        .iter()
        .map(|torsion| ED25519_BASEPOINT_POINT + torsion);
    let whole = points.chain(mixed).map(|point| point.compress().to_bytes());
    // p + k, little-endian, with either sign of x.
    let second = (0..19).flat_map(|k| {
        [0x7f, 0xff].map(|top| {
            let mut bytes = [0xff; 32];
            bytes[0] = 0xed + k;
            bytes[31] = top;
            bytes
        })
    });
    whole.chain(second).fold(String::new(), |list, bytes| {
        match PublicKey::from_ed25519(&bytes) {
            Ok(_) => list,
            Err(why) => list + &format!("{}  {why}\n", hex(&bytes)),
        }
    })
}

#[test]
#[ignore = "writes the golden files; version 1 is frozen once it is published"]
fn write_the_golden_files() {
    for (name, bytes) in made() {
        fs::write(path(&name), bytes).expect("a writable checkout");
    }
}

#[test]
fn the_bytes_are_the_golden_ones() {
    for (name, bytes) in made() {
        let golden = vector(&name);
        let (made, golden) = (
            String::from_utf8_lossy(&bytes),
            String::from_utf8_lossy(&golden),
        );
        assert_eq!(made, golden, "{name}");
    }
}

#[test]
fn the_golden_files_verify() {
    for (name, context, _) in documents() {
        let bytes = vector(&format!("{name}.json"));
        let blob = sshsig::unarmour(&text(&format!("{name}.json.sig"))).expect("armour");
        assert!(verify(context, &public(), &bytes, &blob).is_ok(), "{name}");
    }
    let token = text("grant.jwt");
    let verified = Grant::verify(&token, &secret().verifying_key(), &expected());
    assert_eq!(verified, Ok(grant()));
}

#[test]
fn every_key_in_the_list_of_bad_keys_is_refused() {
    let list = text("ed25519-keys-refused.txt");
    assert_eq!(list.lines().count(), 8 + 7 + 2 * 19);
    for line in list.lines() {
        let (key, _) = line.split_once("  ").expect("a key and a reason");
        let bytes = unhex32(key).expect("32 bytes in hex");
        assert!(PublicKey::from_ed25519(&bytes).is_err(), "{line}");
    }
}

/// Verifies a signature that a FIDO2 token made over the approval through `ssh-keygen`.
fn check_token(name: &str) -> Result<Option<TokenClaim>, VerifyError> {
    let line = fs::read_to_string(fixtures().join(format!("keys/{name}.pub"))).expect("a key");
    let key = PublicKey::from_openssh_line(&line).expect("a good key");
    let bytes = vector("statement-approve.json");
    assert!(Statement::read(&bytes).is_ok());
    let armoured = text(&format!("statement-approve.json.{name}.sig"));
    let blob = sshsig::unarmour(&armoured).expect("armour");
    verify(Context::Approval, &key, &bytes, &blob).map(|proof| proof.token())
}

#[test]
fn a_tokens_signature_with_touch_and_pin_verifies() {
    for name in ["sk-ed25519-verify-required", "sk-ecdsa-verify-required"] {
        let claim = check_token(name).expect("a good signature");
        assert_eq!(claim.map(|claim| claim.flags), Some(5), "{name}");
    }
}

#[test]
fn a_tokens_signature_with_touch_alone_is_refused() {
    for name in ["sk-ed25519", "sk-ecdsa"] {
        let refused = check_token(name).err();
        assert_eq!(
            refused,
            Some(VerifyError::NotVerified { flags: 1 }),
            "{name}"
        );
    }
}

#[test]
fn the_worked_example_of_the_specification_is_the_golden_one() {
    let spec = fixtures().join("../docs/spec/statement.md");
    let spec = fs::read_to_string(spec).expect("the specification");
    assert!(spec.contains(&format!("\n{}\n", text("statement-approve.json"))));
    let bytes = vector("statement-approve.json");
    assert!(spec.contains(&hex(&challenge(Context::Approval, &bytes))));
    assert!(spec.contains(&public().to_openssh_line()));
}
