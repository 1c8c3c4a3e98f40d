//! What the service itself notes.

use countersign_record::entry::{
    AccessRecorded, ClockAccepted, GrantReplayed, LogRecovered, Party, Refs, RefusalRecorded,
    RepairRecorded, ServiceStarted, ServiceStopped,
};
use countersign_record::term::Role;

use super::Admission;
use super::submit::none;
use crate::command::{Past, Record};
use crate::present::RENDERER;
use crate::refusal::Refusal;

impl Admission<'_> {
    pub(super) fn record(&mut self, record: &Record) -> Result<(), Refusal> {
        let service = self.service()?;
        let nothing = Refs::default();
        match record {
            Record::Started { software } => {
                let started =
                    ServiceStarted { software: software.clone(), renderer: RENDERER.into() };
                self.push(service, nothing, started, none());
            }
            Record::Stopped => self.push(service, nothing, ServiceStopped {}, none()),
            Record::Refused { by, code, call, count } => {
                let refused = RefusalRecorded { code: code.clone(), count: *count };
                self.push(*by, Refs { call: *call, ..nothing }, refused, none());
            }
            Record::Replayed { by, grant, call, past, count } => {
                if past.is_none() && !self.state.calls.contains_key(call) {
                    return Err(Refusal::NotFound);
                }
                let refs = Refs {
                    grant: Some(*grant),
                    call: Some(*call),
                    executor: Some(*by),
                    ended: past.map(|Past { seq, .. }| seq),
                    ..nothing
                };
                self.push(Party::Executor(*by), refs, GrantReplayed { count: *count }, none());
            }
            Record::Accessed { by, what, count } => {
                let accessed = AccessRecorded { what: *what, count: *count };
                self.push(Party::Credential(*by), nothing, accessed, none());
            }
            Record::ClockAccepted { by, old, new } => self.accept_clock(*by, *old, *new)?,
            Record::Recovered { cut_bytes, digest } => {
                let recovered = LogRecovered { cut_bytes: *cut_bytes, digest: *digest };
                self.push(service, nothing, recovered, none());
            }
            Record::Repaired { what } => {
                self.push(service, nothing, RepairRecorded { what: what.clone() }, none());
            }
        }
        Ok(())
    }

    /// By an operator's credential, or by the service when started with that order.
    fn accept_clock(&mut self, by: Party, old: u64, new: u64) -> Result<(), Refusal> {
        let may = match by {
            Party::Credential(id) => {
                let credential = self.state.roster.credentials.get(&id);
                credential.is_some_and(|it| !it.revoked && it.role == Role::Operator)
            }
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
