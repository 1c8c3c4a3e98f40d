use alloc::vec;
use alloc::vec::Vec;

use countersign_record::digest::hex;
use proptest::prelude::*;

use super::*;

type Written = (Vec<u8>, Vec<Vec<u8>>);

/// Two entries: one with the bodies `first` and `second body`, one without any.
fn small() -> EncodedFrame {
    let bodies: [&[u8]; 2] = [b"first", b"second body"];
    let with_bodies = Record {
        entry: b"entry 0",
        bodies: &bodies,
    };
    let without = Record {
        entry: b"entry 1",
        bodies: &[],
    };
    encode(
        0,
        FrameHash::genesis("log.example/acme"),
        &[with_bodies, without],
    )
    .unwrap()
}

/// Where the bodies of [`small`] lie: after the header, lengths, entry and hashes.
const SMALL_BODIES: [core::ops::Range<usize>; 2] = [115..120, 156..167];

fn read(bytes: &[u8]) -> Vec<Written> {
    let frame = Frame::parse(bytes).unwrap();
    let written = |record: FrameRecord<'_>| {
        let bodies = record.bodies().map(|body| body.sealed.to_vec());
        (record.entry.to_vec(), bodies.collect())
    };
    frame.records().map(written).collect()
}

fn write(records: &[Written]) -> Result<EncodedFrame, EncodeError> {
    let bodies: Vec<Vec<&[u8]>> = records
        .iter()
        .map(|(_, bodies)| bodies.iter().map(Vec::as_slice).collect())
        .collect();
    let records: Vec<_> = records
        .iter()
        .zip(&bodies)
        .map(|((entry, _), bodies)| Record { entry, bodies })
        .collect();
    encode(0, FrameHash::genesis("log.example/acme"), &records)
}

#[test]
fn a_frame_is_these_bytes() {
    // The worked example of docs/spec/ledger.md.
    let frame = small();
    assert_eq!(hex(&frame.bytes), GOLDEN);
    assert!(GOLDEN.ends_with(&hex(&frame.hash.0)));
}

#[test]
fn the_first_frame_names_the_genesis_of_its_log() {
    // printf 'log.example/acme' | b3sum --derive-key 'countersign 2026 frame genesis v1'
    let genesis = FrameHash::genesis("log.example/acme");
    assert_eq!(hex(&genesis.0), GENESIS);
}

#[test]
fn the_header_says_what_is_there() {
    let frame = small();
    let header = Header::parse(frame.bytes.first_chunk().unwrap()).unwrap();
    assert_eq!((header.first_seq, header.count), (0, 2));
    assert_eq!(header.next_seq(), 2);
    assert_eq!(header.previous, FrameHash::genesis("log.example/acme"));
    assert_eq!(header.frame_len(), frame.bytes.len());
    let parsed = Frame::parse(&frame.bytes).unwrap();
    assert_eq!(parsed.hash(), frame.hash);
    assert!(parsed.records().map(|record| record.seq).eq([0, 1]));
}

#[test]
fn every_changed_bit_outside_the_bodies_is_refused() {
    let frame = small().bytes;
    for at in 0..frame.len() {
        if SMALL_BODIES.iter().any(|body| body.contains(&at)) {
            continue;
        }
        for bit in 0..8 {
            let mut changed = frame.clone();
            changed[at] ^= 1 << bit;
            assert!(Frame::parse(&changed).is_err(), "bit {bit} of byte {at}");
        }
    }
}

#[test]
fn every_changed_bit_of_a_body_is_told_of_that_body_alone() {
    let frame = small().bytes;
    for (number, body) in SMALL_BODIES.into_iter().enumerate() {
        for at in body {
            for bit in 0..8 {
                let mut changed = frame.clone();
                changed[at] ^= 1 << bit;
                let parsed = Frame::parse(&changed).unwrap();
                assert!(!parsed.bodies_are_intact());
                let intact = parsed.records().flat_map(|record| record.bodies());
                let intact: Vec<_> = intact.map(|body| body.is_intact()).collect();
                assert_eq!(intact, [number != 0, number != 1]);
            }
        }
    }
}

#[test]
fn a_zeroed_body_leaves_the_frame_whole() {
    let frame = small();
    let mut erased = frame.bytes.clone();
    erased[SMALL_BODIES[1].clone()].fill(0);
    assert_eq!(Frame::parse(&erased).unwrap().hash(), frame.hash);
    let bodies = vec![b"first".to_vec(), vec![0; 11]];
    assert_eq!(read(&erased)[0], (b"entry 0".to_vec(), bodies));
}

#[test]
fn a_frame_is_told_from_what_is_not_one() {
    let good = small().bytes;
    let needed = good.len();
    let error = |bytes: &[u8]| Frame::parse(bytes).unwrap_err();
    assert_eq!(error(&[0; 200]), FrameError::Empty);
    let short = FrameError::Short {
        needed: 64,
        found: 63,
    };
    assert_eq!(error(&good[..63]), short);
    let short = FrameError::Short {
        needed,
        found: needed - 1,
    };
    assert_eq!(error(&good[..needed - 1]), short);
    let mut trailing = good.clone();
    trailing.push(0);
    let found = needed + 1;
    assert_eq!(error(&trailing), FrameError::Trailing { needed, found });
    let changed = |at: usize| {
        let mut changed = good.clone();
        changed[at] ^= 1;
        error(&changed)
    };
    assert_eq!(changed(0), FrameError::Magic);
    assert_eq!(changed(11), FrameError::HeaderCheck);
    assert_eq!(changed(67), FrameError::Record { number: 0 });
    assert_eq!(changed(68), FrameError::Hash);
    assert_eq!(changed(needed - 1), FrameError::Hash);
}

/// A sound header with one thing changed.
fn check_header(change: impl FnOnce(&mut Header, &mut u32)) -> FrameError {
    let good = small().bytes;
    let mut header = Header::parse(good.first_chunk().unwrap()).unwrap();
    let mut version = 1;
    change(&mut header, &mut version);
    Header::parse(&header.encode_as(version)).unwrap_err()
}

#[test]
fn a_sound_header_of_another_version_is_named() {
    let unknown = FrameError::Version { found: 2 };
    assert_eq!(check_header(|_, version| *version = 2), unknown);
}

#[test]
fn a_sound_header_beyond_the_limits_is_refused() {
    let limit = FrameError::HeaderLimit;
    assert_eq!(check_header(|header, _| header.count = 0), limit);
    assert_eq!(
        check_header(|header, _| header.count = COUNT_MAX + 1),
        limit
    );
    assert_eq!(check_header(|header, _| header.frame_len = 95), limit);
    assert_eq!(check_header(|header, _| header.first_seq = u64::MAX), limit);
    assert_eq!(
        check_header(|header, _| header.first_seq = (1 << 63) - 2),
        limit
    );
    assert_eq!(
        check_header(|header, _| header.frame_len = 1 + (1 << 24)),
        limit
    );
}

#[test]
fn records_beyond_the_limits_are_not_written() {
    let one = |entry: usize, bodies: Vec<usize>| {
        let bodies = bodies.into_iter().map(|len| vec![1; len]).collect();
        write(&[(vec![1; entry], bodies)]).map(|frame| frame.bytes.len())
    };
    assert!(one(ENTRY_BYTES_MAX, vec![BODY_BYTES_MAX]).is_ok());
    assert!(one(1, vec![1; BODIES_MAX]).is_ok());
    let entry = |bytes| Err(EncodeError::Entry { number: 0, bytes });
    assert_eq!(one(ENTRY_BYTES_MAX + 1, vec![]), entry(ENTRY_BYTES_MAX + 1));
    assert_eq!(one(0, vec![]), entry(0));
    let bodies = |bodies| Err(EncodeError::Bodies { number: 0, bodies });
    assert_eq!(one(1, vec![BODY_BYTES_MAX + 1]), bodies(1));
    assert_eq!(one(1, vec![0]), bodies(1));
    assert_eq!(one(1, vec![1; BODIES_MAX + 1]), bodies(17));
    let bytes = 96 + 9 + 16 * (36 + BODY_BYTES_MAX);
    assert_eq!(
        one(1, vec![BODY_BYTES_MAX; 16]),
        Err(EncodeError::TooLong { bytes })
    );
}

#[test]
fn a_frame_has_1_to_4096_entries() {
    let many = vec![(vec![1], vec![]); 4097];
    assert!(write(&many[..4096]).is_ok());
    for records in [0, 4097] {
        let first_seq = 0;
        let refused = EncodeError::Count { records, first_seq };
        assert_eq!(write(&many[..records]), Err(refused));
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read(records: Vec<Written>) {
        let records: Vec<Written> = records
            .into_iter()
            .map(|(mut entry, mut bodies)| {
                entry.push(1);
                bodies.truncate(BODIES_MAX);
                for body in &mut bodies {
                    body.push(2);
                }
                (entry, bodies)
            })
            .collect();
        prop_assume!(!records.is_empty());
        let frame = write(&records).unwrap();
        prop_assert_eq!(read(&frame.bytes), records);
        prop_assert!(Frame::parse(&frame.bytes).unwrap().bodies_are_intact());
    }

    #[test]
    fn no_bytes_make_the_reader_fall_over(bytes: Vec<u8>, len in 0_u32..400) {
        let header = Header { first_seq: 0, count: 3, previous: FrameHash([0; 32]), frame_len: len };
        let mut framed = header.encode().to_vec();
        framed.extend(bytes);
        prop_assert!(Frame::parse(&framed).is_err());
    }
}

const GENESIS: &str = "81fd0aad7dffede68211046c6ec661bb54ad63c5f54c3a01ce1d777860dcc3fd";
const GOLDEN: &str = "8943534652414d450000000100000002000000000000000081fd0aad7dffede68211046c6ec661bb54ad63c5f54c3a01ce1d777860dcc3fd000000d6bcaa10b500000007656e7472792030000000020000000522896bcbc3d1c76a0b90c4c3523dbea532ad63196fafdbd52cced52200d3dae466697273740000000bfeba9facdaa5dbea9e1312828dcd26f420b216dc58067ffd35e4befeab3330537365636f6e6420626f647900000007656e747279203100000000293cd283b1b3d46ea87a4ce7e5c6aef7bdb30c5cba0b2228d81a9385338671c2";
