//! What is followed: found once in the log, by id or by text.

use alloc::collections::BTreeSet;
use alloc::string::{String, ToString};

use countersign_flow::{CallDocument, State};
use countersign_record::entry::{Fact, Party};
use countersign_record::id::{AgentId, CallId, GrantId, KeyId, PersonId};
use countersign_record::json::Value;

use crate::read::Read;

/// What was asked for, and what it was found to be.
#[derive(Debug)]
pub(super) struct Subject {
    text: String,
    seq: Option<u64>,
    grant: Option<GrantId>,
    key: Option<KeyId>,
    people: BTreeSet<PersonId>,
    agents: BTreeSet<AgentId>,
    calls: BTreeSet<CallId>,
}

impl Subject {
    pub(super) fn new(what: &str) -> Self {
        Self {
            text: what.into(),
            seq: what.parse().ok(),
            grant: what.parse().ok(),
            key: what.parse().ok(),
            people: what.parse().ok().into_iter().collect(),
            agents: what.parse().ok().into_iter().collect(),
            calls: BTreeSet::new(),
        }
    }

    pub(super) fn calls(&self) -> &BTreeSet<CallId> {
        &self.calls
    }

    /// Notes which calls, people and agents are meant; `state` is that before these entries.
    pub(super) fn look_at(&mut self, state: &State, group: &[Read]) {
        for read in group {
            self.names(read);
            let Some(call) = read.entry.draft.refs.call else {
                continue;
            };
            if call.to_string() == self.text || self.mentions(read) || self.is_call(state, read) {
                self.calls.insert(call);
            }
        }
    }

    /// Whether the entry itself names what is followed.
    pub(super) fn mentions(&self, read: &Read) -> bool {
        let refs = &read.entry.draft.refs;
        let by = match read.entry.draft.by {
            Party::Person(id) => self.people.contains(&id),
            Party::Agent(id) => self.agents.contains(&id),
            Party::Executor(_) | Party::Credential(_) => false,
        };
        by || self.seq == Some(read.entry.seq)
            || (refs.grant.is_some() && refs.grant == self.grant)
            || (refs.key.is_some() && refs.key == self.key)
            || refs.person.is_some_and(|id| self.people.contains(&id))
            || refs.agent.is_some_and(|id| self.agents.contains(&id))
    }

    /// People and agents by the names of their enrolment.
    fn names(&mut self, read: &Read) {
        let refs = &read.entry.draft.refs;
        let is = |body: &str, member: &str| {
            let value = read.whole(body).and_then(|body| body.member(member));
            value.and_then(Value::as_str) == Some(self.text.as_str())
        };
        match read.fact() {
            Fact::PersonEnrolled(_) if is("person", "handle") || is("person", "name") => {
                self.people.extend(refs.person);
            }
            Fact::AgentEnrolled(_) if is("agent", "name") => self.agents.extend(refs.agent),
            _ => {}
        }
    }

    /// A call by what its document says, or of a person who is followed.
    fn is_call(&self, state: &State, read: &Read) -> bool {
        match read.fact() {
            Fact::CallAttached(_) => ["tool_call_id", "trace_id"].iter().any(|member| {
                let value = read.whole("call").and_then(|body| body.member(member));
                value.and_then(Value::as_str) == Some(self.text.as_str())
            }),
            Fact::CallEvaluated(_) => self.is_asked_for(state, read),
            _ => false,
        }
    }

    fn is_asked_for(&self, state: &State, read: &Read) -> bool {
        let by_principal = match read.entry.draft.by {
            Party::Agent(id) => {
                let agent = state.roster.agents.get(&id);
                agent.is_some_and(|agent| self.people.contains(&agent.principal))
            }
            Party::Executor(_) | Party::Person(_) | Party::Credential(_) => false,
        };
        let document = read
            .whole("call")
            .and_then(|body| CallDocument::read(body).ok());
        by_principal
            || document.is_some_and(|document| {
                document.tool_call_id == self.text
                    || document.trace_id.as_ref() == Some(&self.text)
                    || target(state, &document).as_ref() == Some(&self.text)
            })
    }
}

fn target(state: &State, document: &CallDocument) -> Option<String> {
    state
        .document()?
        .tool(&document.tool)?
        .target(&document.arguments)
        .map(Into::into)
}
