//! The agent's and executor's side after the question: withdraw, time, redeem, outcome.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use countersign_record::entry::{
    CallAttached, ConfirmationExpired, ConfirmationSuperseded, ConfirmationWithdrawn, EndCause,
    GrantLapsed, GrantRedeemed, GrantSuperseded, GrantWithdrawn, OutcomeCause, OutcomeDisputed,
    OutcomeRecorded, OutcomeStatus, Party, Refs,
};
use countersign_record::id::CallId;

use super::approver::{about, no_longer_at, quorum_stands};
use super::submit::none;
use super::{Admission, Unchecked, is_stricter};
use crate::ALLOWED_OUTCOME_MS;
use crate::command::{Outcome, PastStage, Redeem};
use crate::refusal::Refusal;
use crate::state::{Call, Pending, Stage};

impl Admission<'_> {
    pub(super) fn withdraw(&mut self, by: Party, call: CallId) -> Result<(), Refusal> {
        let call = self.call(call)?;
        if call.requester.asker != by {
            return Err(Refusal::NotFound);
        }
        if matches!(call.stage, Stage::Redeemed(_)) {
            return Err(Refusal::AlreadyRedeemed);
        }
        if self.now >= call.deadline() {
            return Err(no_longer_at(call));
        }
        if call.callers > 1 {
            self.push(by, about(call), CallAttached { left: true }, none());
            return Ok(());
        }
        let granted = call.granted().map(|granted| granted.grant);
        let refs = Refs {
            grant: granted,
            ..about(call)
        };
        match &call.stage {
            Stage::Judged | Stage::Redeemed(_) => return Err(Refusal::OutOfOrder),
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
        let refs = Refs {
            grant: call.granted().map(|granted| granted.grant),
            ..about(call)
        };
        match &call.stage {
            Stage::Judged => return Err(Refusal::OutOfOrder),
            Stage::Pending(pending) => {
                let expired = ConfirmationExpired {
                    cause: EndCause::Silence,
                    served: last_openings(pending),
                };
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
        match is_stricter(self.state, call) {
            Some(true) => {}
            Some(false) => return Err(Refusal::OutOfOrder),
            None => self.not_checked(Unchecked::StricterPolicy),
        }
        if matches!(call.stage, Stage::Redeemed(_)) {
            return Err(Refusal::AlreadyRedeemed);
        }
        if self.now >= call.deadline() {
            return Err(no_longer_at(call));
        }
        let service = self.service()?;
        let refs = Refs {
            grant: call.granted().map(|granted| granted.grant),
            ..about(call)
        };
        match &call.stage {
            Stage::Judged | Stage::Redeemed(_) => return Err(Refusal::OutOfOrder),
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
        executor
            .filter(|executor| !executor.revoked)
            .ok_or(Refusal::Forbidden)?;
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
        self.asker_stands(call)?;
        self.not_frozen(call)?;
        self.not_stricter(call)?;
        if call
            .question()
            .is_some_and(|pending| !quorum_stands(self.state, pending))
        {
            return Err(Refusal::Revoked);
        }
        let redeemed = GrantRedeemed {
            nonce: redeem.nonce,
            action: redeem.action,
            outcome_before: self.now.saturating_add(outcome_within(call)),
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
        let live = self.state.calls.get(&outcome.call);
        let executor = match (live, &outcome.past) {
            (Some(call), None) => call.executor,
            (None, Some(past)) => past.executor,
            (Some(_), Some(_)) => return Err(Refusal::OutOfOrder),
            (None, None) => return Err(Refusal::NotFound),
        };
        if outcome.by != Party::Executor(executor) {
            return Err(Refusal::WrongExecutor);
        }
        let refs = Refs {
            call: Some(outcome.call),
            executor: Some(executor),
            ended: outcome.past.map(|past| past.seq),
            ..Refs::default()
        };
        match outcome.past.map(|past| past.stage) {
            None | Some(PastStage::NotExecuted(_)) => {
                self.report(outcome, refs, OutcomeCause::Reported)
            }
            Some(PastStage::Reported(status)) if status == outcome.status => {
                Err(Refusal::OutcomeConflict)
            }
            Some(PastStage::Disputed | PastStage::Reported(OutcomeStatus::Unknown)) => {
                self.report(outcome, refs, OutcomeCause::Reconciled)
            }
            Some(PastStage::Reported(_)) => {
                let bodies = self.detail(outcome);
                let disputed = OutcomeDisputed {
                    status: outcome.status,
                };
                self.push(outcome.by, refs, disputed, bodies);
                Ok(())
            }
        }
    }

    /// Whoever runs a call says whether it worked; that it never ran is found out afterwards.
    fn report(
        &mut self,
        outcome: &Outcome,
        refs: Refs,
        cause: OutcomeCause,
    ) -> Result<(), Refusal> {
        if outcome.status == OutcomeStatus::NotExecuted && cause != OutcomeCause::Reconciled {
            return Err(Refusal::MalformedArguments);
        }
        let bodies = self.detail(outcome);
        let recorded = OutcomeRecorded {
            status: outcome.status,
            cause,
        };
        self.push(outcome.by, refs, recorded, bodies);
        Ok(())
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
    call.question()
        .map_or(ALLOWED_OUTCOME_MS, |pending| pending.demand.outcome_within)
}

/// The last opening of each person; all of them might not fit into an entry.
fn last_openings(pending: &Pending) -> Vec<u64> {
    let by_person: BTreeMap<_, _> = pending
        .openings
        .iter()
        .map(|(seq, opening)| (opening.person, *seq))
        .collect();
    by_person
        .into_values()
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect()
}
