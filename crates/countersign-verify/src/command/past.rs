//! The entry that ended a call, read back from the log.

use alloc::format;

use countersign_flow::{Past, PastStage, Refusal};
use countersign_record::entry::{Entry, Fact, Verdict};
use countersign_record::id::ExecutorId;

use super::NoCommand;
use crate::source::Source;

/// What `ref.ended` of this entry leads to; nothing when it names none.
pub(super) fn past(
    source: &dyn Source,
    entry: &Entry,
    executor: ExecutorId,
) -> Result<Option<Past>, NoCommand> {
    let Some(seq) = entry.draft.refs.ended else {
        return Ok(None);
    };
    let wrong = |why: &str| NoCommand {
        id: "ended",
        why: format!("entry {seq} is named as the one that ended the call, and {why}"),
    };
    if seq >= entry.seq {
        return Err(wrong("it does not come before"));
    }
    let ended = source
        .record(seq)
        .and_then(|stored| Entry::decode(&stored.entry).ok());
    let ended = ended
        .filter(|it| it.seq == seq)
        .ok_or_else(|| wrong("it cannot be read"))?;
    if ended.draft.refs.call != entry.draft.refs.call {
        return Err(wrong("it is about another call"));
    }
    let stage = stage(&ended.draft.fact).ok_or_else(|| wrong("it ends no call"))?;
    let executor = ended.draft.refs.executor.unwrap_or(executor);
    Ok(Some(Past {
        seq,
        executor,
        stage,
    }))
}

fn stage(fact: &Fact) -> Option<PastStage> {
    Some(match fact {
        Fact::OutcomeRecorded(recorded) => PastStage::Reported(recorded.status),
        Fact::OutcomeDisputed(_) => PastStage::Disputed,
        Fact::CallEvaluated(it) if !matches!(it.verdict, Verdict::Allow | Verdict::Confirm) => {
            PastStage::NotExecuted(Refusal::NotApproved)
        }
        Fact::ConfirmationDenied(_) | Fact::ConfirmationWithdrawn(_) | Fact::GrantWithdrawn(_) => {
            PastStage::NotExecuted(Refusal::NotApproved)
        }
        Fact::ConfirmationExpired(_) => PastStage::NotExecuted(Refusal::Expired),
        Fact::GrantLapsed(_) => PastStage::NotExecuted(Refusal::Lapsed),
        Fact::ConfirmationRevoked(_) | Fact::GrantRevoked(_) => {
            PastStage::NotExecuted(Refusal::Revoked)
        }
        Fact::ConfirmationSuperseded(_) | Fact::GrantSuperseded(_) => {
            PastStage::NotExecuted(Refusal::Superseded)
        }
        _ => return None,
    })
}
