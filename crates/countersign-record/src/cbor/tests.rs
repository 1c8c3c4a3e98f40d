use alloc::vec;

use super::*;

fn round(item: &Item) {
    assert_eq!(decode(&encode(item)).as_ref(), Ok(item));
}

#[test]
fn every_kind_of_item_reads_back() {
    for number in [
        0,
        23,
        24,
        255,
        256,
        65_535,
        65_536,
        u64::from(u32::MAX),
        u64::MAX,
    ] {
        round(&Item::Uint(number));
        round(&Item::Negative(number));
    }
    round(&Item::Bytes(vec![0xff; 5000]));
    round(&Item::Text("é".repeat(5000)));
    round(&Item::Array(vec![Item::Bool(true), Item::Bool(false)]));
}

#[test]
fn keys_stand_in_the_order_of_their_encodings() {
    let mut map = Map::new();
    for key in ["prev", "at", "v", "seq", "bodies", "by"] {
        assert!(map.add(key, Item::Uint(1)));
    }
    assert!(!map.add("at", Item::Uint(2)));
    let keys: Vec<_> = map.iter().map(|(key, _)| key).collect();
    assert_eq!(keys, ["v", "at", "by", "seq", "prev", "bodies"]);
    let pairs: Vec<_> = map.clone().into_iter().collect();
    assert!(pairs.iter().map(|(key, _)| key).eq(keys));
    round(&Item::Map(map));
}

#[test]
fn anything_but_the_canonical_form_is_refused() {
    let not_canonical: &[(&str, &[u8])] = &[
        ("an integer longer than needed", &[0x18, 0x05]),
        ("23 in one byte", &[0x18, 0x17]),
        ("255 in two bytes", &[0x19, 0x00, 0xff]),
        ("65,535 in four bytes", &[0x1a, 0x00, 0x00, 0xff, 0xff]),
        (
            "4,294,967,295 in eight bytes",
            &[0x1b, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff],
        ),
        ("a byte left over", &[0x05, 0x00]),
        ("an indefinite array", &[0x9f, 0x01, 0xff]),
        ("an indefinite text", &[0x7f, 0x61, 0x61, 0xff]),
        ("an indefinite map", &[0xbf, 0x61, 0x61, 0x01, 0xff]),
        (
            "keys out of order",
            &[0xa2, 0x61, 0x62, 0x01, 0x61, 0x61, 0x01],
        ),
        (
            "a longer key first",
            &[0xa2, 0x62, 0x61, 0x61, 0x01, 0x61, 0x62, 0x01],
        ),
    ];
    for (fault, bytes) in not_canonical {
        assert_eq!(decode(bytes), Err(CborError::NotCanonical), "{fault}");
    }
    let malformed: &[(&str, &[u8])] = &[
        ("nothing", &[]),
        ("null", &[0xf6]),
        ("undefined", &[0xf7]),
        ("a float", &[0xf9, 0x3c, 0x00]),
        ("a tag", &[0xc0, 0x61, 0x61]),
        ("a big number", &[0xc2, 0x41, 0x01]),
        ("a key that is a number", &[0xa1, 0x01, 0x01]),
        ("a key that is bytes", &[0xa1, 0x41, 0x61, 0x01]),
        ("a key twice", &[0xa2, 0x61, 0x61, 0x01, 0x61, 0x61, 0x01]),
        ("cut short", &[0x82, 0x01]),
        ("a length of 1 TiB", &[0x5b, 0, 0, 1, 0, 0, 0, 0, 0]),
    ];
    for (fault, bytes) in malformed {
        assert!(decode(bytes).is_err(), "{fault}");
    }
}

#[test]
fn nesting_has_a_limit() {
    assert_eq!(decode(&[0x81; 10_000]), Err(CborError::Malformed));
}
