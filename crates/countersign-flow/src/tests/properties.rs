//! Whatever is sent in whatever order: nothing runs that people did not agree to.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec;
use alloc::vec::Vec;

use countersign_record::entry::{Entry, Fact, OutcomeStatus, Party, RevocationCause};
use countersign_record::id::{CallId, PersonId};
use countersign_record::term::{Client, Decision};
use proptest::collection;
use proptest::prelude::*;

use super::*;
use crate::state::Lookups;
use crate::{Command, Refusal, RevokeKey};

#[derive(Clone, Copy, Debug)]
enum Step {
    Ask(usize),
    Open(usize, usize),
    Vote(usize, usize, bool),
    Redeem(usize),
    Report(usize),
    Withdraw(usize),
    Tick(usize),
    Freeze(usize),
    Revoke(usize, usize),
    RevokeKey(usize),
    Wait(u64),
}

const TOOLS: [&str; 4] = ["pay", "pay_twice", "merge", "vote"];
const PEOPLE: [&str; 6] = ["ann", "bob", "cat", "lea", "pat", "zed"];

fn step() -> impl Strategy<Value = Step> {
    let (call, person) = (0..4_usize, 0..PEOPLE.len());
    prop_oneof![
        2 => (0..TOOLS.len()).prop_map(Step::Ask),
        2 => (call.clone(), person.clone()).prop_map(|(call, person)| Step::Open(call, person)),
        8 => (call.clone(), person.clone(), any::<u8>())
            .prop_map(|(call, person, no)| Step::Vote(call, person, no % 6 != 0)),
        4 => call.clone().prop_map(Step::Redeem),
        2 => call.clone().prop_map(Step::Report),
        1 => call.clone().prop_map(Step::Withdraw),
        2 => call.clone().prop_map(Step::Tick),
        1 => (0..TOOLS.len()).prop_map(Step::Freeze),
        1 => (call, person.clone()).prop_map(|(call, person)| Step::Revoke(call, person)),
        1 => person.prop_map(Step::RevokeKey),
        3 => (0..20 * MINUTE_MS).prop_map(Step::Wait),
    ]
}

/// What the test itself keeps of the story, to compare.
#[derive(Default)]
struct Story {
    calls: Vec<CallId>,
    /// Decide before, and who approved in time, by whatever the commands answered.
    asked: BTreeMap<CallId, (u64, &'static str)>,
    approvals: BTreeMap<CallId, BTreeSet<PersonId>>,
    ended: BTreeSet<CallId>,
    redeemed: BTreeSet<CallId>,
}

fn take(world: &mut World, story: &mut Story, step: Step) {
    let call = |place: usize| story.calls.iter().rev().nth(place).copied();
    match step {
        Step::Wait(ms) => world.wait(ms),
        Step::Ask(tool) => story.asked(world.ask(TOOLS[tool]), world.now, TOOLS[tool]),
        Step::Freeze(tool) => {
            let mut freezing = world.freezing();
            freezing.tool = Some(TOOLS[tool].into());
            let result = world.run(&Command::Freeze(freezing));
            story.follow(world, result);
        }
        Step::RevokeKey(person) => {
            let key = world.keys[&(PEOPLE[person], Client::Cli)].0;
            let by = Party::Credential(world.operator);
            let cause = RevocationCause::Lost;
            let _refused = world.run(&Command::RevokeKey(RevokeKey { by, key, cause }));
        }
        Step::Open(place, _)
        | Step::Vote(place, ..)
        | Step::Redeem(place)
        | Step::Report(place)
        | Step::Withdraw(place)
        | Step::Tick(place)
        | Step::Revoke(place, _) => {
            if let Some(result) = call(place).and_then(|call| act(world, call, step)) {
                story.follow(world, result);
            }
        }
    }
}

/// A step about one call; `None` where the step makes no command.
fn act(world: &mut World, call: CallId, step: Step) -> Option<Result<Vec<Entry>, Refusal>> {
    Some(match step {
        Step::Open(_, person) => {
            let open = world.opening(call, PEOPLE[person], Client::Cli);
            world.run(&Command::Open(open))
        }
        Step::Vote(_, person, yes) => {
            let decision = if yes {
                Decision::Approve
            } else {
                Decision::Deny
            };
            let pending = world.state.calls.get(&call)?.question()?;
            let id = world.people[PEOPLE[person]];
            let mut mine = pending.openings.iter().filter(|(_, it)| it.person == id);
            match mine.next().map(|(seq, _)| *seq) {
                None => world.vote(call, PEOPLE[person], decision),
                Some(served) => {
                    let decide = world.decision(call, PEOPLE[person], served, decision);
                    world.decide(decide)
                }
            }
        }
        Step::Redeem(_) => {
            world.state.calls.get(&call)?;
            world.redeem(call)
        }
        Step::Report(_) => world.report(call, OutcomeStatus::Succeeded, None),
        Step::Withdraw(_) => world.withdraw(call),
        Step::Tick(_) => world.run(&Command::Tick { call }),
        Step::Revoke(_, person) => {
            let revocation = world.revocation(call, PEOPLE[person]);
            world.run(&Command::Revoke(revocation))
        }
        Step::Ask(_) | Step::Freeze(_) | Step::RevokeKey(_) | Step::Wait(_) => return None,
    })
}

impl Story {
    fn asked(&mut self, call: CallId, now: u64, tool: &'static str) {
        if !self.calls.contains(&call) {
            self.calls.push(call);
            self.asked.insert(call, (now + HOUR_MS, tool));
        }
    }

    fn follow(&mut self, world: &World, result: Result<Vec<Entry>, Refusal>) {
        for entry in result.into_iter().flatten() {
            if let Some(call) = entry.draft.refs.call {
                self.check(world, call, &entry);
            }
        }
    }

    fn check(&mut self, world: &World, call: CallId, entry: &Entry) {
        match &entry.draft.fact {
            Fact::VoteApprove(_) => {
                assert!(
                    entry.at < self.asked[&call].0,
                    "an approval after the deadline"
                );
                let person = entry.draft.refs.person.unwrap();
                assert!(person != world.people["pat"], "the requester approved");
                assert!(
                    self.approvals.entry(call).or_default().insert(person),
                    "voted twice"
                );
            }
            Fact::VoteDeny(_) => {
                let person = entry.draft.refs.person.unwrap();
                self.approvals.entry(call).or_default().remove(&person);
            }
            Fact::GrantRedeemed(_) => {
                assert!(!self.ended.contains(&call), "an ended call ran");
                assert!(self.redeemed.insert(call), "redeemed twice");
                check_quorum(world, self, call);
            }
            Fact::ConfirmationDenied(_)
            | Fact::ConfirmationExpired(_)
            | Fact::ConfirmationWithdrawn(_)
            | Fact::ConfirmationRevoked(_)
            | Fact::GrantLapsed(_) => {
                self.ended.insert(call);
            }
            _ => {}
        }
    }
}

fn check_quorum(world: &World, story: &Story, call: CallId) {
    let approvals = story.approvals.get(&call).cloned().unwrap_or_default();
    let counts = |handle: &str| {
        let person = world.people[handle];
        let active = world.state.roster.keys_of(person).next().is_some();
        usize::from(approvals.contains(&person) && active)
    };
    let treasury: usize = ["ann", "bob", "cat"].into_iter().map(counts).sum();
    let met = match story.asked[&call].1 {
        "pay_twice" => treasury >= 2,
        "merge" => treasury >= 1 && counts("lea") == 1,
        _ => treasury >= 1,
    };
    assert!(met, "run without its quorum: {approvals:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn nothing_runs_without_its_quorum_or_twice_or_after_it_ended(
        steps in collection::vec(step(), 1..60)
    ) {
        let mut world = World::new();
        let mut story = Story::default();
        for step in steps {
            take(&mut world, &mut story, step);
            prop_assert_eq!(&Lookups::of(&world.state), &world.state.lookups);
        }
        prop_assert_eq!(world.refolded(), world.state);
    }

    #[test]
    fn time_alone_approves_nothing(waits in collection::vec(0..2 * HOUR_MS, 1..20)) {
        let mut world = World::new();
        for tool in TOOLS {
            world.ask(tool);
        }
        for ms in waits {
            world.wait(ms);
            let calls: Vec<_> = world.state.calls.keys().copied().collect();
            for call in calls {
                let _refused = world.run(&Command::Tick { call });
                prop_assert!(world.state.calls.get(&call).is_none_or(|it| it.granted().is_none()));
            }
        }
    }
}
