use alloc::vec;

use super::*;
use crate::json::Value;
use crate::keyring::Block;

const GENESIS: EntryHash = EntryHash([7; 32]);

fn key() -> Option<BodyKey> {
    Block::new([3; 32]).body_key(5)
}

fn body() -> Body {
    let mut salt = 0;
    let value = Value::from(vec![Value::from("secret"), Value::Null]);
    Body::commit(&value, [1; 16], || {
        salt += 1;
        [salt; 16]
    })
    .unwrap()
}

fn place() -> BodyPlace {
    BodyPlace {
        genesis: GENESIS,
        seq: 5,
        root: body().root(),
    }
}

fn sealed() -> Vec<u8> {
    seal(&key().unwrap(), [2; 24], &GENESIS, 5, &body()).unwrap()
}

#[test]
fn a_sealed_body_opens_where_it_belongs() {
    assert_eq!(open(&sealed(), &place(), key), Ok(body()));
}

#[test]
fn a_sealed_body_shows_nothing_of_its_content() {
    let sealed = sealed();
    assert_eq!(sealed[0], SEALED);
    assert!(!sealed.windows(6).any(|bytes| bytes == b"secret"));
    assert_eq!(sealed.len(), 1 + 24 + body().to_plaintext().len() + 16);
}

fn check_altered(change: impl FnOnce(&mut BodyPlace)) {
    let mut place = place();
    change(&mut place);
    assert_eq!(open(&sealed(), &place, key), Err(OpenError::Altered));
}

#[test]
fn a_sealed_body_opens_at_no_other_entry_root_or_log() {
    check_altered(|place| place.seq = 6);
    check_altered(|place| place.root.0[0] ^= 1);
    check_altered(|place| place.genesis.0[0] ^= 1);
}

#[test]
fn every_flipped_bit_is_found() {
    let sealed = sealed();
    for at in 0..sealed.len() {
        for bit in 0..8 {
            let mut altered = sealed.clone();
            altered[at] ^= 1 << bit;
            assert!(
                open(&altered, &place(), key).is_err(),
                "byte {at} bit {bit}"
            );
        }
        assert!(open(&sealed[..at], &place(), key).is_err(), "{at} bytes");
    }
}

#[test]
fn without_its_key_it_says_so() {
    assert_eq!(open(&sealed(), &place(), || None), Err(OpenError::NoKey));
}

#[test]
fn an_open_body_needs_no_key_and_is_held_against_its_root() {
    let stored = store_open(&body());
    assert_eq!(open(&stored, &place(), || None), Ok(body()));
    let mut elsewhere = place();
    elsewhere.root = BodyRoot([0; 32]);
    assert_eq!(
        open(&stored, &elsewhere, || None),
        Err(OpenError::OtherRoot {
            expected: elsewhere.root,
            found: place().root,
        })
    );
}

#[test]
fn bytes_of_no_known_form_are_refused() {
    for stored in [b"".as_slice(), b"\x02", b"\x01short"] {
        assert_eq!(open(stored, &place(), key), Err(OpenError::Form));
    }
}

#[test]
fn the_value_alone_opens_where_the_body_does_and_nowhere_else() {
    let body = body();
    assert_eq!(
        open_value(&sealed(), &place(), key),
        Ok(body.value().clone())
    );
    let moved = [
        BodyPlace { seq: 6, ..place() },
        BodyPlace {
            root: BodyRoot([9; 32]),
            ..place()
        },
    ];
    for place in moved {
        let opened = open_value(&sealed(), &place, key);
        assert_eq!(opened, Err(OpenError::Altered));
    }
    let other = BodyPlace {
        root: BodyRoot([9; 32]),
        ..place()
    };
    let stored = store_open(&body);
    assert_eq!(
        open_value(&stored, &place(), || None),
        Ok(body.into_value())
    );
    assert!(matches!(
        open_value(&stored, &other, || None),
        Err(OpenError::OtherRoot { .. })
    ));
}
