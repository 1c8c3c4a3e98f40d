//! What listeners are told of an entry that became durable.

use countersign_record::entry::{Entry, Fact, Party};
use countersign_record::id::{CallId, ExecutorId};

/// Something that became durable.
#[derive(Clone, Debug)]
pub struct Event {
    /// The entry.
    pub seq: u64,
    /// Its kind.
    pub kind: &'static str,
    /// The call that it is about.
    pub call: Option<CallId>,
    /// Whose call it is, with the call's first entry.
    pub parties: Option<Parties>,
}

/// Whose a call is: who asked, and who may run it. Nobody else hears of it on the agents' plane.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Parties {
    asker: Party,
    executor: Option<ExecutorId>,
}

impl Event {
    /// What is told of the entry.
    pub fn of(entry: &Entry) -> Self {
        Self {
            seq: entry.seq,
            kind: entry.kind(),
            call: entry.draft.refs.call,
            parties: Parties::of(entry),
        }
    }
}

impl Parties {
    /// Those of the call that this entry begins.
    pub(crate) fn of(entry: &Entry) -> Option<Self> {
        matches!(entry.draft.fact, Fact::CallEvaluated(_)).then_some(Self {
            asker: entry.draft.by,
            executor: entry.draft.refs.executor,
        })
    }

    /// Whether the call is this party's.
    pub fn include(&self, party: Party) -> bool {
        self.asker == party || self.executor.map(Party::Executor) == Some(party)
    }
}
