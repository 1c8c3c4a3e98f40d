//! A log's segment files, walked once to learn where every frame is, then read frame by frame.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use countersign_ledger::frame::{Frame, FrameError, HEADER_LEN, Header};
use countersign_ledger::segment;
use countersign_ledger::segment::{End, Place, Scan, Step, parse_name};

use crate::files::open_regular;
use crate::inspect::shown;

/// Where one frame is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    pub(super) first_seq: u64,
    segment: u64,
    offset: u64,
}

/// How the walk ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// Nothing follows.
    Clean,
    /// A write that did not finish.
    Torn(BadBytes),
    /// Bytes that were durable and are no longer what they were.
    Damage(BadBytes),
}

/// Where bytes cannot be used, and why.
#[derive(Clone, Debug)]
pub(super) struct BadBytes {
    pub(super) place: String,
    pub(super) reason: String,
}

/// Every frame of a log and how it ends.
#[derive(Debug)]
pub(super) struct Segments {
    directory: PathBuf,
    pub(super) marks: Vec<Mark>,
    pub(super) next_seq: u64,
    pub(super) ended: Ended,
}

impl Segments {
    /// Walks all segments of `directory`. The first frame's predecessor is not compared: the first
    /// entry names the genesis itself.
    pub(super) fn walk(directory: &Path, names: &[String]) -> io::Result<Self> {
        let mut walked = Self {
            directory: directory.to_owned(),
            marks: Vec::new(),
            next_seq: 0,
            ended: Ended::Clean,
        };
        let segments: Vec<u64> = names.iter().filter_map(|name| parse_name(name)).collect();
        let mut place = Place {
            next_seq: 0,
            previous: None,
        };
        for (number, &first_seq) in (1..).zip(&segments) {
            if first_seq != place.next_seq {
                walked.ended = Ended::Damage(walked.gap(first_seq, place.next_seq));
                break;
            }
            // A segment is made only after the frames before it are durable.
            let is_last = number == segments.len();
            place = walked.walk_one(first_seq, place, is_last)?;
            if !matches!(walked.ended, Ended::Clean) {
                break;
            }
        }
        walked.next_seq = place.next_seq;
        Ok(walked)
    }

    fn walk_one(&mut self, segment: u64, place: Place, is_last: bool) -> io::Result<Place> {
        let file = SegmentFile(open_regular(&self.path(segment))?);
        let mut scan = Scan::new(&file, place, is_last);
        loop {
            match scan.next_step()? {
                Step::Frame { offset, frame } => {
                    let first_seq = frame.header().first_seq;
                    self.marks.push(Mark {
                        first_seq,
                        segment,
                        offset,
                    });
                }
                Step::End(end) => {
                    self.ended = self.ended(segment, end);
                    return Ok(scan.place());
                }
            }
        }
    }

    fn ended(&self, segment: u64, end: End) -> Ended {
        let bad = |at, reason| BadBytes {
            place: self.place(segment, at),
            reason,
        };
        match end {
            End::Clean { .. } => Ended::Clean,
            End::Torn { at, fault } => Ended::Torn(bad(at, fault.to_string())),
            End::Damage {
                at, fault, resumes, ..
            } => {
                let behind = resumes.map_or_else(String::new, |resume| {
                    format!(
                        "; entry {} at byte {} behind it is whole",
                        resume.first_seq, resume.at
                    )
                });
                Ended::Damage(bad(at, format!("{fault}{behind}")))
            }
        }
    }

    fn gap(&self, found: u64, expected: u64) -> BadBytes {
        BadBytes {
            place: shown(&self.path(found)),
            reason: format!("the segment that begins with entry {expected} is missing"),
        }
    }

    /// The bytes of one frame.
    pub(super) fn read(&self, mark: Mark) -> Result<Vec<u8>, BadBytes> {
        let bad = |reason: &dyn ToString| BadBytes {
            place: self.place(mark.segment, mark.offset),
            reason: reason.to_string(),
        };
        let read = || -> io::Result<Result<Vec<u8>, FrameError>> {
            let file = open_regular(&self.path(mark.segment))?;
            let mut header = [0; HEADER_LEN];
            file.read_exact_at(&mut header, mark.offset)?;
            let len = match Header::parse(&header) {
                Ok(header) => header.frame_len(),
                Err(fault) => return Ok(Err(fault)),
            };
            let mut bytes = vec![0; len];
            file.read_exact_at(&mut bytes, mark.offset)?;
            Ok(Frame::parse(&bytes).map(|_| ()).map(|()| bytes))
        };
        read()
            .map_err(|cause| bad(&cause))?
            .map_err(|fault| bad(&fault))
    }

    /// The frame that holds an entry.
    pub(super) fn mark(&self, seq: u64) -> Option<Mark> {
        let after = self.marks.partition_point(|mark| mark.first_seq <= seq);
        let mark = self.marks.get(after.checked_sub(1)?)?;
        (seq < self.next_seq).then_some(*mark)
    }

    fn place(&self, segment: u64, offset: u64) -> String {
        format!("{}, byte {offset}", shown(&self.path(segment)))
    }

    fn path(&self, segment: u64) -> PathBuf {
        self.directory.join(segment::name(segment))
    }
}

struct SegmentFile(File);

impl segment::Source for SegmentFile {
    type Error = io::Error;

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read_at(buf, offset)
    }
}
