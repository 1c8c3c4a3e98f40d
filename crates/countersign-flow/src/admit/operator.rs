//! The control itself: arming, stopping, revoking. What a change of it must meet is in `change`.

use alloc::vec::Vec;

use countersign_policy::{Facts, Policy, Question, Verdict, evaluate, quorum, reserved_tools};
use countersign_record::entry::{
    ConfirmationRevoked, CredentialRevoked, EndCause, FreezeSet, GrantRevoked, KeyRevoked, Party,
    Refs, RevocationCause, ServiceArmed,
};
use countersign_record::id::PersonId;
use countersign_record::json::{Object, Value};
use countersign_record::name::RuleName;
use countersign_record::term::Role;

use super::approver::about;
use super::submit::none;
use super::{Admission, Unchecked};
use crate::command::{Freezing, RevokeKey};
use crate::refusal::Refusal;
use crate::state::{Call, Requester, Stage};

impl Admission<'_> {
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
            Some(policy) if !ledger.created.solo && !self.survives_any_loss(policy) => {
                return Err(Refusal::NotArmed);
            }
            Some(_) => {}
        }
        let armed = ServiceArmed {
            policy: in_force.digest,
            solo: ledger.created.solo,
        };
        let service = self.service()?;
        self.push(service, Refs::default(), armed, none());
        Ok(())
    }

    /// Whether the control can still be changed whichever one person is lost.
    pub(super) fn survives_any_loss(&self, policy: &Policy) -> bool {
        reserved_tools()
            .iter()
            .all(|tool| self.survives_a_loss(policy, tool))
    }

    fn survives_a_loss(&self, policy: &Policy, tool: &str) -> bool {
        let arguments = Value::Object(Object::new());
        let question = Question {
            tool,
            arguments: &arguments,
            reason: None,
        };
        let Verdict::Confirm(needed) = evaluate(policy, &question, &Facts::default()).verdict
        else {
            return false;
        };
        let roster = &self.state.roster;
        let counts = |id: PersonId| {
            let mut keys = roster.keys_of(id).map(|(_, key)| &key.enrolled);
            keys.any(|key| key.class >= needed.key_class && Some(key.client) >= needed.client)
        };
        let people: Vec<_> = roster
            .people
            .iter()
            .filter(|(id, person)| !person.left && counts(**id))
            .map(|(id, person)| (*id, person.groups.iter().cloned().collect::<Vec<_>>()))
            .collect();
        let without = |lost: PersonId| -> Vec<_> {
            people
                .iter()
                .filter(|(id, _)| *id != lost)
                .cloned()
                .collect()
        };
        !people.is_empty()
            && people
                .iter()
                .all(|(lost, _)| quorum::progress(&needed.slots, &without(*lost)).met)
    }

    pub(super) fn freeze(&mut self, freezing: &Freezing) -> Result<(), Refusal> {
        if self.state.roster.role(freezing.by) != Some(Role::Responder) {
            return Err(Refusal::Forbidden);
        }
        if self.state.freezes.contains_key(&freezing.freeze) {
            return Err(Refusal::OutOfOrder);
        }
        self.check_selection(freezing)?;
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

    /// A freeze names something that there is; a name that nobody declared has no place in a header.
    fn check_selection(&mut self, freezing: &Freezing) -> Result<(), Refusal> {
        let Freezing {
            agent,
            key,
            person,
            tool,
            rule,
            by_target,
            all,
            detail,
            ..
        } = freezing;
        let names = [
            agent.is_some(),
            key.is_some(),
            person.is_some(),
            tool.is_some(),
        ];
        let selects = names.contains(&true) || rule.is_some() || *by_target || *all;
        let target = |detail: &Value| detail.member("target").and_then(Value::as_str).is_some();
        if !selects
            || detail
                .as_ref()
                .is_some_and(|detail| target(detail) != *by_target)
        {
            return Err(Refusal::MalformedArguments);
        }
        let roster = &self.state.roster;
        let known = agent.is_none_or(|id| roster.agents.contains_key(&id))
            && key.is_none_or(|id| roster.keys.contains_key(&id))
            && person.is_none_or(|id| roster.people.contains_key(&id))
            && tool.as_ref().is_none_or(|tool| self.names_tool(tool))
            && rule.as_ref().is_none_or(|rule| self.names_rule(rule));
        if known {
            Ok(())
        } else {
            Err(Refusal::NotFound)
        }
    }

    /// Whether the policy in force, or a call that is still open, has the tool.
    fn names_tool(&mut self, tool: &str) -> bool {
        let Some(policy) = self.state.document() else {
            self.not_checked(Unchecked::Policy);
            return true;
        };
        policy.tool(tool).is_some() || self.state.calls.values().any(|call| call.tool == tool)
    }

    fn names_rule(&mut self, rule: &RuleName) -> bool {
        let Some(policy) = self.state.document() else {
            self.not_checked(Unchecked::Policy);
            return true;
        };
        policy.rule_title(rule).is_some()
            || self
                .state
                .calls
                .values()
                .any(|call| call.rules.contains(rule))
    }

    /// Every unredeemed grant under the freeze ends at once; one whose time is over has lapsed.
    fn kill(&mut self, freezing: &Freezing) -> Result<(), Refusal> {
        let service = self.service()?;
        let state = self.state;
        for call in state.calls.values() {
            let Some(granted) = call.granted() else {
                continue;
            };
            if self.now >= granted.execute_before || !self.falls_under(freezing, call) {
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
                let revoked = ConfirmationRevoked {
                    cause,
                    statement: None,
                    signature: None,
                };
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
            || freezing
                .agent
                .is_some_and(|agent| asker == Party::Agent(agent))
            || (freezing.person.is_some() && freezing.person == principal)
            || freezing.tool.as_deref() == Some(call.tool.as_str())
            || freezing
                .rule
                .as_ref()
                .is_some_and(|rule| call.rules.contains(rule))
            || by_vote;
        if header || !freezing.by_target {
            return header;
        }
        let frozen = freezing
            .detail
            .as_ref()
            .and_then(|detail| detail.member("target"));
        let frozen = frozen.and_then(Value::as_str);
        if let (Some(frozen), Some(policy), Some(_)) =
            (frozen, self.state.document(), &call.document)
        {
            return call.target(policy).as_deref() == Some(frozen);
        }
        self.not_checked(Unchecked::FrozenTarget);
        freezing.claimed.contains(&call.id)
    }

    pub(super) fn revoke_key(&mut self, revoke: &RevokeKey) -> Result<(), Refusal> {
        self.may_revoke(revoke.by)?;
        let key = self
            .state
            .roster
            .keys
            .get(&revoke.key)
            .ok_or(Refusal::NotFound)?;
        if key.revoked.is_some() {
            return Err(Refusal::KeyNotActive);
        }
        let refs = Refs {
            key: Some(revoke.key),
            person: Some(key.person),
            ..Refs::default()
        };
        self.push(
            revoke.by,
            refs,
            KeyRevoked {
                cause: revoke.cause,
            },
            none(),
        );
        Ok(())
    }

    pub(super) fn revoke_credential(
        &mut self,
        by: Party,
        of: Party,
        cause: RevocationCause,
    ) -> Result<(), Refusal> {
        self.may_revoke(by)?;
        let refs = match of {
            Party::Agent(id) => Refs {
                agent: Some(id),
                ..Refs::default()
            },
            Party::Executor(id) => Refs {
                executor: Some(id),
                ..Refs::default()
            },
            Party::Credential(id) => Refs {
                credential: Some(id),
                ..Refs::default()
            },
            Party::Person(_) => return Err(Refusal::NotFound),
        };
        if !self.state.roster.is_active(of) {
            return Err(Refusal::NotFound);
        }
        self.push(by, refs, CredentialRevoked { cause }, none());
        Ok(())
    }

    /// Revoking is immediate: the operator at the machine, or an operator's or responder's credential.
    fn may_revoke(&self, by: Party) -> Result<(), Refusal> {
        let may = match by {
            Party::Credential(id) => {
                matches!(
                    self.state.roster.role(id),
                    Some(Role::Operator | Role::Responder)
                )
            }
            other => other == self.service()?,
        };
        if may { Ok(()) } else { Err(Refusal::Forbidden) }
    }
}
