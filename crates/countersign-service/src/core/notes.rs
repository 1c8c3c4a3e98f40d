//! Bookkeeping: refused attempts, deadlines, the last entries of a life.

use countersign_flow::{Command, Record as Note, Refusal};
use countersign_record::entry::{Disclosed, Entry, Party};
use countersign_record::id::{CallId, CredentialId, ExecutorId, GrantId};

use super::Core;
use super::stage::BATCH_RECORDS;
use crate::error::CommandError;
use crate::meter::{Gathered, Repeated};

impl Core {
    /// Notes a refused attempt: at once the first time in a minute, then as a count.
    pub(crate) fn note_refusal(&mut self, by: Party, code: &'static str, call: Option<CallId>) {
        let now = self.now();
        let what = Repeated::Refused(by, code);
        if !self.meter.counts(&what) && self.note(&refused(by, code, call, 1)) {
            self.meter.open(what, call, now);
        }
    }

    /// Runs a command of a party; that it was refused is noted.
    pub(crate) fn run_noted(
        &mut self,
        by: Party,
        call: Option<CallId>,
        command: &Command,
    ) -> Result<Vec<Entry>, CommandError> {
        let done = self.run(command);
        if let Err(CommandError::Refused(refusal)) = &done {
            self.note_refusal(by, refusal.code(), call);
        }
        done
    }

    /// Notes that somebody tried to redeem again.
    pub(crate) fn note_replay(&mut self, by: ExecutorId, grant: GrantId, call: CallId) {
        let now = self.now();
        let what = Repeated::Replayed(by, grant, call);
        if !self.meter.counts(&what) && self.note(&self.replayed(by, grant, call, 1)) {
            self.meter.open(what, Some(call), now);
        }
    }

    /// Refuses whoever was let in and has been revoked since: a request may arrive slowly, or wait.
    pub(crate) fn still_counts(
        &mut self,
        by: Party,
        call: Option<CallId>,
    ) -> Result<(), CommandError> {
        if self.state.roster.is_active(by) {
            return Ok(());
        }
        self.note_refusal(by, Refusal::Forbidden.code(), call);
        Err(Refusal::Forbidden.into())
    }

    /// The first reading of content by a credential in an hour stands in the log before the answer.
    pub(crate) fn note_access(
        &mut self,
        by: CredentialId,
        what: Disclosed,
    ) -> Result<(), CommandError> {
        self.still_counts(Party::Credential(by), None)?;
        let now = self.now();
        let repeated = Repeated::Read(by, what);
        if !self.meter.counts(&repeated) {
            self.run(&accessed(by, what, 1))?;
            self.meter.open(repeated, None, now);
        }
        Ok(())
    }

    fn replayed(&self, by: ExecutorId, grant: GrantId, call: CallId, count: u64) -> Command {
        let open = self.state.calls.contains_key(&call);
        let past = if open { None } else { self.past(call) };
        Command::Record(Note::Replayed {
            by,
            grant,
            call,
            past,
            count,
        })
    }

    /// Bookkeeping that must not fail the command it belongs to; whether it was recorded.
    fn note(&mut self, command: &Command) -> bool {
        let done = self.run(command);
        if let Err(error) = &done {
            tracing::warn!(%error, "an attempt was not recorded");
        }
        done.is_ok()
    }

    /// What is due: calls whose time is over, counts of attempts. What does not fit the batch waits
    /// for the next one: every guard compares times itself.
    pub(crate) fn tick(&mut self) {
        if self.broken.is_some() || self.is_exhausted() {
            return;
        }
        self.unread.set(None);
        let now = self.now();
        let due: Vec<CallId> = self.state.due(now).take(BATCH_RECORDS).collect();
        for call in due {
            if self.is_batch_full() {
                return;
            }
            self.note(&Command::Tick { call });
        }
        for gathered in self.meter.over(now) {
            self.note_count(&gathered);
        }
    }

    fn note_count(&mut self, gathered: &Gathered) {
        self.unread.set(None);
        let Gathered { what, call, count } = gathered;
        let command = match *what {
            Repeated::Refused(by, code) => refused(by, code, *call, *count),
            Repeated::Replayed(by, grant, call) => self.replayed(by, grant, call, *count),
            Repeated::Read(by, what) => accessed(by, what, *count),
        };
        self.note(&command);
    }

    /// The last entries of a life in good order.
    pub(crate) fn stop_in_order(&mut self) {
        self.is_stopping = true;
        for gathered in self.meter.drain() {
            self.note_count(&gathered);
            if self.is_batch_full() && self.commit().is_err() {
                return;
            }
        }
        self.note(&Command::Record(Note::Stopped));
    }
}

fn refused(by: Party, code: &'static str, call: Option<CallId>, count: u64) -> Command {
    Command::Record(Note::Refused {
        by,
        code: code.into(),
        call,
        count,
    })
}

fn accessed(by: CredentialId, what: Disclosed, count: u64) -> Command {
    Command::Record(Note::Accessed { by, what, count })
}
