//! Entries that are legal and that a reader should know of all the same.

use alloc::format;

use countersign_flow::escape;
use countersign_record::entry::{Entry, Fact, OutcomeCause};

use crate::finding::{Finding, Severity};
use crate::read::Read;

/// The finding that a legal entry is by itself.
pub(crate) fn notice(read: &Read) -> Option<Finding> {
    let Entry { draft, .. } = &*read.entry;
    let (id, severity, sentence) = match &draft.fact {
        Fact::RefusalRecorded(refused) => (
            "refused-attempt",
            Severity::Medium,
            format!(
                "{} was refused ({} ×, by {})",
                escape(&refused.code),
                refused.count,
                draft.by
            ),
        ),
        Fact::GrantReplayed(replayed) => (
            "grant-replayed",
            Severity::Medium,
            format!(
                "{} tried to redeem a used grant ({} ×)",
                draft.by, replayed.count
            ),
        ),
        Fact::ClockAccepted(accepted) => (
            "clock-accepted",
            Severity::Medium,
            format!(
                "the operator vouched for a clock jump from {} to {} ms",
                accepted.old, accepted.new
            ),
        ),
        Fact::LogRecovered(recovered) => (
            "log-recovered",
            Severity::Medium,
            format!(
                "a torn tail of {} bytes was cut at start",
                recovered.cut_bytes
            ),
        ),
        Fact::RepairRecorded(repaired) => (
            "repair-recorded",
            Severity::Medium,
            format!(
                "the operator vouched for the head at start ({})",
                escape(&repaired.what)
            ),
        ),
        Fact::OutcomeDisputed(disputed) => (
            "outcome-disputed",
            Severity::Medium,
            format!("a second report says {}", disputed.status),
        ),
        Fact::OutcomeRecorded(outcome) if outcome.cause == OutcomeCause::Deadline => (
            "outcome-unknown",
            Severity::Low,
            "redeemed, and nobody reported in time what became of it".into(),
        ),
        Fact::ServiceArmed(armed) if armed.solo => (
            "solo",
            Severity::Low,
            "one person runs this log: nobody stands beside the operator".into(),
        ),
        _ => return None,
    };
    Some(Finding::at(read.place, id, severity, sentence).of(draft.refs.call))
}

/// Something was reported of a call that nobody had redeemed.
pub(crate) fn unredeemed(read: &Read) -> Finding {
    let sentence =
        "executed without redemption: an executor reports on a call whose grant nobody redeemed";
    Finding::at(
        read.place,
        "executed-without-redemption",
        Severity::High,
        sentence.into(),
    )
    .of(read.entry.draft.refs.call)
}

/// Whether the operator made this change directly, before the log was armed.
pub(crate) fn is_bootstrap(fact: &Fact) -> bool {
    match fact {
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
