//! The fold: what an entry does to the state. It never refuses: the auditor folds what stands in the
//! log, also after a finding.

mod call;
mod roster;

use countersign_policy::{Doubt, Policy};
use countersign_record::digest::EntryHash;
use countersign_record::entry::{Entry, Fact, FreezeSet, Head, Party, Refs, UnixMillis};
use countersign_record::json::Value;

use crate::call::CallDocument;
use crate::state::{Freeze, InForce, Ledger, Session, State};

/// What is over leaves the state once in each hour of the log's time.
const SWEEP_MS: u64 = 60 * 60 * 1000;

/// What is disclosed of one entry's bodies.
pub trait BodyValues {
    /// The value of the body of that name; `None` where withheld.
    fn value(&self, name: &str) -> Option<Value>;

    /// The body `call` of a call that was evaluated, for who has read it already.
    fn document(&self) -> Option<CallDocument> {
        CallDocument::read(&self.value("call")?).ok()
    }
}

impl<F: Fn(&str) -> Option<Value>> BodyValues for F {
    fn value(&self, name: &str) -> Option<Value> {
        self(name)
    }
}

pub(crate) type Disclosed<'a> = &'a dyn BodyValues;

/// Folds one entry, with its chain value and those of its bodies that are disclosed.
pub fn apply(
    state: &mut State,
    entry: &Entry,
    hash: EntryHash,
    bodies: &dyn Fn(&str) -> Option<Value>,
) {
    fold(state, entry, hash, &bodies);
}

/// The same for somebody who has read the bodies before.
pub fn fold(state: &mut State, entry: &Entry, hash: EntryHash, bodies: Disclosed<'_>) {
    if entry.at / SWEEP_MS != state.last_at / SWEEP_MS {
        state.forget(entry.at);
    }
    let about = entry.draft.refs.call;
    let before = about.and_then(|call| state.place(call));
    state.people_and_setup(entry, bodies);
    state.calls_and_votes(entry, bodies);
    if let Some(call) = about {
        state.lookups.moved(call, before, state.place(call));
    }
    state.size = entry.seq.saturating_add(1);
    state.last_at = entry.at;
    state.keyring = entry.keyring.unwrap_or(state.keyring);
    state.head = Some(Head {
        seq: entry.seq,
        hash,
    });
}

impl State {
    fn people_and_setup(&mut self, entry: &Entry, bodies: Disclosed<'_>) {
        let refs = &entry.draft.refs;
        match &entry.draft.fact {
            Fact::LedgerCreated(created) => {
                if let Party::Executor(service) = entry.draft.by {
                    self.ledger = Some(Ledger {
                        created: created.clone(),
                        service,
                    });
                }
            }
            Fact::PolicyAdopted(adopted) => {
                let text = bodies.value("policy").and_then(|body| text(&body, "toml"));
                let policy = text.and_then(|toml| Policy::parse(&toml).ok());
                if let Some(id) = refs.policy {
                    self.looks_back(policy.as_ref(), entry.at);
                    self.policy = Some(InForce {
                        id,
                        digest: adopted.digest,
                        policy,
                    });
                }
            }
            Fact::ServiceArmed(_) => self.armed = true,
            Fact::FreezeSet(set) => self.froze(refs, set, bodies),
            Fact::FreezeLifted(_) => {
                refs.freeze.map(|freeze| self.freezes.remove(&freeze));
            }
            Fact::DenialLifted(_) => {
                if let Some(call) = refs.call {
                    self.lift_denial(call);
                }
            }
            Fact::SessionRegistered(_) => {
                if let (Some(id), Some(agent)) = (refs.session, refs.agent) {
                    let name = bodies.value("session").and_then(|body| text(&body, "name"));
                    let session = Session {
                        agent,
                        name,
                        last_used: entry.at,
                    };
                    self.add_session(id, session);
                }
            }
            _ => self.roster.changed(entry, bodies),
        }
    }

    /// Another policy looks at other calls; what it does not look at is forgotten.
    fn looks_back(&mut self, policy: Option<&Policy>, at: UnixMillis) {
        let withheld = self.policy.as_ref().is_some_and(|it| it.policy.is_none());
        let doubt = if withheld {
            Doubt::Withheld
        } else {
            Doubt::NotWatched
        };
        let were_calls = !self.epochs.is_empty();
        self.lookback
            .watch(policy, were_calls.then_some((at, doubt)));
        let Self {
            calls, lookback, ..
        } = self;
        for call in calls.values_mut() {
            call.facts.earlier.retain(|look, _| lookback.knows(look));
        }
    }

    fn froze(&mut self, refs: &Refs, set: &FreezeSet, bodies: Disclosed<'_>) {
        let freeze = Freeze {
            agent: refs.agent,
            key: refs.key,
            person: refs.person,
            tool: set.tool.clone(),
            rule: set.rule.clone(),
            by_target: set.target,
            target: bodies
                .value("freeze")
                .and_then(|body| text(&body, "target")),
            all: set.all,
        };
        refs.freeze.map(|id| self.freezes.insert(id, freeze));
    }
}

fn text(value: &Value, member: &str) -> Option<alloc::string::String> {
    value.member(member).and_then(Value::as_str).map(Into::into)
}
