mod damage;
mod recovery;
mod space;

use countersign_ledger::frame::FrameHash;

use super::*;
use crate::log::{Stored, StoredFrame};
use crate::testing::{Fault, MemoryDisk};

pub(crate) const ORIGIN: &str = "log.example/acme";
const SEGMENT: u64 = 8192;
const RESERVE: u64 = 16 * 4096;

pub(crate) fn format() -> LogFormat {
    LogFormat {
        segment_bytes: SEGMENT,
        reserve_bytes: RESERVE,
        ..LogFormat::new(ORIGIN)
    }
}

/// An empty log on an empty disk.
pub(crate) fn new_log(disk: &MemoryDisk) -> SegmentLog {
    disk.create_directory(LOG_DIRECTORY).unwrap();
    SegmentLog::create(Arc::new(disk.clone()), &format()).unwrap()
}

pub(crate) fn reopen(disk: &MemoryDisk, signed_size: u64) -> Result<SegmentLog, OpenError> {
    SegmentLog::open(Arc::new(disk.clone()), signed_size)
}

/// The entry and the body that tests put at `seq`.
pub(crate) fn entry(seq: u64) -> Vec<u8> {
    format!("entry {seq} {}", "e".repeat(200)).into_bytes()
}

pub(crate) fn body(seq: u64) -> Vec<u8> {
    format!("body {seq} {}", "b".repeat(900)).into_bytes()
}

/// Appends `count` entries as one frame, each with one body.
fn append_as(log: &mut SegmentLog, count: u64, urgency: Urgency) -> Result<LogHead, CommitError> {
    let head = log.head();
    let seqs = head.size..head.size + count;
    let stored: Vec<_> = seqs.map(|seq| (entry(seq), body(seq))).collect();
    let bodies: Vec<_> = stored.iter().map(|(_, body)| [body.as_slice()]).collect();
    let records: Vec<_> = stored
        .iter()
        .zip(&bodies)
        .map(|((entry, _), bodies)| Record { entry, bodies })
        .collect();
    let epoch = log.lease()?;
    log.commit(epoch, &head, &records, urgency)
}

pub(crate) fn append(log: &mut SegmentLog, count: u64) -> Result<LogHead, CommitError> {
    append_as(log, count, Urgency::Routine)
}

/// Every entry of the log is the one that was put there.
pub(crate) fn check_whole(log: &SegmentLog, size: u64) {
    let reader = log.reader();
    assert_eq!(reader.head().size, size);
    let frames: Result<Vec<StoredFrame>, _> = reader.frames(0).collect();
    let records: Vec<Stored> = frames
        .unwrap()
        .into_iter()
        .flat_map(|frame| frame.records)
        .collect();
    let expected: Vec<Stored> = (0..size)
        .map(|seq| Stored {
            seq,
            entry: entry(seq),
            bodies: vec![Some(body(seq))],
        })
        .collect();
    assert_eq!(records, expected);
    for stored in expected {
        assert_eq!(reader.read(stored.seq).unwrap(), Some(stored));
    }
    assert_eq!(reader.read(size).unwrap(), None);
}

#[test]
fn what_was_committed_reads_back_now_and_after_reopening() {
    let disk = MemoryDisk::new();
    let mut log = new_log(&disk);
    for count in [1, 3, 2, 1] {
        append(&mut log, count).unwrap();
    }
    check_whole(&log, 7);
    drop(log);
    let log = reopen(&disk, 7).unwrap();
    check_whole(&log, 7);
    assert_eq!(log.recovered(), []);
    assert_eq!(log.format(), &format());
}

#[test]
fn reading_begins_at_the_frame_that_holds_the_entry() {
    let mut log = new_log(&MemoryDisk::new());
    for _ in 0..10 {
        append(&mut log, 3).unwrap();
    }
    let reader = log.reader();
    for from in 0..30 {
        let frame = reader.frames(from).next().unwrap().unwrap();
        assert_eq!(frame.records[0].seq, from / 3 * 3);
    }
    assert!(reader.frames(30).next().is_none());
}

#[test]
fn a_commit_is_exactly_one_write_and_one_sync() {
    let disk = MemoryDisk::new();
    let mut log = new_log(&disk);
    let before = disk.counts();
    append(&mut log, 3).unwrap();
    let after = disk.counts();
    assert_eq!(after.writes - before.writes, 1);
    assert_eq!(after.syncs - before.syncs, 1);
    assert_eq!(after.changes - before.changes, 2);
}

#[test]
fn a_reader_sees_what_was_committed_after_it_was_made() {
    let mut log = new_log(&MemoryDisk::new());
    let reader = log.reader();
    assert_eq!(reader.read(0).unwrap(), None);
    append(&mut log, 1).unwrap();
    assert_eq!(reader.read(0).unwrap().unwrap().entry, entry(0));
}

#[test]
fn a_later_lease_fences_the_earlier_writer() {
    let mut log = new_log(&MemoryDisk::new());
    let first = log.lease().unwrap();
    let second = log.lease().unwrap();
    let head = log.head();
    let records = [Record {
        entry: b"e",
        bodies: &[],
    }];
    let fenced = log.commit(first, &head, &records, Urgency::Routine);
    assert!(
        matches!(fenced, Err(CommitError::Fenced { held, current }) if held == first && current == second)
    );
    log.commit(second, &head, &records, Urgency::Routine)
        .unwrap();
    let moved = log.commit(second, &head, &records, Urgency::Routine);
    assert!(matches!(moved, Err(CommitError::HeadMoved { expected: 0, found }) if found.size == 1));
}

#[test]
fn nobody_writes_without_a_lease() {
    let disk = MemoryDisk::new();
    drop(new_log(&disk));
    let mut log = reopen(&disk, 0).unwrap();
    log.lease().unwrap();
    let head = log.head();
    let records = [Record {
        entry: b"e",
        bodies: &[],
    }];
    assert!(matches!(
        log.commit(Epoch(0), &head, &records, Urgency::Final),
        Err(CommitError::Fenced { .. })
    ));
}

#[test]
fn records_that_are_no_frame_are_refused_and_the_log_goes_on() {
    let mut log = new_log(&MemoryDisk::new());
    let (epoch, head) = (log.lease().unwrap(), log.head());
    let refused = log.commit(epoch, &head, &[], Urgency::Routine);
    assert!(matches!(refused, Err(CommitError::Refused(_))));
    append(&mut log, 1).unwrap();
}

#[test]
fn a_second_server_is_refused_and_told_who_is_first() {
    let disk = MemoryDisk::new();
    let log = new_log(&disk);
    let Err(OpenError::InUse { holder }) = reopen(&disk, 0) else {
        panic!("two writers");
    };
    assert_eq!(holder, Some(format!("pid {}", std::process::id())));
    drop(log);
    reopen(&disk, 0).unwrap();
}

#[test]
fn a_second_server_is_refused_on_a_real_disk() {
    let directory = tempfile::tempdir().unwrap();
    let disk: Arc<dyn Disk> = Arc::new(crate::disk::FileDisk::new(directory.path()));
    disk.create_directory(LOG_DIRECTORY).unwrap();
    let mut log = SegmentLog::create(Arc::clone(&disk), &format()).unwrap();
    for _ in 0..20 {
        append(&mut log, 1).unwrap();
    }
    assert!(matches!(
        SegmentLog::open(Arc::clone(&disk), 0),
        Err(OpenError::InUse { .. })
    ));
    drop(log);
    check_whole(&SegmentLog::open(disk, 20).unwrap(), 20);
}

#[test]
fn a_log_is_made_once() {
    let disk = MemoryDisk::new();
    assert!(matches!(reopen(&disk, 0), Err(OpenError::Absent)));
    drop(new_log(&disk));
    let again = SegmentLog::create(Arc::new(disk), &format());
    assert!(matches!(again, Err(OpenError::Exists)));
}

#[test]
fn a_format_reads_back_and_nothing_else_does() {
    let text = format().write();
    assert_eq!(LogFormat::read(text.as_bytes()), Ok(format()));
    for (good, bad) in [
        ("log 1", "log 2"),
        ("8192", "08192"),
        ("8192", "8193"),
        ("8192", "0"),
        ("acme", "a b"),
        ("acme\n", "acme"),
        ("reserve-bytes 65536\n", ""),
        ("reserve-bytes 65536\n", "reserve-bytes 65536\n\n"),
    ] {
        let changed = text.replacen(good, bad, 1);
        assert!(LogFormat::read(changed.as_bytes()).is_err(), "{changed}");
    }
}

#[test]
fn after_an_error_the_log_is_read_only_and_the_acknowledged_prefix_survives() {
    for fault in [Fault::Error, Fault::Torn, Fault::PowerCut] {
        for n in 1..40 {
            let disk = MemoryDisk::new();
            let mut log = new_log(&disk);
            disk.fail_at(n, fault);
            let mut acknowledged = 0;
            let error = loop {
                match append(&mut log, 2) {
                    Ok(head) => acknowledged = head.size,
                    Err(error) => break error,
                }
            };
            assert!(matches!(
                error,
                CommitError::Unknown { .. } | CommitError::Fatal { .. }
            ));
            assert!(log.read_only().is_some());
            assert!(matches!(
                append(&mut log, 2),
                Err(CommitError::Fatal { .. })
            ));
            check_whole(&log, acknowledged);
            recovery::check_recovers(&disk, acknowledged, 2);
        }
    }
}

#[test]
fn the_format_file_in_the_specification_is_the_one_that_is_written() {
    let written = LogFormat::new(ORIGIN).write();
    let hex = countersign_record::digest::hex(written.as_bytes());
    let specification = include_str!("../../../../docs/spec/disk.md");
    assert!(specification.contains(&format!("```\n{written}```")));
    assert!(specification.replace('\n', "").contains(&hex));
}

/// The log's end after each frame, from a log over several segments.
fn heads(disk: &MemoryDisk) -> Vec<LogHead> {
    let mut log = new_log(disk);
    let heads = (0..20).map(|round| append(&mut log, 1 + round % 3).unwrap());
    heads.collect()
}

fn reopen_after(disk: &MemoryDisk, heads: &[LogHead]) -> Result<SegmentLog, OpenError> {
    SegmentLog::open_after(Arc::new(disk.clone()), 0, heads)
}

#[test]
fn a_log_opened_after_a_remembered_place_is_the_same_log() {
    let disk = MemoryDisk::new();
    let heads = heads(&disk);
    let last = *heads.last().unwrap();
    for head in heads {
        let mut log = reopen_after(&disk.copy(), &[head]).unwrap();
        assert_eq!(log.head(), last);
        check_whole(&log, last.size);
        append(&mut log, 4).unwrap();
        check_whole(&log, last.size + 4);
    }
}

#[test]
fn a_place_that_the_log_does_not_have_is_passed_over() {
    let disk = MemoryDisk::new();
    let heads = heads(&disk);
    let last = *heads.last().unwrap();
    let other = |head: &LogHead| LogHead {
        frame: FrameHash([9; 32]),
        ..*head
    };
    let inside = LogHead {
        size: heads[4].size - 1,
        ..heads[4]
    };
    let beyond = LogHead {
        size: last.size + 5,
        ..last
    };
    let nothing = LogHead { size: 0, ..last };
    for wrong in [other(&heads[4]), inside, beyond, nothing] {
        let log = reopen_after(&disk.copy(), &[wrong]).unwrap();
        check_whole(&log, last.size);
        let log = reopen_after(&disk.copy(), &[wrong, heads[7]]).unwrap();
        check_whole(&log, last.size);
    }
}

#[test]
fn damage_before_a_remembered_place_is_named_when_it_is_read() {
    let disk = MemoryDisk::new();
    let heads = heads(&disk);
    let path = map::segment_name(0);
    let mut bytes = disk.bytes(&path).unwrap();
    bytes[100] ^= 1;
    disk.put(&path, &bytes);
    assert!(reopen(&disk.copy(), 0).is_err());
    let log = reopen_after(&disk, &[heads[15]]).unwrap();
    let reader = log.reader();
    assert!(reader.frames(0).next().unwrap().is_err());
    assert!(reader.read(0).is_err());
    assert!(reader.read(heads[14].size).unwrap().is_some());
}

#[test]
fn a_torn_tail_behind_a_remembered_place_is_cut() {
    let disk = MemoryDisk::new();
    let heads = heads(&disk);
    let mut log = reopen(&disk, 0).unwrap();
    disk.fail_at(1, Fault::Torn);
    assert!(append(&mut log, 1).is_err());
    drop(log);
    let log = reopen_after(&disk.copy(), &[heads[18], heads[3]]).unwrap();
    check_whole(&log, heads[19].size);
    assert_eq!(log.recovered().len(), 1);
}
