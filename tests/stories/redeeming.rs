//! A call that may run: claimed, lapsed, taken back, frozen, withdrawn, overtaken by the policy.

use serde_json::{Value, json};

use crate::clock::MINUTE;
use crate::codes::refused;
use crate::people::policy_with;
use crate::world::{World, file, text, wire};

/// A transfer that alice approved.
fn approved(world: &World) -> Value {
    let asked = world.ask("c1", &wire("240.00"));
    let view = world.approve("alice", &asked["call"]);
    assert_eq!(view["state"], "approved");
    view
}

#[test]
fn a_grant_is_claimed_once_and_a_lost_reply_can_be_asked_for_again() {
    let world = World::served();
    let view = approved(&world);
    let first = world.redeem("bank", &view, "01").done();
    let again = world.redeem("bank", &view, "01").done();
    assert_eq!(
        (&again["seq"], &again["call"]),
        (&first["seq"], &first["call"])
    );
    let problem = refused("already-redeemed", &world.redeem("bank", &view, "02"));
    assert_eq!(problem["call"], view["call"]);
    world.report("bank", &view["call"], "succeeded").done();
    let late = world.redeem("bank", &view, "01").done();
    assert_eq!(late["seq"], first["seq"], "also after the report");
    refused("already-redeemed", &world.redeem("bank", &view, "03"));
    let kinds = world.kinds(&view["call"]);
    let of = |kind: &str| kinds.iter().filter(|it| **it == kind).count();
    assert_eq!((of("grant.redeemed"), of("grant.replayed")), (1, 1));
}

#[test]
fn who_decides_is_not_shown_what_an_executor_claims_with() {
    let world = World::served();
    let decided = approved(&world);
    let path = format!("/v1/calls/{}/presentation", text(&decided["call"]));
    let looked = world.session("alice").get(&path).done();
    for view in [&decided, &looked["view"]] {
        assert_eq!(view["state"], "approved");
        assert!(view["grant"].get("token").is_none(), "{view}");
    }
    let salted = [&decided, &looked["view"]].map(|view| view.get("action_salt").is_some());
    assert_eq!(
        salted,
        [false, true],
        "who looks compares the action with its digest"
    );
    let of_its_agent = world.look(&decided["call"]);
    assert!(of_its_agent["grant"]["token"].is_string(), "{of_its_agent}");
}

#[test]
fn a_later_caller_of_the_same_action_is_told_that_it_ran() {
    let world = World::served();
    let view = approved(&world);
    let joined = world.ask("c2", &wire("240.00"));
    assert_eq!(joined["grant"]["jti"], view["grant"]["jti"]);
    world.redeem("bank", &view, "01").done();
    let problem = refused("already-redeemed", &world.redeem("bank", &joined, "02"));
    assert_eq!(problem["call"], view["call"]);
}

#[test]
fn an_approval_that_nobody_uses_lapses_and_whoever_waits_hears_of_it() {
    let world = World::served();
    let view = approved(&world);
    let waiting = world.waiting(&view);
    world.clock.pass(5 * MINUTE);
    assert_eq!(waiting.join().unwrap()["state"], "lapsed");
    refused("lapsed", &world.redeem("bank", &view, "01"));
    let allowed = world.ask("c2", &file("list_files", "/srv"));
    let waiting = world.waiting(&allowed);
    world.clock.pass(10 * MINUTE);
    assert_eq!(waiting.join().unwrap()["state"], "lapsed");
}

#[test]
fn an_approver_takes_an_approval_back() {
    let world = World::served();
    let view = approved(&world);
    let waiting = world.waiting(&view);
    let revoked = world.revoke("omar", &view).done();
    assert_eq!(revoked["state"], "revoked");
    assert_eq!(waiting.join().unwrap()["state"], "revoked");
    refused("revoked", &world.redeem("bank", &view, "01"));
}

#[test]
fn a_late_refusal_takes_an_approval_back() {
    let world = World::served();
    let asked = world.ask("c1", &wire("240.00"));
    let omar = world.open_call("omar", &asked["call"]);
    let view = world.approve("alice", &asked["call"]);
    let late = world.decide("omar", &omar, "deny").done();
    assert_eq!(late["call"]["state"], "revoked");
    refused("revoked", &world.redeem("bank", &view, "01"));
    refused("previously-denied", &world.submit("c2", &wire("240.00")));
}

#[test]
fn a_freeze_kills_what_was_not_redeemed_and_leaves_questions_open() {
    let world = World::served();
    let view = approved(&world);
    let allowed = world.ask("c2", &file("list_files", "/srv"));
    let pending = world.ask("c3", &wire("9.00"));
    let waiting = world.waiting(&view);
    let frozen = world.freeze(&json!({ "all": true, "reason": "an incident" }));
    assert_eq!(frozen["killed"], 2);
    assert_eq!(waiting.join().unwrap()["state"], "revoked");
    assert_eq!(world.state(&allowed["call"]), "revoked");
    refused("revoked", &world.redeem("files", &allowed, "01"));
    refused("frozen", &world.try_approve("alice", &pending["call"]));
    assert_eq!(world.deny("alice", &pending["call"])["state"], "denied");
}

#[test]
fn freezes_by_agent_person_key_rule_and_target_reach_what_they_name() {
    let world = World::served();
    let alice = world.people["alice"].clone();
    let scopes = [
        json!({ "agent": countersign_record::id::AgentId::new([1; 16]).to_string() }),
        json!({ "person": alice.id.to_string() }),
        json!({ "key": alice.key.to_string() }),
        json!({ "rule": "money" }),
        json!({ "target": "DE89370400440532013000" }),
    ];
    for (number, mut scope) in scopes.into_iter().enumerate() {
        let asked = world.ask(&format!("c{number}"), &wire("240.00"));
        let view = world.approve("alice", &asked["call"]);
        scope["reason"] = "an incident".into();
        let frozen = world.freeze(&scope);
        assert_eq!(frozen["killed"], 1, "{scope}");
        assert_eq!(world.state(&view["call"]), "revoked", "{scope}");
        let lift = json!({ "freeze": frozen["freeze"] });
        let asked = world.try_control(
            "responder",
            &format!("k{number}"),
            "countersign.freeze.lift",
            &lift,
        );
        let asked = asked.done();
        world.approve("ines", &asked["call"]);
        assert_eq!(world.approve("omar", &asked["call"])["state"], "succeeded");
    }
}

#[test]
fn the_agent_withdraws_what_may_run() {
    let world = World::served();
    let view = approved(&world);
    assert_eq!(world.withdraw(&view["call"]).done()["state"], "withdrawn");
    let allowed = world.ask("c2", &file("list_files", "/srv"));
    assert_eq!(
        world.withdraw(&allowed["call"]).done()["state"],
        "withdrawn"
    );
    refused("not-pending", &world.redeem("files", &allowed, "01"));
}

#[test]
fn a_stricter_policy_ends_an_approval_when_it_is_claimed() {
    let world = World::served();
    let view = approved(&world);
    let allowed = world.ask("c2", &file("list_files", "/srv"));
    let stricter = policy_with(
        "id      = \"deletion\"",
        "id      = \"everything\"\ntitle   = \"Nothing runs by itself\"\ntools   = [\"list_files\", \"bank.wire\"]\n\
         confirm = { approvals = 1, from = [\"owners\"] }\n\n[[rule]]\nid      = \"deletion\"",
    );
    world.adopt("k1", &stricter);
    assert_eq!(world.state(&view["call"]), "approved");
    refused("policy-stricter", &world.redeem("bank", &view, "01"));
    assert_eq!(world.state(&view["call"]), "superseded");
    refused("superseded", &world.redeem("bank", &view, "01"));
    refused("policy-stricter", &world.redeem("files", &allowed, "01"));
    assert_eq!(world.state(&allowed["call"]), "superseded");
}

#[test]
fn an_approval_by_a_key_that_was_revoked_since_permits_nothing() {
    let world = World::served();
    let view = approved(&world);
    let key = world.people["alice"].key.to_string();
    let revocation = json!({ "key": key, "cause": "lost" });
    let operator = world.audit("operator");
    operator.post("/v1/revocations", &revocation).done();
    refused("revoked", &world.redeem("bank", &view, "01"));
}
