//! One good document of every type, as the vectors have them.

use std::path::PathBuf;

use countersign_attest::grant::{Expected, Grant};
use countersign_attest::key::PublicKey;
use countersign_attest::statement::{
    AssetDigest, AttestKey, Channel, Enrolment, Head, IndependenceFacts, Instance, Login, Nonce,
    Renderer, Requester, Revocation, Statement,
};
use countersign_record::digest::{
    ActionDigest, EntryHash, PolicyDigest, ShownDigest, StatementDigest, TextDigest, sha256,
    unhex32,
};
use countersign_record::id::{
    AgentId, CallId, ConfirmationId, ExecutorId, GrantId, KeyId, PersonId,
};
use countersign_record::term::{Client, Decision, Independence};
use ed25519_dalek::SigningKey;

pub(crate) const LOG: &str = "ledger.example/acme";
pub(crate) const SEED: &str = include_str!("../../../../fixtures/keys/software-ed25519.seed");
pub(crate) const SOFTWARE: &str = include_str!("../../../../fixtures/keys/software-ed25519.pub");

pub(crate) fn fixtures() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures"))
}

pub(crate) fn secret() -> SigningKey {
    SigningKey::from_bytes(&unhex32(SEED.trim_end()).expect("a seed in hex"))
}

pub(crate) fn public() -> PublicKey {
    PublicKey::from_openssh_line(SOFTWARE).expect("a good key")
}

pub(crate) fn head() -> Head {
    Head {
        seq: 41,
        hash: EntryHash([0x41; 32]),
    }
}

/// What every document of this person names.
pub(crate) fn person() -> PersonId {
    PersonId::new([0x31; 16])
}

pub(crate) fn key() -> KeyId {
    KeyId::new([0x32; 16])
}

pub(crate) fn approve() -> Statement {
    Statement {
        log: LOG.to_owned(),
        call: CallId::new([0x11; 16]),
        confirmation: ConfirmationId::new([0x12; 16]),
        instance: Instance([0x13; 16]),
        decision: Decision::Approve,
        action_digest: ActionDigest([0x21; 32]),
        shown_digest: ShownDigest([0x22; 32]),
        renderer: Renderer {
            version: "text/1".parse().expect("a version"),
            asset_digest: None,
        },
        client: Client::Cli,
        policy: PolicyDigest([0x23; 32]),
        rules: ["money-large", "money-abroad"]
            .map(|name| name.parse().expect("a name"))
            .into(),
        requester: [
            Requester::Person(PersonId::new([0x35; 16])),
            Requester::Agent(AgentId::new([0x34; 16])),
        ]
        .into(),
        person: person(),
        key: key(),
        channel: Channel::Inbox,
        independence: IndependenceFacts {
            credential: Independence::Differs,
            ..IndependenceFacts::UNKNOWN
        },
        nonce: Nonce([0x14; 32]),
        opened_at_ms: 1_795_200_000_000,
        deadline_ms: 1_795_200_900_000,
        execute_within_ms: 300_000,
        head: head(),
        typed_target_digest: None,
        matched_number_digest: None,
        comment_digest: None,
    }
}

pub(crate) fn deny() -> Statement {
    Statement {
        decision: Decision::Deny,
        comment_digest: Some(TextDigest([0x24; 32])),
        ..approve()
    }
}

/// Every optional member is there.
pub(crate) fn page() -> Statement {
    Statement {
        renderer: Renderer {
            version: "page/1".parse().expect("a version"),
            asset_digest: Some(AssetDigest([0x25; 32])),
        },
        client: Client::Page,
        channel: Channel::Email,
        typed_target_digest: Some(TextDigest([0x26; 32])),
        matched_number_digest: Some(TextDigest([0x27; 32])),
        comment_digest: Some(TextDigest([0x24; 32])),
        ..approve()
    }
}

pub(crate) fn enrolment() -> Enrolment {
    Enrolment {
        log: LOG.to_owned(),
        person: person(),
        public_key: public(),
        usage: Client::Cli,
        nonce: Nonce([0x15; 32]),
        head: head(),
    }
}

pub(crate) fn attest_key() -> AttestKey {
    let enrolment = enrolment().to_bytes().expect("a good enrolment");
    AttestKey {
        log: LOG.to_owned(),
        enrolment: StatementDigest(sha256(&[&enrolment])),
        person: PersonId::new([0x36; 16]),
        key: KeyId::new([0x37; 16]),
    }
}

pub(crate) fn revocation() -> Revocation {
    Revocation {
        log: LOG.to_owned(),
        call: CallId::new([0x11; 16]),
        confirmation: Some(ConfirmationId::new([0x12; 16])),
        person: person(),
        key: key(),
        head: head(),
        comment_digest: Some(TextDigest([0x24; 32])),
    }
}

pub(crate) fn login() -> Login {
    Login {
        log: LOG.to_owned(),
        person: person(),
        key: key(),
        nonce: Nonce([0x16; 32]),
        expires_at_ms: 1_795_200_060_000,
    }
}

pub(crate) fn grant() -> Grant {
    Grant {
        log: LOG.to_owned(),
        executor: ExecutorId::new([0x38; 16]),
        id: GrantId::new([0x17; 16]),
        call: CallId::new([0x11; 16]),
        tool: "wire_transfer".parse().expect("a tool's name"),
        action_digest: ActionDigest([0x21; 32]),
        action_salt: [0x28; 32],
        issued_at_s: 1_795_200_100,
        expires_at_s: 1_795_200_400,
        ledger: head(),
    }
}

pub(crate) fn grant_key() -> KeyId {
    KeyId::new([0x39; 16])
}

pub(crate) fn expected() -> Expected<'static> {
    Expected {
        log: LOG,
        key: grant_key(),
        executor: ExecutorId::new([0x38; 16]),
        now_s: 1_795_200_399,
    }
}

/// Every document that a person signs, with the name of its vector.
pub(crate) fn documents() -> Vec<(&'static str, countersign_attest::Context, Vec<u8>)> {
    let bytes = |result: Result<Vec<u8>, _>| {
        result.unwrap_or_else(|refused: countersign_attest::statement::DocumentError| {
            panic!("{refused}")
        })
    };
    vec![
        (
            "statement-approve",
            Statement::CONTEXT,
            bytes(approve().to_bytes()),
        ),
        (
            "statement-deny",
            Statement::CONTEXT,
            bytes(deny().to_bytes()),
        ),
        (
            "statement-page",
            Statement::CONTEXT,
            bytes(page().to_bytes()),
        ),
        (
            "enrolment",
            Enrolment::CONTEXT,
            bytes(enrolment().to_bytes()),
        ),
        (
            "attest-key",
            AttestKey::CONTEXT,
            bytes(attest_key().to_bytes()),
        ),
        (
            "revocation",
            Revocation::CONTEXT,
            bytes(revocation().to_bytes()),
        ),
        ("login", Login::CONTEXT, bytes(login().to_bytes())),
    ]
}
