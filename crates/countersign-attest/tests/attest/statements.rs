//! Every document has one form, and nothing else is read as it.

use base64ct::{Base64, Encoding};
use countersign_attest::statement::{
    AttestKey, Channel, DOCUMENT_BYTES_MAX, DocumentError, Enrolment, Instance, Login, Nonce,
    Requester, Revocation, Statement,
};
use countersign_attest::{Context, challenge, sshsig, verify};
use countersign_record::digest::TextDigest;
use countersign_record::id::{AgentId, CallId, CredentialId, PersonId};
use countersign_record::term::{Client, Decision};
use proptest::prelude::*;

use crate::samples::{
    approve, attest_key, deny, documents, enrolment, login, page, public, revocation, secret,
};

fn json(statement: &Statement) -> String {
    String::from_utf8(statement.to_bytes().expect("a good statement")).expect("text")
}

/// Reads the good approval with one text replaced by another.
fn read_with(from: &str, to: &str) -> Result<Statement, DocumentError> {
    let good = json(&approve());
    let bad = good.replacen(from, to, 1);
    assert_ne!(good, bad, "{from} does not occur");
    Statement::read(bad.as_bytes())
}

#[test]
fn every_document_reads_back() {
    for statement in [approve(), deny(), page()] {
        let bytes = statement.to_bytes().expect("a good statement");
        assert_eq!(Statement::read(&bytes), Ok(statement));
    }
    let bytes = enrolment().to_bytes().expect("a good enrolment");
    assert_eq!(Enrolment::read(&bytes), Ok(enrolment()));
    let bytes = attest_key().to_bytes().expect("a good attestation");
    assert_eq!(AttestKey::read(&bytes), Ok(attest_key()));
    let bytes = revocation().to_bytes().expect("a good revocation");
    assert_eq!(Revocation::read(&bytes), Ok(revocation()));
    let bytes = login().to_bytes().expect("a good login");
    assert_eq!(Login::read(&bytes), Ok(login()));
}

#[test]
fn no_document_reads_as_another_type() {
    for (name, _, bytes) in documents() {
        let read = [
            Statement::read(&bytes).is_ok(),
            Enrolment::read(&bytes).is_ok(),
            AttestKey::read(&bytes).is_ok(),
            Revocation::read(&bytes).is_ok(),
            Login::read(&bytes).is_ok(),
        ];
        assert_eq!(read.iter().filter(|read| **read).count(), 1, "{name}");
    }
}

#[test]
fn the_decision_is_inside_the_signed_bytes() {
    let denied = Statement {
        decision: Decision::Deny,
        ..approve()
    };
    let approve = approve().to_bytes().expect("a good statement");
    let deny = denied.to_bytes().expect("a good statement");
    assert_ne!(
        challenge(Context::Approval, &approve),
        challenge(Context::Approval, &deny)
    );
}

#[test]
fn the_challenge_separates_contexts() {
    let mut challenges: Vec<[u8; 32]> = Context::ALL
        .iter()
        .map(|context| challenge(*context, b"bytes"))
        .collect();
    challenges.sort_unstable();
    challenges.dedup();
    assert_eq!(challenges.len(), Context::ALL.len());
}

#[test]
fn white_space_order_and_escapes_are_refused() {
    let good = json(&approve());
    for bad in [
        format!(" {good}"),
        format!("{good}\n"),
        good.replace("\":\"", "\": \""),
        good.replace("approve", "\\u0061pprove"),
        good.replace("\"seq\":41", "\"seq\":41.0"),
        good.replace("\"seq\":41", "\"seq\":4.1e1"),
        good.replace(
            "\"money-abroad\",\"money-large\"",
            "\"money-large\",\"money-abroad\"",
        ),
        good.replace("\"money-abroad\",", "\"money-abroad\",\"money-abroad\","),
    ] {
        assert_ne!(bad, good);
        let refused = Statement::read(bad.as_bytes());
        assert_eq!(refused, Err(DocumentError::NotCanonical), "{bad}");
    }
}

#[test]
fn an_unknown_member_is_named() {
    let refused = read_with("{", "{\"a\":1,");
    let name = "a".to_owned();
    assert_eq!(refused, Err(DocumentError::UnknownMember { name }));
    let refused = read_with("\"seq\":41", "\"seq\":41,\"time\":1");
    assert_eq!(refused, Err(DocumentError::Malformed { name: "head" }));
    let refused = read_with(
        "\"device\":\"unknown\"",
        "\"device\":\"unknown\",\"mood\":\"same\"",
    );
    let name = "independence";
    assert_eq!(refused, Err(DocumentError::Malformed { name }));
    let refused = read_with("\"version\":\"text/1\"", "\"version\":\"text/1\",\"x\":1");
    assert_eq!(refused, Err(DocumentError::Malformed { name: "renderer" }));
}

#[test]
fn a_missing_member_is_named() {
    let refused = read_with("\"decision\":\"approve\",", "");
    assert_eq!(refused, Err(DocumentError::Missing { name: "decision" }));
    let refused = read_with(",\"type\":\"countersign.statement.v1\"", "");
    assert_eq!(refused, Err(DocumentError::Missing { name: "type" }));
}

#[test]
fn a_member_of_another_form_is_named() {
    for (name, from, to) in [
        ("decision", "\"approve\"", "\"maybe\""),
        ("client", "\"client\":\"cli\"", "\"client\":\"robot\""),
        ("channel", "\"inbox\"", "\"pigeon\""),
        ("call", "\"call_", "\"cnf_"),
        ("action_digest", "\"sha256:21", "\"sha512:21"),
        ("shown_digest", "\"sha256:22", "\"sha256:2"),
        ("policy", "\"policy\":\"sha256:", "\"policy\":\""),
        ("nonce", "\"nonce\":\"14", "\"nonce\":\"1"),
        ("instance", "\"instance\":\"13", "\"instance\":\"A3"),
        ("head", "\"blake3:", "\"sha256:"),
        ("log", "ledger.example/acme", "ledger example"),
        ("log", "ledger.example/acme", "ledger+example"),
        ("log", "ledger.example/acme", ""),
        ("requester", "\"agt_", "\"key_"),
        ("rules", "\"money-large\"", "\"Money Large\""),
        ("renderer", "\"text/1\"", "\"Text 1\""),
        ("deadline", "\"deadline\":1795200900000", "\"deadline\":-1"),
        (
            "opened_at",
            "\"opened_at\":1795200000000",
            "\"opened_at\":\"1795200000000\"",
        ),
        (
            "execute_within_ms",
            "\"execute_within_ms\":300000",
            "\"execute_within_ms\":0.5",
        ),
        (
            "independence",
            "\"network\":\"unknown\"",
            "\"network\":\"near\"",
        ),
        ("independence", ",\"network\":\"unknown\"", ""),
    ] {
        let refused = read_with(from, to);
        assert_eq!(refused, Err(DocumentError::Malformed { name }), "{to}");
    }
}

#[test]
fn what_is_not_strict_json_is_refused() {
    for bad in ["", "{", "{}{}", "{\"type\":1,\"type\":1}"] {
        let refused = Statement::read(bad.as_bytes());
        assert!(
            matches!(refused, Err(DocumentError::Json(_))),
            "{bad}: {refused:?}"
        );
    }
    assert_eq!(Statement::read(b"[]"), Err(DocumentError::NotAnObject));
    let refused = Statement::read(&[b' '; DOCUMENT_BYTES_MAX + 1]);
    assert!(matches!(refused, Err(DocumentError::Json(_))));
}

#[test]
fn what_no_reader_takes_is_not_written() {
    let late = Statement {
        deadline_ms: 1 << 53,
        ..approve()
    };
    let refused = late.to_bytes();
    assert_eq!(refused, Err(DocumentError::Malformed { name: "deadline" }));
    let nowhere = Statement {
        log: String::new(),
        ..approve()
    };
    let refused = nowhere.to_bytes();
    assert_eq!(refused, Err(DocumentError::Malformed { name: "log" }));
    let crowd = Statement {
        requester: (0..255)
            .map(|n| Requester::Agent(AgentId::new([n; 16])))
            .collect(),
        ..approve()
    };
    assert!(matches!(crowd.to_bytes(), Err(DocumentError::Json(_))));
}

#[test]
fn the_requesters_stand_in_the_order_of_their_text() {
    let circle = [
        Requester::Person(PersonId::new([0xff; 16])),
        Requester::Person(PersonId::new([0x00; 16])),
        Requester::Credential(CredentialId::new([1; 16])),
        Requester::Agent(AgentId::new([1; 16])),
    ];
    let statement = Statement {
        requester: circle.into(),
        ..approve()
    };
    let mut sorted = circle.map(|one| format!("\"{one}\""));
    sorted.sort();
    assert!(json(&statement).contains(&format!("[{}]", sorted.join(","))));
    let bytes = statement.to_bytes().expect("a good statement");
    assert_eq!(Statement::read(&bytes), Ok(statement));
}

#[test]
fn an_enrolment_names_the_scheme_of_its_key() {
    let good = String::from_utf8(enrolment().to_bytes().expect("a good enrolment")).expect("text");
    for scheme in ["sk-ssh-ed25519@openssh.com", "webauthn"] {
        let bad = good.replace("\"ssh-ed25519\"", &format!("\"{scheme}\""));
        assert_ne!(bad, good);
        let refused = Enrolment::read(bad.as_bytes());
        assert_eq!(refused, Err(DocumentError::Malformed { name: "scheme" }));
    }
}

#[test]
fn an_enrolment_of_a_weak_key_is_not_read() {
    let good = String::from_utf8(enrolment().to_bytes().expect("a good enrolment")).expect("text");
    let mut wire = public().to_ssh_wire();
    let base64 = Base64::encode_string(&wire);
    let point = wire.len() - 32;
    wire[point..].fill(0);
    wire[point] = 1; // the neutral element
    let bad = good.replace(&base64, &Base64::encode_string(&wire));
    assert_ne!(bad, good);
    let refused = Enrolment::read(bad.as_bytes());
    let name = "public_key";
    assert_eq!(refused, Err(DocumentError::Malformed { name }));
}

#[test]
fn a_statement_with_any_bit_flipped_is_refused() {
    let (key, secret) = (public(), secret());
    let bytes = page().to_bytes().expect("a good statement");
    let signature = sshsig::sign_ed25519(&secret, Context::Approval.as_str(), &bytes);
    assert!(verify(Context::Approval, &key, &bytes, &signature).is_ok());
    for bit in 0..bytes.len() * 8 {
        let mut bad = bytes.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        let refused = verify(Context::Approval, &key, &bad, &signature);
        assert!(refused.is_err(), "bit {bit}");
    }
}

#[test]
fn a_signature_with_any_bit_flipped_is_refused() {
    let key = public();
    let bytes = approve().to_bytes().expect("a good statement");
    let signature = sshsig::sign_ed25519(&secret(), Context::Approval.as_str(), &bytes);
    for bit in 0..signature.len() * 8 {
        let mut bad = signature.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        let refused = verify(Context::Approval, &key, &bytes, &bad);
        assert!(refused.is_err(), "bit {bit}");
    }
}

prop_compose! {
    fn any_statement()(
        bits in any::<[u8; 16]>(),
        digest in any::<[u8; 32]>(),
        rules in prop::collection::btree_set("[a-z0-9][a-z0-9._-]{0,20}", 0..8),
        people in prop::collection::btree_set(any::<[u8; 16]>(), 0..5),
        channel in prop::sample::select(Channel::ALL),
        client in prop::sample::select(Client::ALL),
        decision in prop::sample::select(Decision::ALL),
        times in [0_u64..1 << 53, 0..1 << 53, 0..1 << 53],
        comment in any::<Option<[u8; 32]>>(),
    ) -> Statement {
        Statement {
            call: CallId::new(bits),
            instance: Instance(bits),
            nonce: Nonce(digest),
            rules: rules.iter().map(|name| name.parse().expect("a name")).collect(),
            requester: people.into_iter().map(|one| Requester::Person(PersonId::new(one))).collect(),
            channel,
            client,
            decision,
            opened_at_ms: times[0],
            deadline_ms: times[1],
            execute_within_ms: times[2],
            comment_digest: comment.map(TextDigest),
            ..approve()
        }
    }
}

proptest! {
    #[test]
    fn any_statement_reads_back(statement in any_statement()) {
        let bytes = statement.to_bytes().expect("a good statement");
        prop_assert_eq!(Statement::read(&bytes), Ok(statement));
    }

    #[test]
    fn what_reads_is_what_was_written(bytes in prop::collection::vec(any::<u8>(), 0..200), at in 0_usize..1200) {
        let mut changed = json(&approve()).into_bytes();
        let at = at.min(changed.len());
        changed.splice(at..(at + bytes.len() / 2).min(changed.len()), bytes);
        if let Ok(statement) = Statement::read(&changed) {
            prop_assert_eq!(statement.to_bytes().expect("it was read"), changed);
        }
    }

    #[test]
    fn any_message_signs_and_verifies(seed in any::<[u8; 32]>(), message in prop::collection::vec(any::<u8>(), 0..300)) {
        let secret = ed25519_dalek::SigningKey::from_bytes(&seed);
        let key = countersign_attest::PublicKey::from_ed25519(secret.verifying_key().as_bytes()).expect("a good key");
        let blob = sshsig::sign_ed25519(&secret, Context::Login.as_str(), &message);
        prop_assert!(verify(Context::Login, &key, &message, &blob).is_ok());
        prop_assert_eq!(sshsig::unarmour(&sshsig::armour(&blob)), Ok(blob));
    }
}
