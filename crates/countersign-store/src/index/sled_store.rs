//! The index in sled 0.34.7 (docs/decisions/0001-sled-is-an-index.md): few large values, since sled
//! takes 10 µs and a hundred bytes for each small one.
//!
//! Keys: `0` ‖ first byte of a term ‖ number of a run (4 bytes, big-endian), whose value is that bucket
//! of the run (`runs.rs`); `1` ‖ first two bytes ‖ number of 64 runs as one; `m`: how many of those
//! there are (4 bytes, big-endian); `w`: the watermark, size (8 bytes, big-endian) ‖ SHA-256 of the
//! last entry. No bucket is left out, also when it is empty: sled may lose one, and says nothing.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::runs::{Merging, Run, Term, places_in};
use super::worker::caught;
use super::{IndexFault, IndexPlace, IndexStore, Watermark};

/// Larger batches make sled hold gigabytes.
const BATCH_KEYS_MAX: usize = 100;
const CACHE_BYTES: u64 = 16 * 1024 * 1024;
const WATERMARK: &[u8] = b"w";
const MERGED: &[u8] = b"m";
/// Entries of a run: what is made again after a restart, in a tenth of a second; and a kilobyte or so
/// for each bucket.
const RUN: u32 = 4096;
/// So many runs become one, with 256 times more buckets: few places to look at, and small ones.
const FAN: u32 = 64;
/// With each run as many buckets of those before it are merged, so that nothing ever waits for all.
const MERGED_WITH_A_RUN: u32 = 256 / FAN;
/// A closed sled lets go of its lock a moment later, when its own threads have ended: waiting 2 s in
/// all is better than building the index anew.
const LOCK_ATTEMPTS: u32 = 100;
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// A directory for sled.
#[derive(Clone, Debug)]
pub struct SledPlace {
    directory: PathBuf,
    run: u32,
}

impl SledPlace {
    /// The directory, made when absent. What is set aside goes to `<directory>.broken-<n>`.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            run: RUN,
        }
    }

    /// The same with shorter runs.
    #[cfg(test)]
    pub(super) fn with_runs_of(self, run: u32) -> Self {
        Self { run, ..self }
    }

    /// Whether there is anything.
    pub(crate) fn exists(&self) -> bool {
        self.directory.exists()
    }

    /// How far the index there goes, without keeping it open.
    pub(crate) fn look(&self) -> Result<Watermark, IndexFault> {
        caught(|| self.open()?.watermark())
    }

    /// A crash while sled wrote a snapshot leaves a half one, which sled then takes for the newest.
    fn remove_half_snapshots(&self) -> io::Result<()> {
        for name in names(&self.directory)? {
            let text = name.to_string_lossy();
            if text.starts_with("snap.") && text.ends_with(".generating") {
                fs::remove_file(self.directory.join(&name))?;
            }
        }
        Ok(())
    }

    /// Moves the directory to the next free name and forgets earlier ones: it is derived, one is
    /// enough to look into.
    fn move_away(&self) -> io::Result<()> {
        let (Some(parent), Some(name)) = (self.directory.parent(), self.directory.file_name())
        else {
            return Err(io::ErrorKind::InvalidFilename.into());
        };
        let prefix = format!("{}.broken-", name.to_string_lossy());
        let mut next = 1;
        for old in names(parent)? {
            if let Some(number) = old.to_string_lossy().strip_prefix(&prefix) {
                next = next.max(number.parse::<u64>().map_or(1, |number| number + 1));
                fs::remove_dir_all(parent.join(&old))?;
            }
        }
        match fs::rename(&self.directory, parent.join(format!("{prefix}{next}"))) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            moved => moved,
        }
    }
}

/// Sled tells of its lock in words only.
fn is_locked(error: &sled::Error) -> bool {
    matches!(error, sled::Error::Io(cause) if cause.to_string().contains("could not acquire lock"))
}

impl IndexPlace for SledPlace {
    fn open(&self) -> Result<Arc<dyn IndexStore>, IndexFault> {
        self.remove_half_snapshots()
            .map_err(IndexFault::Directory)?;
        // The flusher stays on: without it sled never calls fsync at all.
        let config = sled::Config::new()
            .path(&self.directory)
            .cache_capacity(CACHE_BYTES);
        for _ in 1..LOCK_ATTEMPTS {
            match config.open() {
                Err(error) if is_locked(&error) => std::thread::sleep(LOCK_PAUSE),
                opened => return Ok(Arc::new(SledStore::new(opened?, self.run)?)),
            }
        }
        Ok(Arc::new(SledStore::new(config.open()?, self.run)?))
    }

    fn set_aside(&self) -> Result<(), IndexFault> {
        self.move_away().map_err(IndexFault::Directory)
    }
}

struct SledStore {
    db: sled::Db,
    run: u32,
    /// How many times 64 runs are one; the runs of those are gone, or soon will be.
    merged: AtomicU32,
}

impl SledStore {
    fn new(db: sled::Db, run: u32) -> Result<Self, IndexFault> {
        let merged = db.get(MERGED)?;
        let merged = merged.map_or(Ok(0), |value| number_in(&value))?;
        let store = Self {
            db,
            run,
            merged: merged.into(),
        };
        if u64::from(merged) * store.merged_entries() > store.watermark()?.size {
            return Err(IndexFault::Form);
        }
        Ok(store)
    }

    /// Writes in order, in batches that sled bears; a crash leaves the first of them.
    fn write(&self, values: impl Iterator<Item = (Vec<u8>, Vec<u8>)>) -> Result<(), IndexFault> {
        let (mut batch, mut keys) = (sled::Batch::default(), 0);
        for (key, value) in values {
            batch.insert(key, value);
            keys += 1;
            if keys == BATCH_KEYS_MAX {
                self.db.apply_batch(std::mem::take(&mut batch))?;
                keys = 0;
            }
        }
        Ok(self.db.apply_batch(batch)?)
    }

    /// The part of making one run of the 64 before that goes with this run. What is done again after a
    /// crash gives the same.
    fn merge(&self, run: u32) -> Result<(), IndexFault> {
        let (many, place) = (run / FAN, run % FAN);
        let Some(before) = many.checked_sub(1) else {
            return Ok(());
        };
        for part in 0..MERGED_WITH_A_RUN {
            let first = u8::try_from(place * MERGED_WITH_A_RUN + part);
            let first = first.map_err(|_| IndexFault::Form)?;
            let merging = self.merging(first, before)?;
            let keyed = |(second, value)| (key_of([first, second], before), value);
            self.write(merging.buckets().map(keyed))?;
            self.forget(first, before)?;
        }
        if place == FAN - 1 {
            self.db.insert(MERGED, &many.to_be_bytes())?;
            self.merged.store(many, Ordering::SeqCst);
        }
        Ok(())
    }

    /// A bucket of all runs that become one.
    fn merging(&self, bucket: u8, merged: u32) -> Result<Merging, IndexFault> {
        let mut merging = Merging::default();
        for place in 0..FAN {
            let value = self.db.get(key_of([bucket], merged * FAN + place))?;
            merging.add(&value.ok_or(IndexFault::Form)?, place * self.run)?;
        }
        Ok(merging)
    }

    /// Removes a bucket of the runs that became one before these, and are not looked at any more.
    fn forget(&self, bucket: u8, merged: u32) -> Result<(), IndexFault> {
        for old in self
            .db
            .range(key_of([bucket], 0)..key_of([bucket], merged * FAN))
            .keys()
        {
            self.db.remove(old?)?;
        }
        Ok(())
    }

    fn merged_entries(&self) -> u64 {
        u64::from(FAN) * u64::from(self.run)
    }

    /// What runs of one level say, which have so many entries and buckets of so many bytes.
    fn level<const N: usize>(
        &self,
        term: &Term,
        runs: Range<u32>,
        entries: u64,
        found: &mut Found<'_>,
    ) -> Result<(), IndexFault> {
        let (bucket, rest) = term.split::<N>();
        let mut expected = runs.clone();
        if runs.is_empty() {
            return Ok(());
        }
        for stored in self
            .db
            .range(key_of(bucket, runs.start)..key_of(bucket, runs.end))
        {
            let (key, value) = stored?;
            let run = number_in(key.get(1 + N..).ok_or(IndexFault::Form)?)?;
            if expected.next() != Some(run) {
                return Err(IndexFault::Form);
            }
            found.add(u64::from(run) * entries, places_in(&value, rest)?);
            if found.is_enough() {
                return Ok(());
            }
        }
        expected.next().map_or(Ok(()), |_| Err(IndexFault::Form))
    }
}

/// What was asked for, as far as it is found.
struct Found<'a> {
    range: &'a Range<u64>,
    limit: usize,
    seqs: Vec<u64>,
}

impl Found<'_> {
    fn add(&mut self, first: u64, places: Vec<u32>) {
        let seqs = places.into_iter().map(|place| first + u64::from(place));
        let left = self.limit.saturating_sub(self.seqs.len());
        let seqs = seqs.filter(|seq| self.range.contains(seq)).take(left);
        self.seqs.extend(seqs);
    }

    fn is_enough(&self) -> bool {
        self.seqs.len() >= self.limit
    }
}

impl IndexStore for SledStore {
    fn run(&self) -> u32 {
        self.run
    }

    fn watermark(&self) -> Result<Watermark, IndexFault> {
        let Some(value) = self.db.get(WATERMARK)? else {
            return Ok(Watermark::default());
        };
        read_watermark(&value).ok_or(IndexFault::Form)
    }

    fn add(&self, run: &Run, last: [u8; 32]) -> Result<(), IndexFault> {
        let number = runs_of(&(run.first()..run.end()), self.run.into())?.start;
        let values = run.buckets();
        let values = values.map(|(bucket, value)| (key_of([bucket], number), value));
        let size = run.end();
        let watermark = write_watermark(Watermark { size, last });
        self.merge(number)?;
        self.write(values.chain([(WATERMARK.to_vec(), watermark)]))
    }

    fn seqs(&self, term: &Term, range: &Range<u64>, limit: usize) -> Result<Vec<u64>, IndexFault> {
        let (run, many) = (u64::from(self.run), self.merged_entries());
        let (of_run, of_many) = (runs_of(range, run)?, runs_of(range, many)?);
        loop {
            let merged = self.merged.load(Ordering::SeqCst);
            let mut found = Found {
                range,
                limit,
                seqs: Vec::new(),
            };
            let end = of_many.end.min(merged);
            self.level::<2>(term, of_many.start..end, many, &mut found)?;
            let start = of_run.start.max(merged.saturating_mul(FAN));
            let looked = self.level::<1>(term, start..of_run.end, run, &mut found);
            // What became one meanwhile may be gone.
            if merged == self.merged.load(Ordering::SeqCst) {
                return looked.map(|()| found.seqs);
            }
        }
    }
}

/// The runs of so many entries in which a range lies.
fn runs_of(range: &Range<u64>, entries: u64) -> Result<Range<u32>, IndexFault> {
    let [start, end] = [range.start / entries, range.end.div_ceil(entries)]
        .map(|run| u32::try_from(run).map_err(|_| IndexFault::Form));
    Ok(start?..end?)
}

fn number_in(value: &[u8]) -> Result<u32, IndexFault> {
    let value = value.try_into().map_err(|_| IndexFault::Form)?;
    Ok(u32::from_be_bytes(value))
}

/// The key of a bucket: its level, the first bytes of its terms, and the run.
fn key_of<const N: usize>(bucket: [u8; N], run: u32) -> Vec<u8> {
    let level: &[u8] = if N == 1 { b"0" } else { b"1" };
    [level, &bucket, &run.to_be_bytes()].concat()
}

fn write_watermark(watermark: Watermark) -> Vec<u8> {
    [&watermark.size.to_be_bytes()[..], &watermark.last].concat()
}

fn read_watermark(value: &[u8]) -> Option<Watermark> {
    let (size, last) = value.split_first_chunk()?;
    Some(Watermark {
        size: u64::from_be_bytes(*size),
        last: last.try_into().ok()?,
    })
}

/// The names in a directory; none when it is absent.
fn names(directory: &Path) -> io::Result<Vec<OsString>> {
    match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        entries => entries?
            .map(|entry| entry.map(|entry| entry.file_name()))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(run: u32) -> SledStore {
        let db = sled::Config::new().temporary(true).open().unwrap();
        SledStore::new(db, run).unwrap()
    }

    /// Every entry is about itself and about everything.
    fn fill(store: &SledStore, entries: Range<u64>) {
        let step = usize::try_from(store.run).unwrap();
        for first in entries.step_by(step) {
            let mut run = Run::new(first);
            for seq in first..first + u64::from(store.run) {
                run.push(&[Term::of(&format!("call_{seq}")), Term::of("agt_x")]);
            }
            store.add(&run, [7; 32]).unwrap();
        }
    }

    fn seqs(store: &SledStore, term: &str, range: Range<u64>) -> Vec<u64> {
        store.seqs(&Term::of(term), &range, usize::MAX).unwrap()
    }

    #[test]
    fn the_keys_in_the_specification_are_those_that_are_written() {
        let store = store(RUN);
        let mut run = Run::new(u64::from(RUN));
        for seq in 0..RUN {
            let term = (seq % 200 == 0).then(|| Term::of("call_a"));
            run.push(term.as_slice());
        }
        store.add(&run, [7; 32]).unwrap();
        let hex = countersign_record::digest::hex;
        let written = store.db.scan_prefix(b"0").map(Result::unwrap);
        for (key, value) in written.filter(|(_, value)| !value.is_empty()) {
            let line = format!("\n{} {}\n", hex(&key), hex(&value));
            assert!(
                include_str!("../../../../docs/spec/disk.md").contains(&line),
                "{line}"
            );
        }
    }

    #[test]
    fn sixty_four_runs_become_one_and_say_the_same() {
        let store = store(4);
        let many = store.merged_entries();
        for (size, merged) in [(2 * many - 4, 0), (2 * many, 1), (2 * many + 8, 1)] {
            fill(&store, store.watermark().unwrap().size..size);
            assert_eq!(store.merged.load(Ordering::SeqCst), merged);
            assert_eq!(
                seqs(&store, "agt_x", 0..size),
                (0..size).collect::<Vec<_>>()
            );
            assert_eq!(
                seqs(&store, "agt_x", 5..many + 3),
                (5..size.min(many + 3)).collect::<Vec<_>>()
            );
            for seq in (0..size).step_by(97) {
                let name = format!("call_{seq}");
                assert_eq!(seqs(&store, &name, 0..size), [seq]);
                assert_eq!(seqs(&store, &name, seq + 1..size), []);
                assert_eq!(seqs(&store, &name, 0..seq), []);
            }
            let few = store.seqs(&Term::of("agt_x"), &(1..size), 3).unwrap();
            assert_eq!(few, [1, 2, 3]);
        }
        // A crash before a run's watermark: all of it is done again.
        let last = store.watermark().unwrap().size - 4;
        fill(&store, last..last + 4);
        assert_eq!(
            seqs(&store, "agt_x", 0..last + 4),
            (0..last + 4).collect::<Vec<_>>()
        );
        // All of the last 64 and the two after them; of the 64 before, what is not merged again yet.
        let of_runs = store.db.scan_prefix(b"0").count();
        assert_eq!(of_runs, 256 * 66 + (256 - 2 * 4) * 64);
        assert_eq!(store.watermark().unwrap().size, 2 * many + 8);
    }

    #[test]
    fn a_bucket_that_is_gone_is_a_fault_and_no_answer() {
        let store = store(4);
        let many = store.merged_entries();
        fill(&store, 0..2 * many + 8);
        let ([first, second], _) = Term::of("agt_x").split::<2>();
        let ask = || store.seqs(&Term::of("agt_x"), &(0..2 * many + 8), usize::MAX);
        let runs = 2 * FAN;
        let keys = [
            key_of([first, second], 0),
            key_of([first], FAN),
            key_of([first], runs),
            key_of([first], runs + 1),
        ];
        for key in keys {
            let value = store.db.remove(&key).unwrap().unwrap();
            assert!(matches!(ask(), Err(IndexFault::Form)), "{key:?}");
            store.db.insert(&key, value).unwrap();
            assert!(ask().is_ok());
        }
    }

    #[test]
    fn what_is_not_merged_cannot_be_said_to_be() {
        let db = sled::Config::new().temporary(true).open().unwrap();
        db.insert(MERGED, &1_u32.to_be_bytes()).unwrap();
        assert!(matches!(SledStore::new(db, 4), Err(IndexFault::Form)));
    }

    #[test]
    fn what_a_crash_left_of_a_run_is_overwritten() {
        let store = store(4);
        for bucket in 0..=u8::MAX {
            let other = key_of([bucket], 1);
            store.db.insert(other, [0xff; 40].as_slice()).unwrap();
        }
        fill(&store, 0..8);
        assert_eq!(seqs(&store, "agt_x", 0..8), (0..8).collect::<Vec<_>>());
        for seq in 0..8 {
            assert_eq!(seqs(&store, &format!("call_{seq}"), 0..8), [seq]);
        }
    }

    #[test]
    fn a_watermark_reads_back() {
        let watermark = Watermark {
            size: 5,
            last: [7; 32],
        };
        let written = write_watermark(watermark);
        assert_eq!(read_watermark(&written), Some(watermark));
        assert_eq!(read_watermark(&written[1..]), None);
    }
}
