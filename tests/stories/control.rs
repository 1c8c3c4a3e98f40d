//! Changes of the control: each is a call that two owners agree to, and nothing else is.

use countersign_attest::Context;
use countersign_attest::statement::AttestKey;
use countersign_record::digest::{StatementDigest, sha256};
use countersign_record::entry::{Fact, PersonEnrolled, Refs};
use countersign_record::id::{AgentId, PersonId};
use countersign_record::json::Object;
use countersign_service::Options;
use ed25519_dalek::SigningKey;
use serde_json::{Value, json};

use crate::codes::refused;
use crate::people::{policy_with, signed};
use crate::setup::{ORIGIN, Person, enrolment, token_digest_text, try_run};
use crate::world::{World, base64, file, text, wire};

#[test]
fn a_new_agent_asks_after_two_owners_agreed() {
    let world = World::served();
    let arguments = json!({
        "name": "helper", "principal": world.people["omar"].id.to_string(),
        "enforcement": "cooperative", "token_digest": token_digest_text("helper"),
    });
    let body = json!({ "tool": "bank.wire", "arguments": wire("5.00").1 });
    let ask = || world.agent("helper").post_keyed("/v1/calls", "c1", &body);
    refused("unauthenticated", &ask());
    let ended = world.control("k1", "countersign.agent.add", &arguments);
    assert_eq!(ended["state"], "succeeded");
    assert_eq!(
        world.kinds(&ended["call"]),
        [
            "call.evaluated",
            "confirmation.opened",
            "presentation.served",
            "vote.approve",
            "presentation.served",
            "vote.approve",
            "confirmation.approved",
            "grant.redeemed",
            "outcome.recorded"
        ]
    );
    let asked = ask().done();
    assert_eq!(asked["state"], "pending");
    refused(
        "requester-cannot-approve",
        &world.try_approve("omar", &asked["call"]),
    );
    let again = world.control("k2", "countersign.agent.add", &arguments);
    assert_eq!(again["state"], "failed", "one token is one credential");
}

#[test]
fn a_new_person_decides_once_enrolled_with_a_key() {
    let mut world = World::served();
    let arguments = json!({
        "handle": "lea", "name": "Lea", "email": "lea@bank.example", "groups": ["treasury"],
    });
    let ended = world.control("k1", "countersign.person.add", &arguments);
    assert_eq!(ended["state"], "succeeded");
    let enrolled = world.entries().into_iter().rev();
    let id = enrolled.filter(|entry| entry.kind() == "person.enrolled");
    let id = id.map(|entry| entry.draft.refs.person.unwrap()).next();
    let lea = enrol_key(&world, "k2", id.unwrap(), None).expect("a first key");
    world.people.insert("lea", lea);
    let asked = world.ask("c1", &wire("240.00"));
    assert_eq!(world.approve("lea", &asked["call"])["state"], "approved");

    let id = world.people["lea"].id.to_string();
    let change = json!({ "group": "treasury", "person": id, "change": "remove" });
    let ended = world.control("k3", "countersign.group.change", &change);
    assert_eq!(ended["state"], "succeeded");
    let asked = world.ask("c2", &wire("241.00"));
    refused("not-eligible", &world.try_open("lea", &asked["call"]));
    let leave = json!({ "person": id });
    let ended = world.control("k4", "countersign.person.leave", &leave);
    assert_eq!(ended["state"], "succeeded");
}

#[test]
fn a_second_key_needs_another_persons_word() {
    let mut world = World::served();
    let alice = world.people["alice"].clone();
    assert!(enrol_key(&world, "k1", alice.id, None).is_none());
    assert!(enrol_key(&world, "k2", alice.id, Some("alice")).is_none());
    let second = enrol_key(&world, "k3", alice.id, Some("ines"));
    world.people.insert("alice", second.expect("ines knows it"));
    world.sessions.borrow_mut().clear();
    let asked = world.ask("c1", &wire("240.00"));
    assert_eq!(world.approve("alice", &asked["call"])["state"], "approved");
}

/// Asks for a key of this person; the person with it, when it was enrolled.
fn enrol_key(world: &World, key: &str, id: PersonId, vouched: Option<&str>) -> Option<Person> {
    let signing = SigningKey::from_bytes(&sha256(&[key.as_bytes()]));
    let (enrolment, signature) = enrolment(id, &signing);
    let bytes = enrolment.to_bytes().unwrap();
    let mut arguments = json!({ "statement": base64(&bytes), "signature": base64(&signature) });
    if let Some(witness) = vouched.map(|name| &world.people[name]) {
        let statement = AttestKey {
            log: ORIGIN.into(),
            enrolment: StatementDigest(sha256(&[&bytes])),
            person: witness.id,
            key: witness.key,
        };
        let statement = statement.to_bytes().unwrap();
        let mut endorsement = signed(witness, Context::AttestKey, &statement);
        endorsement["key"] = witness.key.to_string().into();
        arguments["endorsement"] = endorsement;
    }
    let ended = world.control(key, "countersign.key.enroll", &arguments);
    let mut enrolled = world.entries().into_iter().rev();
    let enrolled = enrolled
        .find(|entry| entry.kind() == "key.enrolled")
        .unwrap();
    (ended["state"] == "succeeded").then(|| Person {
        id,
        key: enrolled.draft.refs.key.unwrap(),
        signing,
    })
}

#[test]
fn a_new_executor_runs_what_a_new_policy_binds_to_it() {
    let world = World::served();
    let arguments = json!({ "name": "press", "token_digest": token_digest_text("press") });
    let ended = world.control("k1", "countersign.executor.add", &arguments);
    assert_eq!(ended["state"], "succeeded");
    let tools = "[tools]\nprint = { class = \"reading\", verb = \"print\", args = { path = \"path\" }, executor = \"press\" }\n";
    world.adopt("k2", &policy_with("[tools]\n", tools));
    let asked = world.ask("c1", &file("print", "/srv/a"));
    world.redeem("press", &asked, "01").done();
    world.report("press", &asked["call"], "succeeded").done();
}

#[test]
fn a_new_credential_has_its_role() {
    let world = World::served();
    let arguments = json!({
        "name": "night", "role": "responder", "token_digest": token_digest_text("night"),
    });
    let ended = world.control("k1", "countersign.credential.add", &arguments);
    assert_eq!(ended["state"], "succeeded");
    let scope = json!({ "all": true, "reason": "an incident" });
    world.audit("night").post("/v1/freezes", &scope).done();
}

#[test]
fn a_denial_is_lifted_by_the_owners() {
    let world = World::served();
    let asked = world.ask("c1", &wire("240.00"));
    world.deny("alice", &asked["call"]);
    refused("previously-denied", &world.submit("c2", &wire("240.00")));
    let lift = json!({ "call": asked["call"] });
    let ended = world.control("k1", "countersign.denial.lift", &lift);
    assert_eq!(ended["state"], "succeeded");
    assert_eq!(world.ask("c3", &wire("240.00"))["state"], "pending");
}

#[test]
fn a_change_that_no_longer_fits_changes_nothing_and_says_so() {
    let world = World::served();
    let absent = json!({ "freeze": "frz_aaaaaaaaaaaaaaaaaaaaaaaaaa" });
    let ended = world.control("k1", "countersign.freeze.lift", &absent);
    assert_eq!(ended["state"], "failed");
    let locking = policy_with("[governance]", "[governance]\napprovals = 3");
    let arguments = json!({ "toml": locking });
    let ended = world.control("k2", "countersign.policy.adopt", &arguments);
    assert_eq!(ended["state"], "failed", "no policy locks everybody out");
}

#[test]
fn a_control_call_is_refused_expires_and_is_withdrawn_like_any_other() {
    let world = World::served();
    let lift = |number: &str| json!({ "freeze": format!("frz_{number}{}", "a".repeat(25)) });
    let ask = |key: &str, number| {
        world.try_control("operator", key, "countersign.freeze.lift", &lift(number))
    };
    let denied = ask("k1", "b").done();
    assert_eq!(world.deny("ines", &denied["call"])["state"], "denied");
    refused("previously-denied", &ask("k2", "b"));
    let silent = ask("k3", "c").done();
    world.clock.pass(10 * crate::clock::MINUTE);
    let path = format!("/v1/control-calls/{}", text(&silent["call"]));
    let seen = world.audit("operator").get(&path).done();
    assert_eq!(seen["state"], "expired");
    let unwanted = ask("k4", "d").done();
    let path = format!("/v1/control-calls/{}/withdraw", text(&unwanted["call"]));
    let withdrawn = world.audit("operator").post(&path, &json!({})).done();
    assert_eq!(withdrawn["state"], "withdrawn");
    let path = format!("/v1/calls/{}", text(&unwanted["call"]));
    refused("not-found", &world.agent("agent").get(&path));
}

#[test]
fn arguments_of_no_change_are_refused_before_anybody_is_asked() {
    let world = World::served();
    let odd = json!({ "freeze": "frz_aaaaaaaaaaaaaaaaaaaaaaaaaa", "also": 1 });
    let response = world.try_control("operator", "k1", "countersign.freeze.lift", &odd);
    refused("malformed-arguments", &response);
    let own = world.try_control("operator", "k2", "list_files", &json!({ "path": "/srv" }));
    refused("forbidden", &own);
    assert!(world.inbox("alice").is_empty());
}

#[test]
fn after_arming_the_operator_at_the_machine_changes_nothing_directly() {
    let mut world = World::served();
    world.stop();
    let mut core = world.open(Options::default()).unwrap();
    let refs = Refs {
        person: Some(PersonId::new([99; 16])),
        ..Refs::default()
    };
    let body = Object::new()
        .with("handle", "eve")
        .with("name", "Eve")
        .with("email", "eve@bank.example");
    let fact = Fact::from(PersonEnrolled { bootstrap: true });
    let direct = try_run(&mut core, refs, fact, Some(("person", body)));
    let told = direct.unwrap_err();
    let told = std::error::Error::source(&told).unwrap().to_string();
    assert!(
        told.contains("make this change as a control call"),
        "{told}"
    );
}

#[test]
fn a_revocation_is_immediate_and_needs_nobody() {
    let world = World::served();
    let operator = world.audit("operator");
    let executor = countersign_record::id::ExecutorId::new([3; 16]).to_string();
    let revocation = json!({ "executor": executor, "cause": "replaced" });
    operator.post("/v1/revocations", &revocation).done();
    refused("unauthenticated", &world.agent("files").get("/v1/calls/x"));
    let both = json!({ "agent": AgentId::new([1; 16]).to_string(), "executor": executor, "cause": "left" });
    refused(
        "malformed-arguments",
        &operator.post("/v1/revocations", &both),
    );
    let nothing: Value = json!({ "key": format!("key_{}", "a".repeat(26)), "cause": "left" });
    refused("not-found", &operator.post("/v1/revocations", &nothing));
}

#[test]
fn nobody_is_asked_about_a_policy_that_must_not_be_kept() {
    let world = World::served();
    let owner = "The owners of the stories";
    for (is, why) in [
        ("Nadia Alice of the board", "the name of an enrolled person"),
        ("a@bank.example", "it holds an @"),
    ] {
        let toml = policy_with(owner, is);
        let named = json!({ "toml": toml });
        let refusal = world.try_control("operator", "k1", "countersign.policy.adopt", &named);
        let problem = refused("malformed-arguments", &refusal);
        let detail = text(&problem["detail"]);
        assert!(
            detail.starts_with("at /arguments/toml: error: line 6: "),
            "{detail}"
        );
        assert!(detail.contains(why), "{detail}");
    }
    let typo = json!({ "toml": policy_with("owners   = \"answer", "ownres   = \"answer") });
    let refusal = world.try_control("operator", "k1", "countersign.policy.adopt", &typo);
    let problem = refused("malformed-arguments", &refusal);
    assert!(text(&problem["detail"]).contains("owners"), "{problem}");
}
