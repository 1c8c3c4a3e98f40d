//! One walk over all segments: what recovery and `fsck` both see.

use std::io;
use std::sync::Arc;

use countersign_ledger::frame::Frame;
use countersign_ledger::segment;
use countersign_ledger::segment::{End, Fault, Place, Scan, Source, Step};

use super::map::segment_name;
use super::{LOG_DIRECTORY, LogFormat};
use crate::disk::{Disk, DiskFile};
use crate::log::Damage;

/// What the walk passes.
pub(crate) enum Passed<'a> {
    /// The beginning of a segment, or the place in it from which on it is read.
    Segment(u64),
    /// A whole frame at an offset of it.
    Frame(u64, &'a Frame<'a>),
}

/// Where the walk ended.
#[derive(Debug)]
pub(crate) struct Survey {
    /// What the next frame must follow.
    pub(crate) place: Place,
    /// The segment in which it ended.
    pub(crate) segment: u64,
    /// The offset there.
    pub(crate) offset: u64,
    /// Why.
    pub(crate) ended: Ended,
}

#[derive(Debug)]
pub(crate) enum Ended {
    Clean,
    Torn(Fault),
    Damage(Damage),
}

impl Survey {
    /// Bytes that cannot be trusted begin where the walk ended.
    pub(crate) fn damage(&self, reason: &str) -> Damage {
        Damage {
            file: segment_name(self.segment),
            offset: self.offset,
            first_bad: self.place.next_seq,
            reason: reason.to_string(),
        }
    }
}

/// Where a survey begins.
pub(crate) struct Start {
    /// What the first frame must follow.
    pub(crate) place: Place,
    /// The segment with that place.
    pub(crate) segment: u64,
    /// The place in it.
    pub(crate) offset: u64,
}

impl Start {
    /// The first entry.
    pub(crate) fn first(format: &LogFormat) -> Self {
        Self {
            place: Place::start(&format.origin),
            segment: 0,
            offset: 0,
        }
    }
}

/// Reads every frame of every segment from a place on.
pub(crate) fn survey(
    disk: &dyn Disk,
    from: &Start,
    pass: &mut dyn FnMut(Passed<'_>),
) -> io::Result<Survey> {
    let mut survey = Survey {
        place: from.place,
        segment: from.segment,
        offset: from.offset,
        ended: Ended::Clean,
    };
    let mut segments = segments(disk)?;
    segments.retain(|first_seq| *first_seq >= from.segment);
    if segments.is_empty() {
        survey.ended = Ended::Damage(survey.damage("there is no segment"));
        return Ok(survey);
    }
    for (number, &first_seq) in (1..).zip(&segments) {
        let begins = if number == 1 {
            from.segment
        } else {
            survey.place.next_seq
        };
        if first_seq != begins {
            let reason = format!(
                "the log goes on with {}, entries between are gone",
                segment_name(first_seq)
            );
            survey.ended = Ended::Damage(survey.damage(&reason));
            return Ok(survey);
        }
        pass(Passed::Segment(first_seq));
        let offset = if number == 1 { from.offset } else { 0 };
        // A segment is made only after the frames before it are durable.
        let is_last = number == segments.len();
        survey.walk(disk, first_seq, offset, is_last, pass)?;
        if !matches!(survey.ended, Ended::Clean) {
            break;
        }
    }
    Ok(survey)
}

impl Survey {
    fn walk(
        &mut self,
        disk: &dyn Disk,
        first_seq: u64,
        offset: u64,
        is_last: bool,
        pass: &mut dyn FnMut(Passed<'_>),
    ) -> io::Result<()> {
        let source = FileSource(disk.open(&segment_name(first_seq))?);
        let mut scan = Scan::from(&source, offset, self.place, is_last);
        let end = loop {
            match scan.next_step()? {
                Step::Frame { offset, frame } => pass(Passed::Frame(offset, &frame)),
                Step::End(end) => break end,
            }
        };
        self.place = scan.place();
        self.segment = first_seq;
        (self.offset, self.ended) = match end {
            End::Clean { at } => (at, Ended::Clean),
            End::Torn { at, fault } => (at, Ended::Torn(fault)),
            End::Damage { at, seq, fault, .. } => {
                let damage = Damage {
                    file: segment_name(first_seq),
                    offset: at,
                    first_bad: seq,
                    reason: fault.to_string(),
                };
                (at, Ended::Damage(damage))
            }
        };
        Ok(())
    }
}

/// The first entries of all segments, ascending.
pub(super) fn segments(disk: &dyn Disk) -> io::Result<Vec<u64>> {
    let names = disk.list(LOG_DIRECTORY)?;
    Ok(names
        .iter()
        .filter_map(|name| segment::parse_name(name))
        .collect())
}

struct FileSource(Arc<dyn DiskFile>);

impl Source for FileSource {
    type Error = io::Error;

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read_at(offset, buf)
    }
}

/// The bytes from `offset` to the last one that is not zero.
pub(super) fn written_from(file: &dyn DiskFile, offset: u64) -> io::Result<Vec<u8>> {
    let len = file.len()?.saturating_sub(offset);
    let mut bytes = vec![0; usize::try_from(len).map_err(io::Error::other)?];
    let read = file.read_at(offset, &mut bytes)?;
    bytes.truncate(read);
    let written = bytes.iter().rposition(|byte| *byte != 0);
    bytes.truncate(written.map_or(0, |last| last + 1));
    Ok(bytes)
}
