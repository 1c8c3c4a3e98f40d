//! Refusals for reasons of the service's own: nothing was decided.

use std::fs;

use serde_json::json;

use crate::clock::HOUR;
use crate::codes::refused;
use crate::world::{World, wire};

#[test]
fn a_clock_that_jumps_stops_approvals_until_the_operator_accepts_it() {
    let mut world = World::served();
    let asked = world.ask("c1", &wire("24000.00"));
    let other = world.ask("c2", &wire("24001.00"));
    world.clock.jump(HOUR);
    refused(
        "clock-untrusted",
        &world.try_approve("alice", &asked["call"]),
    );
    refused("clock-untrusted", &world.submit("c3", &wire("5.00")));
    assert_eq!(
        world.state(&asked["call"]),
        "pending",
        "a jump expires nothing"
    );
    assert_eq!(world.audit("auditor").get("/readyz").status, 503);
    assert_eq!(world.deny("omar", &other["call"])["state"], "denied");
    let operator = world.audit("operator");
    operator.post("/v1/clock:accept", &json!({})).done();
    assert_eq!(world.state(&asked["call"]), "expired");
    assert_eq!(world.ask("c3", &wire("5.00"))["state"], "pending");
    let report = world.close();
    assert!(report.findings.iter().any(|it| it.id == "clock-accepted"));
}

#[test]
fn without_randomness_nothing_is_asked_or_opened() {
    let world = World::served();
    let asked = world.ask("c1", &wire("240.00"));
    world.session("alice");
    world.entropy.fails(true);
    let problem = refused("internal", &world.submit("c2", &wire("5.00")));
    assert_eq!(problem["retry"], "same-request");
    refused("internal", &world.try_open("alice", &asked["call"]));
    world.entropy.fails(false);
    assert_eq!(world.ask("c2", &wire("5.00"))["state"], "pending");
}

#[test]
fn a_head_lock_that_somebody_else_moved_makes_the_log_read_only() {
    let mut world = World::served();
    let asked = world.ask("c1", &wire("240.00"));
    let place = world.directory.path().join("head.lock");
    let old = fs::read(&place).unwrap();
    world.ask("c2", &wire("241.00"));
    let opened = world.open_call("alice", &asked["call"]);
    let newest = wait_for_another(&world, &place, &old);
    fs::write(&place, &old).unwrap();
    refused("read-only", &world.decide("alice", &opened, "approve"));
    refused("read-only", &world.submit("c3", &wire("242.00")));
    let audit = world.audit("auditor");
    assert_eq!(audit.get("/readyz").status, 503);
    let head = audit.get("/v1/head").json();
    assert!(
        head["read_only"].is_string(),
        "what is durable can be read, and why no more is added"
    );
    world.stop();
    fs::write(&place, newest).unwrap();
    world.serve();
    assert_eq!(
        world.look(&asked["call"])["state"],
        "approved",
        "it was durable"
    );
}

/// The head lock, once it holds another note than this: news is signed when some time has passed.
fn wait_for_another(world: &World, place: &std::path::Path, old: &[u8]) -> Vec<u8> {
    loop {
        world.clock.pass(1);
        let found = fs::read(place).unwrap();
        if found != old {
            return found;
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}
