//! Who there is: people, keys, agents, executors, credentials.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

use countersign_policy::{LivePerson, Policy, Population, Problem};
use countersign_record::digest::TokenDigest;
use countersign_record::entry::{Demand, KeyEnrolled, Party};
use countersign_record::id::{AgentId, CredentialId, ExecutorId, KeyId, PersonId};
use countersign_record::name::{ExecutorName, GroupName};
use countersign_record::term::{Enforcement, Role};

/// Everyone who may act.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Roster {
    /// People.
    pub people: BTreeMap<PersonId, Person>,
    /// Device keys, revoked ones among them: a revoked key is never enrolled again.
    pub keys: BTreeMap<KeyId, Key>,
    /// Agents.
    pub agents: BTreeMap<AgentId, Agent>,
    /// Executors.
    pub executors: BTreeMap<ExecutorId, Executor>,
    /// Auditors, responders, operators.
    pub credentials: BTreeMap<CredentialId, Credential>,
}

/// A person.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Person {
    /// The short name on the command line, where disclosed.
    pub handle: Option<String>,
    /// Their name, where disclosed.
    pub name: Option<String>,
    /// Their groups.
    pub groups: BTreeSet<GroupName>,
    /// They have left.
    pub left: bool,
}

/// A device key.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    /// Whose.
    pub person: PersonId,
    /// As enrolled.
    pub enrolled: KeyEnrolled,
    /// Seq of its enrolment.
    pub since: u64,
    /// Seq of its revocation.
    pub revoked: Option<u64>,
}

/// An agent.
#[derive(Clone, Debug, PartialEq)]
pub struct Agent {
    /// The person it acts for.
    pub principal: PersonId,
    /// SHA-256 of its token.
    pub token: TokenDigest,
    /// How strong its stop is.
    pub enforcement: Enforcement,
    /// Its name, where disclosed.
    pub name: Option<String>,
    /// It no longer counts.
    pub revoked: bool,
}

/// An executor.
#[derive(Clone, Debug, PartialEq)]
pub struct Executor {
    /// Its name in the policy's catalogue.
    pub name: ExecutorName,
    /// SHA-256 of its token.
    pub token: TokenDigest,
    /// It no longer counts.
    pub revoked: bool,
}

/// An auditor's, responder's or operator's credential.
#[derive(Clone, Debug, PartialEq)]
pub struct Credential {
    /// Which of them.
    pub role: Role,
    /// SHA-256 of its token.
    pub token: TokenDigest,
    /// Its name, where disclosed.
    pub name: Option<String>,
    /// It no longer counts.
    pub revoked: bool,
}

impl Roster {
    /// Where the policy names somebody enrolled, and what to write instead. A policy is kept for ever and
    /// never erased.
    pub fn named_in(&self, policy: &Policy) -> Option<Problem> {
        let people = self.people.iter().map(|(person, known)| LivePerson {
            person: *person,
            names: known.name.iter().cloned().collect(),
            groups: Vec::new(),
            keys: Vec::new(),
        });
        let problems = policy.check(&Population::Known(people.collect()));
        problems.into_iter().find(|it| it.code == "person-named")
    }

    /// The executor that the catalogue's name is bound to.
    pub fn executor(&self, name: &ExecutorName) -> Option<ExecutorId> {
        let bound =
            |(_, executor): &(&ExecutorId, &Executor)| !executor.revoked && executor.name == *name;
        self.executors.iter().find(bound).map(|(id, _)| *id)
    }

    /// The person of that handle who has not left.
    pub fn by_handle(&self, handle: &str) -> Option<PersonId> {
        let named = |(_, person): &(&PersonId, &Person)| {
            !person.left && person.handle.as_deref() == Some(handle)
        };
        self.people.iter().find(named).map(|(id, _)| *id)
    }

    /// Whether a bearer token of any kind has this digest: kinds are never interchangeable.
    pub(crate) fn has_token(&self, token: &TokenDigest) -> bool {
        self.agents.values().any(|it| it.token == *token)
            || self.executors.values().any(|it| it.token == *token)
            || self.credentials.values().any(|it| it.token == *token)
    }

    /// Whether the credential of this party still counts; a person's is a key, judged by itself.
    pub fn is_active(&self, party: Party) -> bool {
        match party {
            Party::Agent(id) => self.agents.get(&id).is_some_and(|it| !it.revoked),
            Party::Executor(id) => self.executors.get(&id).is_some_and(|it| !it.revoked),
            Party::Credential(id) => self.credentials.get(&id).is_some_and(|it| !it.revoked),
            Party::Person(id) => self.people.get(&id).is_some_and(|it| !it.left),
        }
    }

    /// The role of a credential that counts.
    pub(crate) fn role(&self, credential: CredentialId) -> Option<Role> {
        self.credentials
            .get(&credential)
            .filter(|it| !it.revoked)
            .map(|it| it.role)
    }

    /// Keys of a person that count today.
    pub fn keys_of(&self, person: PersonId) -> impl Iterator<Item = (&KeyId, &Key)> {
        self.keys
            .iter()
            .filter(move |(_, key)| key.person == person && key.revoked.is_none())
    }

    /// The groups of a person that a demand's slots name; none when they have left.
    pub fn eligible(&self, person: PersonId, demand: &Demand) -> BTreeSet<GroupName> {
        let Some(person) = self.people.get(&person).filter(|person| !person.left) else {
            return BTreeSet::new();
        };
        let named = demand.slots.iter().flat_map(|slot| &slot.groups);
        named
            .filter(|group| person.groups.contains(*group))
            .cloned()
            .collect()
    }
}
