//! People: opening a call, deciding it, taking an approval back.

mod signed;
mod votes;

use alloc::collections::BTreeSet;

use countersign_policy::quorum;
use countersign_record::entry::{
    Compared, ConfirmationApproved, ConfirmationDenied, ConfirmationRevoked, EndCause, Filled,
    Party, PresentationServed, Refs, UnixMillis, VoteApprove, VoteDeny,
};
use countersign_record::id::PersonId;
use countersign_record::term::{Decision, Independence};

pub use signed::statement;
pub(super) use votes::quorum_stands;
use votes::{active_key, counted, eligible, groups, is_frozen, may_approve, standing, undecided};

use super::Admission;
use super::submit::none;
use crate::command::{Decide, Open, Revocation};
use crate::refusal::Refusal;
use crate::requirement;
use crate::state::{Call, Granted, Key, Opening, Pending, Stage, Vote};

impl Admission<'_> {
    pub(super) fn open(&mut self, open: &Open) -> Result<(), Refusal> {
        let call = self.call(open.call)?;
        let Stage::Pending(pending) = &call.stage else {
            return Err(no_longer(call));
        };
        if self.now >= pending.decide_before {
            return Err(Refusal::Expired);
        }
        if eligible(self.state, pending, open.person).is_empty() {
            return Err(Refusal::NotEligible);
        }
        let fresh = pending
            .openings
            .values()
            .all(|opening| opening.nonce != open.nonce);
        if self.state.head.as_ref() != Some(&open.head) || !fresh || !are_facts(&open.independence)
        {
            return Err(Refusal::OutOfOrder);
        }
        let served = PresentationServed {
            nonce: open.nonce,
            client: open.client,
            independence: open.independence.clone(),
            head: open.head.clone(),
        };
        let refs = Refs {
            person: Some(open.person),
            ..about(call)
        };
        self.push(Party::Person(open.person), refs, served, none());
        Ok(())
    }

    pub(super) fn decide(&mut self, decide: &Decide) -> Result<(), Refusal> {
        let call = self.call(decide.call)?;
        let pending = call.question().ok_or_else(|| no_longer(call))?;
        let key = active_key(self.state, decide.person, decide.key)?;
        if eligible(self.state, pending, decide.person).is_empty() {
            return Err(Refusal::NotEligible);
        }
        let opening = opening(pending, decide)?;
        self.check_signature(call, pending, opening, key, decide)?;
        match decide.decision {
            Decision::Approve => self.approve(call, pending, opening, key, decide),
            Decision::Deny => self.deny(call, pending, decide),
        }
    }

    fn approve(
        &mut self,
        call: &Call,
        pending: &Pending,
        opening: &Opening,
        key: &Key,
        decide: &Decide,
    ) -> Result<(), Refusal> {
        if self.now >= pending.decide_before {
            return Err(Refusal::Expired);
        }
        if let Some(earlier) = pending.votes.get(&decide.person) {
            let again = earlier.decision == Decision::Approve && earlier.served == decide.served;
            return Err(if again {
                Refusal::NonceUsed
            } else {
                Refusal::AlreadyVoted
            });
        }
        if !matches!(call.stage, Stage::Pending(_)) {
            return Err(Refusal::NotPending);
        }
        self.asker_stands(call)?;
        self.not_frozen(call)?;
        if is_frozen(self.state, decide.person, decide.key) {
            return Err(Refusal::Frozen);
        }
        hurdles(self.now, pending, opening, key, decide)?;
        self.not_stricter(call)?;
        let bodies = self.comment(decide);
        let vote = VoteApprove {
            statement: decide.statement.clone(),
            signature: decide.signature.clone(),
            raw: decide.raw.clone(),
        };
        self.push(
            Party::Person(decide.person),
            voting(call, decide),
            vote,
            bodies,
        );
        self.approved(call, pending, decide)
    }

    fn comment(&mut self, decide: &Decide) -> countersign_record::entry::Bodies {
        match &decide.comment {
            None => none(),
            Some(value) => self.body("comment", value.as_ref()),
        }
    }

    /// The quorum may be met by this vote; then the grant exists, and a control call runs at once.
    fn approved(&mut self, call: &Call, pending: &Pending, decide: &Decide) -> Result<(), Refusal> {
        if self.state.grants.contains_key(&decide.grant) {
            return Err(Refusal::OutOfOrder);
        }
        let mut votes = counted(self.state, pending);
        votes.push((decide.person, groups(self.state, pending, decide.person)));
        let slots = requirement::slots(&pending.demand).ok_or(Refusal::OutOfOrder)?;
        let progress = quorum::progress(&slots, &votes);
        if !progress.met {
            return Ok(());
        }
        let filled = slots
            .iter()
            .zip(&progress.filled)
            .map(|(slot, persons)| Filled {
                rule: slot.rule.clone(),
                persons: persons
                    .iter()
                    .copied()
                    .collect::<BTreeSet<PersonId>>()
                    .into_iter()
                    .collect(),
            });
        let execute_before = self.now.saturating_add(pending.demand.execute_within);
        let approved = ConfirmationApproved {
            execute_before,
            filled: filled.collect(),
        };
        let refs = Refs {
            grant: Some(decide.grant),
            ..about(call)
        };
        let service = self.service()?;
        self.push(service, refs, approved, none());
        if service == Party::Executor(call.executor) {
            let granted = Granted {
                grant: decide.grant,
                execute_before,
                decided: self.next_seq() - 1,
            };
            self.enact(call, pending, granted, decide)?;
        }
        Ok(())
    }

    fn deny(&mut self, call: &Call, pending: &Pending, decide: &Decide) -> Result<(), Refusal> {
        let voted = pending.votes.get(&decide.person);
        if voted.is_some_and(|vote| vote.decision == Decision::Deny) {
            return Err(Refusal::AlreadyVoted);
        }
        if self.now >= call.deadline() {
            return Err(no_longer_at(call));
        }
        let bodies = self.comment(decide);
        let vote = VoteDeny {
            statement: decide.statement.clone(),
            signature: decide.signature.clone(),
            raw: decide.raw.clone(),
            cause: decide.cause,
        };
        self.push(
            Party::Person(decide.person),
            voting(call, decide),
            vote,
            bodies,
        );
        let service = self.service()?;
        if let Stage::Approved(_, granted) = &call.stage {
            let revoked = ConfirmationRevoked {
                cause: EndCause::LateDeny,
                statement: None,
                signature: None,
            };
            let refs = Refs {
                grant: Some(granted.grant),
                ..about(call)
            };
            self.push(service, refs, revoked, none());
        } else if let Some(cause) = self.refused(pending, decide.person)? {
            self.push(service, about(call), ConfirmationDenied { cause }, none());
        }
        Ok(())
    }

    /// Whether this refusal ends the question: by number, or because those left cannot fill it.
    fn refused(&self, pending: &Pending, person: PersonId) -> Result<Option<EndCause>, Refusal> {
        let is_deny = |vote: &&Vote| vote.decision == Decision::Deny;
        let denials =
            1 + u64::try_from(pending.votes.values().filter(is_deny).count()).unwrap_or(u64::MAX);
        if denials >= pending.demand.deny_threshold {
            return Ok(Some(EndCause::Threshold));
        }
        let mut left = standing(self.state, pending);
        left.retain(|(other, _)| *other != person);
        left.extend(undecided(self.state, pending, person));
        let slots = requirement::slots(&pending.demand).ok_or(Refusal::OutOfOrder)?;
        let fillable = quorum::progress(&slots, &left).met;
        Ok((!fillable).then_some(EndCause::Unfillable))
    }

    pub(super) fn revoke(&mut self, revocation: &Revocation) -> Result<(), Refusal> {
        let call = self.call(revocation.call)?;
        let (pending, granted) = match &call.stage {
            Stage::Approved(pending, granted) => (pending, granted),
            Stage::Redeemed(_) => return Err(Refusal::AlreadyRedeemed),
            Stage::Judged | Stage::Allowed(_) | Stage::Pending(_) => {
                return Err(Refusal::NotApproved);
            }
        };
        if self.now >= granted.execute_before {
            return Err(Refusal::Lapsed);
        }
        if eligible(self.state, pending, revocation.person).is_empty() {
            return Err(Refusal::NotEligible);
        }
        let key = active_key(self.state, revocation.person, revocation.key)?;
        self.check_revocation(pending, key, revocation)?;
        let refs = Refs {
            grant: Some(granted.grant),
            person: Some(revocation.person),
            key: Some(revocation.key),
            ..about(call)
        };
        let revoked = ConfirmationRevoked {
            cause: EndCause::Revocation,
            statement: Some(revocation.statement.clone()),
            signature: Some(revocation.signature.clone()),
        };
        self.push(Party::Person(revocation.person), refs, revoked, none());
        Ok(())
    }
}

/// What an approval must meet and a refusal need not.
fn hurdles(
    now: UnixMillis,
    pending: &Pending,
    opening: &Opening,
    key: &Key,
    decide: &Decide,
) -> Result<(), Refusal> {
    let demand = &pending.demand;
    if !may_approve(pending, decide.person) {
        return Err(Refusal::RequesterCannotApprove);
    }
    if key.enrolled.class < demand.class || Some(key.enrolled.client) < demand.client {
        return Err(Refusal::KeyNotActive);
    }
    let differs = |name: &alloc::string::String| {
        let found = opening.independence.iter().find(|it| it.fact == *name);
        found.is_some_and(|it| it.found == Independence::Differs)
    };
    if !demand.independence.iter().all(differs) {
        return Err(Refusal::ChannelNotIndependent);
    }
    if now < opening.at.saturating_add(demand.cool_down) {
        return Err(Refusal::CoolingDown);
    }
    if demand.reason_required && decide.comment.is_none() {
        return Err(Refusal::ReasonRequired);
    }
    Ok(())
}

fn opening<'p>(pending: &'p Pending, decide: &Decide) -> Result<&'p Opening, Refusal> {
    let opening = pending.openings.get(&decide.served);
    opening
        .filter(|opening| opening.person == decide.person)
        .ok_or(Refusal::PresentationNotServed)
}

/// Whether these are facts of the closed list, each stated once.
fn are_facts(compared: &[Compared]) -> bool {
    let known = |fact: &Compared| fact.fact.parse::<countersign_policy::Fact>().is_ok();
    let names: BTreeSet<_> = compared.iter().map(|fact| &fact.fact).collect();
    names.len() == compared.len() && compared.iter().all(known)
}

/// A call and its confirmation, for `ref`.
pub(super) fn about(call: &Call) -> Refs {
    let confirmation = call.question().map(|pending| pending.confirmation);
    Refs {
        call: Some(call.id),
        confirmation,
        ..Refs::default()
    }
}

fn voting(call: &Call, decide: &Decide) -> Refs {
    Refs {
        person: Some(decide.person),
        key: Some(decide.key),
        served: Some(decide.served),
        ..about(call)
    }
}

/// The refusal that an approver meets when the question is no longer open.
fn no_longer(call: &Call) -> Refusal {
    match &call.stage {
        Stage::Redeemed(_) => Refusal::AlreadyRedeemed,
        Stage::Judged | Stage::Allowed(_) | Stage::Pending(_) | Stage::Approved(..) => {
            Refusal::NotPending
        }
    }
}

/// The refusal that a command meets when time has ended what the call is in.
pub(super) fn no_longer_at(call: &Call) -> Refusal {
    if matches!(call.stage, Stage::Pending(_)) {
        Refusal::Expired
    } else {
        Refusal::Lapsed
    }
}
