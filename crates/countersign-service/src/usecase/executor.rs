//! What an executor may ask for: redeem a grant, report an outcome.

use countersign_flow::{Command, PastStage, Refusal, Stage};
use countersign_record::digest::ActionDigest;
use countersign_record::entry::{Fact, OutcomeCause, OutcomeStatus, Party};
use countersign_record::id::{CallId, ExecutorId, GrantId};
use countersign_record::json::{Object, Value};

use crate::core::Core;
use crate::error::{CommandError, Unavailable};
use crate::writer::{Level, Proven, Service};

/// Permission to run the call, once; only this reply permits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Redeemed {
    /// The call.
    pub call: CallId,
    /// Its grant.
    pub grant: GrantId,
    /// Seq of `grant.redeemed`.
    pub seq: u64,
    /// A report is due until then, ms since 1970.
    pub outcome_before_ms: u64,
}

/// Why a grant was not redeemed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RedeemError {
    /// The command was not carried out.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// Somebody claimed it before.
    #[error("the grant of {call} was already redeemed; the attempt is recorded")]
    AlreadyRedeemed {
        /// The call.
        call: CallId,
    },
}

impl From<Unavailable> for RedeemError {
    fn from(unavailable: Unavailable) -> Self {
        Self::Command(unavailable.into())
    }
}

/// What became of a call.
#[derive(Clone, Debug)]
pub struct Report {
    /// Which call.
    pub call: CallId,
    /// What became of it.
    pub status: OutcomeStatus,
    /// In the executor's words.
    pub detail: Option<String>,
}

/// A recorded report.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    /// Seq of its entry; the earlier one when it was reported before.
    pub seq: u64,
    /// What is on record.
    pub status: OutcomeStatus,
}

/// Why a report was not simply recorded.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum OutcomeError {
    /// The command was not carried out.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// It contradicts an earlier report; the dispute is recorded.
    #[error("an earlier report says otherwise; the conflict is recorded as entry {seq}")]
    Conflict {
        /// Seq of `outcome.disputed`.
        seq: u64,
    },
}

impl From<Unavailable> for OutcomeError {
    fn from(unavailable: Unavailable) -> Self {
        Self::Command(unavailable.into())
    }
}

impl Service {
    /// Claims a grant: for exactly this action, once. The same executor with the same nonce gets
    /// the same answer again.
    pub async fn redeem(
        &self,
        by: ExecutorId,
        grant: GrantId,
        nonce: [u8; 32],
        action: ActionDigest,
    ) -> Result<Proven<Redeemed>, RedeemError> {
        let command = countersign_flow::Redeem {
            grant,
            executor: by,
            nonce,
            action,
        };
        let done = self.act(Level::Committed, move |core| {
            let answer = core.redeem(&command);
            let seq = answer.as_ref().ok().map(|it| it.seq);
            Ok::<_, RedeemError>((answer, seq))
        });
        // The refusal's own entries are durable before the refusal is told.
        let Proven { value, proof } = done.await?;
        let value = value?;
        Ok(Proven { value, proof })
    }

    /// Records what became of a call.
    pub async fn outcome(&self, by: Party, report: Report) -> Result<Outcome, OutcomeError> {
        let done = self.act(Level::Durable, move |core| {
            Ok::<_, OutcomeError>((core.outcome(by, &report), None))
        });
        done.await?.value
    }
}

impl Core {
    fn redeem(&mut self, redeem: &countersign_flow::Redeem) -> Result<Redeemed, RedeemError> {
        let call = self.call_of_grant(redeem.grant);
        self.still_counts(Party::Executor(redeem.executor), call)?;
        if let Some(earlier) = call.and_then(|call| self.redeemed(call, redeem.grant)) {
            if earlier.nonce == redeem.nonce && earlier.by == redeem.executor {
                if earlier.action == redeem.action {
                    return Ok(earlier.reply);
                }
                let by = Party::Executor(redeem.executor);
                self.note_refusal(by, Refusal::DigestMismatch.code(), call);
                return Err(CommandError::Refused(Refusal::DigestMismatch).into());
            }
            let call = earlier.reply.call;
            self.note_replay(redeem.executor, redeem.grant, call);
            return Err(RedeemError::AlreadyRedeemed { call });
        }
        match self.run(&Command::Redeem(redeem.clone())) {
            Ok(entries) => {
                let entry = entries.first().ok_or(Unavailable::Internal)?;
                let call = entry.draft.refs.call.ok_or(Unavailable::Internal)?;
                let earlier = self.redeemed_open(call).ok_or(Unavailable::Internal)?;
                Ok(earlier.reply)
            }
            Err(CommandError::Refused(refusal)) => Err(self.not_redeemed(redeem, refusal).into()),
            Err(error) => Err(error.into()),
        }
    }

    /// A refused claim is recorded, and a policy that became stricter ends the call.
    fn not_redeemed(
        &mut self,
        redeem: &countersign_flow::Redeem,
        refusal: Refusal,
    ) -> CommandError {
        let call = self.call_of_grant(redeem.grant);
        if let (Some(call), Refusal::PolicyStricter) = (call, refusal)
            && let Err(error) = self.run(&Command::Supersede { call })
        {
            return error;
        }
        let open = call.is_some_and(|call| self.state.calls.contains_key(&call));
        let refusal = match call.filter(|_| !open && refusal == Refusal::NotFound) {
            Some(call) => self.past(call).map_or(refusal, |past| match past.stage {
                PastStage::NotExecuted(refusal) => refusal,
                PastStage::Reported(_) | PastStage::Disputed => Refusal::AlreadyRedeemed,
            }),
            None => refusal,
        };
        if refusal != Refusal::NotFound {
            self.note_refusal(Party::Executor(redeem.executor), refusal.code(), call);
        }
        refusal.into()
    }

    fn call_of_grant(&self, grant: GrantId) -> Option<CallId> {
        if let Some(call) = self.state.grants.get(&grant) {
            return Some(*call);
        }
        let seqs = self.about(&grant.to_string());
        seqs.into_iter()
            .find_map(|seq| self.record(seq)?.entry.draft.refs.call)
    }

    /// The claim of a grant, by an open call or one that was reported since.
    fn redeemed(&self, call: CallId, grant: GrantId) -> Option<Earlier> {
        if self.state.calls.contains_key(&call) {
            return self.redeemed_open(call);
        }
        self.history(call)
            .iter()
            .find_map(|entry| match &entry.draft.fact {
                Fact::GrantRedeemed(it) => Some(Earlier {
                    nonce: it.nonce,
                    action: it.action,
                    by: entry.draft.refs.executor?,
                    reply: Redeemed {
                        call,
                        grant,
                        seq: entry.seq,
                        outcome_before_ms: it.outcome_before,
                    },
                }),
                _ => None,
            })
    }

    fn redeemed_open(&self, call: CallId) -> Option<Earlier> {
        let call = self.state.calls.get(&call)?;
        let Stage::Redeemed(it) = &call.stage else {
            return None;
        };
        let reply = Redeemed {
            call: call.id,
            grant: it.grant,
            seq: it.seq,
            outcome_before_ms: it.outcome_before,
        };
        Some(Earlier {
            nonce: it.nonce,
            action: call.action,
            by: call.executor,
            reply,
        })
    }

    fn outcome(&mut self, by: Party, report: &Report) -> Result<Outcome, OutcomeError> {
        self.still_counts(by, Some(report.call))?;
        let open = self.state.calls.contains_key(&report.call);
        let past = if open { None } else { self.past(report.call) };
        if let Some(past) = past {
            let same = past.stage == PastStage::Reported(report.status);
            if same && by == Party::Executor(past.executor) {
                return Ok(Outcome {
                    seq: past.seq,
                    status: report.status,
                });
            }
        }
        let detail = report
            .detail
            .as_ref()
            .map(|detail| Some(Value::Object(Object::new().with("detail", detail.as_str()))));
        let command = countersign_flow::Outcome {
            call: report.call,
            by,
            status: report.status,
            cause: OutcomeCause::Reported,
            detail,
            past,
        };
        let done = self.run(&Command::Outcome(command));
        if let Err(CommandError::Refused(refusal)) = &done
            && *refusal != Refusal::NotFound
        {
            self.note_refusal(by, refusal.code(), Some(report.call));
        }
        let entries = done?;
        let entry = entries.first().ok_or(Unavailable::Internal)?;
        match &entry.draft.fact {
            Fact::OutcomeDisputed(_) => Err(OutcomeError::Conflict { seq: entry.seq }),
            _ => Ok(Outcome {
                seq: entry.seq,
                status: report.status,
            }),
        }
    }
}

struct Earlier {
    nonce: [u8; 32],
    action: ActionDigest,
    by: ExecutorId,
    reply: Redeemed,
}
