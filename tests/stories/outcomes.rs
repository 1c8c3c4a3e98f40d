//! What became of a call, and what is not known.

use serde_json::Value;

use crate::clock::HOUR;
use crate::codes::refused;
use crate::world::{World, wire};

/// A transfer that the bank has claimed.
fn redeemed(world: &World) -> Value {
    let asked = world.ask("c1", &wire("240.00"));
    let view = world.approve("alice", &asked["call"]);
    world.redeem("bank", &view, "01").done();
    world.look(&view["call"])
}

#[test]
fn a_failure_is_reported_and_a_second_equal_report_is_the_first() {
    let world = World::served();
    let call = redeemed(&world)["call"].clone();
    let first = world.report("bank", &call, "failed").done();
    let again = world.report("bank", &call, "failed").done();
    assert_eq!(first["seq"], again["seq"]);
    assert_eq!(world.state(&call), "failed");
}

#[test]
fn a_conflicting_report_makes_it_unknown_until_it_is_reconciled() {
    let mut world = World::served();
    let call = redeemed(&world)["call"].clone();
    world.report("bank", &call, "succeeded").done();
    refused("outcome-conflict", &world.report("bank", &call, "failed"));
    assert_eq!(world.state(&call), "outcome-unknown");
    world.report("bank", &call, "failed").done();
    assert_eq!(world.state(&call), "failed");
    let report = world.close();
    assert!(report.findings.iter().any(|it| it.id == "outcome-disputed"));
}

#[test]
fn without_a_report_in_time_the_outcome_is_unknown_until_it_is_reconciled() {
    let world = World::served();
    let view = redeemed(&world);
    let waiting = world.waiting(&view);
    world.clock.pass(HOUR);
    assert_eq!(waiting.join().unwrap()["state"], "outcome-unknown");
    world.report("bank", &view["call"], "succeeded").done();
    assert_eq!(world.state(&view["call"]), "succeeded");
}

#[test]
fn an_executor_that_does_not_know_says_so_and_finds_out_later() {
    let world = World::served();
    let view = redeemed(&world);
    world.report("bank", &view["call"], "unknown").done();
    assert_eq!(world.state(&view["call"]), "outcome-unknown");
    world.report("bank", &view["call"], "failed").done();
    assert_eq!(world.state(&view["call"]), "failed");
}

#[test]
fn a_report_about_what_nobody_redeemed_is_recorded_and_is_a_high_finding() {
    let mut world = World::served();
    let asked = world.ask("c1", &wire("240.00"));
    let call = &asked["call"];
    world.report("bank", call, "succeeded").done();
    assert_eq!(world.state(call), "pending", "it ends nothing");
    world.deny("alice", call);
    world.report("bank", call, "succeeded").done();
    let kinds = world.kinds(call);
    let reports = kinds.iter().filter(|kind| **kind == "outcome.recorded");
    assert_eq!(reports.count(), 2);
    let report = world.close();
    let high = report
        .findings
        .iter()
        .filter(|it| it.id == "executed-without-redemption");
    assert_eq!(high.count(), 2, "{}", report.to_text());
}
