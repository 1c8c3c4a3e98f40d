//! The log replayed: each command is rebuilt, judged by the server's own code in the state of that
//! moment, and what it makes is compared with what stands in the log.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use countersign_flow::{Admitted, Command, PastStage, Stage, State, Unchecked, admit, fold};
use countersign_record::entry::{Draft, Entry, Fact, OutcomeStatus, Verdict};
use countersign_record::id::CallId;

use crate::command::{NoCommand, rebuild};
use crate::compare::Compare;
use crate::explain;
use crate::known::Known;
use crate::read::{Group, Read};

/// An illegal transition.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    /// The first entry that should not stand there.
    pub(crate) seq: u64,
    pub(crate) call: Option<CallId>,
    /// The guard that was broken.
    pub(crate) id: &'static str,
    /// To follow "illegal transition: ".
    pub(crate) why: String,
}

/// What the rules say of one group.
#[derive(Debug, Default)]
pub(crate) struct Judged {
    /// Not what any command makes in this state.
    pub(crate) fault: Option<Fault>,
    /// Guards that a withheld body kept from being checked.
    pub(crate) unchecked: Vec<Unchecked>,
    /// Computed bodies that could not be compared.
    pub(crate) not_compared: Vec<(usize, &'static str)>,
    /// Something was reported of a call that nobody had redeemed: legal, and a finding.
    pub(crate) unredeemed: bool,
}

impl Judged {
    fn fault(fault: Fault) -> Self {
        Self {
            fault: Some(fault),
            ..Self::default()
        }
    }
}

/// The state of the log at some entry.
#[derive(Debug, Default)]
pub(crate) struct Replay {
    pub(crate) state: State,
    known: Known,
}

impl Replay {
    /// Whether the next group is what a command makes in this state.
    pub(crate) fn judge(&self, group: &[Read]) -> Judged {
        let Some(principal) = principal(group) else {
            return Judged::default();
        };
        if let Some(fault) = self.known.reused(group) {
            return Judged::fault(fault);
        }
        let entry = &principal.entry;
        let illegal = |id, why| {
            Judged::fault(Fault {
                seq: principal.place,
                call: entry.draft.refs.call,
                id,
                why,
            })
        };
        let command = match rebuild(&self.state, group, &self.known) {
            Ok(command) => command,
            Err(NoCommand { id, why }) => return illegal(id, why),
        };
        let mut compare = Compare::new(group);
        match admit(&self.state, &command, entry.at, &mut compare) {
            Err(refusal) => {
                let (id, why) = explain::refused(&self.state, entry, &command, refusal);
                illegal(id, why)
            }
            Ok(admitted) => Judged {
                fault: difference(group, &admitted),
                unchecked: admitted.unchecked().to_vec(),
                not_compared: compare.not_compared,
                unredeemed: self.unredeemed(&command),
            },
        }
    }

    /// Folds what stands in the log, legal or not.
    pub(crate) fn fold(&mut self, group: &Group) {
        for read in &group.reads {
            fold(&mut self.state, &read.entry, read.hash, read);
            self.known.fold(&read.entry);
        }
    }

    fn unredeemed(&self, command: &Command) -> bool {
        let Command::Outcome(outcome) = command else {
            return false;
        };
        let ran = outcome.status != OutcomeStatus::NotExecuted;
        ran && match self.state.calls.get(&outcome.call) {
            Some(call) => !matches!(call.stage, Stage::Redeemed(_)),
            None => outcome
                .past
                .is_some_and(|past| matches!(past.stage, PastStage::NotExecuted(_))),
        }
    }
}

/// The entry that a group is about: a new session is only mentioned first.
pub(crate) fn principal(group: &[Read]) -> Option<&Read> {
    let is_session = |read: &&Read| matches!(read.fact(), Fact::SessionRegistered(_));
    group
        .iter()
        .find(|read| !is_session(read))
        .or(group.first())
}

/// The first entry that the command does not make, byte for byte. Entries were read strictly, so that
/// equal drafts have equal bytes.
fn difference(group: &[Read], admitted: &Admitted) -> Option<Fault> {
    let frozen = frozen_unseen(group, admitted);
    let drafts = frozen.as_deref().unwrap_or(admitted.drafts());
    for (place, read) in group.iter().enumerate() {
        let entry = &read.entry;
        let fault = |(id, why)| Fault {
            seq: read.place,
            call: entry.draft.refs.call,
            id,
            why,
        };
        match drafts.get(place) {
            None => return Some(fault(explain::surplus(entry))),
            Some(draft) if *draft != entry.draft && encoded(entry, draft) != read.bytes => {
                return Some(fault(explain::differs(entry, draft)));
            }
            Some(_) => {}
        }
    }
    let missing = drafts.get(group.len())?;
    let last = group.last()?;
    let why = format!(
        "the same command also appends {}, which does not stand here",
        missing.fact.kind()
    );
    Some(Fault {
        seq: last.place,
        call: last.entry.draft.refs.call,
        id: "entry-missing",
        why,
    })
}

fn encoded(entry: &Entry, draft: &Draft) -> Vec<u8> {
    Entry {
        draft: draft.clone(),
        ..entry.clone()
    }
    .encode()
}

/// What the command makes if a freeze stands over the call; `None` unless the log says so and
/// whether one of a withheld target did cannot be told. A frozen call is answered, and that is all.
fn frozen_unseen(group: &[Read], admitted: &Admitted) -> Option<Vec<Draft>> {
    let is_frozen = |read: &Read| matches!(read.fact(), Fact::CallEvaluated(it) if it.verdict == Verdict::Frozen);
    let unseen = admitted.unchecked().contains(&Unchecked::FrozenTarget);
    if !unseen || !group.iter().any(is_frozen) {
        return None;
    }
    let mut drafts = admitted.drafts().to_vec();
    let place = drafts
        .iter()
        .position(|draft| matches!(draft.fact, Fact::CallEvaluated(_)))?;
    drafts.truncate(place + 1);
    let answer = drafts.last_mut()?;
    if let Fact::CallEvaluated(evaluated) = &mut answer.fact {
        evaluated.verdict = Verdict::Frozen;
        evaluated.execute_before = None;
    }
    answer.refs.grant = None;
    Some(drafts)
}
