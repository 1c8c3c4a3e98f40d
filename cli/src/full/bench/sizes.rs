//! How much room entries take.

use std::fs;
use std::io;

use countersign_record::entry::Entry;
use countersign_store::layout::LogDir;
use countersign_store::log::Log as _;
use countersign_store::segments::SegmentLog;

/// Bytes per entry, on average.
pub(super) struct Sizes {
    pub(super) entries: u64,
    /// `call.evaluated` alone, without bodies: what is hashed.
    pub(super) routine: f64,
    /// Any entry with its sealed bodies.
    pub(super) stored: f64,
    /// The same on disk, with frames.
    pub(super) on_disk: f64,
}

pub(super) fn sizes(directory: &LogDir) -> io::Result<Sizes> {
    let log = SegmentLog::open(directory.disk(), 0).map_err(io::Error::other)?;
    let (mut entries, mut stored) = (0_u32, 0.0);
    let (mut evaluated, mut routine) = (0_u32, 0.0);
    for frame in log.reader().frames(0) {
        for record in frame.map_err(io::Error::other)?.records {
            let bodies = record.bodies.iter().flatten().map(Vec::len);
            entries += 1;
            stored += bytes(record.entry.len() + bodies.sum::<usize>());
            let entry = Entry::decode(&record.entry).map_err(io::Error::other)?;
            if entry.kind() == "call.evaluated" {
                evaluated += 1;
                routine += bytes(record.entry.len());
            }
        }
    }
    drop(log);
    let mut used = 0.0;
    for file in fs::read_dir(directory.path().join("log"))? {
        let path = file?.path();
        if path.extension().is_some_and(|it| it == "seg") {
            // The rest of a segment is zeros that wait.
            let segment = fs::read(path)?;
            used += bytes(
                segment
                    .iter()
                    .rposition(|it| *it != 0)
                    .map_or(0, |it| it + 1),
            );
        }
    }
    Ok(Sizes {
        entries: entries.into(),
        routine: routine / f64::from(evaluated.max(1)),
        stored: stored / f64::from(entries.max(1)),
        on_disk: used / f64::from(entries.max(1)),
    })
}

/// Exact below 4 GiB; segments and entries are.
fn bytes(length: usize) -> f64 {
    u32::try_from(length).unwrap_or(u32::MAX).into()
}
