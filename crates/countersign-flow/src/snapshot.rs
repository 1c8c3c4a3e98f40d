//! The fold as bytes, so that a start need not begin with the first entry. Derived, and of one
//! [`FOLD`]: another one folds the ledger anew. Nothing here is ever hashed into the ledger or shown to
//! others; whoever stores it seals it with its fold, since open bodies' values are in it.
//!
//! A struct is the array of its members in the order of `kept!`; a member that is added there or in
//! the struct alone does not compile.

use alloc::borrow::ToOwned;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use countersign_policy::{Facts, Policy};
use countersign_record::cbor;
use countersign_record::cbor::Item;
use countersign_record::digest::{
    ActionDigest, EntryHash, FingerprintDigest, PolicyDigest, ShownDigest, TokenDigest,
};
use countersign_record::entry::{
    Blob, Compared, Demand, Endorsement, Fingerprint, Head, KeyEnrolled, LedgerCreated, Party,
    ServiceKey, Slot,
};
use countersign_record::id::{
    AgentId, CallId, ConfirmationId, CredentialId, ExecutorId, FreezeId, GrantId, KeyId, PersonId,
    PolicyId, SessionId,
};
use countersign_record::json;
use countersign_record::json::canonical_text;
use countersign_record::name::{ExecutorName, GroupName, RuleName};
use countersign_record::term::{
    Client, Decision, Enforcement, Independence, KeyClass, Role, Scheme,
};

use crate::call::CallDocument;
use crate::state::{
    Agent, Call, Credential, Denial, Epoch, Executor, Freeze, Granted, InForce, Key, Ledger,
    LookBack, Lookups, Opening, Pending, Person, Redeemed, Request, Requester, Roster, Session,
    Stage, State, Vote,
};

/// Which fold it is. Whoever changes what an entry does to the state, or how the state is written here,
/// raises it, or a start goes on from what another fold made of the ledger. `tests/folding.rs` has the
/// digest of a known state beside it.
pub const FOLD: u32 = 2;

/// The state as bytes; the same state always as the same ones.
pub fn write(state: &State) -> Vec<u8> {
    cbor::encode(&state.put())
}

/// Reads [`write()`]; `None` for what is no state. Only sealed files are read, so that the order of
/// sets and maps, which are arrays here, is not looked at again.
pub fn read(bytes: &[u8]) -> Option<State> {
    State::take(cbor::decode(bytes).ok()?)
}

/// A value that is kept in a snapshot.
trait Kept: Sized {
    fn put(&self) -> Item;
    fn take(item: Item) -> Option<Self>;
}

/// Lists every member of a struct.
macro_rules! kept {
    ($($name:ident { $($field:ident),+ $(,)? })+) => {$(
        impl Kept for $name {
            fn put(&self) -> Item {
                let Self { $($field),+ } = self;
                Item::Array(vec![$($field.put()),+])
            }

            fn take(item: Item) -> Option<Self> {
                let mut items = items(item)?;
                let value = Self { $($field: Kept::take(items.next()?)?),+ };
                items.next().is_none().then_some(value)
            }
        }
    )+};
}

macro_rules! as_text {
    ($($name:ty),+ $(,)?) => {$(
        impl Kept for $name {
            fn put(&self) -> Item {
                Item::Text(self.to_string())
            }

            fn take(item: Item) -> Option<Self> {
                String::take(item)?.parse().ok()
            }
        }
    )+};
}

macro_rules! as_bytes {
    ($($name:ident),+ $(,)?) => {$(
        impl Kept for $name {
            fn put(&self) -> Item {
                self.0.put()
            }

            fn take(item: Item) -> Option<Self> {
                Kept::take(item).map(Self)
            }
        }
    )+};
}

// After the macros that it uses.
mod lookback;

kept! {
    Ledger { created, service }
    LedgerCreated { origin, format, log_key, grant_key, seal_key, webhook_key, solo }
    ServiceKey { id, key }
    InForce { id, digest, policy }
    Requester { asker, principal }
    Epoch { number, first_at }
    Session { agent, name, last_used }
    Denial { call, requester, fp, tool, target, until }
    Fingerprint { epoch, digest }
    Freeze { agent, key, person, tool, rule, by_target, target, all }
    Call {
        id, requester, session, tool, executor, action, fp, policy, rules, enforcement, asked_at,
        evaluated, version, callers, document, facts,
        stage,
    }
    Granted { grant, execute_before, decided }
    Pending {
        confirmation, opened, opened_at, instance, policy, demand, decide_before, requester, shown,
        renderer, pinned, openings, votes,
    }
    Demand {
        slots, class, client, decide_within, execute_within, outcome_within, cool_down,
        reason_required, self_confirm, deny_threshold, after_denial, independence, number, typed,
    }
    Slot { rule, groups, need }
    Opening { person, nonce, client, independence, at, head }
    Compared { fact, found }
    Head { seq, hash }
    Vote { key, decision, served, seq }
    Redeemed { grant, nonce, seq, outcome_before, confirmation }
    Roster { people, keys, agents, executors, credentials }
    Person { handle, name, groups, left }
    Key { person, enrolled, since, revoked }
    KeyEnrolled {
        scheme, public_key, class, client, statement, signature, endorsed, rp_id, origins,
        credential_id, bootstrap,
    }
    Endorsement { key, statement, signature }
    Agent { principal, token, enforcement, name, revoked }
    Executor { name, token, revoked }
    Credential { role, token, name, revoked }
}

impl Kept for State {
    fn put(&self) -> Item {
        let Self {
            size,
            head,
            last_at,
            keyring,
            ledger,
            armed,
            policy,
            roster,
            calls,
            live,
            grants,
            denials,
            freezes,
            epochs,
            sessions,
            requests,
            // With the facts of calls, by [`lookback`].
            lookback: _,
            // Follows from the others.
            lookups: _,
        } = self;
        Item::Array(vec![
            size.put(),
            head.put(),
            last_at.put(),
            keyring.put(),
            ledger.put(),
            armed.put(),
            policy.put(),
            roster.put(),
            calls.put(),
            live.put(),
            grants.put(),
            denials.put(),
            freezes.put(),
            epochs.put(),
            sessions.put(),
            Item::Bytes(requests.iter().flat_map(packed).collect()),
            lookback::put(self),
        ])
    }

    fn take(item: Item) -> Option<Self> {
        let mut items = items(item)?;
        let mut state = Self {
            size: Kept::take(items.next()?)?,
            head: Kept::take(items.next()?)?,
            last_at: Kept::take(items.next()?)?,
            keyring: Kept::take(items.next()?)?,
            ledger: Kept::take(items.next()?)?,
            armed: Kept::take(items.next()?)?,
            policy: Kept::take(items.next()?)?,
            roster: Kept::take(items.next()?)?,
            calls: Kept::take(items.next()?)?,
            live: Kept::take(items.next()?)?,
            grants: Kept::take(items.next()?)?,
            denials: Kept::take(items.next()?)?,
            freezes: Kept::take(items.next()?)?,
            epochs: Kept::take(items.next()?)?,
            sessions: Kept::take(items.next()?)?,
            requests: unpacked(items.next()?)?,
            lookback: LookBack::default(),
            lookups: Lookups::default(),
        };
        lookback::take(&mut state, items.next()?)?;
        state.lookups = Lookups::of(&state);
        items.next().is_none().then_some(state)
    }
}

/// One remembered submission. There are as many as calls in a month, so they have no items of their
/// own: key (32) ‖ call (16) ‖ content (32) ‖ at (8).
const PACKED: usize = 88;

fn packed((key, request): (&[u8; 32], &Request)) -> [u8; PACKED] {
    let Request { call, content, at } = request;
    let mut bytes = [0; PACKED];
    bytes[..32].copy_from_slice(key);
    bytes[32..48].copy_from_slice(&call.bits());
    bytes[48..80].copy_from_slice(content);
    bytes[80..].copy_from_slice(&at.to_be_bytes());
    bytes
}

fn unpacked(item: Item) -> Option<BTreeMap<[u8; 32], Request>> {
    let Item::Bytes(bytes) = item else {
        return None;
    };
    let (all, rest) = bytes.as_chunks::<PACKED>();
    let one = |bytes: &[u8; PACKED]| {
        let request = Request {
            call: CallId::new(bytes[32..48].try_into().ok()?),
            content: bytes[48..80].try_into().ok()?,
            at: u64::from_be_bytes(bytes[80..].try_into().ok()?),
        };
        Some((bytes[..32].try_into().ok()?, request))
    };
    rest.is_empty().then(|| all.iter().map(one).collect())?
}

impl Kept for Stage {
    fn put(&self) -> Item {
        let (number, mut members) = match self {
            Self::Judged => (0, vec![]),
            Self::Allowed(granted) => (1, vec![granted.put()]),
            Self::Pending(pending) => (2, vec![pending.put()]),
            Self::Approved(pending, granted) => (3, vec![pending.put(), granted.put()]),
            Self::Redeemed(redeemed) => (4, vec![redeemed.put()]),
        };
        members.insert(0, Item::Uint(number));
        Item::Array(members)
    }

    fn take(item: Item) -> Option<Self> {
        let mut items = items(item)?;
        let stage = match u64::take(items.next()?)? {
            0 => Self::Judged,
            1 => Self::Allowed(Kept::take(items.next()?)?),
            2 => Self::Pending(Kept::take(items.next()?)?),
            3 => Self::Approved(Kept::take(items.next()?)?, Kept::take(items.next()?)?),
            4 => Self::Redeemed(Kept::take(items.next()?)?),
            _ => return None,
        };
        items.next().is_none().then_some(stage)
    }
}

/// What was earlier is kept by [`lookback`], which knows in which ways the policy looks.
impl Kept for Facts {
    fn put(&self) -> Item {
        let Self { at, earlier: _ } = self;
        at.put()
    }

    fn take(item: Item) -> Option<Self> {
        let (at, earlier) = (Kept::take(item)?, BTreeMap::new());
        Some(Self { at, earlier })
    }
}

/// A policy is its text.
impl Kept for Policy {
    fn put(&self) -> Item {
        Item::Text(self.text().to_owned())
    }

    fn take(item: Item) -> Option<Self> {
        Self::parse(&String::take(item)?).ok()
    }
}

/// A call's document is the value of its body.
impl Kept for CallDocument {
    fn put(&self) -> Item {
        Item::Text(canonical_text(&self.value()))
    }

    fn take(item: Item) -> Option<Self> {
        let text = String::take(item)?;
        let value = json::read(text.as_bytes(), &json::Limits::DOCUMENT).ok()?;
        Self::read(&value).ok()
    }
}

impl Kept for Blob {
    fn put(&self) -> Item {
        Item::Bytes(self.0.clone())
    }

    fn take(item: Item) -> Option<Self> {
        match item {
            Item::Bytes(bytes) => Some(Self(bytes)),
            _ => None,
        }
    }
}

impl Kept for u64 {
    fn put(&self) -> Item {
        Item::Uint(*self)
    }

    fn take(item: Item) -> Option<Self> {
        match item {
            Item::Uint(number) => Some(number),
            _ => None,
        }
    }
}

impl Kept for bool {
    fn put(&self) -> Item {
        Item::Bool(*self)
    }

    fn take(item: Item) -> Option<Self> {
        match item {
            Item::Bool(truth) => Some(truth),
            _ => None,
        }
    }
}

impl Kept for String {
    fn put(&self) -> Item {
        Item::Text(self.clone())
    }

    fn take(item: Item) -> Option<Self> {
        match item {
            Item::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl<const N: usize> Kept for [u8; N] {
    fn put(&self) -> Item {
        Item::Bytes(self.to_vec())
    }

    fn take(item: Item) -> Option<Self> {
        Blob::take(item)?.0.try_into().ok()
    }
}

impl<T: Kept> Kept for Option<T> {
    fn put(&self) -> Item {
        Item::Array(self.iter().map(Kept::put).collect())
    }

    fn take(item: Item) -> Option<Self> {
        let mut items = items(item)?;
        let value = match items.next() {
            Some(item) => Some(T::take(item)?),
            None => None,
        };
        items.next().is_none().then_some(value)
    }
}

impl<T: Kept> Kept for Vec<T> {
    fn put(&self) -> Item {
        Item::Array(self.iter().map(Kept::put).collect())
    }

    fn take(item: Item) -> Option<Self> {
        items(item)?.map(T::take).collect()
    }
}

impl<T: Kept + Ord> Kept for BTreeSet<T> {
    fn put(&self) -> Item {
        Item::Array(self.iter().map(Kept::put).collect())
    }

    fn take(item: Item) -> Option<Self> {
        items(item)?.map(T::take).collect()
    }
}

impl<A: Kept, B: Kept> Kept for (A, B) {
    fn put(&self) -> Item {
        Item::Array(vec![self.0.put(), self.1.put()])
    }

    fn take(item: Item) -> Option<Self> {
        let mut items = items(item)?;
        let pair = (A::take(items.next()?)?, B::take(items.next()?)?);
        items.next().is_none().then_some(pair)
    }
}

impl<K: Kept + Ord, V: Kept> Kept for BTreeMap<K, V> {
    fn put(&self) -> Item {
        let pair = |(key, value): (&K, &V)| Item::Array(vec![key.put(), value.put()]);
        Item::Array(self.iter().map(pair).collect())
    }

    fn take(item: Item) -> Option<Self> {
        items(item)?.map(Kept::take).collect()
    }
}

as_text! {
    CallId, ConfirmationId, GrantId, PersonId, KeyId, AgentId, ExecutorId, CredentialId, SessionId,
    PolicyId, FreezeId, Party, RuleName, GroupName, ExecutorName, KeyClass, Client, Scheme,
    Independence, Role, Enforcement, Decision,
}

as_bytes! { EntryHash, ActionDigest, FingerprintDigest, PolicyDigest, ShownDigest, TokenDigest }

fn items(item: Item) -> Option<vec::IntoIter<Item>> {
    match item {
        Item::Array(items) => Some(items.into_iter()),
        _ => None,
    }
}
