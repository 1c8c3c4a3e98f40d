//! Every bit of every segment file, and every length that a segment can be cut to.

use std::fs;
use std::ops::Range;
use std::path::Path;

use countersign_evidence::{DataDirectory, Looked};
use countersign_ledger::frame::{FrameHash, Record, encode};
use countersign_ledger::segment::{End, Place, Scan, Step, name as segment_name};
use countersign_record::seal::{self, BodyPlace};
use countersign_tamper::{ORIGIN, golden};
use countersign_verify::{Options, verify};

use crate::draw::Draw;
use crate::figures::amount;
use crate::shelf::{Shelf, named};
use crate::tally::{Tally, on_all_cores};

/// One segment file as it is.
struct Segment {
    name: String,
    bytes: Vec<u8>,
    /// Where the log stands at its beginning.
    place: Place,
    is_last: bool,
    frames: Vec<Frame>,
    /// Where the frames end.
    end: usize,
    next_seq: u64,
}

struct Frame {
    at: Range<usize>,
    first_seq: u64,
    /// Sealed bodies: where they are, and whose.
    bodies: Vec<(Range<usize>, u64)>,
}

fn segments() -> Vec<Segment> {
    let files = golden::files(&golden::ledger().join("log"));
    let files: Vec<_> = files
        .into_iter()
        .filter(|(name, _)| Path::new(name).extension().is_some_and(|it| it == "seg"))
        .collect();
    let (mut place, count) = (Place::start(ORIGIN), files.len());
    let mut segments = Vec::new();
    for (number, (name, bytes)) in (1..).zip(files) {
        let begins = place;
        let (frames, end, after) = scan(&bytes, place, number == count);
        let is_last = number == count;
        place = after;
        segments.push(Segment {
            name,
            bytes,
            place: begins,
            is_last,
            frames,
            end,
            next_seq: place.next_seq,
        });
    }
    assert!(segments.len() > 3, "the golden ledger has several segments");
    segments
}

fn scan(bytes: &[u8], place: Place, is_last: bool) -> (Vec<Frame>, usize, Place) {
    let mut scan = Scan::new(bytes, place, is_last);
    let mut frames = Vec::new();
    loop {
        match scan.next_step().unwrap() {
            Step::Frame { offset, frame } => {
                let start = usize::try_from(offset).unwrap();
                let at = start..start + frame.header().frame_len();
                let mut bodies = Vec::new();
                for record in frame.records() {
                    for body in record.bodies() {
                        let within = find(&bytes[at.clone()], body.sealed);
                        let begins = start + within;
                        bodies.push((begins..begins + body.sealed.len(), record.seq));
                    }
                }
                frames.push(Frame {
                    at,
                    first_seq: frame.header().first_seq,
                    bodies,
                });
            }
            Step::End(End::Clean { at }) => {
                let end = usize::try_from(at).unwrap();
                return (frames, end, scan.place());
            }
            Step::End(other) => panic!("the golden ledger ends with {other:?}"),
        }
    }
}

fn find(bytes: &[u8], part: &[u8]) -> usize {
    let mut windows = bytes.windows(part.len());
    windows.position(|window| window == part).unwrap()
}

/// What a reader says of a segment: the first entry that is not as it was written, and where; or
/// that all is as it must be.
#[derive(Debug, Eq, PartialEq)]
enum Said {
    Sound {
        next_seq: u64,
    },
    /// The frames end badly.
    Bad {
        at: usize,
        seq: u64,
    },
    /// The frames hold, and a body of this entry does not.
    Body {
        seq: u64,
    },
}

fn read(segment: &Segment, bytes: &[u8]) -> Said {
    let mut scan = Scan::new(bytes, segment.place, segment.is_last);
    let mut body = None;
    loop {
        let seq = scan.place().next_seq;
        match scan.next_step().unwrap() {
            Step::Frame { frame, .. } => {
                let lost = |record: &countersign_ledger::frame::FrameRecord<'_>| {
                    record.bodies().any(|body| !body.is_intact())
                };
                let first = frame.records().find(lost).map(|record| record.seq);
                body = body.or(first);
            }
            Step::End(End::Clean { .. }) => {
                return body.map_or(Said::Sound { next_seq: seq }, |seq| Said::Body { seq });
            }
            Step::End(End::Torn { at, .. } | End::Damage { at, .. }) => {
                let at = usize::try_from(at).unwrap();
                return body.map_or(Said::Bad { at, seq }, |seq| Said::Body { seq });
            }
        }
    }
}

/// What must be said of a change of that byte.
fn expected(segment: &Segment, byte: usize) -> Said {
    let next_seq = segment.next_seq;
    let Some(frame) = segment.frames.iter().find(|frame| frame.at.contains(&byte)) else {
        let at = segment.end;
        return Said::Bad { at, seq: next_seq };
    };
    let is_newest = segment.is_last && frame.at.end == segment.end;
    let mut bodies = frame.bodies.iter();
    match bodies.find(|(at, _)| at.contains(&byte)) {
        Some((_, seq)) if !is_newest => Said::Body { seq: *seq },
        _ => Said::Bad {
            at: frame.at.start,
            seq: frame.first_seq,
        },
    }
}

fn says(said: &Said, expected: &Said) -> Result<(), String> {
    if said == expected {
        Ok(())
    } else {
        Err(format!("{said:?} where {expected:?} is right"))
    }
}

#[test]
#[ignore = "long: every bit of every segment; tests/run runs it"]
fn every_flipped_bit_of_every_segment_is_found() {
    let segments = segments();
    let pages: Vec<(usize, usize)> = segments
        .iter()
        .enumerate()
        .flat_map(|(number, it)| {
            (0..it.bytes.len())
                .step_by(256)
                .map(move |from| (number, from))
        })
        .collect();
    let tally = on_all_cores("segments, every bit", pages.len(), |page, tally| {
        let (number, from) = pages[page];
        let segment = &segments[number];
        let mut bytes = segment.bytes.clone();
        for byte in from..(from + 256).min(bytes.len()) {
            for bit in 0..8 {
                bytes[byte] ^= 1 << bit;
                let found = says(&read(segment, &bytes), &expected(segment, byte));
                tally.judge(found, || format!("{} byte {byte} bit {bit}", segment.name));
                bytes[byte] ^= 1 << bit;
            }
        }
    });
    tally.close();
}

#[test]
#[ignore = "long: every length of every segment; tests/run runs it"]
fn a_segment_cut_at_any_byte_ends_before_the_first_entry_that_is_missing() {
    let segments = segments();
    let tally = on_all_cores(
        "segments, cut at every byte",
        segments.len(),
        |number, tally| {
            let segment = &segments[number];
            // Nothing: zeros behind the last frame may be left out (docs/spec/ledger.md, part 7).
            for len in 0..segment.end {
                let first = segment
                    .frames
                    .iter()
                    .find(|frame| frame.at.end > len)
                    .unwrap();
                let found = match read(segment, &segment.bytes[..len]) {
                    Said::Sound { next_seq: seq } | Said::Bad { seq, .. }
                        if seq == first.first_seq =>
                    {
                        Ok(())
                    }
                    other => Err(format!("{other:?}")),
                };
                tally.judge(found, || format!("{} cut to {len} bytes", segment.name));
            }
            let whole = Said::Sound {
                next_seq: segment.next_seq,
            };
            for len in segment.end..segment.bytes.len() {
                assert_eq!(read(segment, &segment.bytes[..len]), whole, "{len}");
            }
        },
    );
    tally.close();
}

/// The same by the whole reader and verifier, over a copy on disk.
#[test]
#[ignore = "long: the whole verifier for each bit; tests/run runs it"]
fn a_flipped_bit_of_a_segment_on_disk_is_found_by_the_verifier() {
    let scratch = tempfile::tempdir().unwrap();
    for (name, bytes) in golden::files(&golden::ledger()) {
        let path = scratch.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    let (segments, mut draw) = (segments(), Draw::new(7));
    let mut tally = Tally::new("segments on disk, bits drawn, whole verify");
    for _ in 0..amount("FLIPS", 200) {
        let segment = draw.of(&segments).unwrap();
        let byte =
            usize::try_from(draw.below(u64::try_from(segment.bytes.len()).unwrap())).unwrap();
        let mut bytes = segment.bytes.clone();
        bytes[byte] ^= 1 << draw.below(8);
        let path = scratch.path().join("log").join(&segment.name);
        fs::write(&path, &bytes).unwrap();
        let source = DataDirectory::open(scratch.path()).unwrap();
        let report = verify(&source, &golden::trust(), &Options::default(), &mut |_| ());
        let looked = source.inspect().looked;
        let found = match expected(segment, byte) {
            Said::Body { seq } => named(&report, usize::try_from(seq).unwrap()),
            Said::Bad { seq, .. } | Said::Sound { next_seq: seq } => match looked {
                Looked::Bad(faults) if faults[0].seq == Some(seq) => Ok(()),
                Looked::Unfinished(fault) if fault.seq == Some(seq) => Ok(()),
                other => Err(format!("{other:?}")),
            },
        };
        tally.judge(found, || format!("{} byte {byte}", segment.name));
        fs::write(&path, &segment.bytes).unwrap();
    }
    tally.close();
}

/// Only its seal and its root can tell.
#[test]
#[ignore = "long: every byte of every body; tests/run runs it"]
fn every_changed_byte_of_every_stored_body_is_found() {
    let keyring = fs::read(golden::ledger().join("keyring")).unwrap();
    let keyring = countersign_record::keyring::Keyring::from_bytes(&keyring).unwrap();
    let genesis = countersign_ledger::chain::genesis(ORIGIN);
    let shelf = Shelf::golden();
    let mut stored = Vec::new();
    for segment in segments() {
        for (at, seq) in segment.frames.iter().flat_map(|frame| &frame.bodies) {
            stored.push((segment.bytes[at.clone()].to_vec(), *seq));
        }
    }
    let tally = on_all_cores(
        "stored bodies, every byte",
        stored.len(),
        |number, tally| {
            let (sealed, seq) = &stored[number];
            let record = &shelf.records[usize::try_from(*seq).unwrap()];
            let entry = countersign_record::entry::Entry::decode(&record.entry).unwrap();
            let place = |root| BodyPlace {
                genesis,
                seq: *seq,
                root,
            };
            let opens = |bytes: &[u8]| {
                let key = || keyring.body_key(*seq);
                let mut roots = entry.draft.bodies.iter();
                roots.any(|(_, root)| {
                    let body = seal::open(bytes, &place(root), key);
                    body.is_ok_and(|body| body.root() == root)
                })
            };
            assert!(opens(sealed));
            let (mut bytes, mut draw) = (sealed.clone(), Draw::new(*seq));
            for byte in 0..bytes.len() {
                let bit = 1 << draw.below(8);
                bytes[byte] ^= bit;
                tally.refused(!opens(&bytes), || format!("body of {seq}, byte {byte}"));
                bytes[byte] ^= bit;
            }
        },
    );
    tally.close();
}

/// One entry, with its bodies as they are stored.
#[derive(Clone)]
struct Stored {
    entry: Vec<u8>,
    sealed: Vec<Vec<u8>>,
}

/// The records of the log, frame by frame.
fn frames() -> Vec<Vec<Stored>> {
    let mut frames = Vec::new();
    for segment in segments() {
        let mut scan = Scan::new(segment.bytes.as_slice(), segment.place, segment.is_last);
        while let Step::Frame { frame, .. } = scan.next_step().unwrap() {
            let stored = frame.records().map(|record| Stored {
                entry: record.entry.to_vec(),
                sealed: record.bodies().map(|body| body.sealed.to_vec()).collect(),
            });
            frames.push(stored.collect());
        }
    }
    frames
}

/// A log of one segment whose frames are made anew around these records.
fn segment_of(frames: &[Vec<Stored>]) -> Vec<u8> {
    let (mut bytes, mut seq, mut previous) = (Vec::new(), 0, FrameHash::genesis(ORIGIN));
    for frame in frames {
        let bodies = frame.iter();
        let bodies = bodies.map(|it| it.sealed.iter().map(Vec::as_slice).collect());
        let bodies: Vec<Vec<&[u8]>> = bodies.collect();
        let records = frame.iter().zip(&bodies);
        let records: Vec<_> = records
            .map(|(stored, bodies)| Record {
                entry: &stored.entry,
                bodies,
            })
            .collect();
        let made = encode(seq, previous, &records).unwrap();
        bytes.extend(made.bytes);
        previous = made.hash;
        seq += u64::try_from(frame.len()).unwrap();
    }
    bytes
}

/// The stored bytes change on disk, all frames are made anew, and the whole reader and verifier
/// name the entry whose body it is.
#[test]
#[ignore = "long: the whole verifier for each byte; tests/run runs it"]
fn a_changed_byte_of_a_stored_body_in_frames_made_anew_is_found_by_the_verifier() {
    let golden = frames();
    let mut bodies = Vec::new();
    let mut seq = 0;
    for (frame, records) in golden.iter().enumerate() {
        for (record, stored) in records.iter().enumerate() {
            let places = (0..stored.sealed.len()).map(|body| (seq, frame, record, body));
            bodies.extend(places);
            seq += 1;
        }
    }
    // 1: every byte.
    let stride = usize::try_from(amount("BODY_STRIDE", 16)).unwrap();
    let what = "stored bodies on disk, bytes in strides, frames made anew, whole verify";
    let tally = on_all_cores(what, bodies.len(), |number, tally| {
        let scratch = tempfile::tempdir().unwrap();
        let log = scratch.path().join("log");
        fs::create_dir_all(&log).unwrap();
        for name in ["head.lock", "keyring", "log/format"] {
            fs::copy(golden::ledger().join(name), scratch.path().join(name)).unwrap();
        }
        let report = |frames: &[Vec<Stored>]| {
            fs::write(log.join(segment_name(0)), segment_of(frames)).unwrap();
            let source = DataDirectory::open(scratch.path()).unwrap();
            assert_eq!(source.inspect().looked, Looked::Good);
            verify(&source, &golden::trust(), &Options::default(), &mut |_| ())
        };
        assert_eq!(
            report(&golden).exit_code(),
            0,
            "made anew, and nothing else"
        );
        let (seq, frame, record, body) = bodies[number];
        let (mut frames, mut draw) = (golden.clone(), Draw::new(u64::try_from(number).unwrap()));
        for byte in (number % stride..golden[frame][record].sealed[body].len()).step_by(stride) {
            let bit = 1 << draw.below(8);
            frames[frame][record].sealed[body][byte] ^= bit;
            let report = report(&frames);
            let is_first = report
                .findings
                .first()
                .is_some_and(|it| it.id == "body" && it.seq == u64::try_from(seq).ok());
            let found = named(&report, seq).and_then(|()| {
                is_first
                    .then_some(())
                    .ok_or_else(|| format!("{:?}", report.findings.first()))
            });
            tally.judge(found, || format!("body {body} of {seq}, byte {byte}"));
            frames[frame][record].sealed[body][byte] ^= bit;
        }
    });
    tally.close();
}
