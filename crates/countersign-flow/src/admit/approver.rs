//! People: opening a call, deciding it, taking an approval back.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use countersign_attest::statement::{
    Channel, Head, IndependenceFacts, Instance, Nonce, Renderer, Requester as Circle,
};
use countersign_attest::{Context, PublicKey, Statement, verify};
use countersign_policy::quorum;
use countersign_policy::quorum::Member;
use countersign_record::entry::{
    Compared, ConfirmationApproved, ConfirmationDenied, ConfirmationRevoked, EndCause, Filled,
    Party, PresentationServed, Refs, UnixMillis, VoteApprove, VoteDeny,
};
use countersign_record::id::{KeyId, PersonId};
use countersign_record::name::GroupName;
use countersign_record::term::{Decision, Independence};

use super::submit::none;
use super::{Admission, Unchecked};
use crate::command::{Decide, Open, Revocation};
use crate::refusal::Refusal;
use crate::requirement;
use crate::state::{Call, Granted, Key, Opening, Pending, Stage, State, Vote};

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

    /// The signed bytes are rebuilt from the state and compared; only then is the signature checked.
    fn check_signature(
        &mut self,
        call: &Call,
        pending: &Pending,
        opening: &Opening,
        key: &Key,
        decide: &Decide,
    ) -> Result<(), Refusal> {
        let claimed =
            Statement::read(&decide.statement.0).map_err(|_| Refusal::SignatureInvalid)?;
        let mut expected = statement(
            self.state,
            call,
            pending,
            opening,
            decide.key,
            decide.decision,
        )
        .ok_or(Refusal::OutOfOrder)?;
        expected.comment_digest = claimed.comment_digest;
        let expected = expected.to_bytes().map_err(|_| Refusal::OutOfOrder)?;
        if expected != decide.statement.0 {
            return Err(if claimed.nonce.0 == opening.nonce {
                Refusal::DigestMismatch
            } else {
                Refusal::PresentationNotServed
            });
        }
        if key.enrolled.client != opening.client {
            return Err(Refusal::KeyNotActive);
        }
        if decide.raw.is_some() {
            return Err(Refusal::SignatureInvalid);
        }
        let public = PublicKey::from_ssh_wire(&key.enrolled.public_key.0)
            .map_err(|_| Refusal::KeyNotActive)?;
        verify(
            Context::Approval,
            &public,
            &decide.statement.0,
            &decide.signature.0,
        )
        .map_err(|_| Refusal::SignatureInvalid)?;
        self.check_comment(decide, claimed.comment_digest)
    }

    fn check_comment(
        &mut self,
        decide: &Decide,
        signed: Option<countersign_record::digest::TextDigest>,
    ) -> Result<(), Refusal> {
        match (&decide.comment, signed) {
            (None, None) => Ok(()),
            (Some(None), Some(_)) => {
                self.not_checked(Unchecked::Comment);
                Ok(())
            }
            (Some(Some(value)), Some(signed)) if comment_digest(value) == Some(signed) => Ok(()),
            _ => Err(Refusal::DigestMismatch),
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
        let bytes = &revocation.statement.0;
        let stated = countersign_attest::statement::Revocation::read(bytes)
            .map_err(|_| Refusal::SignatureInvalid)?;
        let fits = stated.log == self.state.origin()
            && stated.call == call.id
            && stated.confirmation == Some(pending.confirmation)
            && stated.person == revocation.person
            && stated.key == revocation.key
            && stated.comment_digest.is_none();
        if !fits {
            return Err(Refusal::DigestMismatch);
        }
        let public = PublicKey::from_ssh_wire(&key.enrolled.public_key.0)
            .map_err(|_| Refusal::KeyNotActive)?;
        verify(Context::Revocation, &public, bytes, &revocation.signature.0)
            .map_err(|_| Refusal::SignatureInvalid)?;
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

/// Whoever asks does not approve, unless the policy says so in words.
fn may_approve(pending: &Pending, person: PersonId) -> bool {
    pending.demand.self_confirm || !pending.requester.contains(&Party::Person(person))
}

fn is_frozen(state: &State, person: PersonId, key: KeyId) -> bool {
    let mut freezes = state.freezes.values();
    freezes.any(|freeze| freeze.key == Some(key) || freeze.person == Some(person))
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

fn active_key(state: &State, person: PersonId, key: KeyId) -> Result<&Key, Refusal> {
    let key = state.roster.keys.get(&key).ok_or(Refusal::KeyNotActive)?;
    if key.person == person && key.revoked.is_none() {
        Ok(key)
    } else {
        Err(Refusal::KeyNotActive)
    }
}

/// The groups through which a person may decide: pinned at opening, and still held.
fn eligible(state: &State, pending: &Pending, person: PersonId) -> BTreeSet<GroupName> {
    let current = state.roster.eligible(person, &pending.demand);
    pending
        .pinned
        .get(&person)
        .map(|pinned| pinned & &current)
        .unwrap_or_default()
}

fn groups(state: &State, pending: &Pending, person: PersonId) -> Vec<GroupName> {
    eligible(state, pending, person).into_iter().collect()
}

/// Approvals whose key is not revoked and whose person is still eligible.
fn standing(state: &State, pending: &Pending) -> Vec<Member> {
    let approvals = pending
        .votes
        .iter()
        .filter(|(_, vote)| vote.decision == Decision::Approve);
    approvals
        .filter(|(person, vote)| active_key(state, **person, vote.key).is_ok())
        .map(|(person, _)| (*person, groups(state, pending, *person)))
        .filter(|(_, groups)| !groups.is_empty())
        .collect()
}

/// Approvals that count now: those that stand, and are not frozen.
fn counted(state: &State, pending: &Pending) -> Vec<Member> {
    let mut approvals = standing(state, pending);
    approvals.retain(|(person, _)| {
        pending
            .votes
            .get(person)
            .is_some_and(|vote| !is_frozen(state, *person, vote.key))
    });
    approvals
}

/// Those who could still approve, whoever refuses just now aside.
fn undecided(state: &State, pending: &Pending, refusing: PersonId) -> Vec<Member> {
    let people = pending.pinned.keys().filter(|person| {
        **person != refusing
            && !pending.votes.contains_key(*person)
            && may_approve(pending, **person)
    });
    people
        .map(|person| (*person, groups(state, pending, *person)))
        .filter(|(_, groups)| !groups.is_empty())
        .collect()
}

/// Whether an approved call's quorum still stands on keys and people that count.
pub(super) fn quorum_stands(state: &State, pending: &Pending) -> bool {
    requirement::slots(&pending.demand)
        .is_some_and(|slots| quorum::progress(&slots, &counted(state, pending)).met)
}

/// The digest that a comment's body has in the signed statement: `{"salt": hex, "text": …}`, and
/// nothing else; an empty text is no comment.
fn comment_digest(
    value: &countersign_record::json::Value,
) -> Option<countersign_record::digest::TextDigest> {
    let object = value.as_object()?;
    let text = value
        .member("text")?
        .as_str()
        .filter(|text| !text.trim().is_empty())?;
    let salt = countersign_record::digest::unhex32(value.member("salt")?.as_str()?)?;
    let nothing_else = object.len() == 2;
    nothing_else.then(|| countersign_record::action::text_digest(&salt, text))
}

/// The statement that a person signs, rebuilt from the state alone.
pub fn statement(
    state: &State,
    call: &Call,
    pending: &Pending,
    opening: &Opening,
    key: KeyId,
    decision: Decision,
) -> Option<Statement> {
    let circle = pending.requester.iter().map(|party| match party {
        Party::Agent(id) => Some(Circle::Agent(*id)),
        Party::Person(id) => Some(Circle::Person(*id)),
        Party::Credential(id) => Some(Circle::Credential(*id)),
        Party::Executor(_) => None,
    });
    Some(Statement {
        log: state.origin().into(),
        call: call.id,
        confirmation: pending.confirmation,
        instance: Instance(pending.instance),
        decision,
        action_digest: call.action,
        shown_digest: pending.shown,
        renderer: Renderer {
            version: pending.renderer.parse().ok()?,
            asset_digest: None,
        },
        client: opening.client,
        policy: pending.policy,
        rules: call.rules.iter().cloned().collect(),
        requester: circle.collect::<Option<_>>()?,
        person: opening.person,
        key,
        channel: Channel::Inbox,
        independence: facts(&opening.independence),
        nonce: Nonce(opening.nonce),
        opened_at_ms: opening.at,
        deadline_ms: pending.decide_before,
        execute_within_ms: pending.demand.execute_within,
        head: Head {
            seq: opening.head.seq,
            hash: opening.head.hash,
        },
        typed_target_digest: None,
        matched_number_digest: None,
        comment_digest: None,
    })
}

fn facts(compared: &[Compared]) -> IndependenceFacts {
    let found = |name: &str| {
        let fact = compared.iter().find(|fact| fact.fact == name);
        fact.map_or(Independence::Unknown, |fact| fact.found)
    };
    IndependenceFacts {
        account: found("account"),
        channel: found("channel"),
        credential: found("credential"),
        device: found("device"),
        network: found("network"),
    }
}
