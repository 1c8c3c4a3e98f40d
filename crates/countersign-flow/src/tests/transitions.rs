//! The table of docs/spec/flow.md, part 1: from every state, every command.

use alloc::string::String;
use alloc::vec::Vec;

use countersign_record::digest::ActionDigest;
use countersign_record::entry::{Entry, Fact, OutcomeStatus};
use countersign_record::id::CallId;
use countersign_record::term::{Client, Decision};

use super::*;
use crate::{Command, Past, PastStage, Redeem, Refusal, Stage};

/// A call in a state, with what belongs to it.
struct Scene {
    world: World,
    call: CallId,
    served: u64,
    redeem: Redeem,
    past: Option<Past>,
}

/// A call of `pay`, opened by ann and bob but not decided.
fn pending() -> Scene {
    let mut world = World::new();
    let call = world.ask("pay");
    world.open(call, "bob");
    let served = world.open(call, "ann");
    let redeem = world.redemption(call);
    Scene {
        world,
        call,
        served,
        redeem,
        past: None,
    }
}

fn allowed() -> Scene {
    let mut world = World::new();
    let call = world.ask("read");
    let redeem = world.redemption(call);
    Scene {
        world,
        call,
        served: 0,
        redeem,
        past: None,
    }
}

fn approved() -> Scene {
    let mut scene = pending();
    scene.world.approve(scene.call, "ann");
    scene.redeem = scene.world.redemption(scene.call);
    scene
}

fn redeemed() -> Scene {
    let mut scene = approved();
    scene.world.redeem(scene.call).unwrap();
    scene
}

/// An ended call, as the service reads it back.
fn ended(mut scene: Scene, stage: PastStage) -> Scene {
    let seq = scene.world.state.size - 1;
    scene.past = Some(Past {
        seq,
        executor: scene.world.bank,
        stage,
    });
    assert!(!scene.world.state.calls.contains_key(&scene.call));
    scene
}

fn denied() -> Scene {
    let mut scene = pending();
    scene.world.vote(scene.call, "bob", Decision::Deny).unwrap();
    ended(scene, PastStage::NotExecuted(Refusal::NotApproved))
}

fn expired() -> Scene {
    let mut scene = pending();
    scene.world.wait(HOUR_MS);
    scene
        .world
        .run(&Command::Tick { call: scene.call })
        .unwrap();
    ended(scene, PastStage::NotExecuted(Refusal::Expired))
}

fn lapsed() -> Scene {
    let mut scene = approved();
    scene.world.wait(10 * MINUTE_MS);
    scene
        .world
        .run(&Command::Tick { call: scene.call })
        .unwrap();
    ended(scene, PastStage::NotExecuted(Refusal::Lapsed))
}

fn withdrawn() -> Scene {
    let mut scene = pending();
    scene.world.withdraw(scene.call).unwrap();
    ended(scene, PastStage::NotExecuted(Refusal::NotPending))
}

fn revoked() -> Scene {
    let mut scene = approved();
    let revocation = scene.world.revocation(scene.call, "bob");
    scene.world.run(&Command::Revoke(revocation)).unwrap();
    ended(scene, PastStage::NotExecuted(Refusal::Revoked))
}

fn reported(status: OutcomeStatus) -> Scene {
    let mut scene = redeemed();
    scene.world.report(scene.call, status, None).unwrap();
    ended(scene, PastStage::Reported(status))
}

fn disputed() -> Scene {
    let mut scene = reported(OutcomeStatus::Succeeded);
    scene
        .world
        .report(scene.call, OutcomeStatus::Failed, scene.past)
        .unwrap();
    ended(scene, PastStage::Disputed)
}

/// What each command does to the scene: the kinds appended, or the code of the refusal.
fn tried(mut scene: Scene, what: &str) -> String {
    let call = scene.call;
    let world = &mut scene.world;
    let result = match what {
        "open" => {
            let open = world.opening(call, "cat", Client::Cli);
            world.run(&Command::Open(open))
        }
        "approve" | "deny" => {
            let decision = if what == "deny" {
                Decision::Deny
            } else {
                Decision::Approve
            };
            // Signed while the question was open; posted now.
            let (mut then, served) = (pending().world, scene.served);
            let served = if served == 0 {
                then.state.size - 1
            } else {
                served
            };
            let open = then.state.calls.keys().next().copied().unwrap();
            let mut decide = then.decision(open, "ann", served, decision);
            decide.call = call;
            if world
                .state
                .calls
                .get(&call)
                .is_some_and(|it| it.question().is_some())
            {
                decide = world.decision(call, "ann", served, decision);
            }
            world.decide(decide)
        }
        "withdraw" => world.withdraw(call),
        "tick" => world.run(&Command::Tick { call }),
        "supersede" => world.run(&Command::Supersede { call }),
        "redeem" => world.run(&Command::Redeem(scene.redeem.clone())),
        "outcome" => world.report(call, OutcomeStatus::Succeeded, scene.past),
        "revoke" => {
            let revocation = world.revocation(call, "bob");
            world.run(&Command::Revoke(revocation))
        }
        "freeze" => {
            let mut freezing = world.freezing();
            freezing.all = true;
            world.run(&Command::Freeze(freezing))
        }
        other => panic!("{other}"),
    };
    match result {
        Ok(entries) => World::kinds(&entries).join(" "),
        Err(refusal) => refusal.code().into(),
    }
}

const COMMANDS: [&str; 10] = [
    "open",
    "approve",
    "deny",
    "withdraw",
    "tick",
    "supersede",
    "redeem",
    "outcome",
    "revoke",
    "freeze",
];

fn check(scene: fn() -> Scene, expected: [&str; 10]) {
    let found: Vec<String> = COMMANDS.iter().map(|what| tried(scene(), what)).collect();
    let rows = COMMANDS.iter().zip(found).zip(expected);
    for ((command, found), expected) in rows {
        assert_eq!(found, expected, "{command}");
    }
}

#[test]
fn from_pending() {
    check(
        pending,
        [
            "presentation.served",
            "vote.approve confirmation.approved",
            "vote.deny confirmation.denied",
            "confirmation.withdrawn",
            "internal",
            "internal",
            "not-found",
            "outcome.recorded",
            "not-approved",
            "freeze.set",
        ],
    );
}

#[test]
fn from_allowed() {
    check(
        allowed,
        [
            "not-pending",
            "not-pending",
            "not-pending",
            "grant.withdrawn",
            "internal",
            "internal",
            "grant.redeemed",
            "outcome.recorded",
            "not-approved",
            "freeze.set grant.revoked",
        ],
    );
}

#[test]
fn from_approved() {
    check(
        approved,
        [
            "not-pending",
            "already-voted",
            "vote.deny confirmation.revoked",
            "confirmation.withdrawn",
            "internal",
            "internal",
            "grant.redeemed",
            "outcome.recorded",
            "confirmation.revoked",
            "freeze.set confirmation.revoked",
        ],
    );
}

#[test]
fn from_redeemed() {
    check(
        redeemed,
        [
            "already-redeemed",
            "already-redeemed",
            "already-redeemed",
            "already-redeemed",
            "internal",
            "internal",
            "already-redeemed",
            "outcome.recorded",
            "already-redeemed",
            "freeze.set",
        ],
    );
}

/// Nothing brings an ended call back; a report about it is recorded for those who read.
const NOTHING: [&str; 10] = [
    "not-found",
    "not-found",
    "not-found",
    "not-found",
    "not-found",
    "not-found",
    "not-found",
    "outcome.recorded",
    "not-found",
    "freeze.set",
];

#[test]
fn from_denied_expired_lapsed_withdrawn_and_revoked_there_is_no_way_back() {
    for scene in [denied, expired, lapsed, withdrawn, revoked] {
        check(scene, NOTHING);
    }
}

#[test]
fn from_a_reported_outcome_only_a_conflicting_report_leads_on() {
    let same = |outcome| {
        let mut expected = NOTHING;
        expected[7] = outcome;
        expected
    };
    check(
        || reported(OutcomeStatus::Succeeded),
        same("outcome-conflict"),
    );
    check(|| reported(OutcomeStatus::Failed), same("outcome.disputed"));
    check(
        || reported(OutcomeStatus::Unknown),
        same("outcome.recorded"),
    );
    check(disputed, same("outcome.recorded"));
}

fn only(entries: Vec<Entry>) -> Fact {
    assert_eq!(entries.len(), 1);
    entries.into_iter().next().unwrap().draft.fact
}

#[test]
fn time_ends_every_state_and_approves_nothing() {
    let ends = |mut scene: Scene, ms| {
        let tick = Command::Tick { call: scene.call };
        scene.world.wait(ms - 1);
        assert_eq!(scene.world.run(&tick).unwrap_err(), Refusal::OutOfOrder);
        scene.world.wait(1);
        let fact = only(scene.world.run(&tick).unwrap());
        assert!(!scene.world.state.calls.contains_key(&scene.call));
        fact.kind()
    };
    assert_eq!(ends(pending(), HOUR_MS), "confirmation.expired");
    assert_eq!(ends(allowed(), crate::ALLOWED_WITHIN_MS), "grant.lapsed");
    assert_eq!(ends(approved(), 10 * MINUTE_MS), "grant.lapsed");
    assert_eq!(ends(redeemed(), 24 * HOUR_MS), "outcome.recorded");
}

#[test]
fn a_missing_report_is_unknown_and_can_be_reconciled() {
    let mut scene = redeemed();
    scene.world.wait(24 * HOUR_MS);
    scene
        .world
        .run(&Command::Tick { call: scene.call })
        .unwrap();
    let mut scene = ended(scene, PastStage::Reported(OutcomeStatus::Unknown));
    let entries = scene
        .world
        .report(scene.call, OutcomeStatus::NotExecuted, scene.past)
        .unwrap();
    assert!(matches!(
        only(entries),
        Fact::OutcomeRecorded(it)
            if it.cause == countersign_record::entry::OutcomeCause::Reconciled
    ));
}

#[test]
fn that_it_never_ran_is_nothing_that_its_executor_reports_at_once() {
    let mut scene = redeemed();
    let result = scene
        .world
        .report(scene.call, OutcomeStatus::NotExecuted, None);
    assert_eq!(result.unwrap_err(), Refusal::MalformedArguments);
}

#[test]
fn a_report_about_an_open_question_ends_nothing() {
    let mut scene = pending();
    scene
        .world
        .report(scene.call, OutcomeStatus::Succeeded, None)
        .unwrap();
    assert!(matches!(
        scene.world.state.calls[&scene.call].stage,
        Stage::Pending(_)
    ));
    scene.world.approve(scene.call, "ann");
    scene.world.redeem(scene.call).unwrap();
}

#[test]
fn expiry_lists_the_last_opening_of_each_person() {
    let mut scene = pending();
    let last = scene.world.open(scene.call, "bob");
    scene.world.wait(HOUR_MS);
    let Fact::ConfirmationExpired(expired) = only(
        scene
            .world
            .run(&Command::Tick { call: scene.call })
            .unwrap(),
    ) else {
        panic!()
    };
    assert_eq!(expired.served, [scene.served, last]);
}

#[test]
fn a_redemption_of_another_action_is_refused() {
    let mut scene = approved();
    scene.redeem.action = ActionDigest([0; 32]);
    assert_eq!(tried(scene, "redeem"), "digest-mismatch");
}
