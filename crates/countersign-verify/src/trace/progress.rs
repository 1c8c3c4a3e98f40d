//! How a call's answer comes about, entry by entry.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use countersign_flow::State;
use countersign_record::entry::{EndCause, Fact, OutcomeCause, OutcomeStatus, Verdict};
use countersign_record::id::{CallId, PersonId};

use super::CallTrace;
use super::answer::Answer;
use super::line::{Line, Word, rules, signer, whom};
use crate::read::Read;
use crate::replay::Judged;

/// One call so far.
#[derive(Debug)]
pub(crate) struct Progress {
    pub(crate) lines: Vec<Line>,
    answer: Answer,
    approvers: BTreeMap<PersonId, String>,
    deniers: BTreeMap<PersonId, String>,
    under: String,
    /// It was claimed, or reported as run.
    executed: bool,
    redeemed: bool,
    /// An executor claimed what it may not have.
    illegally: bool,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            lines: Vec::new(),
            answer: Answer::Nobody { executed: false },
            approvers: BTreeMap::new(),
            deniers: BTreeMap::new(),
            under: String::new(),
            executed: false,
            redeemed: false,
            illegally: false,
        }
    }
}

impl Progress {
    pub(crate) fn take(
        &mut self,
        state: &State,
        read: &Read,
        line: &Line,
        judged: Option<&Judged>,
    ) {
        let legal = line.word != Word::Illegal;
        let refs = &read.entry.draft.refs;
        match read.fact() {
            Fact::CallEvaluated(evaluated) => {
                self.under = rules(&evaluated.rules);
                if legal {
                    self.answer = self.judged(evaluated.verdict, line.word == Word::Checked);
                }
            }
            Fact::ConfirmationOpened(opened) if legal => {
                self.answer = Answer::Waiting {
                    whom: whom(&opened.demand),
                };
            }
            Fact::VoteApprove(_) if legal => {
                refs.person
                    .map(|person| self.approvers.insert(person, signer(state, refs)));
            }
            Fact::VoteDeny(_) if legal => {
                refs.person
                    .map(|person| self.deniers.insert(person, signer(state, refs)));
            }
            Fact::ConfirmationApproved(approved) if legal => {
                let mut by: Vec<PersonId> = approved
                    .filled
                    .iter()
                    .flat_map(|slot| slot.persons.iter().copied())
                    .collect();
                by.sort_unstable();
                by.dedup();
                let named = by
                    .iter()
                    .filter_map(|person| self.approvers.get(person).cloned());
                let by = named.collect();
                self.answer = if self.executed {
                    Answer::TooLate { by }
                } else {
                    Answer::Approved {
                        by,
                        rules: self.under.clone(),
                        then: None,
                    }
                };
            }
            Fact::GrantRedeemed(_) => {
                self.executed = true;
                self.redeemed |= legal;
                self.illegally |= !legal;
            }
            Fact::OutcomeRecorded(outcome) => {
                let ran = outcome.status != OutcomeStatus::NotExecuted;
                self.executed |= ran && outcome.cause != OutcomeCause::Deadline;
                self.illegally |= !legal && !self.redeemed;
                if judged.is_some_and(|judged| judged.unredeemed) {
                    self.not_redeemed();
                }
            }
            fact if legal => self.over(fact),
            _ => {}
        }
    }

    fn judged(&self, verdict: Verdict, checked: bool) -> Answer {
        let rules = self.under.clone();
        match verdict {
            Verdict::Allow => Answer::Allowed { rules, checked },
            Verdict::Deny => Answer::DeniedByPolicy { rules },
            Verdict::Confirm => Answer::Nobody { executed: false },
            Verdict::Frozen => Answer::Frozen,
            Verdict::PreviouslyDenied => Answer::PreviouslyDenied,
        }
    }

    /// An entry that ends the question or the grant.
    fn over(&mut self, fact: &Fact) {
        let (unasked, unused) = match fact {
            Fact::ConfirmationDenied(_) => (
                Answer::Denied {
                    by: self.deniers.values().cloned().collect(),
                },
                "then denied",
            ),
            Fact::ConfirmationExpired(_) => (Answer::Expired, "then expired"),
            Fact::ConfirmationWithdrawn(_) | Fact::GrantWithdrawn(_) => {
                (Answer::Withdrawn, "then withdrawn by the agent, not run")
            }
            Fact::ConfirmationSuperseded(_) | Fact::GrantSuperseded(_) => (
                Answer::Superseded,
                "then superseded by a stricter policy, not run",
            ),
            Fact::GrantLapsed(_) => (Answer::Expired, "not run in time: the grant lapsed"),
            Fact::ConfirmationRevoked(revoked) => (
                Answer::Frozen,
                match revoked.cause {
                    EndCause::Freeze => "then stopped by a freeze, not run",
                    EndCause::LateDeny => "then denied by one of them, not run",
                    _ => "then taken back, not run",
                },
            ),
            Fact::GrantRevoked(_) => (Answer::Frozen, "then stopped by a freeze, not run"),
            _ => return,
        };
        match &mut self.answer {
            Answer::Approved { then, .. } => *then = Some(unused),
            Answer::Allowed { .. } => {}
            answer => *answer = unasked,
        }
    }

    fn not_redeemed(&mut self) {
        self.answer = match &self.answer {
            Answer::Approved { by, then: None, .. } => Answer::NotRedeemed { by: by.clone() },
            Answer::Allowed { .. } => Answer::NotRedeemed { by: Vec::new() },
            Answer::TooLate { by } => Answer::TooLate { by: by.clone() },
            _ => Answer::Nobody { executed: true },
        };
    }

    pub(crate) fn finish(self, call: CallId) -> CallTrace {
        let let_run = matches!(
            self.answer,
            Answer::Approved { .. }
                | Answer::Allowed { .. }
                | Answer::NotRedeemed { .. }
                | Answer::TooLate { .. }
        );
        let unapproved = self.executed && (!let_run || (self.illegally && !self.redeemed));
        let answer = if unapproved {
            Answer::Nobody { executed: true }
        } else {
            self.answer
        };
        CallTrace {
            call,
            answer,
            lines: self.lines,
        }
    }
}
