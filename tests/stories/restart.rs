//! A server that stops, starts, or may not start.

use std::fs;

use countersign_service::Options;
use serde_json::{Value, json};

use crate::clock::MINUTE;
use crate::setup::Plan;
use crate::world::{World, file, text, wire};

#[test]
fn a_question_outlives_the_server_and_its_deadline_goes_on() {
    let mut world = World::served();
    let asked = world.ask("c1", &wire("24000.00"));
    let other = world.ask("c2", &wire("240.00"));
    let before = world.approve("alice", &asked["call"]);
    world.clock.pass(9 * MINUTE);
    world.restart();
    let after = world.look(&asked["call"]);
    assert_eq!(
        (&after["state"], &after["have"]),
        (&json!("pending"), &json!(1))
    );
    assert_eq!(after["deadline_ms"], before["deadline_ms"]);
    let view = world.approve("omar", &asked["call"]);
    assert_eq!(view["state"], "approved");
    world.stop();
    world.clock.pass(MINUTE);
    world.serve();
    assert_eq!(
        world.state(&other["call"]),
        "expired",
        "time passed meanwhile"
    );
    world.redeem("bank", &view, "01").done();
    world.restart();
    let again = world.redeem("bank", &view, "01").done();
    assert_eq!(
        again["call"], view["call"],
        "claimed once, also across a restart"
    );
}

#[test]
fn whoever_listens_goes_on_where_the_stream_broke_off() {
    let mut world = World::served();
    let asked = world.ask("c1", &wire("24000.00"));
    let path = format!("/v1/calls/{}/events", text(&asked["call"]));
    let mut events = world.agent("agent").listen(&path, Some(0));
    let kind = |event: Option<Value>| text(&event.unwrap()["kind"]).to_owned();
    assert_eq!(kind(events.next()), "call.evaluated");
    let opened = events.next().unwrap();
    assert_eq!(opened["kind"], "confirmation.opened");
    world.approve("alice", &asked["call"]);
    assert_eq!(kind(events.next()), "presentation.served");
    world.restart();
    drop(events);
    world.approve("omar", &asked["call"]);
    let last = opened["seq"].as_u64();
    let events = world.agent("agent").listen(&path, last);
    let kinds: Vec<String> = events.take(5).map(|event| kind(Some(event))).collect();
    assert_eq!(
        kinds,
        [
            "presentation.served",
            "vote.approve",
            "presentation.served",
            "vote.approve",
            "confirmation.approved"
        ]
    );
    let mut all = world.agent("agent").listen("/v1/events", None);
    let other = world.ask("c2", &file("list_files", "/srv"));
    assert_eq!(all.next().unwrap()["call"], other["call"]);
}

#[test]
fn a_server_that_stops_sends_those_who_wait_away_with_what_is_known() {
    let mut world = World::served();
    let asked = world.ask("c1", &wire("240.00"));
    let agent = world.agent("agent");
    let mut events = agent.listen("/v1/events", Some(0));
    assert_eq!(events.next().unwrap()["call"], asked["call"]);
    world.stop();
    while events.next().is_some() {}
    assert_eq!(world.close().scope.withheld, 0);
}

#[test]
fn the_index_is_built_anew_and_the_answers_are_the_same() {
    let mut world = World::served();
    let ran = world.ask("c1", &file("list_files", "/srv"));
    world.redeem("files", &ran, "01").done();
    world.report("files", &ran["call"], "succeeded").done();
    let denied = world.ask("c2", &wire("240.00"));
    world.deny("alice", &denied["call"]);
    let trace = |world: &World, call: &Value| {
        let path = format!("/v1/trace/{}", text(call));
        world.audit("auditor").get(&path).done()
    };
    let calls = [&ran["call"], &denied["call"]];
    let before = calls.map(|call| (world.look(call), trace(&world, call)));
    world.stop();
    fs::remove_dir_all(world.directory.path().join("index")).unwrap();
    world.serve();
    assert_eq!(
        calls.map(|call| (world.look(call), trace(&world, call))),
        before
    );
}

#[test]
fn a_second_server_on_the_same_directory_is_turned_away() {
    let world = World::served();
    let open = world.open(Options::default()).err().unwrap().to_string();
    assert!(open.starts_with("another server uses this log"), "{open}");
    let config = world.another();
    let second = world.block_on(countersign_server::run(&config));
    let told = second.err().unwrap().to_string();
    assert!(told.starts_with("another server uses this log"), "{told}");
    assert_eq!(world.ask("c1", &wire("240.00"))["state"], "pending");
}

#[test]
fn a_log_whose_control_one_loss_would_lock_is_not_armed() {
    let two: &[(&str, &[&str])] = &[
        ("alice", &["owners", "ops"]),
        ("omar", &["owners", "treasury"]),
    ];
    let mut world = World::planned(&Plan {
        people: two,
        ..Plan::default()
    });
    let arm = Options {
        arm: true,
        ..Options::default()
    };
    let refused = world.serve_with(arm).unwrap_err();
    let cause = std::error::Error::source(&refused).unwrap().to_string();
    assert!(refused.to_string().starts_with("arming"), "{refused}");
    assert!(cause.contains("not armed"), "{cause}");
}

#[test]
fn a_head_lock_of_another_log_is_not_this_ones() {
    let mut world = World::served();
    let mut other = World::served();
    world.stop();
    other.stop();
    let place = world.directory.path().join("head.lock");
    let own = fs::read(&place).unwrap();
    fs::copy(other.directory.path().join("head.lock"), &place).unwrap();
    let refused = world.serve_with(Options::default()).unwrap_err();
    let told = refused.to_string();
    assert!(
        told.contains("not hold a checkpoint signed by this log's key"),
        "{told}"
    );
    fs::remove_file(&place).unwrap();
    let refused = world.serve_with(Options::default()).unwrap_err();
    assert!(refused.to_string().contains("is missing"), "{refused}");
    fs::write(&place, own).unwrap();
    world.serve();
}

#[test]
fn a_log_that_was_cut_behind_its_head_is_not_served() {
    let mut world = World::served();
    let old = fs::read(world.directory.path().join("head.lock")).unwrap();
    world.ask("c1", &wire("240.00"));
    world.stop();
    let place = world.directory.path().join("head.lock");
    let newest = fs::read(&place).unwrap();
    fs::write(&place, old).unwrap();
    world.serve();
    world.stop();
    let longer = fs::read(&place).unwrap();
    assert_ne!(
        longer, newest,
        "an older head is below the log, and is signed anew"
    );
}
