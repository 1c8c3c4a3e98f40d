//! Refusals that people meet: everything that an approval must be, and a refusal need not be.

use countersign_attest::{Context, Statement};
use serde_json::json;

use crate::clock::{MINUTE, SECOND};
use crate::codes::refused;
use crate::people::signed;
use crate::world::{World, base64, file, text, wire};

#[test]
fn who_is_not_of_the_groups_decides_nothing() {
    let world = World::served();
    let asked = world.ask("c1", &file("delete", "/srv/a"));
    refused("not-eligible", &world.try_open("omar", &asked["call"]));
    let path = format!("/v1/calls/{}/presentation", text(&asked["call"]));
    refused("not-found", &world.session("omar").get(&path));
    let shown = world.session("alice").get(&path).done();
    assert!(shown["shown"].is_object(), "{shown}");
    assert!(shown.get("statements").is_none(), "looking is not opening");
}

#[test]
fn who_answers_for_the_agent_refuses_and_does_not_approve() {
    let world = World::served();
    let asked = world.ask("c1", &file("delete", "/srv/a"));
    refused(
        "requester-cannot-approve",
        &world.try_approve("ines", &asked["call"]),
    );
    assert_eq!(world.deny("ines", &asked["call"])["state"], "denied");
    let own = world.ask("c2", &file("merge", "/srv/a"));
    assert_eq!(
        world.approve("ines", &own["call"])["state"],
        "approved",
        "the policy says so in words"
    );
}

#[test]
fn an_approval_meets_every_hurdle_and_a_refusal_none() {
    let world = World::served();
    let near = world.ask("c1", &file("send", "/srv/a"))["call"].clone();
    refused(
        "channel-not-independent",
        &world.try_approve("alice", &near),
    );
    let class = world.ask("c2", &file("vault", "/srv/a"))["call"].clone();
    refused("key-not-active", &world.try_approve("alice", &class));
    let hasty = world.ask("c3", &file("sign", "/srv/a"))["call"].clone();
    let opened = world.open_call("alice", &hasty);
    let problem = refused("cooling-down", &world.decide("alice", &opened, "approve"));
    assert_eq!(problem["retry"], "after");
    let mute = world.ask("c4", &file("shred", "/srv/a"))["call"].clone();
    refused("reason-required", &world.try_approve("alice", &mute));
    for call in [&near, &class, &mute] {
        assert_eq!(world.deny("alice", call)["state"], "denied");
    }
    world.clock.pass(30 * SECOND);
    let slow = world.decide("alice", &opened, "approve").done();
    assert_eq!(slow["call"]["state"], "approved");
}

#[test]
fn a_reason_is_signed_and_cannot_be_changed_on_the_way() {
    let world = World::served();
    let asked = world.ask("c1", &file("shred", "/srv/a"));
    let opened = world.open_call("alice", &asked["call"]);
    let key = world.people["alice"].key.to_string();
    let salt = [7; 32];
    let mut statement = Statement::read(&opened.statement(&key, "approve")).unwrap();
    let digest = countersign_record::action::text_digest(&salt, "it is old");
    statement.comment_digest = Some(digest);
    let bytes = statement.to_bytes().unwrap();
    let mut body = signed(&world.people["alice"], Context::Approval, &bytes);
    body["comment"] = json!({ "salt": "07".repeat(32), "text": "it is new" });
    refused(
        "digest-mismatch",
        &world.send_decision(&asked["call"], &body),
    );
    let said = world.decide_saying("alice", &opened, "approve", Some("it is old"));
    assert_eq!(said.done()["call"]["state"], "approved");
}

#[test]
fn one_person_is_one_vote() {
    let world = World::served();
    let asked = world.ask("c1", &wire("24000.00"));
    let opened = world.open_call("alice", &asked["call"]);
    world.decide("alice", &opened, "approve").done();
    let other = world.decide_saying("alice", &opened, "approve", Some("once more"));
    refused("nonce-used", &other);
    refused("already-voted", &world.try_approve("alice", &asked["call"]));
    let publish = world.ask("c2", &file("publish", "/srv/a"));
    world.deny("alice", &publish["call"]);
    refused(
        "already-voted",
        &world.try_approve("alice", &publish["call"]),
    );
    assert_eq!(world.approve("omar", &publish["call"])["state"], "approved");
}

#[test]
fn nothing_is_signed_that_was_not_opened_here() {
    let world = World::served();
    let asked = world.ask("c1", &wire("24000.00"));
    let opened = world.open_call("alice", &asked["call"]);
    let alice = world.people["alice"].clone();
    let offered = opened.statement(&alice.key.to_string(), "approve");
    let send = |statement: &Statement| {
        let bytes = statement.to_bytes().unwrap();
        world.send_decision(&asked["call"], &signed(&alice, Context::Approval, &bytes))
    };
    let honest = Statement::read(&offered).unwrap();
    let mut elsewhere = honest.clone();
    elsewhere.nonce = countersign_attest::statement::Nonce([9; 32]);
    refused("presentation-not-served", &send(&elsewhere));
    let mut other = honest.clone();
    other.deadline_ms += 1;
    refused("digest-mismatch", &send(&other));
    let mut borrowed = honest.clone();
    borrowed.key = world.people["omar"].key;
    refused("key-not-active", &send(&borrowed));
    let mut body = signed(&world.people["omar"], Context::Approval, &offered);
    refused(
        "signature-invalid",
        &world.send_decision(&asked["call"], &body),
    );
    body["statement"] = base64(b"yes").into();
    refused(
        "signature-invalid",
        &world.send_decision(&asked["call"], &body),
    );
    assert_eq!(send(&honest).status, 200);
}

#[test]
fn a_revoked_key_opens_no_session_and_decides_nothing() {
    let world = World::served();
    let asked = world.ask("c1", &wire("24000.00"));
    let opened = world.open_call("alice", &asked["call"]);
    let session = world.session("alice");
    let key = world.people["alice"].key.to_string();
    let revocation = json!({ "key": key, "cause": "lost" });
    let operator = world.audit("operator");
    operator.post("/v1/revocations", &revocation).done();
    refused("key-not-active", &world.decide("alice", &opened, "approve"));
    refused("unauthenticated", &session.get("/v1/inbox"));
    refused("unauthenticated", &world.begin_login("alice"));
    refused(
        "key-not-active",
        &operator.post("/v1/revocations", &revocation),
    );
}

#[test]
fn whoever_comes_too_late_is_told_how_it_ended() {
    let world = World::served();
    let asked = world.ask("c1", &wire("240.00"));
    let (alice, omar) = (
        world.open_call("alice", &asked["call"]),
        world.open_call("omar", &asked["call"]),
    );
    let view = world.decide("alice", &alice, "approve").done()["call"].clone();
    refused("not-pending", &world.decide("omar", &omar, "approve"));
    world.redeem("bank", &view, "01").done();
    refused("already-redeemed", &world.decide("omar", &omar, "deny"));
    refused("already-redeemed", &world.revoke("omar", &view));
    let silent = world.ask("c2", &wire("241.00"));
    let opened = world.open_call("alice", &silent["call"]);
    world.clock.pass(10 * MINUTE);
    refused("expired", &world.decide("alice", &opened, "approve"));
    refused("expired", &world.decide("alice", &opened, "deny"));
    let denied = world.ask("c3", &wire("242.00"));
    world.deny("alice", &denied["call"]);
    refused("not-pending", &world.try_open("omar", &denied["call"]));
    refused("not-approved", &world.revoke("omar", &denied));
    let open = world.ask("c4", &wire("243.00"));
    refused("not-approved", &world.revoke("omar", &open));
}
