//! Making and opening a log: nothing below the signed size is ever cut, and nothing is dropped.

use std::io;
use std::sync::Arc;

use countersign_ledger::frame::{Frame, FrameHash};
use countersign_ledger::segment;
use countersign_record::digest::sha256;

use super::map::{Shape, segment_name};
use super::read::Frames;
use super::survey::{Ended, Passed, Survey, segments, survey, written_from};
use super::{FORMAT_FILE, FormatError, LOCK_FILE, LOG_DIRECTORY, LogFormat, SegmentLog, Writing};
use super::{ahead, as_u64, space, survey};
use crate::disk::{Access, Disk, DiskFile, Held, Wait, read_all, replace};
use crate::log::{Damage, Epoch, LogHead};

/// Why a log is not opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// No `log/format`.
    #[error("there is no log here: {FORMAT_FILE} is missing")]
    Absent,
    /// Logs are made once.
    #[error("there is a log here already")]
    Exists,
    /// One writer per directory.
    #[error("another server uses this log ({})", holder.as_deref().unwrap_or("it did not say who it is"))]
    InUse {
        /// What it wrote into the lock: `pid 4711`.
        holder: Option<String>,
    },
    /// `log/format` cannot be accepted.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// Acknowledged bytes are not what they were. Nothing was changed; `verify` still reads it.
    #[error("the log is damaged and will not be served")]
    Damage(#[source] Damage),
    /// The disk refused.
    #[error("{doing} failed")]
    Disk {
        /// What was tried.
        doing: &'static str,
        /// What the disk said.
        #[source]
        cause: io::Error,
    },
}

/// A write that never finished, cut from the end of the log. Nobody was told that it had happened.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Recovered {
    /// The entry it would have begun with.
    pub first_seq: u64,
    /// Where its bytes are kept.
    pub file: String,
    /// How many bytes were cut.
    pub cut_bytes: u64,
    /// Their SHA-256.
    pub sha256: [u8; 32],
}

impl SegmentLog {
    /// Makes an empty log in `log/`, an empty directory, and opens it.
    pub fn create(disk: Arc<dyn Disk>, format: &LogFormat) -> Result<Self, OpenError> {
        format.check()?;
        if disk
            .exists(FORMAT_FILE)
            .map_err(doing("looking for a log"))?
        {
            return Err(OpenError::Exists);
        }
        space::zeroed(&*disk, &segment_name(0), format.segment_bytes)
            .map_err(doing("making the first segment"))?;
        // Last, because it says that the rest is there.
        replace(
            &*disk,
            FORMAT_FILE,
            format.write().as_bytes(),
            Access::Group,
        )
        .map_err(doing("writing log/format"))?;
        Self::open(disk, 0)
    }

    /// Opens a log and reads all of it. `signed_size` is the size in the head lock: what somebody may
    /// rely on.
    pub fn open(disk: Arc<dyn Disk>, signed_size: u64) -> Result<Self, OpenError> {
        Self::open_after(disk, signed_size, &[])
    }

    /// The same, but reads only what comes after the first of these places that the log has: what is
    /// before it was read by whoever remembered the place, and is checked again whenever it is used.
    /// None of them may be beyond `signed_size`.
    pub fn open_after(
        disk: Arc<dyn Disk>,
        signed_size: u64,
        remembered: &[LogHead],
    ) -> Result<Self, OpenError> {
        let format = read_format(&*disk)?;
        let held = hold(&*disk)?;
        let genesis = LogHead {
            size: 0,
            frame: FrameHash::genesis(&format.origin),
        };
        let (shape, from) = resumed(&disk, genesis, remembered)
            .map_err(doing("reading the log"))?
            .unwrap_or_else(|| {
                let shape = Shape::new(Arc::clone(&disk), genesis);
                (shape, survey::Start::first(&format))
            });
        // A remembered place was durable before it was remembered: its frame needs no settling.
        let mut last_frame = None;
        let survey = survey(&*disk, &from, &mut |passed| match passed {
            Passed::Segment(first_seq) => {
                last_frame = None;
                // That of the place is known already.
                if !shape.begins_segment(first_seq) {
                    shape.begins(first_seq);
                }
            }
            Passed::Frame(offset, frame) => {
                last_frame = Some(offset);
                let reached = LogHead {
                    size: frame.header().next_seq(),
                    frame: frame.hash(),
                };
                shape.appended(offset, reached);
            }
        })
        .map_err(doing("reading the log"))?;
        refuse_damage(&survey, signed_size)?;
        if matches!(survey.ended, Ended::Torn(_)) {
            look_again(&*disk, &from, &survey).map_err(doing("reading the log again"))?;
        }
        let last = last_frame.map(|offset| read_twice(&*disk, &survey, offset));
        let last = last.transpose();
        let last = last.map_err(doing("reading the last frame of the log again"))?;
        settle(&*disk, last).map_err(doing(
            "making sure that what was read of the log is on the disk",
        ))?;
        let last = recover(&*disk, &survey).map_err(doing("cutting a torn tail"))?;
        space::remove_unfinished(&*disk)
            .and_then(|()| ahead::remove(&*disk))
            .map_err(doing("removing an unfinished segment"))?;
        let reserve = space::make_reserve(&*disk, format.reserve_bytes)
            .map_err(doing("making the disk reserve"))?;
        let recovered = torn_at(&*disk, survey.place.next_seq).map_err(doing("listing the log"))?;
        Ok(Self {
            disk,
            format,
            shape: Arc::new(shape),
            last,
            reserve,
            epoch: Epoch(0),
            recovered,
            is_ahead: false,
            next: None,
            poison: None,
            _held: held,
        })
    }
}

/// The first remembered place that the log has, and a shape that reaches to it.
fn resumed(
    disk: &Arc<dyn Disk>,
    genesis: LogHead,
    remembered: &[LogHead],
) -> io::Result<Option<(Shape, survey::Start)>> {
    let segments = segments(&**disk)?;
    Ok(remembered.iter().find_map(|head| {
        let last = head.size.checked_sub(1)?;
        let shape = Shape::new(Arc::clone(disk), genesis);
        shape.reaches(*head);
        let known = segments.iter().filter(|first_seq| **first_seq <= last);
        known.for_each(|first_seq| shape.begins(*first_seq));
        let mut frames = Frames::from(&shape, shape.place(last)?, last);
        let frame = frames.next()?.ok()?;
        let at = frames.at;
        let from = survey::Start {
            place: segment::Place {
                next_seq: head.size,
                previous: Some(head.frame),
            },
            segment: at.segment,
            offset: at.offset,
        };
        (frame.hash == head.frame && at.seq == head.size).then_some((shape, from))
    }))
}

pub(crate) fn read_format(disk: &dyn Disk) -> Result<LogFormat, OpenError> {
    match read_all(disk, FORMAT_FILE) {
        Ok(bytes) => Ok(LogFormat::read(&bytes)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(OpenError::Absent),
        Err(cause) => Err(doing("reading log/format")(cause)),
    }
}

fn hold(disk: &dyn Disk) -> Result<Box<dyn Held>, OpenError> {
    let held = disk
        .lock(LOCK_FILE, Wait::No)
        .map_err(doing("locking the log"))?;
    let Some(held) = held else {
        return Err(OpenError::InUse {
            holder: holder(disk),
        });
    };
    held.sign(&format!("pid {}\n", std::process::id()))
        .map_err(doing("signing the log's lock"))?;
    Ok(held)
}

/// What the holder of the lock wrote into it.
fn holder(disk: &dyn Disk) -> Option<String> {
    let text = String::from_utf8(read_all(disk, LOCK_FILE).ok()?).ok()?;
    let line = text.trim_end();
    (!line.is_empty()).then(|| line.to_owned())
}

/// Acknowledged bytes are never cut, whatever they look like.
fn refuse_damage(survey: &Survey, signed_size: u64) -> Result<(), OpenError> {
    if let Ended::Damage(damage) = &survey.ended {
        return Err(OpenError::Damage(damage.clone()));
    }
    if survey.place.next_seq >= signed_size {
        return Ok(());
    }
    let what = match &survey.ended {
        Ended::Torn(fault) => fault.to_string(),
        Ended::Clean | Ended::Damage(_) => "the log ends here".to_owned(),
    };
    let reason = format!("{what}, but a checkpoint of {signed_size} entries was signed");
    Err(OpenError::Damage(survey.damage(&reason)))
}

/// Makes durable what was found. After a failed fdatasync or fsync the kernel takes what it dropped
/// for written and shows it to every reader until the power is cut: the names in the directory and
/// the last frame may be such; every frame before it was synced before the next one was written.
fn settle(disk: &dyn Disk, last: Option<LastFrame>) -> io::Result<()> {
    disk.sync_directory(LOG_DIRECTORY)?;
    match last {
        None => Ok(()),
        Some(last) => {
            last.file.write_at(last.offset, &last.bytes)?;
            last.file.sync_data()
        }
    }
}

/// The last frame, as two readings agree on it.
struct LastFrame {
    file: Arc<dyn DiskFile>,
    offset: u64,
    bytes: Vec<u8>,
}

fn read_twice(disk: &dyn Disk, survey: &Survey, offset: u64) -> io::Result<LastFrame> {
    let file = disk.open(&segment_name(survey.segment))?;
    let len = usize::try_from(survey.offset - offset).map_err(io::Error::other)?;
    let (mut frame, mut again) = (vec![0; len], vec![0; len]);
    file.read_at(offset, &mut frame)?;
    file.read_at(offset, &mut again)?;
    let is_whole = Frame::parse(&frame).is_ok_and(|it| Some(it.hash()) == survey.place.previous);
    if !is_whole || frame != again {
        return Err(io::Error::other(DIFFERENT));
    }
    Ok(LastFrame {
        file,
        offset,
        bytes: frame,
    })
}

/// What is overwritten or cut is what two readings agree on: one may have gone wrong on its way.
const DIFFERENT: &str = "two readings of the end of the log differ, and nothing was changed; check disk and memory of this \
     machine before the next start";

/// Whether a second reading ends at the same place.
fn look_again(disk: &dyn Disk, from: &survey::Start, first: &Survey) -> io::Result<()> {
    let again = survey(disk, from, &mut |_| {})?;
    if again.place == first.place && matches!(again.ended, Ended::Torn(_)) {
        Ok(())
    } else {
        Err(io::Error::other(DIFFERENT))
    }
}

/// Cuts a torn tail, after its bytes are safe elsewhere, and says where writing goes on.
fn recover(disk: &dyn Disk, survey: &Survey) -> io::Result<Writing> {
    let file = disk.open(&segment_name(survey.segment))?;
    if matches!(survey.ended, Ended::Torn(_)) {
        let torn = written_from(&*file, survey.offset)?;
        keep_torn(disk, survey.place.next_seq, &torn)?;
    }
    // Also what an earlier start cut here: had its fdatasync failed, zeros would be seen that are not on
    // the disk, and a power cut would bring the rest back behind whatever is appended.
    let cut = torn_at(disk, survey.place.next_seq)?;
    if let Some(longest) = cut.iter().map(|it| it.cut_bytes).max() {
        let end = survey.offset.saturating_add(longest).min(file.len()?);
        space::zero(&*file, survey.offset, end)?;
        file.sync_data()?;
    }
    Ok(Writing {
        len: file.len()?,
        file,
        used: survey.offset,
    })
}

/// Keeps cut bytes under a name of their own; once, if a crash came between keeping and cutting.
fn keep_torn(disk: &dyn Disk, first_seq: u64, torn: &[u8]) -> io::Result<()> {
    for number in 1_u32.. {
        let path = format!("{LOG_DIRECTORY}/{}{number}.bin", torn_prefix(first_seq));
        if !disk.exists(&path)? {
            return replace(disk, &path, torn, Access::Group);
        }
        if read_all(disk, &path)? == torn {
            return Ok(());
        }
    }
    Err(io::Error::other("too many torn tails"))
}

/// Tails cut at this entry. Once `log.recovered` is appended the log is longer, and they are told
/// no more.
fn torn_at(disk: &dyn Disk, first_seq: u64) -> io::Result<Vec<Recovered>> {
    let prefix = torn_prefix(first_seq);
    let mut found = Vec::new();
    for name in disk.list(LOG_DIRECTORY)? {
        let number = name.strip_prefix(&prefix);
        if number.is_some_and(|number| number.strip_suffix(".bin").is_some()) {
            let file = format!("{LOG_DIRECTORY}/{name}");
            let bytes = read_all(disk, &file)?;
            found.push(Recovered {
                first_seq,
                file,
                cut_bytes: as_u64(bytes.len()),
                sha256: sha256(&[&bytes]),
            });
        }
    }
    Ok(found)
}

fn torn_prefix(first_seq: u64) -> String {
    format!("torn-{first_seq}-")
}

fn doing(doing: &'static str) -> impl FnOnce(io::Error) -> OpenError {
    move |cause| OpenError::Disk { doing, cause }
}
