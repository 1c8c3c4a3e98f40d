//! Changes of the control: by the operator before arming, by a confirmed control call afterwards.
//! Both meet the same guards.

use alloc::collections::BTreeSet;

use countersign_policy::{Policy, Population, Problem, Severity};
use countersign_record::action::policy_digest;
use countersign_record::digest::TokenDigest;
use countersign_record::entry::{
    Bodies, Change, Fact, GrantRedeemed, GroupChanged, OutcomeCause, OutcomeRecorded,
    OutcomeStatus, Party, PolicyAdopted, Refs,
};
use countersign_record::id::PersonId;
use countersign_record::json::Value;

use super::approver::about;
use super::submit::none;
use super::{Admission, Unchecked};
use crate::command::{Bootstrap, Decide};
use crate::refusal::Refusal;
use crate::state::{Call, Granted, Pending};

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
            (Fact::PolicyAdopted(_), Some(_)) => self.service()?,
            // The second entry is the policy: nothing else has a meaning without one.
            (_, Some(_)) if self.state.policy.is_none() => return Err(Refusal::OutOfOrder),
            (_, Some(_)) => self.service()?,
        };
        if !is_bootstrap(&bootstrap.fact) {
            return Err(Refusal::OutOfOrder);
        }
        self.check_change(bootstrap, &[])?;
        self.record_change(by, bootstrap);
        Ok(())
    }

    fn record_change(&mut self, by: Party, change: &Bootstrap) {
        let mut bodies = Bodies::default();
        for (name, value) in &change.bodies {
            bodies.add(
                name,
                self.commit.commit(self.drafts.len(), name, value.as_ref()),
            );
        }
        self.push(by, change.refs.clone(), change.fact.clone(), bodies);
    }

    /// What a change must meet, in the state and after the `earlier` changes of its command.
    fn check_change(&mut self, change: &Bootstrap, earlier: &[Bootstrap]) -> Result<(), Refusal> {
        check_bodies(change)?;
        let Bootstrap { refs, fact, .. } = change;
        let roster = &self.state.roster;
        match fact {
            Fact::LedgerCreated(created) => drawn(self.state.size == 0 && created.format == 1),
            Fact::PolicyAdopted(adopted) => self.check_policy(change, adopted),
            Fact::PersonEnrolled(_) => {
                drawn(
                    refs.person
                        .is_some_and(|id| !roster.people.contains_key(&id)),
                )?;
                let handle = text(change, "handle");
                unless(handle.is_some_and(|handle| roster.by_handle(handle).is_some()))
            }
            Fact::PersonLeft(_) => self.person(refs, earlier).map(|_| ()),
            Fact::GroupChanged(changed) => self.check_group(refs, changed, earlier),
            Fact::KeyEnrolled(enrolled) => {
                let person = self.person(refs, earlier)?;
                self.check_key(person, refs, enrolled)
            }
            Fact::AgentEnrolled(enrolled) => {
                self.person(refs, earlier)?;
                drawn(
                    refs.agent
                        .is_some_and(|id| !roster.agents.contains_key(&id)),
                )?;
                self.check_token(&enrolled.token)
            }
            Fact::ExecutorEnrolled(enrolled) => {
                let fresh = |id| !roster.executors.contains_key(&id) && self.service_id() != Ok(id);
                drawn(refs.executor.is_some_and(fresh))?;
                unless(roster.executor(&enrolled.name).is_some())?;
                self.check_token(&enrolled.token)
            }
            Fact::CredentialEnrolled(enrolled) => {
                drawn(
                    refs.credential
                        .is_some_and(|id| !roster.credentials.contains_key(&id)),
                )?;
                self.check_token(&enrolled.token)
            }
            Fact::FreezeLifted(_) => found(
                refs.freeze
                    .is_some_and(|id| self.state.freezes.contains_key(&id)),
            ),
            Fact::DenialLifted(_) => found(
                refs.call
                    .is_some_and(|id| self.state.denials.contains_key(&id)),
            ),
            _ => Err(Refusal::OutOfOrder),
        }
    }

    /// The person of a change: on the roster and not gone, or enrolled by this very command.
    fn person(&self, refs: &Refs, earlier: &[Bootstrap]) -> Result<PersonId, Refusal> {
        let id = refs.person.ok_or(Refusal::NotFound)?;
        let fresh = |change: &Bootstrap| {
            matches!(change.fact, Fact::PersonEnrolled(_)) && change.refs.person == Some(id)
        };
        let there = self.state.roster.is_active(Party::Person(id)) || earlier.iter().any(fresh);
        if there {
            Ok(id)
        } else {
            Err(Refusal::NotFound)
        }
    }

    fn check_group(
        &mut self,
        refs: &Refs,
        changed: &GroupChanged,
        earlier: &[Bootstrap],
    ) -> Result<(), Refusal> {
        let id = self.person(refs, earlier)?;
        match self.state.document() {
            None => self.not_checked(Unchecked::Policy),
            Some(policy) => found(policy.groups().any(|(name, _)| *name == changed.group))?,
        }
        let person = self.state.roster.people.get(&id);
        let member = person.is_some_and(|person| person.groups.contains(&changed.group));
        let again = |change: &Bootstrap| {
            change.refs.person == Some(id)
                && matches!(&change.fact, Fact::GroupChanged(it) if it.group == changed.group)
        };
        unless(member == (changed.change == Change::Add) || earlier.iter().any(again))
    }

    /// One token is one credential of one kind.
    fn check_token(&self, token: &TokenDigest) -> Result<(), Refusal> {
        unless(self.state.roster.has_token(token))
    }

    fn check_policy(&mut self, change: &Bootstrap, adopted: &PolicyAdopted) -> Result<(), Refusal> {
        drawn(change.refs.policy.is_some())?;
        let Some((_, Some(_))) = change.bodies.first() else {
            self.not_checked(Unchecked::Policy);
            return Ok(());
        };
        let toml = text(change, "toml").ok_or(Refusal::MalformedArguments)?;
        if policy_digest(toml.as_bytes()) != adopted.digest {
            return Err(Refusal::DigestMismatch);
        }
        let policy = Policy::parse(toml).map_err(|_| Refusal::MalformedArguments)?;
        let fatal = |problem: &Problem| problem.severity == Severity::Error;
        unless(policy.check(&Population::Unknown).iter().any(fatal))?;
        let solo = self
            .state
            .ledger
            .as_ref()
            .is_some_and(|ledger| ledger.created.solo);
        // What held at arming holds on: no policy locks everybody out.
        unless(self.state.armed && !solo && !self.survives_any_loss(&policy))
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
            outcome_before: self.now.saturating_add(pending.demand.outcome_within),
        };
        let refs = Refs {
            grant: Some(granted.grant),
            executor: Some(call.executor),
            ..about(call)
        };
        self.push(service, refs.clone(), redeemed, none());
        let ids = decide.enacted.clone().unwrap_or_default();
        let changes = if let Some(document) = &call.document {
            crate::control::changes(&document.tool, &document.arguments, &ids)
        } else {
            self.not_checked(Unchecked::ControlChange);
            let claimed = decide.claimed.clone();
            claimed.filter(|changes| crate::control::are_kinds_of(&call.tool, changes))
        };
        let status = match changes {
            Some(changes) if self.are_possible(&changes) => {
                self.record_changes(service, call, &changes);
                OutcomeStatus::Succeeded
            }
            _ => OutcomeStatus::Failed,
        };
        let outcome = OutcomeRecorded {
            status,
            cause: OutcomeCause::Control,
        };
        let refs = Refs {
            grant: None,
            confirmation: None,
            ..refs
        };
        self.push(service, refs, outcome, none());
        Ok(())
    }

    /// All changes are possible, or none is made.
    fn are_possible(&mut self, changes: &[Bootstrap]) -> bool {
        let mut each = changes.iter().enumerate();
        !changes.is_empty()
            && each.all(|(place, change)| {
                is_change(&change.fact) && self.check_change(change, &changes[..place]).is_ok()
            })
    }

    fn record_changes(&mut self, service: Party, call: &Call, changes: &[Bootstrap]) {
        for change in changes {
            self.record_change(service, change);
            if !change.bodies.is_empty() {
                self.quotes([call.evaluated].into());
            }
        }
    }
}

/// Each kind of change has its own body, of a closed form.
fn check_bodies(change: &Bootstrap) -> Result<(), Refusal> {
    let (name, members): (&str, &[&str]) = match &change.fact {
        Fact::PolicyAdopted(_) => ("policy", &["toml"]),
        Fact::PersonEnrolled(_) => ("person", &["handle", "name", "email"]),
        Fact::AgentEnrolled(_) => ("agent", &["name"]),
        Fact::CredentialEnrolled(_) => ("credential", &["name"]),
        _ => return drawn(change.bodies.is_empty()),
    };
    let [(found, value)] = change.bodies.as_slice() else {
        return Err(Refusal::OutOfOrder);
    };
    drawn(*found == name)?;
    let Some(value) = value else { return Ok(()) };
    let given: Option<BTreeSet<&str>> = value
        .as_object()
        .map(|object| object.iter().map(|(name, _)| name).collect());
    let texts = members
        .iter()
        .all(|name| value.member(name).and_then(Value::as_str).is_some());
    unless(!texts || given != Some(members.iter().copied().collect()))
}

/// A member of the change's body, where it is disclosed.
fn text<'a>(change: &'a Bootstrap, member: &str) -> Option<&'a str> {
    change.bodies.first()?.1.as_ref()?.member(member)?.as_str()
}

/// What the service drew fits; otherwise it is the service's own fault.
fn drawn(fits: bool) -> Result<(), Refusal> {
    if fits {
        Ok(())
    } else {
        Err(Refusal::OutOfOrder)
    }
}

fn found(there: bool) -> Result<(), Refusal> {
    if there {
        Ok(())
    } else {
        Err(Refusal::NotFound)
    }
}

/// What the change asks for cannot be, or is so already.
fn unless(wrong: bool) -> Result<(), Refusal> {
    if wrong {
        Err(Refusal::MalformedArguments)
    } else {
        Ok(())
    }
}

/// The changes that an operator may make directly before arming, each marked as such.
fn is_bootstrap(fact: &Fact) -> bool {
    mark(fact) == Some(true) || matches!(fact, Fact::LedgerCreated(_))
}

/// The changes that a control call makes, none of them marked as made before arming.
fn is_change(fact: &Fact) -> bool {
    mark(fact) == Some(false) || matches!(fact, Fact::FreezeLifted(_) | Fact::DenialLifted(_))
}

/// Whether a change says of itself that it was made before arming.
fn mark(fact: &Fact) -> Option<bool> {
    match fact {
        Fact::PolicyAdopted(it) => Some(it.bootstrap),
        Fact::PersonEnrolled(it) => Some(it.bootstrap),
        Fact::PersonLeft(it) => Some(it.bootstrap),
        Fact::GroupChanged(it) => Some(it.bootstrap),
        Fact::KeyEnrolled(it) => Some(it.bootstrap),
        Fact::AgentEnrolled(it) => Some(it.bootstrap),
        Fact::ExecutorEnrolled(it) => Some(it.bootstrap),
        Fact::CredentialEnrolled(it) => Some(it.bootstrap),
        _ => None,
    }
}
