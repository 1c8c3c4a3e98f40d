//! What entries do to the roster.

use countersign_record::entry::{
    AgentEnrolled, Change, CredentialEnrolled, Entry, Fact, GroupChanged, Refs,
};
use countersign_record::id::PersonId;

use super::{Disclosed, text};
use crate::state::{Agent, Credential, Executor, Key, Person, Roster};

impl Roster {
    pub(super) fn changed(&mut self, entry: &Entry, bodies: Disclosed<'_>) {
        let refs = &entry.draft.refs;
        match &entry.draft.fact {
            Fact::PersonEnrolled(_) => {
                let body = bodies.value("person");
                let of = |member| body.as_ref().and_then(|body| text(body, member));
                let (handle, name) = (of("handle"), of("name"));
                let person = Person {
                    handle,
                    name,
                    ..Person::default()
                };
                refs.person.map(|id| self.people.insert(id, person));
            }
            Fact::PersonLeft(_) => {
                if let Some(person) = self.person(refs.person) {
                    person.left = true;
                }
            }
            Fact::GroupChanged(changed) => self.group_changed(refs.person, changed),
            Fact::KeyEnrolled(enrolled) => {
                if let (Some(id), Some(person)) = (refs.key, refs.person) {
                    let (enrolled, since) = (enrolled.clone(), entry.seq);
                    self.keys.insert(
                        id,
                        Key {
                            person,
                            enrolled,
                            since,
                            revoked: None,
                        },
                    );
                }
            }
            Fact::KeyRevoked(_) => {
                if let Some(key) = refs.key.and_then(|id| self.keys.get_mut(&id)) {
                    key.revoked = Some(entry.seq);
                }
            }
            Fact::AgentEnrolled(enrolled) => self.agent(refs, enrolled, bodies),
            Fact::ExecutorEnrolled(enrolled) => {
                let (name, token) = (enrolled.name.clone(), enrolled.token);
                let executor = Executor {
                    name,
                    token,
                    revoked: false,
                };
                refs.executor.map(|id| self.executors.insert(id, executor));
            }
            Fact::CredentialEnrolled(enrolled) => self.credential(refs, enrolled, bodies),
            Fact::CredentialRevoked(_) => self.revoked(refs),
            _ => {}
        }
    }

    fn person(&mut self, id: Option<PersonId>) -> Option<&mut Person> {
        id.and_then(|id| self.people.get_mut(&id))
    }

    fn group_changed(&mut self, person: Option<PersonId>, changed: &GroupChanged) {
        let Some(person) = self.person(person) else {
            return;
        };
        match changed.change {
            Change::Add => person.groups.insert(changed.group.clone()),
            Change::Remove => person.groups.remove(&changed.group),
        };
    }

    fn agent(&mut self, refs: &Refs, enrolled: &AgentEnrolled, bodies: Disclosed<'_>) {
        let (Some(id), Some(principal)) = (refs.agent, refs.person) else {
            return;
        };
        let agent = Agent {
            principal,
            token: enrolled.token,
            enforcement: enrolled.enforcement,
            name: bodies.value("agent").and_then(|body| text(&body, "name")),
            revoked: false,
        };
        self.agents.insert(id, agent);
    }

    fn credential(&mut self, refs: &Refs, enrolled: &CredentialEnrolled, bodies: Disclosed<'_>) {
        let credential = Credential {
            role: enrolled.role,
            token: enrolled.token,
            name: bodies
                .value("credential")
                .and_then(|body| text(&body, "name")),
            revoked: false,
        };
        refs.credential
            .map(|id| self.credentials.insert(id, credential));
    }

    fn revoked(&mut self, refs: &Refs) {
        if let Some(agent) = refs.agent.and_then(|id| self.agents.get_mut(&id)) {
            agent.revoked = true;
        }
        if let Some(executor) = refs.executor.and_then(|id| self.executors.get_mut(&id)) {
            executor.revoked = true;
        }
        if let Some(it) = refs.credential.and_then(|id| self.credentials.get_mut(&id)) {
            it.revoked = true;
        }
    }
}
