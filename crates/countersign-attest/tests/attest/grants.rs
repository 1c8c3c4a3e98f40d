//! A grant has one form, lives shortly, and is for one executor of one ledger.

use base64ct::{Base64UrlUnpadded, Encoding};
use countersign_attest::Grant;
use countersign_attest::grant::{Expected, GrantError, TOKEN_BYTES_MAX};
use countersign_record::id::{ExecutorId, KeyId};
use ed25519_dalek::{Signer, SigningKey};
use proptest::prelude::*;

use crate::samples::{LOG, expected, grant, grant_key, secret};

fn token() -> String {
    grant().sign(grant_key(), &secret()).expect("a good grant")
}

fn verify(token: &str) -> Result<Grant, GrantError> {
    Grant::verify(token, &secret().verifying_key(), &expected())
}

fn verify_as(change: impl FnOnce(&mut Expected<'static>)) -> Result<Grant, GrantError> {
    let mut expected = expected();
    change(&mut expected);
    Grant::verify(&token(), &secret().verifying_key(), &expected)
}

/// A token with header and claims changed as text, and signed again with the right key.
fn resigned(header: impl Fn(String) -> String, claims: impl Fn(String) -> String) -> String {
    let good = token();
    let parts: Vec<String> = good
        .split('.')
        .take(2)
        .map(|part| {
            let bytes = Base64UrlUnpadded::decode_vec(part).expect("base64url");
            String::from_utf8(bytes).expect("text")
        })
        .collect();
    let encode = |text: String| Base64UrlUnpadded::encode_string(text.as_bytes());
    let input = format!(
        "{}.{}",
        encode(header(parts[0].clone())),
        encode(claims(parts[1].clone()))
    );
    let signature = secret().sign(input.as_bytes()).to_bytes();
    format!("{input}.{}", Base64UrlUnpadded::encode_string(&signature))
}

fn claims_changed(from: &'static str, to: &'static str) -> Result<Grant, GrantError> {
    let token = resigned(
        |header| header,
        |claims| {
            assert!(claims.contains(from), "{from} is not in {claims}");
            claims.replacen(from, to, 1)
        },
    );
    verify(&token)
}

const FORM: fn() -> GrantError = || GrantError::Form { key: grant_key() };

#[test]
fn a_grant_reads_back() {
    assert_eq!(verify(&token()), Ok(grant()));
    assert_eq!(resigned(|header| header, |claims| claims), token());
}

#[test]
fn a_grant_for_somebody_else_is_refused() {
    let found = grant().executor;
    let refused = verify_as(|expected| expected.executor = ExecutorId::new([1; 16]));
    assert_eq!(refused, Err(GrantError::Executor { found }));
    let found = LOG.to_owned();
    let refused = verify_as(|expected| expected.log = "another.example/log");
    assert_eq!(refused, Err(GrantError::Log { found }));
    let key = KeyId::new([1; 16]);
    let refused = verify_as(|expected| expected.key = key);
    assert_eq!(refused, Err(GrantError::Form { key }));
}

#[test]
fn a_grant_ends_at_exp() {
    let expired_at_s = grant().expires_at_s;
    assert!(verify_as(|expected| expected.now_s = expired_at_s - 1).is_ok());
    let refused = verify_as(|expected| expected.now_s = expired_at_s);
    assert_eq!(refused, Err(GrantError::Expired { expired_at_s }));
}

#[test]
fn a_grant_lives_at_most_300_seconds() {
    for (issued_at_s, expires_at_s) in [(100, 100), (100, 99), (100, 401)] {
        let grant = Grant {
            issued_at_s,
            expires_at_s,
            ..grant()
        };
        let refused = grant.sign(grant_key(), &secret());
        assert_eq!(refused, Err(GrantError::Lifetime));
    }
    let refused = claims_changed("\"iat\":1795200100", "\"iat\":1795200099");
    assert_eq!(refused, Err(GrantError::Lifetime));
}

#[test]
fn another_keys_signature_is_refused() {
    let other = SigningKey::from_bytes(&[1; 32]);
    let token = grant().sign(grant_key(), &other).expect("a good grant");
    let key = grant_key();
    assert_eq!(verify(&token), Err(GrantError::Mismatch { key }));
}

#[test]
fn any_other_header_is_refused() {
    for (from, to) in [
        ("EdDSA", "none"),
        ("EdDSA", "HS256"),
        ("countersign-grant+jwt", "JWT"),
        ("{", "{ "),
        ("{", "{\"jku\":\"https://x.example\","),
        ("\"alg\":\"EdDSA\",", ""),
    ] {
        let token = resigned(
            |header| {
                assert!(header.contains(from));
                header.replacen(from, to, 1)
            },
            |claims| claims,
        );
        assert_eq!(verify(&token), Err(FORM()), "{to}");
    }
}

#[test]
fn claims_in_any_other_form_are_refused() {
    for (from, to) in [
        ("\"uses\":1", "\"uses\":2"),
        ("\"uses\":1", "\"uses\":1.0"),
        ("{", "{ "),
        ("countersign/tool_call/v1", "countersign/tool_call/v2"),
        ("\"tool\":", "\"amount\":1,\"tool\":"),
        (
            "\"action_digest\":\"sha256:21",
            "\"action_digest\":\"sha256:22",
        ),
        ("}]", "},{}]"),
    ] {
        assert_eq!(claims_changed(from, to), Err(FORM()), "{to}");
    }
    for (from, to) in [
        ("\"uses\":1", "\"uses\":1,\"admin\":true"),
        ("\"uses\":1", "\"uses\":\"1\""),
        (",\"uses\":1", ""),
        ("\"jti\":\"grt_", "\"jti\":\"call_"),
        ("\"aud\":\"exe_", "\"aud\":\"agt_"),
        ("\"blake3:", "\"sha256:"),
        ("\"wire_transfer\"", "\"wire_transfer \""),
    ] {
        let refused = claims_changed(from, to);
        assert!(
            matches!(refused, Err(GrantError::Claims(_))),
            "{to}: {refused:?}"
        );
    }
    let refused = claims_changed("\"uses\":1", "\"uses\":1,\"uses\":1");
    assert_eq!(refused, Err(GrantError::Malformed));
}

#[test]
fn what_is_no_compact_jws_is_refused() {
    let good = token();
    for bad in [
        String::new(),
        "..".to_owned(),
        good.replacen('.', "", 1),
        format!("{good}."),
        format!("{good}="),
        format!("{good}\n"),
        good[..good.len() - 2].to_owned(),
    ] {
        assert_eq!(verify(&bad), Err(GrantError::Malformed), "{bad}");
    }
    let long = "a".repeat(TOKEN_BYTES_MAX + 1);
    assert_eq!(verify(&long), Err(GrantError::TooLong));
}

#[test]
fn a_token_with_any_bit_flipped_is_refused() {
    let good = token().into_bytes();
    for bit in 0..good.len() * 8 {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        if let Ok(bad) = String::from_utf8(bad) {
            assert!(verify(&bad).is_err(), "bit {bit}");
        }
    }
}

proptest! {
    #[test]
    fn any_grant_reads_back(
        issued_at_s in 0_u64..1_u64 << 40,
        lifetime_s in 1_u64..=300,
        salt in any::<[u8; 32]>(),
        tool in "[A-Za-z_][A-Za-z0-9_.:/-]{0,40}",
    ) {
        let grant = Grant {
            issued_at_s,
            expires_at_s: issued_at_s + lifetime_s,
            action_salt: salt,
            tool: tool.parse().expect("a tool's name"),
            ..grant()
        };
        let token = grant.sign(grant_key(), &secret()).expect("a good grant");
        let expected = Expected { now_s: issued_at_s, ..expected() };
        prop_assert_eq!(Grant::verify(&token, &secret().verifying_key(), &expected), Ok(grant));
    }
}
