//! Which entry is where: one mark per stretch of a segment, in memory, made as somebody passes by.

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
}

/// A segment by the number of its first entry, and what is known of it.
#[derive(Debug)]
struct Segment {
    first_seq: u64,
    marks: Vec<Mark>,
}

/// Frame `seq` begins at `offset`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Mark {
    seq: u64,
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
            }),
        }
    }

    pub(super) fn head(&self) -> LogHead {
        self.look(|state| state.head)
    }

    /// The log is known to reach to here.
    pub(super) fn reaches(&self, head: LogHead) {
        self.change(|state| state.head = head);
    }

    /// There is a segment that begins with this entry.
    pub(super) fn begins(&self, first_seq: u64) {
        self.change(|state| {
            let marks = Vec::new();
            state.segments.push(Segment { first_seq, marks });
        });
    }

    /// A frame at `offset` of the last segment brings the log to `head`.
    pub(super) fn appended(&self, offset: u64, head: LogHead) {
        self.change(|state| {
            let seq = state.head.size;
            if let Some(last) = state.segments.last_mut() {
                last.pass(Mark { seq, offset });
            }
            state.head = head;
        });
    }

    /// Somebody found frame `seq` of the segment at `offset`.
    pub(super) fn passed(&self, segment: u64, seq: u64, offset: u64) {
        let is_news = |state: &State| {
            let known = state.segment(segment).and_then(|it| it.marks.last());
            known.is_none_or(|last| last.is_far_before(offset))
        };
        if !self.look(is_news) {
            return;
        }
        self.change(|state| {
            let known = state.segments.iter_mut();
            if let Some(known) = known.rev().find(|it| it.first_seq == segment) {
                known.pass(Mark { seq, offset });
            }
        });
    }

    /// The last known place at or before the frame that holds `seq`.
    pub(super) fn place(&self, seq: u64) -> Option<Place> {
        self.look(|state| {
            if seq >= state.head.size {
                return None;
            }
            let after = state.segments.partition_point(|it| it.first_seq <= seq);
            let segment = state.segments.get(after.checked_sub(1)?)?;
            let after = segment.marks.partition_point(|mark| mark.seq <= seq);
            let start = Mark {
                seq: segment.first_seq,
                offset: 0,
            };
            let known = after.checked_sub(1).and_then(|it| segment.marks.get(it));
            let mark = known.unwrap_or(&start);
            Some(Place {
                segment: segment.first_seq,
                offset: mark.offset,
                seq: mark.seq,
            })
        })
    }

    /// Whether a segment begins with this entry.
    pub(super) fn begins_segment(&self, seq: u64) -> bool {
        self.look(|state| state.segment(seq).is_some())
    }

    fn look<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.write().unwrap_or_else(PoisonError::into_inner));
    }
}

impl State {
    fn segment(&self, first_seq: u64) -> Option<&Segment> {
        let place = self
            .segments
            .binary_search_by_key(&first_seq, |segment| segment.first_seq);
        self.segments.get(place.ok()?)
    }
}

impl Segment {
    fn pass(&mut self, mark: Mark) {
        let near = |last: &Mark| !last.is_far_before(mark.offset);
        if !self.marks.last().is_some_and(near) {
            self.marks.push(mark);
        }
    }
}

impl Mark {
    fn is_far_before(&self, offset: u64) -> bool {
        offset >= self.offset.saturating_add(STRETCH_BYTES)
    }
}
