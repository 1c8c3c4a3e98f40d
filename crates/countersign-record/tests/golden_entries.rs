//! One entry of every kind, byte for byte (fixtures/entries), and the CDDL of docs/spec/entry.cddl
//! held against them: kinds, member names, and which members may be absent.
#![cfg(test)]

#[path = "golden_entries/facts.rs"]
mod facts;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use countersign_record::cbor::{self, Item, Map};
use countersign_record::digest::{BodyRoot, EntryHash, hex, sha256, unhex32};
use countersign_record::entry::{Bodies, Draft, Entry, Fact, Party, Refs, ServiceStopped};
use countersign_record::id::{
    AgentId, CallId, ConfirmationId, CredentialId, ExecutorId, FreezeId, GrantId, KeyId, PersonId,
    PolicyId, SessionId,
};

const COMMON: [&str; 10] = [
    "v", "seq", "prev", "at", "kind", "n", "keyring", "by", "ref", "sources",
];

fn at_root(path: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join(path)
}

/// Every optional member is there, so that the bytes show all of them.
fn golden() -> Vec<Entry> {
    let place = |(place, (fact, body)): (usize, (Fact, Option<&str>))| Entry {
        seq: u64::try_from(place).unwrap() * 100,
        prev: EntryHash([0xaa; 32]),
        at: 1_700_000_000_000,
        n: Some(1),
        keyring: Some(17),
        draft: Draft {
            by: Party::Executor(ExecutorId::new([0x0e; 16])),
            refs: refs(),
            sources: vec![7, 300],
            fact,
            bodies: body
                .map(|name| Bodies::one(name, BodyRoot([0xbb; 32])))
                .unwrap_or_default(),
        },
    };
    facts::all().into_iter().enumerate().map(place).collect()
}

fn refs() -> Refs {
    Refs {
        call: Some(CallId::new([1; 16])),
        confirmation: Some(ConfirmationId::new([2; 16])),
        grant: Some(GrantId::new([3; 16])),
        replaces: Some(CallId::new([4; 16])),
        agent: Some(AgentId::new([5; 16])),
        executor: Some(ExecutorId::new([6; 16])),
        person: Some(PersonId::new([7; 16])),
        key: Some(KeyId::new([8; 16])),
        credential: Some(CredentialId::new([9; 16])),
        session: Some(SessionId::new([10; 16])),
        policy: Some(PolicyId::new([11; 16])),
        freeze: Some(FreezeId::new([12; 16])),
        served: Some(98),
        ended: Some(99),
    }
}

fn file(entry: &Entry) -> PathBuf {
    at_root("fixtures/entries").join(format!("{}.hex", entry.kind()))
}

#[test]
fn every_kind_has_one_golden_entry() {
    let found: BTreeSet<&str> = golden().iter().map(Entry::kind).collect();
    let kinds: BTreeSet<&str> = Fact::KINDS.iter().copied().collect();
    assert_eq!(found, kinds);
    let files = fs::read_dir(at_root("fixtures/entries")).unwrap();
    let files = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let hex: BTreeSet<String> = files.filter(|name| name != "README.md").collect();
    assert_eq!(
        hex,
        kinds.iter().map(|kind| format!("{kind}.hex")).collect()
    );
}

#[test]
fn golden_entries_have_the_bytes_that_they_always_had() {
    for entry in golden() {
        let stored = fs::read_to_string(file(&entry)).unwrap();
        assert_eq!(
            hex(&entry.encode()),
            stored.replace('\n', ""),
            "{}",
            entry.kind()
        );
        assert_eq!(Entry::decode(&entry.encode()), Ok(entry));
    }
}

/// A new kind gets its file so: `cargo test -p countersign-record --test golden_entries -- --ignored`.
#[test]
#[ignore = "writes fixtures/entries; only for a kind that is new"]
fn write_golden_entries_that_are_missing() {
    for entry in golden() {
        let path = file(&entry);
        if !path.exists() {
            let digits: Vec<char> = hex(&entry.encode()).chars().collect();
            let lines: Vec<String> = digits
                .chunks(96)
                .map(|line| line.iter().collect())
                .collect();
            fs::write(path, lines.join("\n") + "\n").unwrap();
        }
    }
}

/// Members of each rule of the CDDL, by rule; true where the member may be absent.
fn cddl() -> BTreeMap<String, BTreeMap<String, bool>> {
    let text = fs::read_to_string(at_root("docs/spec/entry.cddl")).unwrap();
    let mut rules: BTreeMap<String, BTreeMap<String, bool>> = BTreeMap::new();
    let mut rule = String::new();
    for line in text
        .lines()
        .map(|line| line.split(';').next().unwrap_or_default().trim())
    {
        if let Some((name, "{" | "(")) = line.split_once(" = ") {
            rule = name.into();
            rules.insert(rule.clone(), BTreeMap::new());
        } else if let Some((name, _)) = line.split_once(": ") {
            let optional = name.starts_with("? ");
            let members = rules.get_mut(&rule).expect("a member stands in a rule");
            members.insert(name.trim_start_matches("? ").into(), optional);
        }
    }
    rules
}

fn map(bytes: &[u8]) -> Map {
    let Ok(Item::Map(map)) = cbor::decode(bytes) else {
        panic!("not a map")
    };
    map
}

fn names(map: &Map) -> BTreeSet<String> {
    map.iter().map(|(name, _)| name.to_owned()).collect()
}

#[test]
fn the_cddl_has_exactly_the_kinds_and_members_that_are_written() {
    let rules = cddl();
    for entry in golden() {
        let rule = entry.kind().replace('.', "-");
        let members = rules.get(&rule).unwrap_or_else(|| panic!("no rule {rule}"));
        let written = names(&map(&entry.encode()));
        let own: BTreeSet<String> = written
            .into_iter()
            .filter(|name| !COMMON[..4].contains(&name.as_str()))
            .collect();
        let own = own
            .into_iter()
            .filter(|name| !["n", "keyring", "by", "ref", "sources"].contains(&name.as_str()));
        assert_eq!(
            members.keys().cloned().collect::<BTreeSet<_>>(),
            own.collect(),
            "{rule}"
        );
    }
}

#[test]
fn the_cddl_says_of_every_member_whether_it_may_be_absent() {
    let rules = cddl();
    for entry in golden() {
        let members = &rules[&entry.kind().replace('.', "-")];
        for (name, optional) in members.iter().filter(|(name, _)| *name != "kind") {
            let mut without = map(&entry.encode());
            assert!(without.take(name).is_some());
            let bytes = cbor::encode(&Item::Map(without));
            assert_eq!(
                Entry::decode(&bytes).is_ok(),
                *optional,
                "{} {name}",
                entry.kind()
            );
        }
    }
}

/// The map that stands at this member of this kind's golden entry; of an array its first item.
fn inner(kind: &str, path: &[&str]) -> Map {
    let entry = golden()
        .into_iter()
        .find(|entry| entry.kind() == kind)
        .unwrap();
    let mut found = map(&entry.encode());
    for name in path {
        found = match found.take(name) {
            Some(Item::Map(map)) => map,
            Some(Item::Array(items)) => match items.into_iter().next() {
                Some(Item::Map(map)) => map,
                other => panic!("{other:?}"),
            },
            other => panic!("{name}: {other:?}"),
        };
    }
    found
}

#[test]
fn the_cddl_has_the_members_of_every_inner_map() {
    let rules = cddl();
    let places: [(&str, &str, &[&str]); 9] = [
        ("refs", "call.evaluated", &["ref"]),
        ("service-key", "ledger.created", &["grant_key"]),
        ("fingerprint", "call.evaluated", &["fp"]),
        ("demand", "confirmation.opened", &["demand"]),
        ("slot", "confirmation.opened", &["demand", "slots"]),
        ("head", "presentation.served", &["head"]),
        ("compared", "presentation.served", &["independence"]),
        ("filled", "confirmation.approved", &["filled"]),
        ("endorsement", "key.enrolled", &["endorsed"]),
    ];
    for (rule, kind, path) in places {
        let members: BTreeSet<String> = rules[rule].keys().cloned().collect();
        assert_eq!(members, names(&inner(kind, path)), "{rule}");
    }
}

#[test]
fn the_worked_example_of_the_spec_is_that_entry() {
    let text = fs::read_to_string(at_root("docs/spec/entry.md")).unwrap();
    let block = text
        .split("```hex\n")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap();
    let entry = Entry {
        seq: 2,
        prev: EntryHash(
            unhex32("b38e5977d3d739f22ca0f444ef43ecfc64212b9878733cf71c6c5f25b29cbf5f").unwrap(),
        ),
        at: 1_700_000_000_000,
        n: Some(1),
        keyring: None,
        draft: Draft {
            by: Party::Executor(ExecutorId::new([0x0e; 16])),
            refs: Refs::default(),
            sources: Vec::new(),
            fact: ServiceStopped {}.into(),
            bodies: Bodies::default(),
        },
    };
    assert_eq!(hex(&entry.encode()), block.replace('\n', ""));
    let leaf = hex(&sha256(&[&[0], &entry.encode()]));
    for digest in [leaf, hex(&sha256(&[&entry.encode()]))] {
        assert!(text.contains(&digest), "{digest}");
    }
}
