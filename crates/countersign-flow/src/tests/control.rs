//! Control calls: what a met quorum changes at once, and what it cannot.

use alloc::format;
use alloc::string::String;

use base64ct::{Base64, Encoding};
use countersign_attest::Context;
use countersign_attest::statement::AttestKey;
use countersign_record::digest::{StatementDigest, hex, sha256};
use countersign_record::entry::{Entry, Fact, OutcomeStatus, Party, Refs};
use countersign_record::id::{AgentId, CredentialId, ExecutorId, KeyId, PersonId, PolicyId};
use countersign_record::json::{Object, Value};
use countersign_record::term::{Client, Decision};
use ed25519_dalek::SigningKey;

use super::world::{POLICY, sign, word};
use super::*;
use crate::{Command, Refusal};

const FRESH: [u8; 16] = [0x7f; 16];

fn ids() -> Refs {
    Refs {
        agent: Some(AgentId::new(FRESH)),
        credential: Some(CredentialId::new(FRESH)),
        executor: Some(ExecutorId::new(FRESH)),
        key: Some(KeyId::new(FRESH)),
        person: Some(PersonId::new(FRESH)),
        policy: Some(PolicyId::new(FRESH)),
        ..Refs::default()
    }
}

fn outcome(entries: &[Entry]) -> OutcomeStatus {
    let Fact::OutcomeRecorded(outcome) = &entries.last().unwrap().draft.fact else {
        panic!()
    };
    outcome.status
}

/// What a control call changes, once two owners approve it.
fn changed(world: &mut World, tool: &str, json: &str) -> String {
    let entries = world.controlled(tool, arguments(json), ids());
    let kinds = World::kinds(&entries);
    assert_eq!(
        kinds[..3],
        ["vote.approve", "confirmation.approved", "grant.redeemed"]
    );
    let enacted = kinds.len() > 4;
    assert_eq!(outcome(&entries) == OutcomeStatus::Succeeded, enacted);
    assert!(world.state.calls.is_empty());
    kinds[3..kinds.len() - 1].join(" ")
}

#[test]
fn every_control_tool_changes_what_it_says() {
    let mut world = World::new();
    let zed = word(&world.people["zed"]);
    let token = |number: u8| hex(&[number; 32]);
    let add =
        r#"{"handle":"new","name":"New","email":"n@example.com","groups":["owners","legal"]}"#;
    let kinds = changed(&mut world, "countersign.person.add", add);
    assert_eq!(kinds, "person.enrolled group.changed group.changed");
    let json = format!(r#"{{"group":"legal","person":"{zed}","change":"add"}}"#);
    assert_eq!(
        changed(&mut world, "countersign.group.change", &json),
        "group.changed"
    );
    let json = format!(
        r#"{{"name":"second","principal":"{zed}","enforcement":"gateway","token_digest":"{}"}}"#,
        token(0x71)
    );
    assert_eq!(
        changed(&mut world, "countersign.agent.add", &json),
        "agent.enrolled"
    );
    let json = format!(r#"{{"name":"platform","token_digest":"{}"}}"#, token(0x72));
    assert_eq!(
        changed(&mut world, "countersign.executor.add", &json),
        "executor.enrolled"
    );
    let json = format!(
        r#"{{"name":"x","role":"auditor","token_digest":"{}"}}"#,
        token(0x73)
    );
    assert_eq!(
        changed(&mut world, "countersign.credential.add", &json),
        "credential.enrolled"
    );
    let json = format!(r#"{{"person":"{zed}"}}"#);
    assert_eq!(
        changed(&mut world, "countersign.person.leave", &json),
        "person.left"
    );
    assert_eq!(world.refolded(), world.state);
}

#[test]
fn a_change_that_does_not_fit_any_more_changes_nothing() {
    let mut world = World::new();
    let taken = r#"{"handle":"ann","name":"A","email":"a@example.com","groups":[]}"#;
    assert_eq!(changed(&mut world, "countersign.person.add", taken), "");
    // All of it, or none of it.
    let unknown = r#"{"handle":"new","name":"N","email":"n@example.com","groups":["owners","x"]}"#;
    assert_eq!(changed(&mut world, "countersign.person.add", unknown), "");
    let twice = r#"{"handle":"new","name":"N","email":"n@example.com","groups":["legal","legal"]}"#;
    assert_eq!(changed(&mut world, "countersign.person.add", twice), "");
    assert!(world.state.roster.by_handle("new").is_none());
}

#[test]
fn nobody_is_asked_about_arguments_that_are_not_the_tools() {
    let refused = |tool: &str, json: &str| {
        let mut world = World::new();
        let submit = world.control(tool, arguments(json));
        world.submit(submit).unwrap_err()
    };
    for json in ["{}", r#"{"person":"ann"}"#, r#"{"person":1}"#] {
        assert_eq!(
            refused("countersign.person.leave", json),
            Refusal::MalformedArguments
        );
    }
    let extra = format!(
        r#"{{"person":"{}","note":"x"}}"#,
        word(&PersonId::new(FRESH))
    );
    assert_eq!(
        refused("countersign.person.leave", &extra),
        Refusal::MalformedArguments
    );
}

#[test]
fn operators_and_responders_ask_for_changes_and_nobody_else() {
    let by = |party: fn(&World) -> Party| {
        let mut world = World::new();
        let zed = word(&world.people["zed"]);
        let json = format!(r#"{{"person":"{zed}"}}"#);
        let mut submit = world.control("countersign.person.leave", arguments(&json));
        submit.by = party(&world);
        world.submit(submit).map(|_| ())
    };
    assert_eq!(by(|world| Party::Credential(world.operator)), Ok(()));
    assert_eq!(by(|world| Party::Credential(world.responder)), Ok(()));
    assert_eq!(
        by(|world| Party::Credential(world.auditor)),
        Err(Refusal::Forbidden)
    );
    assert_eq!(
        by(|world| Party::Agent(world.agent)),
        Err(Refusal::Forbidden)
    );
    assert_eq!(
        by(|world| Party::Person(world.people["ann"])),
        Err(Refusal::Forbidden)
    );
}

#[test]
fn an_adopted_policy_is_in_force_and_one_that_locks_everybody_out_is_not_adopted() {
    let mut world = World::new();
    let adopt = |toml: &str| Value::Object(Object::new().with("toml", toml));
    let locks_out = POLICY.replace(
        "[governance]\nkey_class = \"software\"",
        "[governance]\nkey_class = \"software\"\nfrom = [\"legal\"]",
    );
    let entries = world.controlled("countersign.policy.adopt", adopt(&locks_out), ids());
    assert_eq!(outcome(&entries), OutcomeStatus::Failed);
    let other = POLICY.replace("version       = 1", "version       = 2");
    let entries = world.controlled("countersign.policy.adopt", adopt(&other), ids());
    assert_eq!(outcome(&entries), OutcomeStatus::Succeeded);
    assert_eq!(world.state.document().unwrap().version(), 2);
    let sources: alloc::vec::Vec<_> = entries
        .iter()
        .filter(|entry| !entry.draft.sources.is_empty())
        .map(Entry::kind)
        .collect();
    assert_eq!(sources, ["policy.adopted"]);
}

/// A control call that enrols a key for the person.
fn enrol(world: &mut World, handle: &str, endorsed: Option<&'static str>) -> OutcomeStatus {
    let secret = SigningKey::from_bytes(&[0x66; 32]);
    let fact = world.enrolment(world.people[handle], &secret, Client::External);
    let base64 = |bytes: &[u8]| Base64::encode_string(bytes);
    let mut json = Object::new()
        .with("statement", base64(&fact.statement.0))
        .with("signature", base64(&fact.signature.0));
    if let Some(by) = endorsed {
        let (key, secret) = &world.keys[&(by, Client::Cli)];
        let attest = AttestKey {
            log: world::ORIGIN.into(),
            enrolment: StatementDigest(sha256(&[&fact.statement.0])),
            person: world.people[by],
            key: *key,
        };
        let bytes = attest.to_bytes().unwrap();
        let signature = sign(secret, Context::AttestKey, &bytes);
        let endorsement = Object::new()
            .with("key", word(key))
            .with("statement", base64(&bytes))
            .with("signature", base64(&signature.0));
        json = json.with("endorsement", endorsement);
    }
    let entries = world.controlled("countersign.key.enroll", Value::Object(json), ids());
    outcome(&entries)
}

#[test]
fn a_second_key_needs_another_persons_word() {
    let status = |handle, endorsed| enrol(&mut World::new(), handle, endorsed);
    assert_eq!(status("cat", None), OutcomeStatus::Failed);
    assert_eq!(status("cat", Some("cat")), OutcomeStatus::Failed);
    assert_eq!(status("cat", Some("ann")), OutcomeStatus::Succeeded);
}

#[test]
fn a_lost_key_is_replaced_with_another_persons_word() {
    let status = |endorsed| {
        let mut world = World::new();
        let key = world.keys[&("cat", Client::Cli)].0;
        let by = Party::Credential(world.operator);
        let cause = countersign_record::entry::RevocationCause::Lost;
        world
            .run(&Command::RevokeKey(crate::RevokeKey { by, key, cause }))
            .unwrap();
        enrol(&mut world, "cat", endorsed)
    };
    assert_eq!(status(None), OutcomeStatus::Failed);
    assert_eq!(status(Some("bob")), OutcomeStatus::Succeeded);
}

#[test]
fn one_owner_changes_nothing() {
    let mut world = World::new();
    let zed = word(&world.people["zed"]);
    let submit = world.control(
        "countersign.person.leave",
        arguments(&format!(r#"{{"person":"{zed}"}}"#)),
    );
    let call = world.submit(submit).unwrap();
    let entries = world.approve(call, "ann");
    assert_eq!(World::kinds(&entries), ["vote.approve"]);
    assert_eq!(
        world.vote(call, "zed", Decision::Approve).unwrap_err(),
        Refusal::NotEligible
    );
}

#[test]
fn the_catalogue_of_the_policy_has_exactly_the_arguments_that_are_read() {
    let policy = countersign_policy::Policy::parse(POLICY).unwrap();
    let names: alloc::vec::Vec<&str> = crate::control::TOOLS
        .iter()
        .map(|(name, _)| *name)
        .collect();
    assert_eq!(names, countersign_policy::reserved_tools());
    for (name, taken) in crate::control::TOOLS {
        let tool = policy.tool(name).unwrap();
        let mut declared: alloc::vec::Vec<String> = tool
            .declared()
            .map(|(path, _)| path.pointer().replace('/', ""))
            .collect();
        let mut taken: alloc::vec::Vec<String> = taken.iter().map(|it| (*it).into()).collect();
        declared.sort();
        taken.sort();
        assert_eq!(declared, taken, "{name}");
    }
}
