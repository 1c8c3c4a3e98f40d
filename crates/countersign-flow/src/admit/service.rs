//! What the service itself notes.

use countersign_record::entry::{
    AccessRecorded, ClockAccepted, Fact, GrantReplayed, LogRecovered, Party, Refs, RefusalRecorded,
    RepairRecorded, ServiceStarted, ServiceStopped,
};
use countersign_record::term::Role;

use super::Admission;
use super::submit::none;
use crate::command::{Past, Record};
use crate::present::RENDERER;
use crate::refusal::Refusal;
use crate::state::Stage;

impl Admission<'_> {
    pub(super) fn record(&mut self, record: &Record) -> Result<(), Refusal> {
        let service = self.service()?;
        self.check_record(record)?;
        let (by, refs, fact): (Party, Refs, Fact) = match record {
            Record::ClockAccepted { by, old, new } => return self.accept_clock(*by, *old, *new),
            Record::Refused {
                by,
                code,
                call,
                count,
            } => {
                let refused = RefusalRecorded {
                    code: code.clone(),
                    count: *count,
                };
                (
                    *by,
                    Refs {
                        call: *call,
                        ..Refs::default()
                    },
                    refused.into(),
                )
            }
            Record::Replayed {
                by,
                grant,
                call,
                past,
                count,
            } => {
                let refs = Refs {
                    grant: Some(*grant),
                    call: Some(*call),
                    executor: Some(*by),
                    ended: past.map(|Past { seq, .. }| seq),
                    ..Refs::default()
                };
                (
                    Party::Executor(*by),
                    refs,
                    GrantReplayed { count: *count }.into(),
                )
            }
            Record::Accessed { by, what, count } => {
                let accessed = AccessRecorded {
                    what: *what,
                    count: *count,
                };
                (Party::Credential(*by), Refs::default(), accessed.into())
            }
            Record::Started { .. }
            | Record::Stopped
            | Record::Recovered { .. }
            | Record::Repaired { .. } => (
                service,
                Refs::default(),
                own(record).ok_or(Refusal::OutOfOrder)?,
            ),
        };
        self.push(by, refs, fact, none());
        Ok(())
    }

    /// What is noted is about parties and grants of this log, in words and never in free text.
    fn check_record(&self, record: &Record) -> Result<(), Refusal> {
        if self.state.policy.is_none() {
            return Err(Refusal::OutOfOrder);
        }
        let roster = &self.state.roster;
        let fits = match record {
            Record::Refused {
                by, code, count, ..
            } => {
                let known = match *by {
                    Party::Agent(id) => roster.agents.contains_key(&id),
                    Party::Executor(id) => {
                        roster.executors.contains_key(&id) || self.service_id() == Ok(id)
                    }
                    Party::Person(id) => roster.people.contains_key(&id),
                    Party::Credential(id) => roster.credentials.contains_key(&id),
                };
                known && is_word(code) && *count > 0
            }
            Record::Replayed {
                by,
                grant,
                call,
                past,
                count,
            } => {
                let claimed = self.state.calls.get(call).is_some_and(|call| {
                    matches!(&call.stage, Stage::Redeemed(redeemed) if redeemed.grant == *grant)
                });
                let known = roster.executors.contains_key(by);
                known && *count > 0 && (claimed || past.is_some())
            }
            Record::Accessed { by, count, .. } => roster.credentials.contains_key(by) && *count > 0,
            Record::Repaired { what } => is_word(what),
            Record::Started { .. }
            | Record::Stopped
            | Record::ClockAccepted { .. }
            | Record::Recovered { .. } => true,
        };
        if fits {
            Ok(())
        } else {
            Err(Refusal::OutOfOrder)
        }
    }

    /// By an operator's credential, or by the service when started with that order.
    fn accept_clock(&mut self, by: Party, old: u64, new: u64) -> Result<(), Refusal> {
        let may = match by {
            Party::Credential(id) => self.state.roster.role(id) == Some(Role::Operator),
            other => other == self.service()?,
        };
        if !may {
            return Err(Refusal::Forbidden);
        }
        if old != self.state.last_at {
            return Err(Refusal::OutOfOrder);
        }
        self.push(by, Refs::default(), ClockAccepted { old, new }, none());
        Ok(())
    }
}

/// What the service notes of itself.
fn own(record: &Record) -> Option<Fact> {
    Some(match record {
        Record::Started { software } => ServiceStarted {
            software: software.clone(),
            renderer: RENDERER.into(),
        }
        .into(),
        Record::Stopped => ServiceStopped {}.into(),
        Record::Recovered { cut_bytes, digest } => LogRecovered {
            cut_bytes: *cut_bytes,
            digest: *digest,
        }
        .into(),
        Record::Repaired { what } => RepairRecorded { what: what.clone() }.into(),
        Record::Refused { .. }
        | Record::Replayed { .. }
        | Record::Accessed { .. }
        | Record::ClockAccepted { .. } => return None,
    })
}

/// A word of the documents: `a-z`, `0-9` and `-`, 1 to 64 bytes.
fn is_word(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=64).contains(&text.len()) && text.bytes().all(allowed)
}
