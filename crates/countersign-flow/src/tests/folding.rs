//! State is a fold of the log, and stays small.

use countersign_record::digest::{EntryHash, hex, sha256};
use countersign_record::entry::{
    Bodies, Draft, Entry, OutcomeStatus, Party, Refs, SessionRegistered,
};
use countersign_record::id::{CallId, SessionId};
use countersign_record::json::canonical;
use countersign_record::term::Decision;
use proptest::prelude::*;

use super::*;
use crate::snapshot::FOLD;
use crate::state::{Denial, Requester};
use crate::{Command, State, Unchecked, apply, snapshot};

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

/// Beside [`FOLD`]: the digests of a known log and of the state that the fold makes of it.
const KNOWN: (u32, &str, &str) = (
    2,
    "4c7f9b3fa6873d65efdfd0d801342bcc564a9458fc78e43a33f31503de03535f",
    "caa549412be8714f44820fde181b21768928f63a5c916619c598a12ae950873a",
);

#[test]
fn a_fold_that_makes_another_state_of_the_same_log_has_another_version() {
    let mut world = busy();
    lookback::tip(&mut world, "60.00", "Ada");
    lookback::tip(&mut world, "no amount", "Ada");
    let (gift, _) = lookback::gift(&mut world, "Bea");
    world.approve(gift, "ann");
    world.redeem(gift).unwrap();
    world.report(gift, OutcomeStatus::Succeeded, None).unwrap();
    lookback::gift(&mut world, "Bea");
    let log = world.log.iter().flat_map(|(entry, _, bodies)| {
        let bodies = bodies.values().flat_map(canonical);
        entry.encode().into_iter().chain(bodies)
    });
    let log: alloc::vec::Vec<u8> = log.collect();
    let found = (
        FOLD,
        &*hex(&sha256(&[&log])),
        &*hex(&sha256(&[&snapshot::write(&world.state)])),
    );
    assert_eq!(
        found, KNOWN,
        "where the log is the same and the state another, raise FOLD; then write down what was found"
    );
}

fn entry_of(refs: Refs, fact: countersign_record::entry::Fact) -> Entry {
    Entry {
        seq: 0,
        prev: EntryHash([0; 32]),
        at: 1_700_000_000_000,
        n: None,
        keyring: None,
        draft: Draft {
            by: Party::Executor(SERVICE),
            refs,
            sources: alloc::vec::Vec::new(),
            fact,
            bodies: Bodies::default(),
        },
    }
}

/// A state with so many sessions and denials, none of them over.
fn crowded(many: u64) -> State {
    let world = World::new();
    let mut state = world.state.clone();
    for number in 0..many {
        let id = sha256(&[&number.to_be_bytes()])[..16].try_into().unwrap();
        let refs = Refs {
            session: Some(SessionId::new(id)),
            agent: Some(world.agent),
            ..Refs::default()
        };
        let entry = entry_of(refs, SessionRegistered {}.into());
        apply(&mut state, &entry, EntryHash([0; 32]), &|_| None);
        let requester = Requester {
            asker: Party::Agent(world.agent),
            principal: None,
        };
        state.add_denial(Denial {
            call: CallId::new(id),
            requester,
            fp: countersign_record::entry::Fingerprint {
                epoch: 0,
                digest: countersign_record::digest::FingerprintDigest([1; 32]),
            },
            tool: "pay".into(),
            target: None,
            until: u64::MAX,
        });
    }
    state
}

#[test]
fn a_forged_log_that_names_a_session_or_a_denial_twice_is_forgotten_all_the_same() {
    let mut state = crowded(2);
    let twice = crowded(2);
    for (id, session) in &twice.sessions {
        state.add_session(*id, session.clone());
    }
    for denial in twice.denials.values() {
        state.add_denial(denial.clone());
    }
    assert_eq!(state, twice);
    state.forget(u64::MAX);
    assert!(state.sessions.is_empty() && state.denials.is_empty());
    assert_eq!(state.lookups, crate::state::Lookups::of(&state));
}

#[test]
fn a_cut_snapshot_is_no_state() {
    let bytes = snapshot::write(&busy().state);
    for end in 0..bytes.len() {
        assert_eq!(snapshot::read(&bytes[..end]), None);
    }
}

proptest! {
    #[test]
    fn a_changed_snapshot_is_no_state_or_another_one(
        bytes in countersign_hostile::mutated(snapshot::write(&busy().state))
    ) {
        if let Some(read) = snapshot::read(&bytes) {
            prop_assert_eq!(snapshot::read(&snapshot::write(&read)), Some(read));
        }
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
