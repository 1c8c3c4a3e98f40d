//! Which entry is where: one mark per stretch of a segment, kept in memory, made anew at every open.

use std::sync::{Arc, PoisonError, RwLock};

use countersign_ledger::segment;

use crate::disk::Disk;
use crate::log::LogHead;

/// One mark per so many bytes. A reader walks over the headers between two marks.
const STRETCH_BYTES: u64 = 32 * 1024;

/// What writer and readers share: where the log ends and where its frames are.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) disk: Arc<dyn Disk>,
    state: RwLock<State>,
}

#[derive(Debug)]
struct State {
    head: LogHead,
    segments: Vec<Segment>,
    marks: Vec<Mark>,
}

/// A segment by the number of its first entry.
#[derive(Clone, Copy, Debug)]
struct Segment {
    first_seq: u64,
}

/// Frame `seq` begins at `offset`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Mark {
    seq: u64,
    segment: usize,
    offset: u64,
}

/// Where to begin reading.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Place {
    /// The first entry of the segment.
    pub(super) segment: u64,
    pub(super) offset: u64,
    /// The first entry of the frame there.
    pub(super) seq: u64,
}

/// A segment's path.
pub(super) fn segment_name(first_seq: u64) -> String {
    format!("{}/{}", super::LOG_DIRECTORY, segment::name(first_seq))
}

impl Shape {
    /// An empty log that ends at `head`.
    pub(super) fn new(disk: Arc<dyn Disk>, head: LogHead) -> Self {
        Self {
            disk,
            state: RwLock::new(State {
                head,
                segments: Vec::new(),
                marks: Vec::new(),
            }),
        }
    }

    pub(super) fn head(&self) -> LogHead {
        self.look(|state| state.head)
    }

    /// A new segment begins where the log ends.
    pub(super) fn rotated(&self) {
        self.change(|state| {
            let first_seq = state.head.size;
            state.segments.push(Segment { first_seq });
        });
    }

    /// A frame at `offset` of the last segment brings the log to `head`.
    pub(super) fn appended(&self, offset: u64, head: LogHead) {
        self.change(|state| state.append(offset, head));
    }

    /// The last known place at or before the frame that holds `seq`.
    pub(super) fn place(&self, seq: u64) -> Option<Place> {
        self.look(|state| {
            if seq >= state.head.size {
                return None;
            }
            let after = state.marks.partition_point(|mark| mark.seq <= seq);
            let mark = state.marks.get(after.checked_sub(1)?)?;
            Some(Place {
                segment: state.segments.get(mark.segment)?.first_seq,
                offset: mark.offset,
                seq: mark.seq,
            })
        })
    }

    /// Whether a segment begins with this entry.
    pub(super) fn begins_segment(&self, seq: u64) -> bool {
        self.look(|state| {
            let found = state
                .segments
                .binary_search_by_key(&seq, |segment| segment.first_seq);
            found.is_ok()
        })
    }

    fn look<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.write().unwrap_or_else(PoisonError::into_inner));
    }
}

impl State {
    fn append(&mut self, offset: u64, head: LogHead) {
        let seq = self.head.size;
        let segment = self.segments.len().saturating_sub(1);
        let near = self
            .marks
            .last()
            .is_some_and(|last| last.segment == segment && offset < last.offset + STRETCH_BYTES);
        if !near {
            self.marks.push(Mark {
                seq,
                segment,
                offset,
            });
        }
        self.head = head;
    }
}
