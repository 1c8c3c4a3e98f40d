//! A log's data directory, live or a copy, read without a lock.

use std::fmt;
use std::fs::TryLockError;
use std::io;
use std::path::{Path, PathBuf};

use countersign_ledger::frame::{Frame, FrameError, Header};
use countersign_ledger::note::NOTE_BYTES_MAX;
use countersign_record::digest::EntryHash;
use countersign_record::entry::Envelope;
use countersign_record::keyring::Keyring;
use countersign_verify::{Extent, Prepared, Preparer, Source, SourceError, Stored};

use super::body::Bodies;
use super::parallel::in_order;
use super::segments::{BadBytes, Ended, Mark, Segments};
use super::{OpenError, names, stated};
use crate::files::{open_regular, read_limited};
use crate::inspect::{Fault, Inspection, Looked, shown};

/// A path and its line feed.
const PATH_BYTES_MAX: usize = 4 * 1024;

/// More than the keys of any log that was ever written need.
const KEYRING_BYTES_MAX: usize = 256 * 1024 * 1024;

/// One log as it lay on disk when it was opened: what is written later is not seen.
pub struct DataDirectory {
    path: PathBuf,
    head: Option<String>,
    head_elsewhere: Option<PathBuf>,
    segments: Segments,
    bodies: Bodies,
    end: LogEnd,
}

/// How the log ends, as far as its last signed checkpoint and its writer tell.
#[derive(Debug)]
enum LogEnd {
    /// With its last whole frame.
    Clean,
    /// A server is writing behind it.
    BeingWritten(BadBytes),
    /// A write that did not finish; nobody was promised it.
    Torn(BadBytes),
    /// Before what was promised.
    Damage(BadBytes),
}

impl DataDirectory {
    /// Opens the log in `path`, the directory that holds `log/`.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        // The head first: whatever it signs was durable before, so what the walk finds missing
        // below it is not merely being written.
        let head_elsewhere = head_elsewhere(path)?;
        let head = head(path, head_elsewhere.as_deref())?;
        let log = path.join("log");
        let segments = Segments::walk(&log, &names(&log)?).map_err(unreadable(&log))?;
        let signed = head.as_deref().and_then(stated).map_or(0, |head| head.size);
        let end = log_end(&log, &segments, signed);
        let mut opened = Self {
            path: path.to_owned(),
            head,
            head_elsewhere,
            segments,
            bodies: Bodies::default(),
            end,
        };
        opened.bodies = Bodies {
            genesis: opened.genesis(),
            keyring: keyring(path)?,
        };
        Ok(opened)
    }

    /// The directory that holds `log/`.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many entries there are.
    pub fn entries(&self) -> u64 {
        self.segments.next_seq
    }

    /// Whether bodies can be read.
    pub fn has_keyring(&self) -> bool {
        self.bodies.keyring.is_some()
    }

    /// Where the checkpoint was read, when the directory names another place for it: in one line.
    pub fn head_elsewhere(&self) -> Option<String> {
        self.head_elsewhere.as_deref().map(shown)
    }

    /// How the stored bytes end.
    pub fn inspect(&self) -> Inspection {
        let looked = match &self.end {
            LogEnd::Clean => Looked::Good,
            LogEnd::BeingWritten(bytes) => Looked::Remark(format!(
                "{}: a server is writing entry {}; it is not judged",
                bytes.place, self.segments.next_seq
            )),
            LogEnd::Torn(bytes) => Looked::Unfinished(self.fault(
                bytes,
                "a write that never finished; `serve` will cut it at its next start",
            )),
            LogEnd::Damage(bytes) => Looked::Bad(Vec::from([self.fault(
                bytes,
                "bytes that were acknowledged are not what was written",
            )])),
        };
        let (name, unit) = ("stored-bytes", "entries");
        Inspection {
            name,
            count: self.segments.next_seq,
            unit,
            looked,
        }
    }

    fn fault(&self, bytes: &BadBytes, what: &str) -> Fault {
        let sentence = format!("{what} ({})", bytes.reason);
        Fault::new(bytes.place.as_str(), Some(self.segments.next_seq), sentence)
    }

    /// The first entry's predecessor is the genesis of the log.
    fn genesis(&self) -> Option<EntryHash> {
        let first = self.record(0)?;
        Envelope::read(&first.entry)
            .ok()
            .map(|envelope| envelope.prev)
    }

    /// The records of one stretch, up to the first frame that cannot be read.
    fn stretch(
        &self,
        mark: Mark,
        extent: Extent,
        take: &mut dyn FnMut(Result<Stored, SourceError>),
    ) {
        let bytes = match self.segments.read(mark) {
            Ok(bytes) => bytes,
            Err(fault) => return take(Err(source_error(&fault, mark.first_seq))),
        };
        let mut seq = mark.first_seq;
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            match self.frame(rest, extent, take) {
                Ok(header) => {
                    seq = header.next_seq();
                    rest = rest.get(header.frame_len()..).unwrap_or_default();
                }
                Err(fault) => {
                    // The records before it are out already.
                    let taken = match fault {
                        FrameError::Record { number } => number,
                        _ => 0,
                    };
                    let fault = self.segments.bad(mark, bytes.len() - rest.len(), &fault);
                    return take(Err(source_error(&fault, seq + u64::from(taken))));
                }
            }
        }
    }

    /// The records of the frame that `bytes` begin with. The walk has found its hash to hold.
    fn frame(
        &self,
        bytes: &[u8],
        extent: Extent,
        take: &mut dyn FnMut(Result<Stored, SourceError>),
    ) -> Result<Header, FrameError> {
        let frame = Frame::found(bytes)?;
        let mut number = 0;
        for record in frame.records() {
            take(Ok(self.bodies.stored(&record, extent)));
            number += 1;
        }
        if number == frame.header().count {
            Ok(*frame.header())
        } else {
            Err(FrameError::Record { number })
        }
    }

    fn stretch_of<T>(
        &self,
        mark: Mark,
        extent: Extent,
        each: &mut dyn FnMut(Stored) -> T,
    ) -> Vec<Result<T, SourceError>> {
        let mut records = Vec::new();
        self.stretch(mark, extent, &mut |record| {
            records.push(record.map(&mut *each));
        });
        records
    }

    /// What comes after the last whole frame, when that is an error.
    fn broken_end(&self) -> Option<SourceError> {
        match &self.end {
            LogEnd::Damage(bytes) => Some(source_error(bytes, self.segments.next_seq)),
            LogEnd::Clean | LogEnd::BeingWritten(_) | LogEnd::Torn(_) => None,
        }
    }
}

impl Source for DataDirectory {
    fn checkpoint(&self) -> Option<String> {
        self.head.clone()
    }

    fn records(&self) -> Box<dyn Iterator<Item = Result<Stored, SourceError>> + '_> {
        let marks = self.segments.marks.iter();
        let frames =
            marks.flat_map(|mark| self.stretch_of(*mark, Extent::Everything, &mut |it| it));
        let mut broken = false;
        Box::new(
            frames
                .chain(self.broken_end().map(Err))
                .take_while(move |record| !std::mem::replace(&mut broken, record.is_err())),
        )
    }

    fn prepared(&self, extent: Extent, take: &mut dyn FnMut(Result<Prepared, SourceError>)) {
        let hire = || {
            let mut preparer = Preparer::new(extent);
            move |mark| self.stretch_of(mark, extent, &mut |stored| preparer.prepare(stored))
        };
        let mut broken = false;
        let mut take = |record: Result<Prepared, SourceError>| {
            if !broken {
                broken = record.is_err();
                take(record);
            }
        };
        in_order(self.segments.marks.iter().copied(), hire, |records| {
            records.into_iter().for_each(&mut take);
        });
        if let Some(error) = self.broken_end() {
            take(Err(error));
        }
    }

    fn record(&self, seq: u64) -> Option<Stored> {
        let mark = self.segments.mark(seq)?;
        let place = usize::try_from(seq - mark.first_seq).ok()?;
        let records = self.stretch_of(mark, Extent::Everything, &mut |it| it);
        records.into_iter().nth(place)?.ok()
    }

    fn is_being_written(&self) -> bool {
        has_writer(&self.path.join("log"))
    }
}

/// The keyring stays out of logs.
impl fmt::Debug for DataDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DataDirectory({}, {:?})", self.path.display(), self.end)
    }
}

fn source_error(bytes: &BadBytes, seq: u64) -> SourceError {
    SourceError {
        place: bytes.place.clone(),
        fault: bytes.reason.clone(),
        seq: Some(seq),
    }
}

/// Tells damage from a write that did not finish, and that from one that goes on right now.
fn log_end(log: &Path, segments: &Segments, signed: u64) -> LogEnd {
    let next_seq = segments.next_seq;
    match &segments.ended {
        Ended::Clean if next_seq < signed => LogEnd::Damage(BadBytes {
            place: shown(log),
            reason: format!(
                "the log ends before entry {next_seq}, the head lock signs {signed} entries"
            ),
        }),
        Ended::Clean => LogEnd::Clean,
        Ended::Torn(bytes) | Ended::Damage(bytes) if next_seq < signed => {
            LogEnd::Damage(bytes.clone())
        }
        Ended::Torn(bytes) | Ended::Damage(bytes) if has_writer(log) => {
            LogEnd::BeingWritten(bytes.clone())
        }
        Ended::Torn(bytes) => LogEnd::Torn(bytes.clone()),
        Ended::Damage(bytes) => LogEnd::Damage(bytes.clone()),
    }
}

/// Whether a server holds the log. Asked only where the answer matters: for the moment of asking, a
/// server that starts would be turned away.
fn has_writer(log: &Path) -> bool {
    let lock = open_regular(&log.join("lock"));
    lock.is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// Where `head.lock.path` says that the head lock is.
fn head_elsewhere(path: &Path) -> Result<Option<PathBuf>, OpenError> {
    let named = read(&path.join("head.lock.path"), PATH_BYTES_MAX)?;
    let place = |named| PathBuf::from(String::from_utf8_lossy(named).trim_end_matches('\n'));
    Ok(named.as_deref().map(place))
}

/// The last signed checkpoint: in `head.lock`, or elsewhere.
fn head(path: &Path, elsewhere: Option<&Path>) -> Result<Option<String>, OpenError> {
    let here = path.join("head.lock");
    // Bytes that are no text are no checkpoint either; the verifier says so.
    Ok(read(elsewhere.unwrap_or(&here), NOTE_BYTES_MAX)?
        .map(|note| String::from_utf8_lossy(&note).into_owned()))
}

/// The keyring, when the reader has it. Somebody who may not read it sees bodies as withheld.
fn keyring(path: &Path) -> Result<Option<Keyring>, OpenError> {
    let path = path.join("keyring");
    let bytes = match read(&path, KEYRING_BYTES_MAX) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Ok(None),
        Err(OpenError::Unreadable { cause, .. })
            if cause.kind() == io::ErrorKind::PermissionDenied =>
        {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let parsed = Keyring::from_bytes(&bytes);
    parsed
        .map(Some)
        .map_err(|fault| unreadable(&path)(io::Error::other(fault.to_string())))
}

fn read(path: &Path, max: usize) -> Result<Option<Vec<u8>>, OpenError> {
    match read_limited(path, max) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(unreadable(path)(cause)),
    }
}

fn unreadable(path: &Path) -> impl FnOnce(io::Error) -> OpenError {
    move |cause| OpenError::Unreadable {
        path: path.to_owned(),
        cause,
    }
}

#[cfg(test)]
mod tests;
