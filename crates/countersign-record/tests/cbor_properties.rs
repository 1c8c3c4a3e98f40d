//! The one-pass reader of deterministic CBOR accepts exactly what decoding, encoding and comparing
//! with ciborium accepts.

use ciborium::Value;
use countersign_record::cbor::{Item, Map, decode, encode};
use countersign_record::entry::{Entry, body_roots, body_roots_unchecked};
use proptest::collection::vec;
use proptest::prelude::*;

/// What ciborium reads, when it writes the same bytes again and all of it is of the subset.
fn by_ciborium(bytes: &[u8]) -> Option<Item> {
    let value: Value = ciborium::de::from_reader_with_recursion_limit(bytes, 32).ok()?;
    let item = item(value)?;
    (encode(&item) == bytes).then_some(item)
}

fn item(value: Value) -> Option<Item> {
    Some(match value {
        Value::Integer(number) => {
            let number = i128::from(number);
            match u64::try_from(number) {
                Ok(number) => Item::Uint(number),
                Err(_) => Item::Negative(u64::try_from(-1 - number).ok()?),
            }
        }
        Value::Bytes(bytes) => Item::Bytes(bytes),
        Value::Text(text) => Item::Text(text),
        Value::Bool(truth) => Item::Bool(truth),
        Value::Array(items) => Item::Array(items.into_iter().map(item).collect::<Option<_>>()?),
        Value::Map(members) => {
            let mut map = Map::new();
            for (key, value) in members {
                let Value::Text(key) = key else { return None };
                map.add(key, item(value)?).then_some(())?;
            }
            Item::Map(map)
        }
        _ => return None,
    })
}

fn items() -> impl Strategy<Value = Item> {
    let leaf = prop_oneof![
        any::<u64>().prop_map(Item::Uint),
        (0..300_u64).prop_map(Item::Uint),
        any::<u64>().prop_map(Item::Negative),
        vec(any::<u8>(), 0..40).prop_map(Item::Bytes),
        ".{0,20}".prop_map(Item::Text),
        any::<bool>().prop_map(Item::Bool),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        let members = vec(("[a-c]{0,3}", inner.clone()), 0..6).prop_map(|members| {
            let mut map = Map::new();
            for (key, item) in members {
                map.add(key, item);
            }
            Item::Map(map)
        });
        prop_oneof![vec(inner, 0..6).prop_map(Item::Array), members]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn an_item_reads_back(item in items()) {
        prop_assert_eq!(decode(&encode(&item)), Ok(item));
    }

    #[test]
    fn changed_bytes_are_accepted_exactly_when_ciborium_writes_them_again(
        item in items(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 1..4),
    ) {
        let mut bytes = encode(&item);
        for (place, byte, how) in changes {
            let place = place.index(bytes.len());
            match how {
                0 => bytes[place] = byte,
                1 => bytes.insert(place, byte),
                _ if bytes.len() > 1 => { bytes.remove(place); }
                _ => {}
            }
        }
        prop_assert_eq!(decode(&bytes).ok(), by_ciborium(&bytes));
    }

    #[test]
    fn any_bytes_are_accepted_exactly_when_ciborium_writes_them_again(bytes in vec(any::<u8>(), 0..12)) {
        prop_assert_eq!(decode(&bytes).ok(), by_ciborium(&bytes));
    }

    #[test]
    fn bytes_that_are_no_entry_never_panic(bytes in vec(any::<u8>(), 0..200)) {
        prop_assert!(Entry::decode(&bytes).is_err());
        prop_assert!(body_roots(&bytes).len() < 200);
        prop_assert!(body_roots_unchecked(&bytes).len() < 200);
    }
}

#[test]
fn both_stop_at_the_same_depth() {
    for depth in 28..40 {
        let mut bytes = vec![0x81; depth];
        bytes.push(1);
        assert_eq!(decode(&bytes).ok(), by_ciborium(&bytes), "{depth}");
        let mut bytes = b"\xa1\x61a".repeat(depth);
        bytes.push(1);
        assert_eq!(decode(&bytes).ok(), by_ciborium(&bytes), "{depth}");
    }
}
