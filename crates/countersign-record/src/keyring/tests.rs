use alloc::vec;
use alloc::vec::Vec;

use super::*;
use crate::cbor;
use crate::cbor::{Item, Map};

fn party(agent: &str) -> Party {
    Party {
        agent: agent.into(),
        principal: "per_p".into(),
    }
}

fn keyring() -> Keyring {
    let mut keyring = Keyring::new();
    keyring.add_block(0, [1; 32]).unwrap();
    keyring.add_block(4096, [2; 32]).unwrap();
    keyring.set_snapshot_key([4; 32]);
    for epoch in [0, 1] {
        let salt = FingerprintSalt {
            salt: [3; 32],
            started_at: 1000 + epoch,
        };
        let begun = keyring.add_fingerprint_salt(party("agt_a"), epoch, salt);
        begun.unwrap();
    }
    keyring
}

fn same_key(a: &Keyring, b: &Keyring, seq: u64) -> bool {
    match (a.body_key(seq), b.body_key(seq)) {
        (Some(a), Some(b)) => a.bytes() == b.bytes(),
        (a, b) => a.is_none() && b.is_none(),
    }
}

#[test]
fn a_key_is_derived_bit_by_bit_from_the_blocks_secret() {
    // 4096 + 0b1000_0000_0001: right, ten times left, right.
    let child = |key: [u8; 32], bit: u8| *blake3::keyed_hash(&key, &[bit]).as_bytes();
    let right = child([2; 32], 1);
    let left = (0..10).fold(right, |key, _| child(key, 0));
    let node = child(left, 1);
    let expected = blake3::keyed_hash(&node, b"countersign/body/v1");
    let found = keyring().body_key(4096 + 2049).unwrap();
    assert_eq!(found.bytes(), expected.as_bytes());
}

#[test]
fn a_puncture_destroys_one_key_and_no_other() {
    let before = keyring();
    for punctured in [0, 1, 2047, 2048, 4095] {
        let mut after = before.clone();
        assert!(after.puncture(punctured));
        for seq in 0..4100 {
            let expected = seq != punctured;
            assert_eq!(
                same_key(&before, &after, seq),
                expected,
                "{punctured} {seq}"
            );
        }
        assert!(after.body_key(punctured).is_none());
        assert!(!after.puncture(punctured));
    }
}

#[test]
fn no_secret_that_is_left_leads_to_a_destroyed_key() {
    let mut keyring = keyring();
    let destroyed = keyring.body_key(77).unwrap();
    keyring.puncture(77);
    let block = &keyring.blocks[&0];
    assert_eq!(block.nodes.len(), 12);
    for node in block.nodes.keys() {
        assert!(!node.covers(77), "{node:?}");
    }
    for place in (0..4096).filter(|place| *place != 77) {
        assert_ne!(block.body_key(place).unwrap().bytes(), destroyed.bytes());
    }
}

#[test]
fn a_block_can_be_destroyed_whole_and_stays_known() {
    let mut keyring = keyring();
    for seq in 0..4096 {
        assert!(keyring.puncture(seq), "{seq}");
    }
    assert!(keyring.blocks[&0].nodes.is_empty());
    assert!(keyring.has_block(9));
    assert_eq!(keyring.add_block(9, [5; 32]), Err(Taken));
    assert!(keyring.body_key(4096).is_some());
    let read = Keyring::from_bytes(&keyring.to_bytes()).unwrap();
    assert!(read == keyring);
}

#[test]
fn every_change_raises_the_generation_and_nothing_else_does() {
    let mut keyring = keyring();
    assert_eq!(keyring.generation(), 5);
    assert!(keyring.puncture(1));
    assert_eq!(keyring.generation(), 6);
    assert!(!keyring.puncture(1));
    assert!(!keyring.puncture(9999));
    assert_eq!(keyring.add_block(2, [0; 32]), Err(Taken));
    assert_eq!(keyring.generation(), 6);
    assert!(keyring.end_fingerprint_salt(&party("agt_a"), 0));
    assert!(!keyring.end_fingerprint_salt(&party("agt_a"), 0));
    assert_eq!(keyring.generation(), 7);
}

#[test]
fn a_puncture_destroys_the_key_of_snapshots_and_of_its_blocks_index() {
    let mut keyring = keyring();
    let other = keyring.index_key(4096).unwrap();
    assert!(keyring.index_key(0) == keyring.index_key(4095));
    assert!(keyring.index_key(0) != keyring.index_key(4096));
    assert_eq!(keyring.snapshot_key().unwrap().bytes(), &[4; 32]);
    assert!(!keyring.puncture(9999));
    assert!(keyring.snapshot_key().is_some());
    assert!(keyring.puncture(17));
    assert!(keyring.snapshot_key().is_none());
    assert!(keyring.index_key(5).is_none());
    assert!(keyring.index_key(4097).unwrap() == other);
    let blocks: Vec<_> = keyring
        .index_keys()
        .map(|(seq, key)| (seq, key.is_some()))
        .collect();
    assert_eq!(blocks, [(0, false), (4096, true)]);
    let read = Keyring::from_bytes(&keyring.to_bytes()).unwrap();
    assert!(read == keyring);
}

#[test]
fn a_value_is_hashed_under_the_key_of_the_blocks_index() {
    let key = blake3::keyed_hash(&[1; 32], b"countersign/index/v1");
    let expected = blake3::keyed_hash(key.as_bytes(), b"abc");
    let found = keyring().index_key(7).unwrap().hash("abc");
    assert_eq!(found, *expected.as_bytes());
}

#[test]
fn the_key_of_snapshots_has_32_bytes_or_none() {
    for len in [0, 1, 31, 32, 33] {
        let mut map = keyring_map(&[(0, 0)]);
        map.take("snapshot_key");
        map.add("snapshot_key", Item::Bytes(vec![7; len]));
        let read = Keyring::from_bytes(&cbor::encode(&Item::Map(map)));
        assert_eq!(read.is_ok(), len % 32 == 0, "{len}");
    }
}

#[test]
fn fingerprint_salts_are_found_by_party_and_epoch() {
    let keyring = keyring();
    let epochs: Vec<u64> = keyring
        .fingerprint_salts(&party("agt_a"))
        .map(|(epoch, _)| epoch)
        .collect();
    assert_eq!(epochs, [0, 1]);
    assert_eq!(keyring.fingerprint_salts(&party("agt_b")).count(), 0);
    let salt = keyring.fingerprint_salt(&party("agt_a"), 1).unwrap();
    assert_eq!((salt.salt, salt.started_at), ([3; 32], 1001));
}

#[test]
fn a_keyring_reads_back_from_its_bytes() {
    let mut keyring = keyring();
    for seq in [0, 4095, 17, 4100] {
        keyring.puncture(seq);
    }
    let read = Keyring::from_bytes(&keyring.to_bytes()).unwrap();
    assert!(read == keyring);
    assert!(Keyring::from_bytes(&Keyring::new().to_bytes()).unwrap() == Keyring::new());
}

#[test]
fn altered_bytes_are_refused_or_are_another_keyring() {
    let keyring = keyring();
    let bytes = keyring.to_bytes();
    for at in 0..bytes.len() {
        let mut altered = bytes.to_vec();
        altered[at] ^= 1;
        if let Ok(other) = Keyring::from_bytes(&altered) {
            assert!(other != keyring, "byte {at}");
        }
        assert!(Keyring::from_bytes(&bytes[..at]).is_err());
    }
}

fn with_nodes(nodes: &[(u64, u64)]) -> Result<Keyring, KeyringError> {
    Keyring::from_bytes(&cbor::encode(&Item::Map(keyring_map(nodes))))
}

fn keyring_map(nodes: &[(u64, u64)]) -> Map {
    let node = |(level, path): &(u64, u64)| {
        Item::Array(vec![
            Item::Uint(*level),
            Item::Uint(*path),
            Item::Bytes(vec![1; 32]),
        ])
    };
    let nodes = Item::Array(nodes.iter().map(node).collect());
    let blocks = Item::Array(vec![Item::Array(vec![Item::Uint(0), nodes])]);
    let mut map = Map::new();
    map.add("v", Item::Uint(1));
    map.add("generation", Item::Uint(1));
    map.add("blocks", blocks);
    map.add("fingerprint_salts", Item::Array(vec![]));
    map.add("snapshot_key", Item::Bytes(vec![]));
    map
}

#[test]
fn nodes_are_in_the_tree_in_order_and_never_below_each_other() {
    assert!(with_nodes(&[(1, 0), (2, 2), (12, 4095)]).is_ok());
    let expected = Some(KeyringError::Form { part: "blocks" });
    for nodes in [
        [(0, 0), (12, 5)].as_slice(),
        &[(1, 1), (12, 4095)],
        &[(13, 0)],
        &[(1, 2)],
        &[(0, 1)],
        &[(2, 1), (2, 0)],
        &[(1, 0), (1, 0)],
    ] {
        assert_eq!(with_nodes(nodes).err(), expected, "{nodes:?}");
    }
}

#[test]
fn a_later_version_is_named() {
    let mut map = Map::new();
    map.add("v", Item::Uint(2));
    let error = Keyring::from_bytes(&cbor::encode(&Item::Map(map))).err();
    assert_eq!(error, Some(KeyringError::Version { found: 2 }));
}

#[test]
fn a_snapshot_opens_under_its_key_at_its_place_and_nowhere_else() {
    let keyring = keyring();
    let key = keyring.snapshot_key().unwrap();
    let sealed = key.seal([9; 24], b"here", b"content").unwrap();
    assert_eq!(key.open(b"here", &sealed).unwrap().as_slice(), b"content");
    assert!(key.open(b"there", &sealed).is_none());
    for at in 0..sealed.len() {
        let mut altered = sealed.clone();
        altered[at] ^= 1;
        assert!(key.open(b"here", &altered).is_none(), "{at}");
        assert!(key.open(b"here", &sealed[..at]).is_none());
    }
    let mut other = Keyring::new();
    other.set_snapshot_key([5; 32]);
    assert!(
        other
            .snapshot_key()
            .unwrap()
            .open(b"here", &sealed)
            .is_none()
    );
}
