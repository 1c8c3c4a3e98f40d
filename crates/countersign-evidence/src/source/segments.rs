//! A log's segment files, walked once to learn where its frames are, then read stretch by stretch.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use countersign_ledger::frame::FrameHash;
use countersign_ledger::segment;
use countersign_ledger::segment::{End, Place, Scan, Step, parse_name};

use super::parallel::in_order;
use crate::files::open_regular;
use crate::inspect::shown;

/// How long a stretch of frames is at least, but for the last of a segment: much for one read, little
/// for a log's memory of where everything is.
const STRETCH_BYTES: u64 = 128 * 1024;

/// Where some frames are that stand one behind the other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    pub(super) first_seq: u64,
    segment: u64,
    offset: u64,
    end: u64,
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

/// Every stretch of frames of a log and how it ends.
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
        let jobs = (1..).zip(&segments).map(|(number, &first_seq)| {
            // A segment is made only after the frames before it are durable.
            let is_last = number == segments.len();
            (first_seq, is_last)
        });
        let mut failed = None;
        let hire = || {
            |(first_seq, is_last)| {
                (
                    first_seq,
                    is_last,
                    walked_alone(directory, first_seq, is_last),
                )
            }
        };
        in_order(jobs, hire, |(first_seq, is_last, alone)| {
            if failed.is_none() && matches!(walked.ended, Ended::Clean) {
                failed = walked.add(first_seq, is_last, alone, &mut place).err();
            }
        });
        walked.next_seq = place.next_seq;
        failed.map_or(Ok(walked), Err)
    }

    /// Adds a segment, which was walked without knowing what comes before it.
    fn add(
        &mut self,
        segment: u64,
        is_last: bool,
        alone: io::Result<Walked>,
        place: &mut Place,
    ) -> io::Result<()> {
        if segment != place.next_seq {
            self.ended = Ended::Damage(self.gap(segment, place.next_seq));
            return Ok(());
        }
        let mut walked = alone?;
        if walked.follows != place.previous && place.previous.is_some() {
            // It follows another frame, or has none: the walk that knows says what that means.
            walked = walk_one(&self.directory, segment, *place, is_last)?;
        }
        self.marks.extend(walked.marks);
        self.ended = self.ended(segment, walked.end);
        *place = walked.place;
        Ok(())
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

    /// The bytes of the frames of one stretch.
    pub(super) fn read(&self, mark: Mark) -> Result<Vec<u8>, BadBytes> {
        let read = || -> io::Result<Vec<u8>> {
            let file = open_regular(&self.path(mark.segment))?;
            let length = usize::try_from(mark.end - mark.offset).map_err(io::Error::other)?;
            let mut bytes = vec![0; length];
            file.read_exact_at(&mut bytes, mark.offset)?;
            Ok(bytes)
        };
        read().map_err(|cause| self.bad(mark, 0, &cause))
    }

    /// What is wrong so many bytes into a stretch.
    pub(super) fn bad(&self, mark: Mark, after: usize, reason: &dyn ToString) -> BadBytes {
        let after = u64::try_from(after).unwrap_or(u64::MAX);
        BadBytes {
            place: self.place(mark.segment, mark.offset.saturating_add(after)),
            reason: reason.to_string(),
        }
    }

    /// The stretch that holds an entry.
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

/// One segment, walked.
struct Walked {
    marks: Vec<Mark>,
    /// The frame that the first one names as the one before it.
    follows: Option<FrameHash>,
    place: Place,
    end: End,
}

fn walked_alone(directory: &Path, first_seq: u64, is_last: bool) -> io::Result<Walked> {
    let place = Place {
        next_seq: first_seq,
        previous: None,
    };
    walk_one(directory, first_seq, place, is_last)
}

fn walk_one(directory: &Path, segment: u64, place: Place, is_last: bool) -> io::Result<Walked> {
    let file = SegmentFile(open_regular(&directory.join(segment::name(segment)))?);
    let mut scan = Scan::new(&file, place, is_last);
    let mut marks: Vec<Mark> = Vec::new();
    let mut follows = None;
    loop {
        let (offset, header) = match scan.next_step()? {
            Step::Frame { offset, frame } => (offset, *frame.header()),
            Step::End(end) => {
                let place = scan.place();
                return Ok(Walked {
                    marks,
                    follows,
                    place,
                    end,
                });
            }
        };
        follows.get_or_insert(header.previous);
        let end = offset.saturating_add(u64::try_from(header.frame_len()).unwrap_or(u64::MAX));
        match marks.last_mut() {
            Some(mark) if mark.end - mark.offset < STRETCH_BYTES => mark.end = end,
            _ => marks.push(Mark {
                first_seq: header.first_seq,
                segment,
                offset,
                end,
            }),
        }
    }
}

struct SegmentFile(File);

impl segment::Source for SegmentFile {
    type Error = io::Error;

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read_at(buf, offset)
    }
}
