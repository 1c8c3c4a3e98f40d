use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::cell::Cell;

use proptest::prelude::*;

use super::*;
use crate::frame::{EncodedFrame, Record, encode};

const ORIGIN: &str = "log.example/acme";

/// Three frames of two entries each, the second of each with a body, and where each begins.
struct Log {
    bytes: Vec<u8>,
    starts: Vec<usize>,
    hashes: Vec<FrameHash>,
}

fn frame(first_seq: u64, previous: FrameHash) -> EncodedFrame {
    let bodies: [&[u8]; 1] = [&[0xb0; 700]];
    let records = [
        Record {
            entry: &[0xe0; 300],
            bodies: &[],
        },
        Record {
            entry: &[0xe1; 300],
            bodies: &bodies,
        },
    ];
    encode(first_seq, previous, &records).unwrap()
}

fn log() -> Log {
    let mut log = Log {
        bytes: Vec::new(),
        starts: Vec::new(),
        hashes: vec![FrameHash::genesis(ORIGIN)],
    };
    for first_seq in [0, 2, 4] {
        let frame = frame(first_seq, *log.hashes.last().unwrap());
        log.starts.push(log.bytes.len());
        log.hashes.push(frame.hash);
        log.bytes.extend(frame.bytes);
    }
    log.starts.push(log.bytes.len());
    log
}

fn segment() -> Vec<u8> {
    let mut bytes = log().bytes;
    bytes.resize(8192, 0);
    bytes
}

/// The first entries of the frames found, and the end.
fn scan_as(bytes: &[u8], is_last: bool) -> (Vec<u64>, End) {
    let mut scan = Scan::new(bytes, Place::start(ORIGIN), is_last);
    let mut frames = Vec::new();
    loop {
        match scan.next_step().unwrap() {
            Step::Frame { frame, .. } => frames.push(frame.header().first_seq),
            Step::End(end) => return (frames, end),
        }
    }
}

fn scan(bytes: &[u8]) -> (Vec<u64>, End) {
    scan_as(bytes, true)
}

fn at(offset: usize) -> u64 {
    u64::try_from(offset).unwrap()
}

#[test]
fn a_name_has_twenty_digits() {
    assert_eq!(name(4096), "00000000000000004096.seg");
    assert_eq!(parse_name("00000000000000004096.seg"), Some(4096));
    for other in [
        "4096.seg",
        "00000000000000004096",
        "+0000000000000004096.seg",
        "000000000000000004096.seg",
        "00000000000000004096.seg.torn",
        "99999999999999999999.seg",
        "18446744073709551615.seg",
    ] {
        assert_eq!(parse_name(other), None, "{other}");
    }
}

#[test]
fn frames_come_in_order_with_their_places() {
    let segment = segment();
    let log = log();
    let mut scan = Scan::new(segment.as_slice(), Place::start(ORIGIN), true);
    for (number, first_seq) in [0, 2, 4].into_iter().enumerate() {
        let Step::Frame { offset, frame } = scan.next_step().unwrap() else {
            panic!("frame {number} is not there");
        };
        assert_eq!(offset, at(log.starts[number]));
        assert_eq!(frame.hash(), log.hashes[number + 1]);
        let records: Vec<_> = frame.records().map(|record| record.seq).collect();
        assert_eq!(records, [first_seq, first_seq + 1]);
    }
    assert!(matches!(
        scan.next_step().unwrap(),
        Step::End(End::Clean { .. })
    ));
    let place = Place {
        next_seq: 6,
        previous: Some(log.hashes[3]),
    };
    assert_eq!(scan.place(), place);
}

#[test]
fn zeros_or_nothing_after_the_last_frame_is_a_clean_end() {
    let log = log();
    let clean = End::Clean {
        at: at(log.bytes.len()),
    };
    assert_eq!(scan(&segment()), (vec![0, 2, 4], clean));
    assert_eq!(scan(&log.bytes), (vec![0, 2, 4], clean));
    let mut few_zeros = log.bytes.clone();
    few_zeros.extend([0; 10]);
    assert_eq!(scan(&few_zeros), (vec![0, 2, 4], clean));
    assert_eq!(scan(&[]), (vec![], End::Clean { at: 0 }));
}

#[test]
fn a_zero_header_with_more_behind_it_is_not_a_clean_end() {
    let mut segment = segment();
    *segment.last_mut().unwrap() = 1;
    let torn = End::Torn {
        at: at(log().bytes.len()),
        fault: Fault::Frame(FrameError::Empty),
    };
    assert_eq!(scan(&segment), (vec![0, 2, 4], torn));
}

#[test]
fn a_write_that_stopped_anywhere_is_a_torn_tail() {
    let (segment, log) = (segment(), log());
    for stop in log.starts[2] + 1..log.starts[3] {
        let mut torn = segment.clone();
        torn[stop..].fill(0);
        // The frame ends with a hash whose last byte is not zero.
        let (frames, end) = scan(&torn);
        assert_eq!(frames, [0, 2], "{stop}");
        assert!(
            matches!(end, End::Torn { at: torn_at, .. } if torn_at == at(log.starts[2])),
            "{stop}: {end:?}"
        );
    }
}

#[test]
fn a_cut_file_is_a_torn_tail() {
    let log = log();
    let (frames, end) = scan(&log.bytes[..log.bytes.len() - 1]);
    assert_eq!(frames, [0, 2]);
    assert!(matches!(end, End::Torn { .. }));
}

#[test]
fn a_last_frame_whose_body_did_not_arrive_is_a_torn_tail() {
    let (mut segment, log) = (segment(), log());
    segment[log.starts[3] - 100] = 0;
    let torn = End::Torn {
        at: at(log.starts[2]),
        fault: Fault::Body,
    };
    assert_eq!(scan(&segment), (vec![0, 2], torn));
    // Where a later segment goes on, the frame was once whole.
    let (frames, end) = scan_as(&segment, false);
    assert_eq!(frames, [0, 2, 4]);
    assert!(matches!(end, End::Clean { .. }));
}

#[test]
fn an_erased_body_does_not_end_the_log() {
    let (mut segment, log) = (segment(), log());
    segment[log.starts[2] - 32 - 700..log.starts[2] - 32].fill(0);
    let (frames, end) = scan(&segment);
    assert_eq!(frames, [0, 2, 4]);
    assert!(matches!(end, End::Clean { .. }));
}

#[test]
fn every_changed_byte_before_the_last_frame_is_damage() {
    let (segment, log) = (segment(), log());
    let sealed = log.starts[2] - 32 - 700..log.starts[2] - 32;
    for place in (log.starts[1]..log.starts[2]).filter(|place| !sealed.contains(place)) {
        let mut damaged = segment.clone();
        damaged[place] ^= 0x10;
        let (frames, end) = scan(&damaged);
        assert_eq!(frames, [0], "{place}");
        let End::Damage {
            at: found,
            seq,
            resumes,
            ..
        } = end
        else {
            panic!("byte {place}: {end:?}");
        };
        assert_eq!((found, seq), (at(log.starts[1]), 2));
        let resume = Resume {
            at: at(log.starts[2]),
            first_seq: 4,
        };
        assert_eq!(resumes, Some(resume), "byte {place}");
    }
}

#[test]
fn a_torn_frame_in_an_earlier_segment_is_damage() {
    let log = log();
    let cut = &log.bytes[..log.bytes.len() - 1];
    let (frames, end) = scan_as(cut, false);
    assert_eq!(frames, [0, 2]);
    assert!(matches!(
        end,
        End::Damage {
            seq: 4,
            resumes: None,
            ..
        }
    ));
}

#[test]
fn a_frame_dropped_from_the_middle_is_damage() {
    let (mut bytes, log) = (log().bytes, log());
    bytes.drain(log.starts[1]..log.starts[2]);
    let (frames, end) = scan(&bytes);
    assert_eq!(frames, [0]);
    let fault = Fault::OtherEntry { found: 4 };
    let damage = End::Damage {
        at: at(log.starts[1]),
        seq: 2,
        fault,
        resumes: None,
    };
    assert_eq!(end, damage);
}

#[test]
fn a_frame_of_another_past_is_damage() {
    let log = log();
    let mut bytes = log.bytes[..log.starts[2]].to_vec();
    bytes.extend(frame(4, FrameHash([0; 32])).bytes);
    let (frames, end) = scan(&bytes);
    assert_eq!(frames, [0, 2]);
    let found = FrameHash([0; 32]);
    assert!(
        matches!(end, End::Damage { fault: Fault::OtherPast { found: past }, .. } if past == found)
    );
}

#[test]
fn another_logs_segment_is_damage_from_its_first_frame() {
    let segment = segment();
    let mut scan = Scan::new(segment.as_slice(), Place::start("log.example/other"), true);
    let step = scan.next_step().unwrap();
    assert!(matches!(step, Step::End(End::Damage { at: 0, seq: 0, .. })));
}

#[test]
fn a_valid_frame_inside_an_unfinished_one_is_its_content() {
    let log = log();
    let inner = frame(9, FrameHash([0; 32])).bytes;
    let record = Record {
        entry: &inner,
        bodies: &[],
    };
    let outer = encode(6, log.hashes[3], &[record]).unwrap().bytes;
    let mut bytes = log.bytes.clone();
    bytes.extend(&outer[..outer.len() - 1]);
    bytes.resize(8192, 0);
    let (frames, end) = scan(&bytes);
    assert_eq!(frames, [0, 2, 4]);
    assert!(matches!(end, End::Torn { .. }));
}

#[test]
fn a_valid_frame_is_found_across_a_chunk_boundary() {
    let log = log();
    let later = frame(100, FrameHash([1; 32])).bytes;
    for distance in 65_480..65_560 {
        let mut bytes = log.bytes.clone();
        bytes.push(1);
        bytes.resize(log.bytes.len() + distance, 0);
        let resume = Resume {
            at: at(bytes.len()),
            first_seq: 100,
        };
        bytes.extend(&later);
        let (_, end) = scan(&bytes);
        assert!(
            matches!(end, End::Damage { resumes: Some(found), .. } if found == resume),
            "{distance}"
        );
    }
}

/// Gives one byte at a time, and fails at one place.
struct Faulty<'a> {
    bytes: &'a [u8],
    fails_at: Option<u64>,
}

impl Source for Faulty<'_> {
    type Error = String;

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize, String> {
        if self.fails_at == Some(offset) {
            return Err("unreadable".into());
        }
        let one = buf.len().min(1);
        match self.bytes.read_at(offset, &mut buf[..one]) {
            Ok(read) => Ok(read),
            Err(never) => match never {},
        }
    }
}

#[test]
fn short_reads_change_nothing() {
    let log = log();
    let source = Faulty {
        bytes: &log.bytes,
        fails_at: None,
    };
    let mut scan = Scan::new(&source, Place::start(ORIGIN), true);
    for _ in 0..3 {
        assert!(matches!(scan.next_step(), Ok(Step::Frame { .. })));
    }
    assert!(matches!(scan.next_step(), Ok(Step::End(End::Clean { .. }))));
}

#[test]
fn a_read_that_fails_is_neither_an_end_nor_damage() {
    let log = log();
    let source = Faulty {
        bytes: &log.bytes,
        fails_at: Some(at(log.starts[1] + 10)),
    };
    let mut scan = Scan::new(&source, Place::start(ORIGIN), true);
    assert!(matches!(scan.next_step(), Ok(Step::Frame { .. })));
    assert!(scan.next_step().is_err());
}

/// A segment to which one more frame is written in two parts, between two reads each.
struct Live {
    reads: Cell<usize>,
    half_after: usize,
    whole_after: usize,
}

impl Source for Live {
    type Error = Infallible;

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize, Infallible> {
        let log = log();
        let mut bytes = segment();
        let reads = self.reads.replace(self.reads.get() + 1);
        // The frame before last is half there, then both are.
        if reads < self.half_after {
            bytes[log.starts[1]..].fill(0);
        } else if reads < self.whole_after {
            bytes[log.starts[2] - 100..].fill(0);
        }
        bytes.read_at(offset, buf)
    }
}

#[test]
fn a_segment_that_is_written_to_meanwhile_is_never_damaged() {
    for half_after in 0..16 {
        for whole_after in half_after..16 {
            let live = Live {
                reads: Cell::new(0),
                half_after,
                whole_after,
            };
            let mut scan = Scan::new(&live, Place::start(ORIGIN), true);
            let mut frames = Vec::new();
            let end = loop {
                match scan.next_step().unwrap() {
                    Step::Frame { frame, .. } => {
                        assert!(frame.bodies_are_intact());
                        frames.push(frame.header().first_seq);
                    }
                    Step::End(end) => break end,
                }
            };
            assert!([0, 2, 4].starts_with(&frames));
            assert!(
                !matches!(end, End::Damage { .. }),
                "{half_after} {whole_after}"
            );
        }
    }
}

proptest! {
    /// A power cut may keep any of the sectors of the one write that was under way.
    #[test]
    fn whatever_sectors_of_the_last_write_arrive_the_rest_of_the_log_stays(
        kept: [bool; 16], extra in 0..3_usize,
    ) {
        let (segment, log) = (segment(), log());
        let mut bytes = segment.clone();
        let last = log.starts[2]..log.starts[3] + extra;
        for (sector, kept) in kept.iter().enumerate() {
            let lost = sector * 512..(sector + 1) * 512;
            for place in last.clone().filter(|place| lost.contains(place) && !kept) {
                bytes[place] = 0;
            }
        }
        let (frames, end) = scan(&bytes);
        if bytes == segment {
            prop_assert_eq!(frames, [0, 2, 4]);
        } else {
            prop_assert_eq!(frames, [0, 2]);
            let torn_at = at(log.starts[2]);
            let expected = match end {
                End::Torn { at, .. } | End::Clean { at } => at == torn_at,
                End::Damage { .. } => false,
            };
            prop_assert!(expected, "{end:?}");
        }
    }
}
