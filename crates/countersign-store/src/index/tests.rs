use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::log::Log as _;
use crate::segments::SegmentLog;
use crate::segments::tests::{append, new_log};
use crate::testing::MemoryDisk;

/// Entries of a run.
const RUN: u32 = 8;
const PATIENCE: Duration = Duration::from_mins(1);

/// Every entry is about itself, about whether it is even, and about everything.
fn ids(entry: &[u8]) -> Vec<String> {
    let text = str::from_utf8(entry).unwrap();
    let seq: u64 = text.split(' ').nth(1).unwrap().parse().unwrap();
    vec![
        format!("call_{seq}"),
        format!("per_{}", seq % 2),
        "agt_x".to_owned(),
    ]
}

fn terms() -> Terms {
    Terms {
        of: Box::new(|stored| ids(&stored.entry)),
        taught_by: "none",
    }
}

fn expected(id: &str, from: u64, size: u64) -> Vec<u64> {
    let about = |seq: &u64| match id {
        "agt_x" => true,
        "per_0" => seq.is_multiple_of(2),
        "per_1" => seq % 2 == 1,
        id => id == format!("call_{seq}"),
    };
    (from..size).filter(about).collect()
}

fn check(index: &Index, size: u64) {
    assert!(index.wait_for(size, PATIENCE));
    for id in [
        "agt_x", "per_0", "per_1", "call_0", "call_1", "call_7", "call_", "per_00", "",
    ] {
        for from in [0, 1, size / 2, size] {
            let found = index.seqs(id, from..u64::MAX, usize::MAX).unwrap();
            assert_eq!(found.seqs, expected(id, from, size), "{id} from {from}");
            assert_eq!(found.complete_to, size);
            let part = index.seqs(id, from..size / 3, usize::MAX).unwrap();
            assert_eq!(part.seqs, expected(id, from, size / 3), "{id} from {from}");
        }
    }
}

#[test]
fn no_more_is_told_than_was_asked_for() {
    let (scratch, log) = (Scratch::new(), log_of(100));
    let index = scratch.start(&log);
    assert!(index.wait_for(100, PATIENCE));
    let found = index.seqs("agt_x", 7..100, 3).unwrap();
    assert_eq!(found.seqs, expected("agt_x", 7, 100)[..3]);
}

fn log_of(size: u64) -> SegmentLog {
    let mut log = new_log(&MemoryDisk::new());
    grow(&mut log, size);
    log
}

fn grow(log: &mut SegmentLog, by: u64) {
    for _ in 0..by {
        append(log, 1).unwrap();
    }
}

struct Scratch {
    _directory: tempfile::TempDir,
    path: PathBuf,
}

impl Scratch {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("index");
        Self {
            _directory: directory,
            path,
        }
    }

    fn start(&self, log: &SegmentLog) -> Index {
        let place = SledPlace::new(&self.path).with_runs_of(RUN);
        Index::start(Box::new(place), log.reader(), terms()).unwrap()
    }

    fn set_aside(&self) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(self.path.parent().unwrap())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.starts_with("index.broken-"))
            .collect();
        names.sort();
        names
    }
}

#[test]
fn an_index_follows_the_log_and_goes_on_after_a_restart() {
    let (scratch, mut log) = (Scratch::new(), log_of(60));
    let index = scratch.start(&log);
    check(&index, 60);
    grow(&mut log, 60);
    index.advance();
    check(&index, 120);
    drop(index);
    grow(&mut log, 5);
    let index = scratch.start(&log);
    check(&index, 125);
    assert_eq!((index.rebuilds(), scratch.set_aside()), (0, vec![]));
}

/// Entry 5 says how all later ones are called.
#[test]
fn what_teaches_how_to_understand_later_entries_is_passed_again_after_a_restart() {
    let (scratch, mut log) = (Scratch::new(), log_of(30));
    let taught = || {
        let mut name = None;
        let of = move |stored: &Stored| {
            if stored.seq == 5 {
                name = Some("agt_named".to_owned());
                return vec!["teacher".to_owned()];
            }
            name.iter().cloned().collect()
        };
        Terms {
            of: Box::new(of),
            taught_by: "teacher",
        }
    };
    for size in [30, 45] {
        let by = size - log.head().size;
        grow(&mut log, by);
        let place = SledPlace::new(&scratch.path).with_runs_of(RUN);
        let index = Index::start(Box::new(place), log.reader(), taught()).unwrap();
        assert!(index.wait_for(size, PATIENCE));
        let found = index.seqs("agt_named", 0..u64::MAX, usize::MAX).unwrap();
        assert_eq!(found.seqs, (6..size).collect::<Vec<_>>());
    }
}

#[test]
fn a_deleted_index_is_made_again() {
    let (scratch, log) = (Scratch::new(), log_of(40));
    check(&scratch.start(&log), 40);
    fs::remove_dir_all(&scratch.path).unwrap();
    check(&scratch.start(&log), 40);
}

#[test]
fn an_index_of_a_longer_log_is_set_aside() {
    let (scratch, log) = (Scratch::new(), log_of(40));
    check(&scratch.start(&log), 40);
    let shorter = log_of(30);
    let index = scratch.start(&shorter);
    check(&index, 30);
    assert_eq!(index.rebuilds(), 1);
    assert_eq!(scratch.set_aside(), ["index.broken-1"]);
    drop(index);
    check(&scratch.start(&log_of(10)), 10);
    assert_eq!(
        scratch.set_aside(),
        ["index.broken-2"],
        "only the last is kept"
    );
}

#[test]
fn an_index_of_another_history_is_set_aside() {
    let scratch = Scratch::new();
    check(&scratch.start(&log_of(10)), 10);
    let mut other = new_log(&MemoryDisk::new());
    let (epoch, head) = (other.lease().unwrap(), other.head());
    let records = [countersign_ledger::frame::Record {
        entry: b"other 5",
        bodies: &[],
    }; 10];
    other
        .commit(epoch, &head, &records, crate::log::Urgency::Routine)
        .unwrap();
    let index = scratch.start(&other);
    assert!(index.wait_for(10, PATIENCE));
    assert_eq!(
        index.seqs("call_1", 0..u64::MAX, usize::MAX).unwrap().seqs,
        Vec::<u64>::new()
    );
    assert_eq!(
        index
            .seqs("call_5", 0..u64::MAX, usize::MAX)
            .unwrap()
            .seqs
            .len(),
        10
    );
    assert_eq!(index.rebuilds(), 1);
}

#[test]
fn whatever_is_wrong_with_the_files_the_answers_are_the_same() {
    let log = log_of(300);
    let spoil: [fn(&mut Vec<u8>); 4] = [
        |bytes| bytes.clear(),
        |bytes| bytes.truncate(bytes.len() / 2),
        |bytes| bytes.iter_mut().step_by(997).for_each(|byte| *byte ^= 0x10),
        |bytes| bytes.fill(0xa5),
    ];
    for file in ["db", "conf"] {
        for spoil in spoil {
            let scratch = Scratch::new();
            check(&scratch.start(&log), 300);
            let path = scratch.path.join(file);
            let mut bytes = fs::read(&path).unwrap();
            spoil(&mut bytes);
            fs::write(&path, bytes).unwrap();
            check(&scratch.start(&log), 300);
        }
    }
}

#[test]
fn a_half_snapshot_left_by_a_crash_is_removed() {
    let (scratch, log) = (Scratch::new(), log_of(30));
    check(&scratch.start(&log), 30);
    let half = scratch.path.join("snap.0000000000FFFFFF.generating");
    fs::write(&half, [0xee; 40]).unwrap();
    let index = scratch.start(&log);
    check(&index, 30);
    assert_eq!(index.rebuilds(), 0);
    assert!(!half.exists());
}

/// An index in memory that fails when told to.
#[derive(Debug, Default)]
struct Brittle {
    opened: AtomicU32,
    /// How many calls still work, in all.
    calls: AtomicU32,
    panics: bool,
}

type Contents = (Vec<Run>, Watermark);

struct BrittleStore(Arc<Brittle>, Mutex<Contents>);

#[derive(Debug)]
struct BrittlePlace(Arc<Brittle>);

impl Brittle {
    fn call(&self) -> Result<(), IndexFault> {
        let spent = |calls: u32| calls.checked_sub(1);
        if self
            .calls
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, spent)
            .is_ok()
        {
            return Ok(());
        }
        assert!(!self.panics, "the engine gave up");
        Err(IndexFault::Form)
    }
}

impl IndexPlace for BrittlePlace {
    fn open(&self) -> Result<Arc<dyn IndexStore>, IndexFault> {
        self.0.opened.fetch_add(1, Ordering::SeqCst);
        let contents = Mutex::new((Vec::new(), Watermark::default()));
        Ok(Arc::new(BrittleStore(Arc::clone(&self.0), contents)))
    }

    fn set_aside(&self) -> Result<(), IndexFault> {
        // The second index holds.
        self.0.calls.store(
            if self.0.opened.load(Ordering::SeqCst) < 3 {
                1000
            } else {
                0
            },
            Ordering::SeqCst,
        );
        Ok(())
    }
}

impl IndexStore for BrittleStore {
    fn run(&self) -> u32 {
        RUN
    }

    fn watermark(&self) -> Result<Watermark, IndexFault> {
        self.0.call()?;
        Ok(self.1.lock().unwrap().1)
    }

    fn add(&self, run: &Run, last: [u8; 32]) -> Result<(), IndexFault> {
        self.0.call()?;
        let mut contents = self.1.lock().unwrap();
        contents.0.push(run.clone());
        let size = run.end();
        contents.1 = Watermark { size, last };
        Ok(())
    }

    fn seqs(&self, term: &Term, range: &Range<u64>, limit: usize) -> Result<Vec<u64>, IndexFault> {
        self.0.call()?;
        let contents = self.1.lock().unwrap();
        let seqs = contents.0.iter().flat_map(|run| run.seqs(term, range));
        Ok(seqs.take(limit).collect())
    }
}

fn brittle(calls: u32, panics: bool) -> Arc<Brittle> {
    let calls = AtomicU32::new(calls);
    Arc::new(Brittle {
        calls,
        panics,
        ..Brittle::default()
    })
}

fn start_on(brittle: &Arc<Brittle>, log: &SegmentLog) -> Index {
    Index::start(
        Box::new(BrittlePlace(Arc::clone(brittle))),
        log.reader(),
        terms(),
    )
    .unwrap()
}

#[test]
fn an_engine_that_fails_or_panics_at_any_call_is_replaced() {
    // Enough for several batches.
    let log = log_of(600);
    for panics in [false, true] {
        for calls in 0..4 {
            let index = start_on(&brittle(calls, panics), &log);
            check(&index, 600);
            assert_eq!(index.rebuilds(), 1);
        }
    }
}

#[test]
fn a_fault_met_by_a_question_rebuilds_the_index() {
    let log = log_of(10);
    // One call for the watermark, one for the only whole run.
    let index = start_on(&brittle(2, false), &log);
    assert!(index.wait_for(10, PATIENCE));
    assert!(matches!(
        index.seqs("agt_x", 0..u64::MAX, usize::MAX),
        Err(IndexError::Rebuilding(_))
    ));
    while index.rebuilds() == 0 {
        std::thread::yield_now();
    }
    check(&index, 10);
}

#[test]
fn an_engine_that_never_works_is_given_up_and_says_so() {
    let log = log_of(10);
    let broken = brittle(0, false);
    broken.opened.store(10, Ordering::SeqCst);
    let index = start_on(&broken, &log);
    let error = loop {
        match index.seqs("agt_x", 0..u64::MAX, usize::MAX) {
            Ok(found) => assert_eq!((found.seqs, found.complete_to), (vec![], 0)),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, IndexError::GivenUp(_)));
    assert!(!index.wait_for(1, Duration::ZERO));
}

#[test]
fn an_entry_is_about_its_party_and_its_references() {
    use countersign_record::cbor::{Item, Map, encode};
    let text = |text: &str| Item::Text(text.to_owned());
    let mut refs = Map::new();
    refs.add("call", text("call_a"));
    refs.add("agent", text("agt_b"));
    refs.add("served", Item::Uint(7));
    let mut entry = Map::new();
    entry.add("by", text("agt_b"));
    entry.add("ref", Item::Map(refs));
    entry.add("kind", text("a.later.kind"));
    assert_eq!(entry_ids(&encode(&Item::Map(entry))), ["agt_b", "call_a"]);
    assert_eq!(entry_ids(b"no entry"), Vec::<String>::new());
}
