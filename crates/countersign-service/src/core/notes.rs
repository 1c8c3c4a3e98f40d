//! Bookkeeping: refused attempts, deadlines, the last entries of a life.

use countersign_flow::{Command, Record as Note};
use countersign_record::entry::Party;
use countersign_record::id::{CallId, ExecutorId, GrantId};

use super::Core;
use crate::meter::Attempt;

impl Core {
    /// Notes a refused attempt: at once the first time in a minute, then as a count.
    pub(crate) fn note_refusal(&mut self, by: Party, code: &'static str, call: Option<CallId>) {
        let now = self.now();
        if self.meter.is_first(
            Attempt {
                by,
                code,
                grant: None,
            },
            call,
            now,
        ) {
            self.note(&refused(by, code, call, 1));
        }
    }

    /// Notes that somebody tried to redeem again.
    pub(crate) fn note_replay(&mut self, by: ExecutorId, grant: GrantId, call: CallId) {
        let now = self.now();
        let code = countersign_flow::Refusal::AlreadyRedeemed.code();
        let attempt = Attempt {
            by: Party::Executor(by),
            code,
            grant: Some(grant),
        };
        if self.meter.is_first(attempt, Some(call), now) {
            self.note(&self.replayed(by, grant, call, 1));
        }
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

    /// Bookkeeping that must not fail the command it belongs to.
    fn note(&mut self, command: &Command) {
        if let Err(error) = self.run(command) {
            tracing::warn!(%error, "an attempt was not recorded");
        }
    }

    /// What is due: calls whose time is over, counts of attempts.
    pub(crate) fn tick(&mut self) {
        let now = self.now();
        let due = |call: &&countersign_flow::Call| now >= call.deadline();
        let due: Vec<CallId> = self
            .state
            .calls
            .values()
            .filter(due)
            .map(|call| call.id)
            .collect();
        for call in due {
            self.note(&Command::Tick { call });
        }
        for (attempt, call, count) in self.meter.over(now) {
            self.note_count(&attempt, call, count);
        }
    }

    fn note_count(&mut self, attempt: &Attempt, call: Option<CallId>, count: u64) {
        let command = match (attempt.by, attempt.grant, call) {
            (Party::Executor(by), Some(grant), Some(call)) => self.replayed(by, grant, call, count),
            _ => refused(attempt.by, attempt.code, call, count),
        };
        self.note(&command);
    }

    /// The last entries of a life in good order.
    pub(crate) fn stop_in_order(&mut self) {
        for (attempt, call, count) in self.meter.drain() {
            self.note_count(&attempt, call, count);
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
