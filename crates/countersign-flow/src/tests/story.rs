//! Any sequence of commands, and what must hold whatever it is: nothing runs that people did not
//! agree to, and nothing runs twice. Properties draw the sequences.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::vec::Vec;

use countersign_record::entry::{Entry, Fact, OutcomeStatus, Party, RevocationCause};
use countersign_record::id::{CallId, GrantId, PersonId};
use countersign_record::json::Value;
use countersign_record::term::{Client, Decision};

use super::world::{HOUR_MS, World};
use crate::{Command, Redeem, Refusal, RevokeKey};

/// One thing that somebody does. Calls are counted from the newest.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Ask(usize),
    /// With any arguments.
    AskOf(usize, Value),
    Open(usize, usize),
    Vote(usize, usize, bool),
    /// A decision with one byte of its statement or signature changed.
    Forge(usize, usize, usize),
    Redeem(usize),
    /// By another executor, of another action, or of another grant.
    RedeemOther(usize, u8),
    Report(usize),
    Withdraw(usize),
    Tick(usize),
    Freeze(usize),
    Revoke(usize, usize),
    RevokeKey(usize),
    Wait(u64),
}

pub(super) const TOOLS: [&str; 4] = ["pay", "pay_twice", "merge", "vote"];
pub(super) const PEOPLE: [&str; 6] = ["ann", "bob", "cat", "lea", "pat", "zed"];

/// What the test itself keeps of the story, to compare.
#[derive(Default)]
pub(super) struct Story {
    calls: Vec<CallId>,
    /// Decide before, and who approved in time, by whatever the commands answered.
    asked: BTreeMap<CallId, (u64, &'static str)>,
    approvals: BTreeMap<CallId, BTreeSet<PersonId>>,
    ended: BTreeSet<CallId>,
    redeemed: BTreeSet<CallId>,
}

/// Does it, and holds what was appended against what the story allows.
pub(super) fn take(world: &mut World, story: &mut Story, step: Step) {
    let call = |place: usize| story.calls.iter().rev().nth(place).copied();
    match step {
        Step::Wait(ms) => world.wait(ms),
        Step::Ask(tool) => story.asked(world.ask(TOOLS[tool]), world.now, TOOLS[tool]),
        Step::AskOf(tool, arguments) => {
            let id = format!("any-{}", world.state.size);
            let submit = world.submission_of(TOOLS[tool], arguments, &id);
            if let Ok(call) = world.submit(submit) {
                story.asked(call, world.now, TOOLS[tool]);
            }
        }
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
        | Step::Forge(place, ..)
        | Step::Redeem(place)
        | Step::RedeemOther(place, _)
        | Step::Report(place)
        | Step::Withdraw(place)
        | Step::Tick(place)
        | Step::Revoke(place, _) => {
            if let Some(result) = call(place).and_then(|call| act(world, call, &step)) {
                story.follow(world, result);
            }
        }
    }
}

/// A step about one call; `None` where the step makes no command.
fn act(world: &mut World, call: CallId, step: &Step) -> Option<Result<Vec<Entry>, Refusal>> {
    Some(match *step {
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
        Step::Forge(_, person, at) => {
            let forged = forged(world, call, PEOPLE[person], at)?;
            assert!(forged.is_err(), "a forged decision was taken");
            return None;
        }
        Step::Redeem(_) => {
            world.state.calls.get(&call)?;
            world.redeem(call)
        }
        Step::RedeemOther(_, how) => {
            world.state.calls.get(&call)?;
            let refused = world.run(&Command::Redeem(another(world, call, how)));
            assert!(refused.is_err(), "redeemed for something else");
            return None;
        }
        Step::Report(_) => world.report(call, OutcomeStatus::Succeeded, None),
        Step::Withdraw(_) => world.withdraw(call),
        Step::Tick(_) => world.run(&Command::Tick { call }),
        Step::Revoke(_, person) => {
            let revocation = world.revocation(call, PEOPLE[person]);
            world.run(&Command::Revoke(revocation))
        }
        Step::Ask(_) | Step::AskOf(..) | Step::Freeze(_) | Step::RevokeKey(_) | Step::Wait(_) => {
            return None;
        }
    })
}

/// A decision through the person's opening with one byte changed.
fn forged(
    world: &mut World,
    call: CallId,
    person: &'static str,
    at: usize,
) -> Option<Result<Vec<Entry>, Refusal>> {
    let id = world.people[person];
    let pending = world.state.calls.get(&call)?.question()?;
    let mut mine = pending.openings.iter().filter(|(_, it)| it.person == id);
    let served = *mine.next()?.0;
    let mut decide = world.decision(call, person, served, Decision::Approve);
    let (statement, signature) = (&mut decide.statement.0, &mut decide.signature.0);
    let at = at % (statement.len() + signature.len());
    match at.checked_sub(statement.len()) {
        None => statement[at] ^= 1,
        Some(at) => signature[at] ^= 1,
    }
    Some(world.decide(decide))
}

fn another(world: &World, call: CallId, how: u8) -> Redeem {
    let mut redeem = world.redemption(call);
    match how % 3 {
        0 => redeem.executor = world.other,
        1 => redeem.action.0[usize::from(how) % 32] ^= 1,
        _ => redeem.grant = GrantId::new([how; 16]),
    }
    redeem
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
