//! Calls about which nobody is asked: allowed, denied by policy, frozen, previously denied.

use serde_json::json;

use crate::clock::{HOUR, MINUTE};
use crate::codes::refused;
use crate::world::{World, file, text, wire};

#[test]
fn what_the_policy_allows_is_redeemed_once_and_succeeds() {
    let world = World::served();
    let asked = world.ask("c1", &file("list_files", "/srv"));
    assert_eq!(asked["state"], "allowed");
    assert_eq!(asked["known"], false);
    assert!(asked["grant"]["token"].is_string(), "{asked}");
    let redeemed = world.redeem("files", &asked, "01").done();
    assert_eq!(redeemed["call"], asked["call"]);
    assert!(text(&redeemed["proof"]).starts_with("c2sp.org/tlog-proof@v1"));
    assert_eq!(world.state(&asked["call"]), "redeemed");
    world.report("files", &asked["call"], "succeeded").done();
    assert_eq!(world.state(&asked["call"]), "succeeded");
    let kinds = world.kinds(&asked["call"]);
    assert_eq!(
        kinds,
        ["call.evaluated", "grant.redeemed", "outcome.recorded"]
    );
}

#[test]
fn what_the_policy_denies_is_recorded_and_nobody_is_asked() {
    let world = World::served();
    let problem = refused(
        "denied-by-policy",
        &world.submit("c1", &file("format", "/dev/sda")),
    );
    assert!(text(&problem["message"]).starts_with("NOT EXECUTED (denied by policy)"));
    assert_eq!(world.state(&problem["call"]), "denied-by-policy");
    assert_eq!(world.kinds(&problem["call"]), ["call.evaluated"]);
    assert!(world.inbox("alice").is_empty());
}

#[test]
fn what_is_frozen_is_refused_until_the_owners_lift_the_freeze() {
    let world = World::served();
    let frozen = world.freeze(&json!({ "tool": "bank.wire", "reason": "an incident" }));
    assert_eq!(frozen["killed"], 0);
    let problem = refused("frozen", &world.submit("c1", &wire("5.00")));
    assert_eq!(world.state(&problem["call"]), "frozen");
    assert!(world.inbox("alice").is_empty());
    let arguments = json!({ "freeze": frozen["freeze"] });
    let lifted = world.control("k1", "countersign.freeze.lift", &arguments);
    assert_eq!(lifted["state"], "succeeded");
    assert_eq!(world.ask("c2", &wire("5.00"))["state"], "pending");
}

#[test]
fn what_a_person_refused_is_refused_again_without_asking_anybody() {
    let world = World::served();
    let asked = world.ask("c1", &wire("240.00"));
    assert_eq!(world.deny("alice", &asked["call"])["state"], "denied");
    let again = refused("previously-denied", &world.submit("c2", &wire("240.00")));
    assert_eq!(world.state(&again["call"]), "previously-denied");
    for key in ["c3", "c4"] {
        let repeated = refused("previously-denied", &world.submit(key, &wire("240.00")));
        assert_eq!(
            repeated["call"], asked["call"],
            "a counted repeat is no call"
        );
    }
    world.clock.pass(MINUTE);
    let counted = world.ask("c5", &wire("241.00"));
    let counts: Vec<_> = (world.entries().into_iter())
        .filter_map(|entry| match entry.draft.fact {
            countersign_record::entry::Fact::RefusalRecorded(it) => Some((it.code, it.count)),
            _ => None,
        })
        .collect();
    assert_eq!(counts, [("previously-denied".to_owned(), 2)]);
    world.withdraw(&counted["call"]).done();
    assert!(world.inbox("alice").is_empty());
}

#[test]
fn a_refusal_is_forgotten_after_its_time_and_not_by_a_new_session() {
    let world = World::served();
    let asked = world.ask("c1", &wire("240.00"));
    world.deny("alice", &asked["call"]);
    let mut body = json!({ "tool": "bank.wire", "arguments": wire("240.00").1, "session": "s2" });
    let agent = world.agent("agent");
    refused(
        "previously-denied",
        &agent.post_keyed("/v1/calls", "c1", &body),
    );
    world.clock.pass(24 * HOUR);
    body["session"] = "s3".into();
    let asked = agent.post_keyed("/v1/calls", "c1", &body).done();
    assert_eq!(asked["state"], "pending");
}

#[test]
fn an_agent_asks_the_policy_first_and_nothing_is_recorded() {
    let world = World::served();
    let before = world.entries().len();
    let (tool, arguments) = wire("24000.00");
    let body = json!({ "tool": tool, "arguments": arguments });
    let agent = world.agent("agent");
    let told = agent.post("/v1/calls:dry-run", &body).done();
    assert_eq!(told["verdict"], "confirm");
    assert_eq!(told["rules"], json!(["money", "money-large"]));
    assert_eq!(world.entries().len(), before);
}
