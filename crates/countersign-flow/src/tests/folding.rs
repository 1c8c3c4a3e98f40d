//! State is a fold of the log, and stays small.

use countersign_record::entry::OutcomeStatus;
use countersign_record::id::SessionId;
use countersign_record::term::Decision;

use super::*;
use crate::{Command, Unchecked, snapshot};

/// A log with every kind of ending.
fn busy() -> World {
    let mut world = World::new();
    let done = world.approved("pay_twice");
    world.redeem(done).unwrap();
    world.report(done, OutcomeStatus::Failed, None).unwrap();
    let denied = world.submission("pay", "Denied Ltd", "denied");
    let denied = world.submit(denied).unwrap();
    world.vote(denied, "ann", Decision::Deny).unwrap();
    let withdrawn = world.ask("merge");
    world.withdraw(withdrawn).unwrap();
    let killed = world.approved("pay");
    world.freeze(|it| it.tool = Some("pay".into()));
    assert!(!world.state.calls.contains_key(&killed));
    let mut session = world.submission("deploy", "Example Ltd", "session");
    session.session = Some(SessionId::new([1; 16]));
    session.new_session = Some(Some("monday".into()));
    let document = session.document.as_mut().unwrap();
    document.session = Some("monday".into());
    world.submit(session).unwrap();
    world.ask("vote");
    world
}

#[test]
fn a_restart_finds_the_state_as_it_was() {
    let world = busy();
    assert_eq!(world.refolded(), world.state);
}

#[test]
fn a_state_reads_back_from_a_snapshot_and_goes_on_as_if_folded_from_the_first_entry() {
    let mut world = busy();
    let bytes = snapshot::write(&world.state);
    let read = snapshot::read(&bytes).unwrap();
    assert_eq!(read, world.state);
    assert_eq!(snapshot::write(&read), bytes);
    world.state = read;
    let call = world.approved("pay_twice");
    world.redeem(call).unwrap();
    world.report(call, OutcomeStatus::Succeeded, None).unwrap();
    assert_eq!(world.refolded(), world.state);
}

#[test]
fn every_state_on_the_way_reads_back_from_a_snapshot() {
    for state in busy().states() {
        let read = snapshot::read(&snapshot::write(&state));
        assert_eq!(read, Some(state));
    }
}

#[test]
fn a_cut_snapshot_is_no_state() {
    let bytes = snapshot::write(&busy().state);
    for end in 0..bytes.len() {
        assert_eq!(snapshot::read(&bytes[..end]), None);
    }
}

#[test]
fn a_restart_changes_no_deadline() {
    let mut world = busy();
    let deadlines: alloc::vec::Vec<_> = world
        .state
        .calls
        .values()
        .map(crate::Call::deadline)
        .collect();
    world.state = world.refolded();
    let after: alloc::vec::Vec<_> = world
        .state
        .calls
        .values()
        .map(crate::Call::deadline)
        .collect();
    assert_eq!(deadlines, after);
}

#[test]
fn what_is_over_leaves_the_state() {
    let mut world = busy();
    assert_eq!(
        (world.state.denials.len(), world.state.sessions.len()),
        (1, 1)
    );
    assert!(!world.state.requests.is_empty());
    world.wait(31 * 24 * HOUR_MS);
    let calls: alloc::vec::Vec<_> = world.state.calls.keys().copied().collect();
    for call in calls {
        world.run(&Command::Tick { call }).unwrap();
    }
    let state = &world.state;
    assert!(state.calls.is_empty() && state.grants.is_empty() && state.live.is_empty());
    assert!(state.denials.is_empty() && state.sessions.is_empty() && state.requests.is_empty());
    assert_eq!(world.refolded(), world.state);
}

#[test]
fn a_session_in_use_is_kept() {
    let mut world = World::new();
    for round in 0..4 {
        let id = alloc::format!("{round}");
        let mut submit = world.submission("read", &id, &id);
        submit.session = Some(SessionId::new([1; 16]));
        submit.new_session = (round == 0).then(|| Some("long".into()));
        submit.document.as_mut().unwrap().session = Some("long".into());
        world.submit(submit).unwrap();
        world.wait(20 * HOUR_MS);
    }
}

#[test]
fn a_guard_over_a_withheld_body_is_counted_as_not_checked() {
    let mut world = World::new();
    let call = world.ask("pay");
    let claimed = world.state.calls[&call].clone();
    world.withheld = true;
    let mut submit = world.submission("pay", "Another Ltd", "2");
    submit.document = None;
    submit.claimed = Some(crate::Claimed {
        tool: "pay".into(),
        verdict: countersign_record::entry::Verdict::Confirm,
        rules: claimed.rules.clone(),
        demand: claimed.question().map(|pending| pending.demand.clone()),
    });
    world.submit(submit).unwrap();
    for guard in [
        Unchecked::Policy,
        Unchecked::Presentation,
        Unchecked::Idempotency,
    ] {
        assert!(world.unchecked.contains(&guard), "{guard:?}");
    }
}
