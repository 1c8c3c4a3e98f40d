use std::sync::Arc;

use super::*;
use crate::head::HeadLockFile;
use crate::log::{Log as _, LogHead};
use crate::segments::tests::{append, new_log};
use crate::snapshots::Snapshots;
use crate::testing::MemoryDisk;
use crate::tree::StoredTree;

const SEGMENT: &str = "log/00000000000000000000.seg";
/// A note's text; nobody checks the signature here.
const NOTE: &str = "log.example/acme\n3\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n— x y\n";

fn three() -> MemoryDisk {
    let disk = MemoryDisk::new();
    let mut log = new_log(&disk);
    for _ in 0..3 {
        append(&mut log, 1).unwrap();
    }
    disk.copy()
}

fn flip(disk: &MemoryDisk, place: usize) {
    let mut bytes = disk.bytes(SEGMENT).unwrap();
    bytes[place] ^= 1;
    disk.put(SEGMENT, &bytes);
}

#[test]
fn a_whole_log_has_no_findings() {
    let report = fsck_log(&three()).unwrap();
    assert_eq!(report.findings, []);
    assert_eq!((report.segments, report.frames, report.entries), (1, 3, 3));
    assert_eq!(report.bodies_intact, 3);
    assert_eq!(report.origin, "log.example/acme");
}

#[test]
fn a_running_server_a_lost_body_and_damage_are_listed() {
    let disk = MemoryDisk::new();
    let mut log = new_log(&disk);
    append(&mut log, 1).unwrap();
    append(&mut log, 1).unwrap();
    assert_eq!(fsck_log(&disk).unwrap().findings, [Finding::InUse]);
    drop(log);
    let body = disk
        .bytes(SEGMENT)
        .unwrap()
        .windows(6)
        .position(|bytes| bytes == b"body 0");
    flip(&disk, body.unwrap());
    assert_eq!(
        fsck_log(&disk).unwrap().findings,
        [Finding::Body { seq: 0, body: 0 }]
    );
    flip(&disk, 70);
    let report = fsck_log(&disk).unwrap();
    let [Finding::Damage(damage)] = report.findings.as_slice() else {
        panic!("{report:?}");
    };
    assert_eq!((damage.first_bad, damage.offset), (0, 0));
    assert!(report.findings[0].is_damage());
}

#[test]
fn a_torn_tail_is_listed_and_left_alone() {
    let disk = three();
    let mut bytes = disk.bytes(SEGMENT).unwrap();
    let last = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    bytes[last - 40..].fill(0);
    disk.put(SEGMENT, &bytes);
    let report = fsck_log(&disk).unwrap();
    assert!(matches!(
        report.findings.as_slice(),
        [Finding::TornTail { first_seq: 2, .. }]
    ));
    assert!(!report.findings[0].is_damage());
    assert_eq!(disk.bytes(SEGMENT).unwrap(), bytes);
}

#[test]
fn the_head_lock_is_compared() {
    let disk = MemoryDisk::new();
    let lock = HeadLockFile::new(Arc::new(disk.clone()), "head.lock");
    let mut report = FsckReport {
        entries: 2,
        ..FsckReport::default()
    };
    report.head_lock(&lock);
    disk.put("head.lock", b"no note");
    report.head_lock(&lock);
    disk.put("head.lock", NOTE.as_bytes());
    report.head_lock(&lock);
    let shorter = Finding::ShorterThanSigned {
        entries: 2,
        signed: 3,
    };
    assert!(
        matches!(&report.findings[..], [Finding::HeadLock(_), Finding::HeadLock(_), last] if *last == shorter)
    );
    assert_eq!(report.signed_size, Some(3));
}

#[test]
fn what_is_missing_beside_the_log_is_listed() {
    let scratch = tempfile::tempdir().unwrap();
    let data = crate::layout::DataDir::new(scratch.path());
    let directory = data
        .init(&"acme".parse().unwrap(), None, |log| {
            crate::segments::SegmentLog::create(log.disk(), &crate::segments::tests::format())
                .map(drop)
        })
        .unwrap();
    let report = fsck(&directory).unwrap();
    assert!(matches!(
        &report.findings[..],
        [Finding::HeadLock(_), Finding::Keyring(_)]
    ));
    assert_eq!(report.indexed, None);
    std::fs::create_dir(directory.path().join("index")).unwrap();
    std::fs::write(directory.path().join("index/terms"), "not sled").unwrap();
    assert!(matches!(
        fsck(&directory).unwrap().findings.last(),
        Some(Finding::Index(_))
    ));
}

#[test]
fn a_tree_file_and_snapshots_that_are_not_of_the_log_are_listed() {
    let disk = three();
    let log = crate::segments::tests::reopen(&disk, 0).unwrap();
    let head = log.reader().head();
    let mut tree = StoredTree::empty(Arc::new(disk.clone()));
    tree.follow(&*log.reader(), 3).unwrap();
    tree.save(3).unwrap();
    drop(log);
    let snapshots = Snapshots::new(Arc::new(disk.clone()));
    snapshots.keep(&head, b"sealed").unwrap();
    assert_eq!(fsck_log(&disk).unwrap().findings, []);
    let bytes = disk.bytes("index/tree").unwrap();
    for (place, seq) in [(0, 0), (40, 1), (70, 1), (100, 2)] {
        let mut altered = bytes.clone();
        altered[place] ^= 1;
        disk.put("index/tree", &altered);
        assert_eq!(fsck_log(&disk).unwrap().findings, [Finding::Tree { seq }]);
    }
    disk.put("index/tree", &bytes[..33]);
    let other = LogHead { size: 2, ..head };
    snapshots.keep(&other, b"sealed").unwrap();
    let report = fsck_log(&disk).unwrap();
    assert_eq!(report.findings, [Finding::Snapshot { size: 2 }]);
    assert!(!report.findings[0].is_damage());
}
