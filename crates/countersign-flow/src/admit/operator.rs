//! The control itself: setting up, arming, changing, stopping.

use alloc::vec::Vec;

use countersign_attest::statement::{AttestKey, Enrolment};
use countersign_attest::{Context, PublicKey, verify};
use countersign_policy::{reserved_tools, Question, Verdict, quorum};
use countersign_record::action::policy_digest;
use countersign_record::digest::{PolicyDigest, StatementDigest, sha256};
use countersign_record::entry::{
    Bodies, Change, ConfirmationRevoked, CredentialRevoked, Draft, EndCause, Endorsement, Fact,
    FreezeSet, GrantRedeemed, GrantRevoked, KeyEnrolled, KeyRevoked, OutcomeCause, OutcomeRecorded,
    OutcomeStatus, Party, Refs, RevocationCause, ServiceArmed,
};
use countersign_record::id::PersonId;
use countersign_record::json::{Object, Value};
use countersign_record::term::{KeyClass, Role};

use super::approver::about;
use super::submit::none;
use super::{Admission, Unchecked};
use crate::command::{Bootstrap, Decide, Freezing, RevokeKey};
use crate::refusal::Refusal;
use crate::state::{Call, Granted, Key, Pending, Requester, Stage};

impl Admission<'_> {
    pub(super) fn bootstrap(&mut self, bootstrap: &Bootstrap) -> Result<(), Refusal> {
        if self.state.armed {
            return Err(Refusal::Armed);
        }
        let by = match (&bootstrap.fact, &self.state.ledger) {
            (Fact::LedgerCreated(_), None) => {
                Party::Executor(bootstrap.refs.executor.ok_or(Refusal::OutOfOrder)?)
            }
            (Fact::LedgerCreated(_), Some(_)) | (_, None) => return Err(Refusal::OutOfOrder),
            (_, Some(_)) => self.service()?,
        };
        if !is_bootstrap(&bootstrap.fact) {
            return Err(Refusal::OutOfOrder);
        }
        self.change(by, bootstrap)
    }

    /// One change of the setup, whoever ordered it.
    fn change(&mut self, by: Party, change: &Bootstrap) -> Result<(), Refusal> {
        self.check_change(change)?;
        let mut bodies = Bodies::default();
        for (name, value) in &change.bodies {
            bodies.add(name, self.commit.commit(self.drafts.len(), name, value.as_ref()));
        }
        self.push(by, change.refs.clone(), change.fact.clone(), bodies);
        Ok(())
    }

    fn check_change(&mut self, change: &Bootstrap) -> Result<(), Refusal> {
        let Bootstrap { refs, fact, .. } = change;
        let roster = &self.state.roster;
        let fresh = match fact {
            Fact::LedgerCreated(created) => self.state.size == 0 && created.format == 1,
            Fact::PolicyAdopted(adopted) => {
                return self.check_policy(change, adopted.digest);
            }
            Fact::PersonEnrolled(_) => {
                let handle = change.bodies.first().and_then(|(_, value)| value.as_ref());
                let handle = handle.and_then(|value| value.member("handle")).and_then(Value::as_str);
                refs.person.is_some_and(|id| !roster.people.contains_key(&id))
                    && handle.is_none_or(|handle| roster.by_handle(handle).is_none())
            }
            Fact::PersonLeft(_) => refs.person.is_some_and(|id| self.is_person(id)),
            Fact::GroupChanged(changed) => {
                let id = refs.person.ok_or(Refusal::NotFound)?;
                let declared = self.state.document().is_none_or(|it| it.groups().any(|(name, _)| *name == changed.group));
                let member = roster.people.get(&id).is_some_and(|it| it.groups.contains(&changed.group));
                let adds = changed.change == Change::Add;
                self.is_person(id) && declared && member != adds
            }
            Fact::KeyEnrolled(enrolled) => return self.check_key(refs, enrolled),
            Fact::AgentEnrolled(_) => {
                refs.person.is_some_and(|id| self.is_person(id))
                    && refs.agent.is_some_and(|id| !roster.agents.contains_key(&id))
            }
            Fact::ExecutorEnrolled(enrolled) => {
                refs.executor.is_some_and(|id| !roster.executors.contains_key(&id))
                    && roster.executor(&enrolled.name).is_none()
            }
            Fact::CredentialEnrolled(_) => {
                refs.credential.is_some_and(|id| !roster.credentials.contains_key(&id))
            }
            Fact::FreezeLifted(_) => {
                refs.freeze.is_some_and(|id| self.state.freezes.contains_key(&id))
            }
            Fact::DenialLifted(_) => {
                let standing = |id| self.state.denials.iter().any(|denial| denial.call == id);
                refs.call.is_some_and(standing)
            }
            _ => false,
        };
        if fresh { Ok(()) } else { Err(Refusal::NotFound) }
    }

    /// Whether the person may be changed: on the roster, or enrolled by this very command.
    fn is_person(&self, id: PersonId) -> bool {
        let fresh = |draft: &Draft| {
            matches!(draft.fact, Fact::PersonEnrolled(_)) && draft.refs.person == Some(id)
        };
        self.state.roster.people.get(&id).is_some_and(|person| !person.left)
            || self.drafts.iter().any(fresh)
    }

    fn check_policy(&mut self, change: &Bootstrap, digest: PolicyDigest) -> Result<(), Refusal> {
        change.refs.policy.ok_or(Refusal::OutOfOrder)?;
        let Some((_, Some(value))) = change.bodies.first() else {
            self.not_checked(Unchecked::Policy);
            return Ok(());
        };
        let toml = value.member("toml").and_then(Value::as_str).ok_or(Refusal::MalformedArguments)?;
        if policy_digest(toml.as_bytes()) != digest {
            return Err(Refusal::DigestMismatch);
        }
        let policy = countersign_policy::Policy::parse(toml).map_err(|_| Refusal::MalformedArguments)?;
        let fatal = |problem: &countersign_policy::Problem| problem.severity == countersign_policy::Severity::Error;
        if policy.check(&countersign_policy::Population::Unknown).iter().any(fatal) {
            return Err(Refusal::MalformedArguments);
        }
        Ok(())
    }

    fn check_key(&self, refs: &Refs, enrolled: &KeyEnrolled) -> Result<(), Refusal> {
        let person = refs.person.filter(|id| self.is_person(*id)).ok_or(Refusal::NotFound)?;
        let id = refs.key.ok_or(Refusal::OutOfOrder)?;
        let known = |(other, key): (&countersign_record::id::KeyId, &Key)| {
            *other == id || key.enrolled.public_key == enrolled.public_key
        };
        if self.state.roster.keys.iter().any(known) {
            return Err(Refusal::KeyNotActive);
        }
        let stated =
            Enrolment::read(&enrolled.statement.0).map_err(|_| Refusal::SignatureInvalid)?;
        let fits = stated.log == self.state.origin()
            && stated.person == person
            && stated.usage == enrolled.client
            && stated.public_key.scheme() == enrolled.scheme
            && stated.public_key.to_ssh_wire() == enrolled.public_key.0
            && enrolled.class == KeyClass::Software;
        if !fits {
            return Err(Refusal::DigestMismatch);
        }
        let bytes = &enrolled.statement.0;
        verify(Context::Enrolment, &stated.public_key, bytes, &enrolled.signature.0)
            .map_err(|_| Refusal::SignatureInvalid)?;
        let second = self.state.armed && self.state.roster.keys_of(person).next().is_some();
        match &enrolled.endorsed {
            None if second => Err(Refusal::NotEligible),
            None => Ok(()),
            Some(endorsed) => self.check_endorsement(person, bytes, endorsed),
        }
    }

    /// Another person's word for a key, by a key of their own.
    fn check_endorsement(
        &self,
        person: PersonId,
        enrolment: &[u8],
        endorsed: &Endorsement,
    ) -> Result<(), Refusal> {
        let key = self.state.roster.keys.get(&endorsed.key).ok_or(Refusal::KeyNotActive)?;
        let stated =
            AttestKey::read(&endorsed.statement.0).map_err(|_| Refusal::SignatureInvalid)?;
        let fits = stated.log == self.state.origin()
            && stated.enrolment == StatementDigest(sha256(&[enrolment]))
            && stated.person == key.person
            && stated.key == endorsed.key;
        if !fits {
            return Err(Refusal::DigestMismatch);
        }
        if key.revoked.is_some() || key.person == person {
            return Err(Refusal::NotEligible);
        }
        let public =
            PublicKey::from_ssh_wire(&key.enrolled.public_key.0).map_err(|_| Refusal::KeyNotActive)?;
        verify(Context::AttestKey, &public, &endorsed.statement.0, &endorsed.signature.0)
            .map_err(|_| Refusal::SignatureInvalid)?;
        Ok(())
    }

    /// A control call's quorum is met: the service redeems, changes and reports in one append. When
    /// the change no longer fits, the report says so and nothing is changed.
    pub(super) fn enact(
        &mut self,
        call: &Call,
        pending: &Pending,
        granted: Granted,
        decide: &Decide,
    ) -> Result<(), Refusal> {
        let service = self.service()?;
        let redeemed = GrantRedeemed {
            nonce: [0; 32],
            action: call.action,
            outcome_before: self.now + pending.demand.outcome_within,
        };
        let refs = Refs { grant: Some(granted.grant), executor: Some(call.executor), ..about(call) };
        self.push(service, refs.clone(), redeemed, none());
        let ids = decide.enacted.clone().unwrap_or_default();
        let changes = match &call.document {
            Some(document) => crate::control::changes(&document.tool, &document.arguments, &ids),
            None => {
                self.not_checked(Unchecked::ControlChange);
                decide.claimed.clone()
            }
        };
        let status = match changes {
            Some(changes) if self.changes(service, call, &changes) => OutcomeStatus::Succeeded,
            _ => OutcomeStatus::Failed,
        };
        let outcome = OutcomeRecorded { status, cause: OutcomeCause::Control };
        let refs = Refs { grant: None, confirmation: None, ..refs };
        self.push(service, refs, outcome, none());
        Ok(())
    }

    /// All changes, or none.
    fn changes(&mut self, service: Party, call: &Call, changes: &[Bootstrap]) -> bool {
        let before = self.drafts.len();
        for change in changes {
            if self.change(service, change).is_err() {
                self.drafts.truncate(before);
                return false;
            }
            if !change.bodies.is_empty() {
                self.quotes([call.evaluated].into());
            }
        }
        true
    }

    /// Arming needs a policy whose every self-governance quorum survives the loss of any one
    /// person, or a log that one person runs.
    pub(super) fn arm(&mut self) -> Result<(), Refusal> {
        let ledger = self.state.ledger.as_ref().ok_or(Refusal::OutOfOrder)?;
        let in_force = self.state.policy.as_ref().ok_or(Refusal::OutOfOrder)?;
        if self.state.armed {
            return Err(Refusal::Armed);
        }
        match &in_force.policy {
            None => self.not_checked(Unchecked::Policy),
            Some(_) if ledger.created.solo => {}
            Some(policy) => {
                if !reserved_tools().iter().all(|tool| self.survives_a_loss(policy, tool)) {
                    return Err(Refusal::NotEligible);
                }
            }
        }
        let armed = ServiceArmed { policy: in_force.digest, solo: ledger.created.solo };
        let service = self.service()?;
        self.push(service, Refs::default(), armed, none());
        Ok(())
    }

    fn survives_a_loss(&self, policy: &countersign_policy::Policy, tool: &str) -> bool {
        let arguments = Value::Object(Object::new());
        let question = Question { tool, arguments: &arguments, reason: None };
        let Verdict::Confirm(needed) = countersign_policy::evaluate(policy, &question).verdict else { return false };
        let roster = &self.state.roster;
        let counts = |id: PersonId| {
            roster.keys_of(id).any(|(_, key)| key.enrolled.class >= needed.key_class)
        };
        let people: Vec<_> = roster
            .people
            .iter()
            .filter(|(id, person)| !person.left && counts(**id))
            .map(|(id, person)| (*id, person.groups.iter().cloned().collect::<Vec<_>>()))
            .collect();
        let without = |lost: PersonId| -> Vec<_> {
            people.iter().filter(|(id, _)| *id != lost).cloned().collect()
        };
        !people.is_empty()
            && people.iter().all(|(lost, _)| quorum::progress(&needed.slots, &without(*lost)).met)
    }

    pub(super) fn freeze(&mut self, freezing: &Freezing) -> Result<(), Refusal> {
        let credential = self.state.roster.credentials.get(&freezing.by);
        credential
            .filter(|it| !it.revoked && it.role == Role::Responder)
            .ok_or(Refusal::Forbidden)?;
        if self.state.freezes.contains_key(&freezing.freeze) {
            return Err(Refusal::OutOfOrder);
        }
        let by = Party::Credential(freezing.by);
        let bodies = self.body("freeze", freezing.detail.as_ref());
        let set = FreezeSet {
            tool: freezing.tool.clone(),
            rule: freezing.rule.clone(),
            target: freezing.by_target,
            all: freezing.all,
        };
        let refs = Refs {
            freeze: Some(freezing.freeze),
            agent: freezing.agent,
            key: freezing.key,
            person: freezing.person,
            ..Refs::default()
        };
        self.push(by, refs, set, bodies);
        self.kill(freezing)
    }

    /// Every unredeemed grant under the freeze ends at once.
    fn kill(&mut self, freezing: &Freezing) -> Result<(), Refusal> {
        let service = self.service()?;
        let state = self.state;
        for call in state.calls.values() {
            let Some(granted) = call.granted() else { continue };
            if !self.falls_under(freezing, call) {
                continue;
            }
            let refs = Refs {
                grant: Some(granted.grant),
                freeze: Some(freezing.freeze),
                ..about(call)
            };
            let cause = EndCause::Freeze;
            if matches!(call.stage, Stage::Allowed(_)) {
                self.push(service, refs, GrantRevoked { cause }, none());
            } else {
                let revoked = ConfirmationRevoked { cause, statement: None, signature: None };
                self.push(service, refs, revoked, none());
            }
        }
        Ok(())
    }

    fn falls_under(&mut self, freezing: &Freezing, call: &Call) -> bool {
        let Requester { asker, principal } = call.requester;
        let votes = call.question().map(|pending| &pending.votes);
        let by_vote = votes.is_some_and(|votes| {
            votes.iter().any(|(person, vote)| {
                freezing.key == Some(vote.key) || freezing.person == Some(*person)
            })
        });
        let header = freezing.all
            || freezing.agent.is_some_and(|agent| asker == Party::Agent(agent))
            || (freezing.person.is_some() && freezing.person == principal)
            || freezing.tool.as_deref() == Some(call.tool.as_str())
            || freezing.rule.as_ref().is_some_and(|rule| call.rules.contains(rule))
            || by_vote;
        if header || !freezing.by_target {
            return header;
        }
        let frozen = freezing.detail.as_ref().and_then(|detail| detail.member("target"));
        match (frozen.and_then(Value::as_str), self.state.document(), &call.document) {
            (Some(frozen), Some(policy), Some(_)) => call.target(policy).as_deref() == Some(frozen),
            _ => {
                self.not_checked(Unchecked::FrozenTarget);
                freezing.claimed.contains(&call.id)
            }
        }
    }

    pub(super) fn revoke_key(&mut self, revoke: &RevokeKey) -> Result<(), Refusal> {
        self.may_revoke(revoke.by)?;
        let key = self.state.roster.keys.get(&revoke.key).ok_or(Refusal::NotFound)?;
        if key.revoked.is_some() {
            return Err(Refusal::KeyNotActive);
        }
        let refs = Refs { key: Some(revoke.key), person: Some(key.person), ..Refs::default() };
        self.push(revoke.by, refs, KeyRevoked { cause: revoke.cause }, none());
        Ok(())
    }

    pub(super) fn revoke_credential(
        &mut self,
        by: Party,
        of: Party,
        cause: RevocationCause,
    ) -> Result<(), Refusal> {
        self.may_revoke(by)?;
        let roster = &self.state.roster;
        let (active, refs) = match of {
            Party::Agent(id) => (
                roster.agents.get(&id).map(|it| !it.revoked),
                Refs { agent: Some(id), ..Refs::default() },
            ),
            Party::Executor(id) => (
                roster.executors.get(&id).map(|it| !it.revoked),
                Refs { executor: Some(id), ..Refs::default() },
            ),
            Party::Credential(id) => (
                roster.credentials.get(&id).map(|it| !it.revoked),
                Refs { credential: Some(id), ..Refs::default() },
            ),
            Party::Person(_) => return Err(Refusal::NotFound),
        };
        if active != Some(true) {
            return Err(Refusal::NotFound);
        }
        self.push(by, refs, CredentialRevoked { cause }, none());
        Ok(())
    }

    /// Revoking is immediate: the operator at the machine, or an operator's or responder's credential.
    fn may_revoke(&self, by: Party) -> Result<(), Refusal> {
        let may = match by {
            Party::Credential(id) => self
                .state
                .roster
                .credentials
                .get(&id)
                .is_some_and(|it| !it.revoked && it.role != Role::Auditor),
            other => other == self.service()?,
        };
        if may { Ok(()) } else { Err(Refusal::Forbidden) }
    }
}

/// The changes that an operator may make directly before arming, each marked as such.
fn is_bootstrap(fact: &Fact) -> bool {
    match fact {
        Fact::LedgerCreated(_) => true,
        Fact::PolicyAdopted(it) => it.bootstrap,
        Fact::PersonEnrolled(it) => it.bootstrap,
        Fact::PersonLeft(it) => it.bootstrap,
        Fact::GroupChanged(it) => it.bootstrap,
        Fact::KeyEnrolled(it) => it.bootstrap,
        Fact::AgentEnrolled(it) => it.bootstrap,
        Fact::ExecutorEnrolled(it) => it.bootstrap,
        Fact::CredentialEnrolled(it) => it.bootstrap,
        _ => false,
    }
}
