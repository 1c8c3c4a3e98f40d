//! A call that people are asked about, up to their decision or to its end without one.

use serde_json::json;

use crate::clock::{HOUR, MINUTE};
use crate::codes::refused;
use crate::people::policy_with;
use crate::setup::POLICY;
use crate::world::{World, file, text, wire};

#[test]
fn two_people_approve_and_whoever_waits_hears_of_each_step() {
    let world = World::served();
    let submitted = world.submit("c1", &wire("24000.00"));
    assert_eq!(submitted.status, 202);
    let asked = submitted.json();
    let place = format!("/v1/calls/{}", text(&asked["call"]));
    assert_eq!(submitted.header("Location"), place);
    assert_eq!(
        submitted.header("ETag"),
        format!("\"{}\"", asked["version"])
    );
    let call = &asked["call"];

    let waiting = world.waiting(&asked);
    let opened = world.open_call("alice", call);
    let heard = waiting.join().unwrap();
    assert_eq!(
        (&heard["state"], &heard["have"]),
        (&json!("pending"), &json!(0))
    );

    let waiting = world.waiting(&heard);
    let first = world.decide("alice", &opened, "approve").done();
    assert!(text(&first["proof"]).starts_with("c2sp.org/tlog-proof@v1"));
    let heard = waiting.join().unwrap();
    assert_eq!((&heard["have"], &heard["need"]), (&json!(1), &json!(2)));
    let again = world.decide("alice", &opened, "approve").done();
    assert_eq!(
        again["seq"], first["seq"],
        "the same decision, the same answer"
    );

    let opened = world.open_call("omar", call);
    let waiting = world.waiting(&world.look(call));
    world.decide("omar", &opened, "approve").done();
    let heard = waiting.join().unwrap();
    assert_eq!(heard["state"], "approved");
    world.redeem("bank", &heard, "01").done();
    world.report("bank", call, "succeeded").done();
    assert_eq!(world.state(call), "succeeded");
}

#[test]
fn one_of_each_group_is_not_two_of_the_same() {
    let world = World::served();
    let asked = world.ask("c1", &file("archive", "/srv/a"));
    assert_eq!(asked["need"], 2);
    let first = world.approve("omar", &asked["call"]);
    assert_eq!(
        (&first["state"], &first["have"]),
        (&json!("pending"), &json!(1))
    );
    let second = world.approve("alice", &asked["call"]);
    assert_eq!(second["state"], "approved");
}

#[test]
fn as_many_refusals_as_the_policy_says_end_it() {
    let world = World::served();
    let asked = world.ask("c1", &file("publish", "/srv/a"));
    assert_eq!(world.deny("alice", &asked["call"])["state"], "pending");
    let opened = world.open_call("omar", &asked["call"]);
    let waiting = world.waiting(&world.look(&asked["call"]));
    world.decide("omar", &opened, "deny").done();
    let heard = waiting.join().unwrap();
    assert_eq!(heard["state"], "denied");
    assert!(text(&heard["message"]).starts_with("NOT EXECUTED (denied)"));
}

#[test]
fn a_question_that_those_left_cannot_answer_ends_as_denied() {
    let world = World::served();
    let asked = world.ask("c1", &file("seal", "/srv/a"));
    assert_eq!(
        world.deny("alice", &asked["call"])["state"],
        "denied",
        "ines is of the agent's circle: omar alone is not two"
    );
}

#[test]
fn somebody_who_denies_after_approving_ends_it() {
    let world = World::served();
    let asked = world.ask("c1", &wire("24000.00"));
    assert_eq!(world.approve("alice", &asked["call"])["have"], 1);
    assert_eq!(world.deny("alice", &asked["call"])["state"], "denied");
}

#[test]
fn silence_is_cancel_and_whoever_waits_hears_of_it() {
    let world = World::served();
    let asked = world.ask("c1", &wire("240.00"));
    let waiting = world.waiting(&asked);
    world.clock.pass(10 * MINUTE);
    let heard = waiting.join().unwrap();
    assert_eq!(heard["state"], "expired");
    let kinds = world.kinds(&asked["call"]);
    assert_eq!(kinds.last(), Some(&"confirmation.expired"));
    let again = world.ask("c2", &wire("240.00"));
    assert_eq!(again["state"], "pending", "expired is not denied");
}

#[test]
fn the_agent_withdraws_and_an_attached_caller_leaves_first() {
    let world = World::served();
    let asked = world.ask("c1", &wire("240.00"));
    let joined = world.ask("c2", &wire("240.00"));
    assert_eq!(joined["call"], asked["call"], "it is asked once");
    assert_eq!(joined["known"], true);
    let left = world.withdraw(&asked["call"]).done();
    assert_eq!(left["state"], "pending", "one caller still wants it");
    assert_eq!(left["action_salt"], asked["action_salt"]);
    let ended = world.withdraw(&asked["call"]).done();
    assert_eq!(ended["state"], "withdrawn");
    let again = world.withdraw(&asked["call"]).done();
    assert_eq!(again["state"], "withdrawn");
    assert_eq!(
        world.kinds(&asked["call"]),
        [
            "call.evaluated",
            "confirmation.opened",
            "call.attached",
            "call.attached",
            "confirmation.withdrawn"
        ]
    );
}

#[test]
fn the_same_key_and_content_is_the_same_call() {
    let world = World::served();
    let first = world.ask("c1", &wire("240.00"));
    let again = world.submit("c1", &wire("240.00"));
    assert_eq!(again.status, 202);
    assert_eq!(again.json()["call"], first["call"]);
    assert_eq!(again.json()["version"], first["version"]);
    let other = world.submit("c1", &wire("241.00"));
    refused("idempotency-key-reused", &other);
}

#[test]
fn a_stricter_policy_ends_a_question_at_the_next_vote() {
    let world = World::served();
    let asked = world.ask("c1", &file("delete", "/srv/a"));
    let stricter = policy_with(
        "approvals = 1, from = [\"ops\"], key_class = \"software\", expires = \"10m\", execute_within",
        "approvals = 2, from = [\"ops\"], key_class = \"software\", expires = \"10m\", execute_within",
    );
    world.adopt("k1", &stricter);
    assert_eq!(world.state(&asked["call"]), "pending");
    refused(
        "policy-stricter",
        &world.try_approve("alice", &asked["call"]),
    );
    assert_eq!(world.state(&asked["call"]), "superseded");
    refused("superseded", &world.try_open("alice", &asked["call"]));
    let again = world.ask("c2", &file("delete", "/srv/a"));
    assert_eq!(
        (&again["state"], &again["need"]),
        (&json!("pending"), &json!(2))
    );
}

#[test]
fn a_policy_that_demands_no_more_lets_a_question_go_on() {
    let world = World::served();
    let asked = world.ask("c1", &wire("24000.00"));
    world.approve("alice", &asked["call"]);
    world.adopt(
        "k1",
        &POLICY.replace("version       = 1", "version       = 2"),
    );
    assert_eq!(world.approve("omar", &asked["call"])["state"], "approved");
}

#[test]
fn a_deadline_is_as_the_policy_says() {
    let world = World::served();
    let asked = world.ask("c1", &file("publish", "/srv/a"));
    let opened_at = world.entries().last().map(|entry| entry.at);
    assert_eq!(asked["deadline_ms"].as_u64(), opened_at.map(|at| at + HOUR));
}
