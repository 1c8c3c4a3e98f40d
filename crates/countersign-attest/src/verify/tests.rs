use alloc::vec::Vec;

use countersign_record::digest::unhex;
use ed25519_dalek::{Signer, SigningKey};

use super::*;
use crate::sshsig::sign_ed25519;
use crate::wire::put_string;

const APPLICATION: &str = "ssh:countersign";

fn bytes<const N: usize>(hex: &str) -> [u8; N] {
    let mut bytes = [0; N];
    assert!(unhex(hex, &mut bytes), "{hex}");
    bytes
}

/// A token in software: everything that it says is as good as the test wants.
struct Token {
    flags: u8,
    counter: u32,
    application: &'static str,
}

const GOOD: Token = Token {
    flags: 5,
    counter: 9,
    application: APPLICATION,
};

fn ed25519_token(token: &Token) -> (PublicKey, Vec<u8>) {
    let secret = SigningKey::from_bytes(&[8; 32]);
    let scheme = "sk-ssh-ed25519@openssh.com";
    let public = wire(&[
        scheme.as_bytes(),
        secret.verifying_key().as_bytes(),
        APPLICATION.as_bytes(),
    ]);
    let raw = secret.sign(&to_sign(token)).to_bytes();
    (read(&public), blob(&public, scheme, &raw, token))
}

fn p256_secret() -> p256::ecdsa::SigningKey {
    p256::ecdsa::SigningKey::from_slice(&[9; 32]).expect("a scalar")
}

fn p256_token(
    token: &Token,
    raw: impl Fn(p256::ecdsa::Signature) -> Vec<u8>,
) -> (PublicKey, Vec<u8>) {
    let secret = p256_secret();
    let scheme = "sk-ecdsa-sha2-nistp256@openssh.com";
    let public = wire(&[
        scheme.as_bytes(),
        b"nistp256",
        secret.verifying_key().to_sec1_point(false).as_bytes(),
        APPLICATION.as_bytes(),
    ]);
    let signature = secret.sign(&to_sign(token));
    (read(&public), blob(&public, scheme, &raw(signature), token))
}

fn to_sign(token: &Token) -> Vec<u8> {
    let claim = TokenClaim {
        flags: token.flags,
        counter: token.counter,
    };
    let signed = signed_bytes(Context::Approval.as_str(), b"statement");
    token_bytes(token.application, claim, &signed)
}

fn read(public: &[u8]) -> PublicKey {
    PublicKey::from_ssh_wire(public).expect("a good key")
}

fn wire(strings: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for string in strings {
        put_string(&mut bytes, string);
    }
    bytes
}

fn blob(public: &[u8], scheme: &str, raw: &[u8], token: &Token) -> Vec<u8> {
    let mut inner = wire(&[scheme.as_bytes(), raw]);
    inner.push(token.flags);
    inner.extend_from_slice(&token.counter.to_be_bytes());
    let mut bytes = b"SSHSIG\0\0\0\x01".to_vec();
    let namespace = Context::Approval.as_str().as_bytes();
    bytes.extend(wire(&[public, namespace, b"", b"sha512", &inner]));
    bytes
}

/// r and s as mpints.
fn mpints(signature: p256::ecdsa::Signature) -> Vec<u8> {
    let (r, s) = signature.split_bytes();
    wire(&[&mpint(&r), &mpint(&s)])
}

fn mpint(number: &[u8]) -> Vec<u8> {
    let digits: Vec<u8> = number
        .iter()
        .copied()
        .skip_while(|byte| *byte == 0)
        .collect();
    match digits.first() {
        Some(0x80..) => [&[0], digits.as_slice()].concat(),
        _ => digits,
    }
}

fn check(key: &PublicKey, blob: &[u8]) -> Result<Verified, VerifyError> {
    verify(Context::Approval, key, b"statement", blob)
}

#[test]
fn ed25519_is_rfc_8032() {
    // RFC 8032 §7.1, tests 1 to 3.
    for (secret, public, message, signature) in [
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            &[][..],
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ),
        (
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            &[0x72],
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ),
        (
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            &[0xaf, 0x82],
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
        ),
    ] {
        let key = crate::key::sound_ed25519(&bytes(public)).expect("a good key");
        let signature: [u8; 64] = bytes(signature);
        assert_eq!(check_ed25519(&key, message, &signature), Ok(()));
        let other = [message, &[0]].concat();
        assert_eq!(
            check_ed25519(&key, &other, &signature),
            Err(VerifyError::Mismatch)
        );
        let secret = SigningKey::from_bytes(&bytes(secret));
        assert_eq!(secret.sign(message).to_bytes(), signature);
    }
}

#[test]
fn s_plus_the_order_is_refused() {
    // The group's order, little-endian.
    let order: [u8; 32] = bytes("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
    let secret = SigningKey::from_bytes(&[7; 32]);
    let mut signature = secret.sign(b"message").to_bytes();
    let mut carry = 0;
    for (byte, add) in signature[32..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
    let key = secret.verifying_key();
    assert_eq!(
        check_ed25519(&key, b"message", &signature),
        Err(VerifyError::Mismatch)
    );
}

#[test]
fn a_software_signature_verifies_and_says_what_it_proves() {
    let secret = SigningKey::from_bytes(&[7; 32]);
    let key = PublicKey::from_ed25519(secret.verifying_key().as_bytes()).expect("a good key");
    let blob = sign_ed25519(&secret, Context::Approval.as_str(), b"statement");
    let proof = check(&key, &blob).expect("a good signature");
    assert_eq!(proof.signer(), &key);
    assert_eq!(proof.token(), None);
    assert!(proof.covers(Context::Approval, b"statement"));
    assert!(!proof.covers(Context::Approval, b"statemenu"));
    assert!(!proof.covers(Context::Login, b"statement"));
}

#[test]
fn raw_device_data_beside_an_ssh_signature_is_refused() {
    let (key, signature) = ed25519_token(&GOOD);
    let claim = Claim {
        statement: b"statement",
        signature: &signature,
        raw: None,
    };
    assert!(claim.verify(Context::Approval, &key).is_ok());
    let claim = Claim {
        raw: Some(b""),
        ..claim
    };
    let refused = claim.verify(Context::Approval, &key).err();
    assert_eq!(refused, Some(VerifyError::UnexpectedRaw));
}

#[test]
fn a_token_with_touch_and_pin_verifies() {
    let expected = Some(TokenClaim {
        flags: 5,
        counter: 9,
    });
    let (key, blob) = ed25519_token(&GOOD);
    assert_eq!(
        check(&key, &blob).expect("a good signature").token(),
        expected
    );
    let (key, blob) = p256_token(&GOOD, mpints);
    assert_eq!(
        check(&key, &blob).expect("a good signature").token(),
        expected
    );
}

#[test]
fn a_token_without_touch_or_pin_is_refused() {
    for flags in [0, 1, 4] {
        let token = Token { flags, ..GOOD };
        let refused = Some(VerifyError::NotVerified { flags });
        let (key, blob) = ed25519_token(&token);
        assert_eq!(check(&key, &blob).err(), refused);
        let (key, blob) = p256_token(&token, mpints);
        assert_eq!(check(&key, &blob).err(), refused);
    }
}

#[test]
fn a_token_with_an_unknown_flag_is_refused() {
    for bit in [1, 3, 4, 5, 6, 7] {
        let flags = 5 | 1 << bit;
        let (key, blob) = ed25519_token(&Token { flags, ..GOOD });
        let refused = check(&key, &blob).err();
        assert_eq!(refused, Some(VerifyError::UnknownFlags { flags }));
    }
}

#[test]
fn a_tokens_signature_for_another_application_is_refused() {
    let (key, blob) = ed25519_token(&Token {
        application: "localhost",
        ..GOOD
    });
    assert_eq!(check(&key, &blob).err(), Some(VerifyError::Mismatch));
}

#[test]
fn both_halves_of_s_verify_because_tokens_make_both() {
    let low = |signature: p256::ecdsa::Signature| mpints(signature.normalize_s());
    let high = |signature: p256::ecdsa::Signature| {
        let (r, s) = signature.normalize_s().split_scalars();
        let high = p256::ecdsa::Signature::from_scalars(r, -s).expect("a signature");
        assert_ne!(high, signature.normalize_s());
        mpints(high)
    };
    let (key, blob) = p256_token(&GOOD, low);
    assert!(check(&key, &blob).is_ok());
    let (key, blob) = p256_token(&GOOD, high);
    assert!(check(&key, &blob).is_ok());
}

/// Why a good signature is refused whose r and s were written down in another way.
fn refused(write: impl Fn(&[u8], &[u8]) -> Vec<u8>) -> Option<VerifyError> {
    let (key, blob) = p256_token(&GOOD, |signature| {
        let (r, s) = signature.split_bytes();
        write(&r, &s)
    });
    check(&key, &blob).err()
}

#[test]
fn a_p256_signature_in_any_other_form_is_refused() {
    let zero = [0; 32];
    let order: [u8; 32] = bytes("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
    let form = Some(VerifyError::Form);
    assert_eq!(refused(|r, s| wire(&[&mpint(r), &mpint(s)])), None);
    let padded = |number: &[u8]| [&[0], mpint(number).as_slice()].concat();
    assert_eq!(refused(|r, s| wire(&[&padded(r), &mpint(s)])), form);
    assert_eq!(refused(|r, s| wire(&[&mpint(r), &padded(s)])), form);
    assert_eq!(refused(|r, _| wire(&[&mpint(r), b""])), form);
    assert_eq!(refused(|r, _| wire(&[&mpint(r), &zero])), form);
    assert_eq!(refused(|r, _| wire(&[&mpint(r), &mpint(&order)])), form);
    assert_eq!(refused(|r, _| wire(&[&mpint(r), &[0x80; 32]])), form);
    assert_eq!(refused(|r, _| wire(&[&mpint(r), &[1; 33]])), form);
    assert_eq!(refused(|r, s| wire(&[&mpint(r), &mpint(s), b""])), form);
    assert_eq!(refused(|r, s| [r, s].concat()), form);
    let swapped = refused(|r, s| wire(&[&mpint(s), &mpint(r)]));
    assert_eq!(swapped, Some(VerifyError::Mismatch));
}

#[test]
fn a_token_blob_with_any_bit_flipped_is_refused() {
    for (key, blob) in [ed25519_token(&GOOD), p256_token(&GOOD, mpints)] {
        for bit in 0..blob.len() * 8 {
            let mut bad = blob.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(check(&key, &bad).is_err(), "bit {bit}");
        }
    }
}

#[test]
fn a_signature_of_one_scheme_is_not_one_of_another() {
    let (token, token_blob) = ed25519_token(&GOOD);
    let secret = SigningKey::from_bytes(&[8; 32]);
    let plain = PublicKey::from_ed25519(secret.verifying_key().as_bytes()).expect("a good key");
    let plain_blob = sign_ed25519(&secret, Context::Approval.as_str(), b"statement");
    assert!(check(&plain, &plain_blob).is_ok());
    let refused = check(&plain, &token_blob).err();
    let expected = plain.fingerprint();
    assert_eq!(refused, Some(VerifyError::Signer { expected }));
    let refused = check(&token, &plain_blob).err();
    let expected = token.fingerprint();
    assert_eq!(refused, Some(VerifyError::Signer { expected }));
}
