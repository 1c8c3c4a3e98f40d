//! Entries are found by what their bodies say, without a body's value in the index: it stands there
//! under the key of its entry's block, which goes with the first destroyed key of that block
//! (docs/spec/body.md, part 6).

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use countersign_policy::Policy;
use countersign_record::digest::{EntryHash, hex};
use countersign_record::entry::{Entry, Fact};
use countersign_record::json::Value;
use countersign_record::keyring::{BLOCK_ENTRIES, IndexKey, Keyring};
use countersign_record::seal::{self, BodyPlace};
use countersign_store::index::{Terms, entry_ids};
use countersign_store::log::Stored;

/// Bodies by whose members entries are found, and those members.
const SEARCHED: [(&str, &[&str]); 3] = [
    ("call", &["tool_call_id", "session", "trace_id"]),
    ("person", &["handle", "name", "email"]),
    ("freeze", &["target"]),
];

/// The keyring as last saved, for the thread of the index.
pub(crate) type SharedKeyring = Arc<Mutex<Arc<Keyring>>>;

/// A value as a term of the index.
fn term(key: &IndexKey, value: &str) -> String {
    format!("={}", hex(&key.hash(value)))
}

/// A policy's catalogue says what the target of a later call is.
const TAUGHT_BY: &str = "policy.adopted";

/// What the index is given of entries.
pub(crate) fn terms(keyring: SharedKeyring, genesis: EntryHash) -> Terms {
    let mut policies = Vec::new();
    let of = move |stored: &Stored| {
        let mut terms = entry_ids(&stored.entry);
        let keyring = Arc::clone(&keyring.lock().unwrap_or_else(PoisonError::into_inner));
        let Some(searched) = Searched::of(&keyring, genesis, stored) else {
            return terms;
        };
        if matches!(searched.fact, Fact::PolicyAdopted(_)) {
            terms.push(TAUGHT_BY.into());
            policies.extend(searched.policy());
        }
        if let Some(key) = keyring.index_key(stored.seq) {
            let values = searched.values(policies.iter());
            terms.extend(values.iter().map(|value| term(&key, value)));
        }
        terms
    };
    Terms {
        of: Box::new(of),
        taught_by: TAUGHT_BY,
    }
}

/// An entry of a kind that is searched, with what its bodies say.
struct Searched {
    fact: Fact,
    bodies: BTreeMap<String, Value>,
}

impl Searched {
    fn of(keyring: &Keyring, genesis: EntryHash, stored: &Stored) -> Option<Self> {
        let Entry { seq, draft, .. } = Entry::read(&stored.entry).ok()?;
        let is_searched = matches!(
            draft.fact,
            Fact::CallEvaluated(_)
                | Fact::CallAttached(_)
                | Fact::PersonEnrolled(_)
                | Fact::FreezeSet(_)
                | Fact::PolicyAdopted(_)
        );
        if !is_searched {
            return None;
        }
        let named = draft.bodies.iter().zip(&stored.bodies);
        let bodies = named.filter_map(|((name, root), sealed)| {
            let place = BodyPlace { genesis, seq, root };
            let key = || keyring.body_key(seq);
            let value = seal::open_value(sealed.as_ref()?, &place, key).ok()?;
            Some((name.to_owned(), value))
        });
        let (fact, bodies) = (draft.fact, bodies.collect());
        Some(Self { fact, bodies })
    }

    /// The policy that was adopted.
    fn policy(&self) -> Option<Policy> {
        let toml = self.bodies.get("policy")?.member("toml")?.as_str()?;
        Policy::parse(toml).ok()
    }

    /// The values by which the entry is found.
    fn values<'p>(&self, policies: impl Iterator<Item = &'p Policy>) -> BTreeSet<String> {
        let mut values = BTreeSet::new();
        for (body, members) in SEARCHED {
            let found = members
                .iter()
                .filter_map(|name| self.bodies.get(body)?.member(name)?.as_str());
            values.extend(found.map(str::to_owned));
        }
        if let (Fact::CallEvaluated(evaluated), Some(call)) = (&self.fact, self.bodies.get("call"))
            && let Some(action) = call.member("action")
            && let Some(tool) = action.member("tool").and_then(Value::as_str)
        {
            // The header names only what the policy declares.
            if evaluated.tool != tool {
                values.insert(tool.to_owned());
            }
            let mut policies = policies.filter(|policy| policy.digest() == evaluated.policy);
            let declared = policies.next().and_then(|policy| policy.tool(tool));
            let target = declared.zip(action.member("arguments"));
            let target = target.and_then(|(declared, arguments)| declared.target(arguments));
            values.extend(target.map(str::to_owned));
        }
        values
    }
}

/// Whether it has the form of an id: those are looked for in headers only.
fn is_id(what: &str) -> bool {
    what.split_once('_').is_some_and(|(prefix, rest)| {
        rest.len() == 26 && prefix.bytes().all(|byte| byte.is_ascii_lowercase())
    })
}

/// The blocks among the first `size` entries in which entries may say `what`, in order, with what is
/// to be asked of the index; `None`: the block must be read, its index key is destroyed.
pub(crate) fn sought<'a>(
    keyring: &'a Keyring,
    what: &'a str,
    size: u64,
) -> impl Iterator<Item = (Range<u64>, Option<String>)> + 'a {
    let blocks = keyring.index_keys().filter(|_| !is_id(what));
    let blocks = blocks.take_while(move |(first, _)| *first < size);
    blocks.map(|(first, key)| {
        let term = key.map(|key| term(&key, what));
        (first..first + BLOCK_ENTRIES, term)
    })
}

/// Whether the entry is about an id, or says a value, without the index; a target is found by the index
/// only.
pub(crate) fn is_about(keyring: &Keyring, genesis: EntryHash, stored: &Stored, what: &str) -> bool {
    let says = || {
        let searched = Searched::of(keyring, genesis, stored);
        searched.is_some_and(|it| it.values(std::iter::empty()).contains(what))
    };
    entry_ids(&stored.entry).iter().any(|id| id == what) || (!is_id(what) && says())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_told_from_what_people_and_agents_write() {
        for id in [
            "call_tsmpifeyk5berjbad6qccfx3fq",
            "per_aaaaaaaaaaaaaaaaaaaaaaaaaa",
        ] {
            assert!(is_id(id));
        }
        for value in [
            "call_1",
            "",
            "_",
            "toolu_01A09q90qw90lq917835lq9",
            "ann",
            "INV-7",
        ] {
            assert!(!is_id(value), "{value}");
        }
    }
}
