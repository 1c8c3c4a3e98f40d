//! What can be known without the writer: put in place once a batch is durable, before any of its
//! answers leaves. Whoever was told of a revocation can rely on nobody being let in after it.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock};

use countersign_flow::Roster;
use countersign_ledger::checkpoint::Checkpoint;
use countersign_record::digest::TokenDigest;
use countersign_record::id::PersonId;
use countersign_record::keyring::Keyring;

use crate::core::{Core, Event};
use crate::usecase::{Credentials, Standing};

/// The newest [`Snapshot`]; looking at it waits for no disk.
#[derive(Clone)]
pub(crate) struct Published(Arc<RwLock<Arc<Snapshot>>>);

/// Everything of it is of the same durable entries.
pub(crate) struct Snapshot {
    /// How many entries are durable.
    pub(crate) size: u64,
    /// Who counts.
    pub(crate) known: Arc<Known>,
    /// Opens their bodies.
    pub(crate) keyring: Arc<Keyring>,
    /// The newest checkpoint, and the note that signs it.
    pub(crate) signed: Option<(Checkpoint, Arc<str>)>,
}

/// Whose tokens and keys count.
pub(crate) struct Known {
    tokens: HashMap<TokenDigest, Credentials>,
    people: HashMap<PersonId, Standing>,
    /// The wire forms of all keys that were ever enrolled.
    keys: HashSet<Vec<u8>>,
}

impl Published {
    pub(crate) fn now(&self) -> Arc<Snapshot> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn put(&self, snapshot: Snapshot) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(snapshot);
    }
}

impl Known {
    pub(crate) fn credentials(&self, token: &TokenDigest) -> Option<Credentials> {
        self.tokens.get(token).copied()
    }

    pub(crate) fn is_key(&self, wire: &[u8]) -> bool {
        self.keys.contains(wire)
    }

    pub(crate) fn standing(&self, person: PersonId) -> Standing {
        let nobody = || Standing {
            person,
            handle: None,
            keys: Vec::new(),
        };
        self.people.get(&person).cloned().unwrap_or_else(nobody)
    }
}

impl From<&Roster> for Known {
    fn from(roster: &Roster) -> Self {
        let agents = roster.agents.iter().filter(|(_, it)| !it.revoked);
        let executors = roster.executors.iter().filter(|(_, it)| !it.revoked);
        let others = roster.credentials.iter().filter(|(_, it)| !it.revoked);
        let agents = agents.map(|(id, it)| (it.token, Credentials::Agent(*id)));
        let executors = executors.map(|(id, it)| (it.token, Credentials::Executor(*id)));
        let others = others.map(|(id, it)| (it.token, Credentials::Other(*id, it.role)));
        let people = roster.people.iter().map(|(id, person)| {
            let keys = roster.keys_of(*id).map(|(id, key)| {
                let it = &key.enrolled;
                (*id, it.client.to_string(), it.class.to_string())
            });
            let standing = Standing {
                person: *id,
                handle: person.handle.clone(),
                keys: keys.collect(),
            };
            (*id, standing)
        });
        let keys = roster.keys.values();
        let keys = keys.map(|key| key.enrolled.public_key.0.clone());
        Self {
            keys: keys.collect(),
            tokens: agents.chain(executors).chain(others).collect(),
            people: people.collect(),
        }
    }
}

impl Core {
    /// What is durable before the first batch.
    pub(crate) fn published(&self) -> Published {
        let known = Arc::new(Known::from(&self.state.roster));
        Published(Arc::new(RwLock::new(Arc::new(self.snapshot(known)))))
    }

    /// Shows what is durable now; `news` became so since the last time. Nothing may be staged.
    pub(crate) fn publish(&self, published: &Published, news: &[Event]) {
        let known = if news.iter().any(may_change_roster) {
            Arc::new(Known::from(&self.state.roster))
        } else {
            Arc::clone(&published.now().known)
        };
        published.put(self.snapshot(known));
    }

    fn snapshot(&self, known: Arc<Known>) -> Snapshot {
        let signed = self.signed.checkpoint.clone().zip(self.signed.note.clone());
        Snapshot {
            size: self.durable.size,
            known,
            keyring: Arc::clone(&self.keyring),
            signed: signed.map(|(checkpoint, note)| (checkpoint, note.into())),
        }
    }
}

/// A kind that is not known to leave the roster alone may change it.
fn may_change_roster(event: &Event) -> bool {
    const LEAVE_IT: [&str; 9] = [
        "access.",
        "call.",
        "confirmation.",
        "grant.",
        "outcome.",
        "presentation.",
        "refusal.",
        "session.",
        "vote.",
    ];
    !LEAVE_IT.iter().any(|kind| event.kind.starts_with(kind))
}
