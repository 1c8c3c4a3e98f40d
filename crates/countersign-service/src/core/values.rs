//! Entries are found by what their bodies say, without a body's value in the index: it stands there
//! under the key of its entry's block, which goes with the first destroyed key of that block
//! (docs/spec/body.md, part 6).

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use countersign_policy::Policy;
use countersign_record::digest::{EntryHash, hex};
use countersign_record::entry::{Entry, Fact};
use countersign_record::json::Value;
use countersign_record::keyring::{BLOCK_ENTRIES, IndexKey, Keyring};
use countersign_store::index::{TermsOf, entry_ids};
use countersign_store::log::Stored;

use super::{Record, unsealed};

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

/// What the index is given of an entry. `policies` are those whose catalogues say what a target is.
pub(crate) fn terms_of(
    keyring: SharedKeyring,
    genesis: EntryHash,
    mut policies: Vec<Policy>,
) -> TermsOf {
    Box::new(move |stored| {
        let mut terms = entry_ids(&stored.entry);
        let keyring = Arc::clone(&keyring.lock().unwrap_or_else(PoisonError::into_inner));
        let Some(record) = searched(&keyring, genesis, stored) else {
            return terms;
        };
        let adopted = record.body("policy").and_then(|body| body.member("toml"));
        let adopted = adopted.and_then(Value::as_str).map(Policy::parse);
        policies.extend(adopted.and_then(Result::ok));
        if let Some(key) = keyring.index_key(stored.seq) {
            let values = values(&record, policies.iter());
            terms.extend(values.iter().map(|value| term(&key, value)));
        }
        terms
    })
}

/// The entry with its bodies, if it is of a kind that is searched.
fn searched(keyring: &Keyring, genesis: EntryHash, stored: &Stored) -> Option<Record> {
    let entry = Entry::decode(&stored.entry).ok()?;
    let is_searched = matches!(
        entry.draft.fact,
        Fact::CallEvaluated(_)
            | Fact::CallAttached(_)
            | Fact::PersonEnrolled(_)
            | Fact::FreezeSet(_)
            | Fact::PolicyAdopted(_)
    );
    is_searched.then(|| {
        unsealed(
            keyring,
            genesis,
            stored.entry.clone(),
            entry,
            &stored.bodies,
        )
    })
}

/// The values by which an entry is found.
fn values<'p>(record: &Record, policies: impl Iterator<Item = &'p Policy>) -> BTreeSet<String> {
    let mut values = BTreeSet::new();
    for (body, members) in SEARCHED {
        let found = members
            .iter()
            .filter_map(|name| record.body(body)?.member(name)?.as_str());
        values.extend(found.map(str::to_owned));
    }
    if let (Fact::CallEvaluated(evaluated), Some(call)) =
        (&record.entry.draft.fact, record.body("call"))
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
        let record = searched(keyring, genesis, stored);
        record.is_some_and(|record| values(&record, std::iter::empty()).contains(what))
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
