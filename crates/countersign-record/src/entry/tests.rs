use alloc::string::ToString;
use alloc::vec;

use super::*;
use crate::cbor::{Item, Map};
use crate::id::ExecutorId;

fn started(seq: u64) -> Entry {
    let fact = ServiceStarted {
        software: "countersign 0.1.0".into(),
        renderer: "text/1".into(),
    };
    Entry {
        seq,
        prev: EntryHash([7; 32]),
        at: 1_700_000_000_000,
        n: Some(1),
        keyring: None,
        draft: Draft {
            by: Party::Executor(ExecutorId::new([1; 16])),
            refs: Refs::default(),
            sources: Vec::new(),
            fact: fact.into(),
            bodies: Bodies::default(),
        },
    }
}

#[test]
fn an_entry_reads_back() {
    let mut entry = started(5);
    entry.draft.fact = SessionRegistered {}.into();
    entry.draft.bodies.add("session", BodyRoot([1; 32]));
    entry.draft.sources = vec![3, 4];
    assert_eq!(Entry::decode(&entry.encode()), Ok(entry));
}

#[test]
fn the_roots_of_an_entry_are_found_by_name_and_without_reading_it() {
    let mut entry = started(5);
    assert_eq!(body_roots(&entry.encode()), []);
    let (one, other) = (BodyRoot([1; 32]), BodyRoot([2; 32]));
    entry.draft.bodies = Bodies::one("session", one);
    entry.draft.bodies.add("call", other);
    let bodies = &entry.draft.bodies;
    let found = ["call", "session", "policy"].map(|name| bodies.root(name));
    assert_eq!(found, [Some(other), Some(one), None]);
    let roots = [("call", other), ("session", one)];
    assert_eq!(body_roots(&entry.encode()), roots);
    assert_eq!(body_roots(b"no entry"), []);
}

fn with(change: impl FnOnce(&mut Map)) -> Vec<u8> {
    changed(&started(5), change)
}

fn changed(entry: &Entry, change: impl FnOnce(&mut Map)) -> Vec<u8> {
    let Ok(Item::Map(mut map)) = cbor::decode(&entry.encode()) else {
        panic!()
    };
    change(&mut map);
    cbor::encode(&Item::Map(map))
}

#[test]
fn what_this_version_does_not_know_is_unknown_and_not_bad() {
    let mut opened = started(5);
    opened.draft.bodies.add("session", BodyRoot([1; 32]));
    let mut denied = started(5);
    let cause = EndCause::Threshold;
    denied.draft.fact = ConfirmationDenied { cause }.into();
    let mut served = started(5);
    served.draft.fact = PresentationServed {
        nonce: [1; 32],
        client: crate::term::Client::Cli,
        independence: Vec::new(),
        head: Head {
            seq: 4,
            hash: EntryHash([2; 32]),
        },
    }
    .into();
    let cases = [
        opened.encode(),
        changed(&denied, |map| {
            map.take("cause");
            assert!(map.add("cause", Item::Text("boredom".to_string())));
        }),
        changed(&served, |map| {
            let Some(Item::Map(mut head)) = map.take("head") else {
                panic!()
            };
            assert!(head.add("size", Item::Uint(5)));
            assert!(map.add("head", Item::Map(head)));
        }),
        with(|map| assert!(map.add("colour", Item::Uint(1)))),
        with(|map| {
            map.take("v");
            assert!(map.add("v", Item::Uint(2)));
        }),
        with(|map| {
            map.take("kind");
            assert!(map.add("kind", Item::Text("service.painted".to_string())));
        }),
    ];
    for bytes in cases {
        assert!(matches!(Entry::decode(&bytes), Err(EntryError::Unknown(_))));
        assert_eq!(Envelope::read(&bytes).map(|envelope| envelope.seq), Ok(5));
    }
}

#[test]
fn a_missing_member_is_named() {
    let bytes = with(|map| assert!(map.take("software").is_some()));
    let error = Entry::decode(&bytes).unwrap_err();
    assert_eq!(error.to_string(), "not canonical: there is no \"software\"");
}

#[test]
fn an_empty_collection_or_a_false_flag_has_no_key() {
    let empty = with(|map| assert!(map.add("sources", Item::Array(vec![]))));
    assert!(matches!(Entry::decode(&empty), Err(EntryError::Field(_))));
    let bodies = with(|map| assert!(map.add("bodies", Item::Map(Map::new()))));
    assert!(Entry::decode(&bodies).is_err());
}

#[test]
fn an_entry_has_a_longest_length() {
    let Err(EntryError::TooLong { .. }) = Entry::decode(&vec![0; ENTRY_BYTES_MAX + 1]) else {
        panic!()
    };
}
