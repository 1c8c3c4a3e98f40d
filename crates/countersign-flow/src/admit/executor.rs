//! The agent's and executor's side after the question: withdraw, time, redeem, outcome.

use countersign_record::entry::{
    CallAttached, ConfirmationExpired, ConfirmationSuperseded, ConfirmationWithdrawn, EndCause,
    GrantLapsed, GrantRedeemed, GrantSuperseded, GrantWithdrawn, OutcomeCause, OutcomeDisputed,
    OutcomeRecorded, OutcomeStatus, Party, Refs,
};
use countersign_record::id::CallId;

use super::approver::{about, quorum_stands, stricter};
use super::submit::none;
use super::{Admission, Unchecked};
use crate::ALLOWED_OUTCOME_MS;
use crate::command::{Outcome, PastStage, Redeem};
use crate::refusal::Refusal;
use crate::state::{Call, Stage, State};

impl Admission<'_> {
    pub(super) fn withdraw(&mut self, by: Party, call: CallId) -> Result<(), Refusal> {
        let call = self.call(call)?;
        if call.requester.asker != by {
            return Err(Refusal::NotFound);
        }
        if self.now >= call.deadline() {
            return Err(Refusal::NotPending);
        }
        if call.callers > 1 {
            self.push(by, about(call), CallAttached { left: true }, none());
            return Ok(());
        }
        let granted = call.granted().map(|granted| granted.grant);
        let refs = Refs { grant: granted, ..about(call) };
        match &call.stage {
            Stage::Judged => return Err(Refusal::OutOfOrder),
            Stage::Redeemed(_) => return Err(Refusal::AlreadyRedeemed),
            Stage::Allowed(_) => self.push(by, refs, GrantWithdrawn {}, none()),
            Stage::Pending(_) | Stage::Approved(..) => {
                self.push(by, refs, ConfirmationWithdrawn {}, none());
            }
        }
        Ok(())
    }

    pub(super) fn tick(&mut self, call: CallId) -> Result<(), Refusal> {
        let call = self.call(call)?;
        if self.now < call.deadline() {
            return Err(Refusal::OutOfOrder);
        }
        let service = self.service()?;
        let refs = Refs { grant: call.granted().map(|granted| granted.grant), ..about(call) };
        match &call.stage {
            Stage::Judged => return Err(Refusal::OutOfOrder),
            Stage::Pending(pending) => {
                let served = pending.openings.keys().copied().collect();
                let expired = ConfirmationExpired { cause: EndCause::Silence, served };
                self.push(service, refs, expired, none());
            }
            Stage::Allowed(_) | Stage::Approved(..) => {
                self.push(service, refs, GrantLapsed {}, none());
            }
            Stage::Redeemed(redeemed) => {
                let refs = Refs {
                    grant: Some(redeemed.grant),
                    executor: Some(call.executor),
                    ..about(call)
                };
                let unknown = OutcomeRecorded {
                    status: OutcomeStatus::Unknown,
                    cause: OutcomeCause::Deadline,
                };
                self.push(service, refs, unknown, none());
            }
        }
        Ok(())
    }

    pub(super) fn supersede(&mut self, call: CallId) -> Result<(), Refusal> {
        let call = self.call(call)?;
        if call.document.is_none() || self.state.document().is_none() {
            self.not_checked(Unchecked::StricterPolicy);
        } else if !superseded(self.state, call) {
            return Err(Refusal::OutOfOrder);
        }
        let service = self.service()?;
        let refs = Refs { grant: call.granted().map(|granted| granted.grant), ..about(call) };
        match &call.stage {
            Stage::Judged => return Err(Refusal::OutOfOrder),
            Stage::Redeemed(_) => return Err(Refusal::AlreadyRedeemed),
            Stage::Allowed(_) => self.push(service, refs, GrantSuperseded {}, none()),
            Stage::Pending(_) | Stage::Approved(..) => {
                self.push(service, refs, ConfirmationSuperseded {}, none());
            }
        }
        Ok(())
    }

    pub(super) fn redeem(&mut self, redeem: &Redeem) -> Result<(), Refusal> {
        let call = self.state.call_of(&redeem.grant).ok_or(Refusal::NotFound)?;
        if call.executor != redeem.executor {
            return Err(Refusal::WrongExecutor);
        }
        let executor = self.state.roster.executors.get(&redeem.executor);
        executor.filter(|executor| !executor.revoked).ok_or(Refusal::Forbidden)?;
        let granted = match &call.stage {
            Stage::Judged | Stage::Pending(_) => return Err(Refusal::NotApproved),
            Stage::Redeemed(_) => return Err(Refusal::AlreadyRedeemed),
            Stage::Allowed(granted) | Stage::Approved(_, granted) => granted,
        };
        if self.now >= granted.execute_before {
            return Err(Refusal::Lapsed);
        }
        if redeem.action != call.action {
            return Err(Refusal::DigestMismatch);
        }
        self.not_frozen(call)?;
        if call.document.is_none() || self.state.document().is_none() {
            self.not_checked(Unchecked::StricterPolicy);
        } else if superseded(self.state, call) {
            return Err(Refusal::Superseded);
        }
        if let Some(pending) = call.question() {
            if !quorum_stands(self.state, pending) {
                return Err(Refusal::Revoked);
            }
        }
        let redeemed = GrantRedeemed {
            nonce: redeem.nonce,
            action: redeem.action,
            outcome_before: self.now + outcome_within(call),
        };
        let refs = Refs {
            grant: Some(redeem.grant),
            executor: Some(redeem.executor),
            ..about(call)
        };
        self.push(Party::Executor(redeem.executor), refs, redeemed, none());
        Ok(())
    }

    pub(super) fn outcome(&mut self, outcome: &Outcome) -> Result<(), Refusal> {
        let refs = Refs { call: Some(outcome.call), ..Refs::default() };
        if let Some(call) = self.state.calls.get(&outcome.call) {
            if outcome.by != Party::Executor(call.executor) || outcome.past.is_some() {
                return Err(Refusal::WrongExecutor);
            }
            let refs = Refs { executor: Some(call.executor), ..refs };
            self.report(outcome, refs, OutcomeCause::Reported);
            return Ok(());
        }
        let past = outcome.past.ok_or(Refusal::NotFound)?;
        if outcome.by != Party::Executor(past.executor) {
            return Err(Refusal::WrongExecutor);
        }
        let refs = Refs { executor: Some(past.executor), ended: Some(past.seq), ..refs };
        match past.stage {
            PastStage::NotExecuted(_) => self.report(outcome, refs, OutcomeCause::Reported),
            PastStage::Disputed | PastStage::Reported(OutcomeStatus::Unknown) => {
                self.report(outcome, refs, OutcomeCause::Reconciled);
            }
            PastStage::Reported(status) if status == outcome.status => {
                return Err(Refusal::OutcomeConflict);
            }
            PastStage::Reported(_) => {
                let bodies = self.detail(outcome);
                let disputed = OutcomeDisputed { status: outcome.status };
                self.push(outcome.by, refs, disputed, bodies);
            }
        }
        Ok(())
    }

    fn report(&mut self, outcome: &Outcome, refs: Refs, cause: OutcomeCause) {
        let bodies = self.detail(outcome);
        let recorded = OutcomeRecorded { status: outcome.status, cause };
        self.push(outcome.by, refs, recorded, bodies);
    }

    fn detail(&mut self, outcome: &Outcome) -> countersign_record::entry::Bodies {
        match &outcome.detail {
            None => none(),
            Some(value) => self.body("outcome", value.as_ref()),
        }
    }
}

/// How long the executor of a call has to report after redeeming.
pub(super) fn outcome_within(call: &Call) -> u64 {
    call.question().map_or(ALLOWED_OUTCOME_MS, |pending| pending.demand.outcome_within)
}

/// Whether the policy in force demands more of the call than the one that judged it.
fn superseded(state: &State, call: &Call) -> bool {
    match &call.stage {
        Stage::Pending(pending) | Stage::Approved(pending, _) => stricter(state, call, pending),
        Stage::Allowed(_) => no_longer_allowed(state, call),
        Stage::Judged | Stage::Redeemed(_) => false,
    }
}

fn no_longer_allowed(state: &State, call: &Call) -> bool {
    use countersign_policy::{Question, Verdict};
    let (Some(policy), Some(document)) = (state.document(), &call.document) else { return false };
    let question = Question {
        tool: &document.tool,
        arguments: &document.arguments,
        reason: document.reason.as_deref(),
    };
    !matches!(countersign_policy::evaluate(policy, &question).verdict, Verdict::Allow)
}
