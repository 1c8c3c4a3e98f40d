//! Reading durable frames while the log grows.

use std::sync::Arc;

use countersign_ledger::frame::{Frame, FrameError, FrameHash, FrameRecord, HEADER_LEN, Header};

use super::as_u64;
use super::map::{Place, Shape, segment_name};
use crate::disk::DiskFile;
use crate::log::{Damage, LogHead, ReadError, ReadLog, Stored, StoredFrame};

impl ReadLog for Shape {
    fn head(&self) -> LogHead {
        Self::head(self)
    }

    fn read(&self, seq: u64) -> Result<Option<Stored>, ReadError> {
        let Some(place) = self.place(seq) else {
            return Ok(None);
        };
        let Some(frame) = Frames::from(self, place, seq).next() else {
            return Ok(None);
        };
        Ok(frame?.records.into_iter().find(|stored| stored.seq == seq))
    }

    fn frames(
        &self,
        from_seq: u64,
    ) -> Box<dyn Iterator<Item = Result<StoredFrame, ReadError>> + '_> {
        match self.place(from_seq) {
            Some(place) => Box::new(Frames::from(self, place, from_seq)),
            None => Box::new(std::iter::empty()),
        }
    }
}

/// Frames from a known place on, up to where the log ended when reading began.
pub(super) struct Frames<'a> {
    shape: &'a Shape,
    /// Where the next frame begins.
    pub(super) at: Place,
    /// Frames that end before this entry are passed over.
    from_seq: u64,
    end: u64,
    file: Option<(u64, Arc<dyn DiskFile>)>,
    previous: Option<FrameHash>,
}

impl<'a> Frames<'a> {
    pub(super) fn from(shape: &'a Shape, at: Place, from_seq: u64) -> Self {
        Self {
            shape,
            at,
            from_seq,
            end: shape.head().size,
            file: None,
            previous: None,
        }
    }

    fn step(&mut self) -> Result<StoredFrame, ReadError> {
        loop {
            if self.at.offset != 0 && self.shape.begins_segment(self.at.seq) {
                self.at.segment = self.at.seq;
                self.at.offset = 0;
            }
            let header = self.header()?;
            if header.next_seq() > self.from_seq {
                return self.frame(&header);
            }
            self.advance(&header);
        }
    }

    fn header(&mut self) -> Result<Header, ReadError> {
        let mut bytes = [0; HEADER_LEN];
        self.fill(&mut bytes)?;
        let header = Header::parse(&bytes).map_err(|error| self.damage(&error))?;
        if header.first_seq != self.at.seq {
            let place = format!("entry {} where {} should be", header.first_seq, self.at.seq);
            return Err(self.damage(&place));
        }
        Ok(header)
    }

    fn frame(&mut self, header: &Header) -> Result<StoredFrame, ReadError> {
        let mut bytes = vec![0; header.frame_len()];
        self.fill(&mut bytes)?;
        let frame = Frame::parse(&bytes).map_err(|error| self.damage(&error))?;
        if self.previous.is_some_and(|hash| hash != header.previous) {
            return Err(self.damage(&"the frame follows another one than the one before it"));
        }
        self.previous = Some(frame.hash());
        self.advance(header);
        Ok(StoredFrame {
            hash: frame.hash(),
            records: frame.records().map(|record| stored(&record)).collect(),
        })
    }

    fn advance(&mut self, header: &Header) {
        self.shape
            .passed(self.at.segment, self.at.seq, self.at.offset);
        self.at.offset += as_u64(header.frame_len());
        self.at.seq = header.next_seq();
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), ReadError> {
        let (offset, needed) = (self.at.offset, bytes.len());
        let found = self
            .open()
            .and_then(|file| file.read_at(offset, bytes))
            .map_err(|cause| ReadError::Disk {
                file: segment_name(self.at.segment),
                cause,
            })?;
        if found < needed {
            return Err(self.damage(&FrameError::Short { needed, found }));
        }
        Ok(())
    }

    fn open(&mut self) -> std::io::Result<Arc<dyn DiskFile>> {
        if let Some((segment, file)) = &self.file
            && *segment == self.at.segment
        {
            return Ok(Arc::clone(file));
        }
        let file = self.shape.disk.open(&segment_name(self.at.segment))?;
        self.file = Some((self.at.segment, Arc::clone(&file)));
        Ok(file)
    }

    fn damage(&self, reason: &dyn std::fmt::Display) -> ReadError {
        ReadError::Damage(Damage {
            file: segment_name(self.at.segment),
            offset: self.at.offset,
            first_bad: self.at.seq,
            reason: reason.to_string(),
        })
    }
}

impl Iterator for Frames<'_> {
    type Item = Result<StoredFrame, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at.seq >= self.end {
            return None;
        }
        let stepped = self.step();
        if stepped.is_err() {
            self.end = 0;
        }
        Some(stepped)
    }
}

/// The bytes of a record, with the bodies that are still what was stored.
fn stored(record: &FrameRecord<'_>) -> Stored {
    Stored {
        seq: record.seq,
        entry: record.entry.to_vec(),
        bodies: record
            .bodies()
            .map(|body| body.is_intact().then(|| body.sealed.to_vec()))
            .collect(),
    }
}
