//! What the replay of one group means for each check. Nothing is judged here: the counts follow
//! from what the replay found.

use countersign_flow::Unchecked;
use countersign_record::entry::Fact;

use crate::check::{CheckId, Tallies};
use crate::read::Read;
use crate::replay::{Fault, Judged};

/// Counts one judged group.
pub(crate) fn count(tallies: &mut Tallies, group: &[Read], judged: &Judged) {
    tallies.judged(CheckId::Flow, judged.fault.is_none());
    for (place, read) in group.iter().enumerate() {
        let sides = Sides {
            judged,
            fault: judged.fault.as_ref(),
            place,
            seq: read.place,
        };
        sides.count(tallies, read);
    }
}

/// One entry of a judged group.
struct Sides<'a> {
    judged: &'a Judged,
    fault: Option<&'a Fault>,
    place: usize,
    seq: u64,
}

impl Sides<'_> {
    fn count(&self, tallies: &mut Tallies, read: &Read) {
        let draft = &read.entry.draft;
        if draft.refs.ended.is_some() || !draft.sources.is_empty() {
            self.by_guard(tallies, CheckId::References, |id| id == "ended");
        }
        match read.fact() {
            Fact::VoteApprove(_) | Fact::VoteDeny(_) => {
                self.by_guard(tallies, CheckId::Signatures, is_signature);
                self.by_guard(tallies, CheckId::Keys, is_key);
            }
            Fact::ConfirmationRevoked(revoked) if revoked.statement.is_some() => {
                self.by_guard(tallies, CheckId::Signatures, is_signature);
                self.by_guard(tallies, CheckId::Keys, is_key);
            }
            Fact::KeyEnrolled(_) => self.by_guard(tallies, CheckId::Keys, |_| true),
            Fact::CallEvaluated(_) => {
                tallies.passed(CheckId::Ended);
                let unseen = self.judged.unchecked.contains(&Unchecked::Policy);
                self.by_body(tallies, CheckId::Policy, unseen, |id| {
                    id.starts_with("policy-")
                });
            }
            Fact::ConfirmationOpened(_) => {
                let unseen = self.judged.unchecked.contains(&Unchecked::Presentation)
                    || self.judged.not_compared.contains(&(self.place, "shown"));
                self.by_body(tallies, CheckId::Presentation, unseen, |id| {
                    id == "presentation"
                });
            }
            Fact::ConfirmationApproved(_) => {
                self.by_guard(tallies, CheckId::Quorum, |id| {
                    id.starts_with("quorum-") || id == "no-command"
                });
            }
            Fact::GrantRedeemed(_) => {
                self.by_guard(tallies, CheckId::Once, |id| id == "redeemed-twice");
                self.by_guard(tallies, CheckId::Executed, |id| id != "redeemed-twice");
            }
            _ => {}
        }
    }

    /// Holds when the group is legal; fails when the guard that was broken is one of the check's, or
    /// is about this entry and nobody else's; else it was not reached.
    fn by_guard(&self, tallies: &mut Tallies, check: CheckId, is_its: impl Fn(&str) -> bool) {
        match self.fault {
            None => tallies.passed(check),
            Some(fault) if fault.seq == self.seq && is_its(fault.id) => tallies.failed(check),
            Some(fault) if fault.seq > self.seq => tallies.passed(check),
            Some(_) => tallies.not_checked(check),
        }
    }

    fn by_body(
        &self,
        tallies: &mut Tallies,
        check: CheckId,
        unseen: bool,
        is_its: impl Fn(&str) -> bool,
    ) {
        if unseen && self.fault.is_none() {
            tallies.not_checked(check);
        } else {
            self.by_guard(tallies, check, is_its);
        }
    }
}

/// The guards of the signed bytes.
fn is_signature(id: &str) -> bool {
    matches!(
        id,
        "signature-invalid" | "digest-mismatch" | "presentation-not-served"
    )
}

/// The guards of the signing key.
fn is_key(id: &str) -> bool {
    id.starts_with("key-")
}
