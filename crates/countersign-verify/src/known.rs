//! What the state forgets once a call has ended: every id that was ever given, and how calls ended.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::vec::Vec;

use countersign_flow::{Past, PastStage, Refusal};
use countersign_record::entry::{Entry, Fact, Verdict};
use countersign_record::id::{CallId, ConfirmationId, ExecutorId, GrantId};

use crate::command::NoCommand;
use crate::compact::Compact;
use crate::read::Read;
use crate::replay::Fault;

/// Ids of the log so far. An id is given once; a second thing of the same id would take over what
/// was decided about the first.
#[derive(Debug, Default)]
pub(crate) struct Known {
    calls: Compact<CallId, Story>,
    grants: Compact<GrantId, GrantId>,
    confirmations: Compact<ConfirmationId, ConfirmationId>,
    executors: Executors,
}

/// A call's executor, and the last entry that says how it ended. There is one for each call of the
/// log: numbers are kept as bytes, so that nothing is lost to alignment.
#[derive(Clone, Copy, Debug)]
struct Story {
    call: CallId,
    executor: Option<ExecutorNumber>,
    ended: Option<(Seq, PastStage)>,
}

/// No log has 2^24 executors: each is enrolled by people.
type ExecutorNumber = Number<3>;

/// 2^40 entries have some 300 TB.
type Seq = Number<5>;

/// A number that fits into so many bytes.
#[derive(Clone, Copy, Debug)]
struct Number<const BYTES: usize>([u8; BYTES]);

impl<const BYTES: usize> Number<BYTES> {
    fn new(number: u64) -> Option<Self> {
        let bytes = number.to_be_bytes();
        let (high, low) = bytes.split_last_chunk()?;
        high.iter().all(|byte| *byte == 0).then_some(Self(*low))
    }

    fn get(self) -> u64 {
        let bytes = self.0.iter();
        bytes.fold(0, |number, byte| number << 8 | u64::from(*byte))
    }
}

impl Story {
    const fn call(&self) -> CallId {
        self.call
    }
}

/// Executors, each once: there are few, and 16 bytes in every call's story would be much.
#[derive(Debug, Default)]
struct Executors {
    ids: Vec<ExecutorId>,
    numbers: BTreeMap<ExecutorId, ExecutorNumber>,
}

impl Executors {
    fn number(&mut self, id: ExecutorId) -> Option<ExecutorNumber> {
        if let Some(number) = self.numbers.get(&id) {
            return Some(*number);
        }
        let number = Number::new(u64::try_from(self.ids.len()).ok()?)?;
        self.ids.push(id);
        self.numbers.insert(id, number);
        Some(number)
    }

    fn id(&self, number: ExecutorNumber) -> Option<ExecutorId> {
        let place = usize::try_from(number.get()).ok()?;
        self.ids.get(place).copied()
    }
}

/// The ids that an entry gives.
struct Given {
    call: Option<CallId>,
    grant: Option<GrantId>,
    confirmation: Option<ConfirmationId>,
}

impl Given {
    fn by(entry: &Entry) -> Self {
        let refs = &entry.draft.refs;
        let fact = &entry.draft.fact;
        let call = matches!(fact, Fact::CallEvaluated(_));
        let grant = call || matches!(fact, Fact::ConfirmationApproved(_));
        let confirmation = matches!(fact, Fact::ConfirmationOpened(_));
        Self {
            call: refs.call.filter(|_| call),
            grant: refs.grant.filter(|_| grant),
            confirmation: refs.confirmation.filter(|_| confirmation),
        }
    }
}

impl Known {
    /// The first entry that gives an id which was given before.
    pub(crate) fn reused(&self, group: &[Read]) -> Option<Fault> {
        group.iter().find_map(|read| {
            let entry = &read.entry;
            let given = Given::by(entry);
            let what = if given.call.is_some_and(|id| self.story(id).is_some()) {
                "call"
            } else if given
                .grant
                .is_some_and(|id| self.grants.get(&id, GrantId::clone).is_some())
            {
                "grant"
            } else if given
                .confirmation
                .is_some_and(|id| self.confirmations.get(&id, ConfirmationId::clone).is_some())
            {
                "confirmation"
            } else {
                return None;
            };
            Some(Fault {
                seq: read.place,
                call: entry.draft.refs.call,
                id: "id-reused",
                why: format!("an earlier {what} has this id; an id is given once"),
            })
        })
    }

    fn story(&self, call: CallId) -> Option<&Story> {
        self.calls.get(&call, Story::call)
    }

    /// What `ref.ended` of this entry leads to; nothing when it names none.
    pub(crate) fn past(&self, entry: &Entry) -> Result<Option<Past>, NoCommand> {
        let Some(named) = entry.draft.refs.ended else {
            return Ok(None);
        };
        let story = entry.draft.refs.call.and_then(|id| self.story(id));
        let ended = story.and_then(|story| {
            let (seq, stage) = story.ended?;
            Some((self.executors.id(story.executor?)?, (seq.get(), stage)))
        });
        match ended {
            Some((executor, (seq, stage))) if seq == named => Ok(Some(Past {
                seq,
                executor,
                stage,
            })),
            other => {
                let why = other.map_or_else(
                    || "nothing ended it".into(),
                    |(_, (seq, _))| format!("entry {seq} did"),
                );
                Err(NoCommand {
                    id: "ended",
                    why: format!(
                        "entry {named} is named as the one that ended the call, and {why}"
                    ),
                })
            }
        }
    }

    pub(crate) fn fold(&mut self, entry: &Entry) {
        let Given {
            call,
            grant,
            confirmation,
        } = Given::by(entry);
        if let Some(call) = call {
            let executor = entry.draft.refs.executor;
            let story = Story {
                call,
                executor: executor.and_then(|id| self.executors.number(id)),
                ended: None,
            };
            self.calls.add(story, Story::call);
        }
        if let Some(grant) = grant {
            self.grants.add(grant, GrantId::clone);
        }
        if let Some(confirmation) = confirmation {
            self.confirmations.add(confirmation, ConfirmationId::clone);
        }
        let story = entry
            .draft
            .refs
            .call
            .and_then(|call| self.calls.get_mut(&call, Story::call));
        if let (Some(story), Some(stage)) = (story, stage(&entry.draft.fact)) {
            story.ended = Seq::new(entry.seq).map(|seq| (seq, stage));
        }
    }
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
