use countersign_record::keyring::Keyring;

use super::recovery::segment;
use super::*;
use crate::testing::{Effect, Op, Survivors};

use crate::head::{HeadLock as _, HeadLockError, HeadLockFile};
use crate::keyring::KeyringFile;
use crate::segments::space;
use crate::segments::space::RESERVE_FILE;

fn fill(disk: &MemoryDisk, log: &mut SegmentLog) -> u64 {
    disk.set_capacity(Some(disk.used() + 100));
    loop {
        match append(log, 1) {
            Ok(_) => {}
            Err(CommitError::Full) => return log.head().size,
            Err(other) => panic!("{other}"),
        }
    }
}

#[test]
fn a_frame_that_does_not_fit_begins_a_new_segment() {
    let disk = MemoryDisk::new();
    let mut log = new_log(&disk);
    while disk.bytes(&segment(log.head().size)).is_none() {
        let before = log.head().size;
        append(&mut log, 1).unwrap();
        if disk.bytes(&segment(before)).is_some() && before > 0 {
            break;
        }
    }
    let size = log.head().size;
    check_whole(&log, size);
    drop(log);
    check_whole(&reopen(&disk, size).unwrap(), size);
}

#[test]
fn a_frame_longer_than_a_segment_gets_one_of_its_own_length() {
    let disk = MemoryDisk::new();
    let mut log = new_log(&disk);
    append(&mut log, 1).unwrap();
    append(&mut log, 40).unwrap();
    append(&mut log, 1).unwrap();
    let bytes = disk.bytes(&segment(1)).unwrap().len();
    assert!(bytes > 40 * 1000 && bytes.is_multiple_of(4096));
    check_whole(&log, 42);
    drop(log);
    check_whole(&reopen(&disk, 42).unwrap(), 42);
}

#[test]
fn a_segment_that_has_its_name_is_never_taken_for_no_space() {
    let disk = MemoryDisk::new();
    let mut log = new_log(&disk);
    append(&mut log, 1).unwrap();
    let mut named = false;
    disk.set_hazard(move |op| match op {
        Op::Rename(_, to) => {
            named = to.starts_with("log/0");
            Effect::None
        }
        Op::SyncDirectory(_) if named => Effect::Full,
        _ => Effect::None,
    });
    let refused = loop {
        match append(&mut log, 1) {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert!(!matches!(refused, CommitError::Full), "{refused}");
    assert!(log.read_only().is_some());
    let size = log.head().size;
    assert!(disk.bytes(&segment(size)).is_some(), "it has its name");
    drop(log);
    disk.set_hazard(|_| Effect::None);
    let mut log = reopen(&disk, size).unwrap();
    append(&mut log, 1).unwrap();
    check_whole(&log, size + 1);
}

#[test]
fn a_full_disk_refuses_calls_and_still_records_a_denial() {
    let disk = MemoryDisk::new();
    let mut log = new_log(&disk);
    let size = fill(&disk, &mut log);
    assert_eq!(log.read_only(), None);
    append_as(&mut log, 1, Urgency::Final).unwrap();
    assert!(matches!(append(&mut log, 1), Err(CommitError::Full)));
    let mut recorded = 1;
    while append_as(&mut log, 1, Urgency::Final).is_ok() {
        recorded += 1;
    }
    assert!(recorded > 30, "{recorded}");
    assert!(matches!(
        append_as(&mut log, 1, Urgency::Final),
        Err(CommitError::Full)
    ));
    check_whole(&log, size + recorded);
    assert!(
        disk.free_bytes().unwrap() >= RESERVE / 4,
        "room for head lock and keyring"
    );
    drop(log);
    check_whole(&reopen(&disk, size + recorded).unwrap(), size + recorded);
}

#[test]
fn when_there_is_space_again_the_log_goes_on_and_has_its_reserve_back() {
    let disk = MemoryDisk::new();
    let mut log = new_log(&disk);
    let size = fill(&disk, &mut log);
    append_as(&mut log, 1, Urgency::Final).unwrap();
    assert_eq!(disk.bytes(RESERVE_FILE), None);
    assert!(matches!(append(&mut log, 1), Err(CommitError::Full)));
    disk.set_capacity(None);
    append(&mut log, 1).unwrap();
    assert_eq!(
        disk.bytes(RESERVE_FILE).map(|bytes| as_u64(bytes.len())),
        Some(RESERVE)
    );
    check_whole(&log, size + 2);
}

#[test]
fn a_full_disk_does_not_keep_a_log_from_opening() {
    let disk = MemoryDisk::new();
    let mut log = new_log(&disk);
    let size = fill(&disk, &mut log);
    append_as(&mut log, 1, Urgency::Final).unwrap();
    drop(log);
    let disk = disk.after_power_cut(Survivors::Synced);
    disk.set_capacity(Some(disk.used()));
    let mut log = reopen(&disk, size).unwrap();
    assert!(matches!(append(&mut log, 1), Err(CommitError::Full)));
    append_as(&mut log, 1, Urgency::Final).unwrap();
    check_whole(&log, size + 2);
}

#[test]
fn taking_the_reserve_survives_a_power_cut_at_every_step() {
    let first = MemoryDisk::new();
    let size = fill(&first, &mut new_log(&first));
    for n in 1.. {
        let disk = first.copy();
        let mut log = reopen(&disk, size).unwrap();
        disk.set_capacity(Some(disk.used() + 100));
        disk.fail_at(n, Fault::PowerCut);
        let denied = append_as(&mut log, 1, Urgency::Final);
        recovery::check_recovers(&disk, if denied.is_ok() { size + 1 } else { size }, 1);
        if denied.is_ok() {
            break;
        }
    }
}

/// A log with room in its segment, a head lock and a keyring, on a disk that is full.
fn full_with_room() -> (MemoryDisk, SegmentLog, HeadLockFile) {
    let disk = MemoryDisk::new();
    let mut log = new_log(&disk);
    append(&mut log, 1).unwrap();
    let head_lock = HeadLockFile::new(Arc::new(disk.clone()), "head.lock");
    head_lock.swap(None, "one").unwrap();
    disk.set_capacity(Some(disk.used()));
    (disk, log, head_lock)
}

fn reserve_bytes(disk: &MemoryDisk) -> Option<u64> {
    disk.bytes(RESERVE_FILE).map(|bytes| as_u64(bytes.len()))
}

#[test]
fn on_a_full_disk_the_reserve_makes_room_for_head_lock_and_keyring() {
    let (disk, mut log, head_lock) = full_with_room();
    let keyring_file = KeyringFile::new(Arc::new(disk.clone()), "keyring");
    let mut keyring = Keyring::new();
    keyring.add_block(0, [0; 32]).unwrap();
    append_as(&mut log, 1, Urgency::Final).unwrap();
    let refused = head_lock.swap(Some("one"), "two").unwrap_err();
    assert!(refused.is_full());
    assert!(keyring_file.create(&keyring).unwrap_err().is_full());
    assert!(log.release_reserve().unwrap());
    head_lock.swap(Some("one"), "two").unwrap();
    keyring_file.create(&keyring).unwrap();
    let moved = head_lock.swap(Some("one"), "three").unwrap_err();
    assert!(matches!(moved, HeadLockError::Moved { .. }) && !moved.is_full());
    assert_eq!(head_lock.read().unwrap(), "two");
}

#[test]
fn a_released_reserve_stops_routine_commits_until_it_is_whole_again() {
    let (disk, mut log, _) = full_with_room();
    append(&mut log, 1).unwrap();
    assert!(log.release_reserve().unwrap());
    assert!(matches!(append(&mut log, 1), Err(CommitError::Full)));
    append_as(&mut log, 1, Urgency::Final).unwrap();
    assert_eq!(reserve_bytes(&disk), Some(RESERVE / 4 * 3));
    disk.set_capacity(None);
    append(&mut log, 1).unwrap();
    assert_eq!(reserve_bytes(&disk), Some(RESERVE));
    assert_eq!(log.read_only(), None);
    check_whole(&log, 4);
}

#[test]
fn what_is_left_of_a_released_reserve_is_still_the_next_segment() {
    let (disk, mut log, _) = full_with_room();
    assert!(log.release_reserve().unwrap());
    let mut size = 1;
    while append_as(&mut log, 1, Urgency::Final).is_ok() {
        size += 1;
    }
    assert!(size > 30, "{size}");
    assert_eq!(reserve_bytes(&disk), None);
    assert!(!log.release_reserve().unwrap(), "nothing is left to give");
    drop(log);
    check_whole(&reopen(&disk, size).unwrap(), size);
}

#[test]
fn a_reserve_is_given_back_quarter_by_quarter_until_nothing_is_left() {
    let (disk, mut log, _) = full_with_room();
    for quarters in [3, 2, 1, 0] {
        assert!(log.release_reserve().unwrap());
        assert_eq!(reserve_bytes(&disk), Some(RESERVE / 4 * quarters));
    }
    assert!(!log.release_reserve().unwrap());
    append_as(&mut log, 1, Urgency::Final).unwrap();
    check_whole(&log, 2);
}

#[test]
fn a_released_reserve_is_not_taken_for_a_whole_one_after_a_restart() {
    let (disk, mut log, _) = full_with_room();
    assert!(log.release_reserve().unwrap());
    drop(log);
    let found = disk.after_power_cut(Survivors::Synced);
    found.set_capacity(Some(found.used()));
    let mut log = reopen(&found, 1).unwrap();
    assert!(matches!(append(&mut log, 1), Err(CommitError::Full)));
    append_as(&mut log, 1, Urgency::Final).unwrap();
    drop(log);
    found.set_capacity(None);
    append(&mut reopen(&found, 2).unwrap(), 1).unwrap();
    assert_eq!(reserve_bytes(&found), Some(RESERVE));
}

#[test]
fn a_reserve_that_cannot_be_cut_leaves_the_log_as_it_is() {
    for n in 1..=2 {
        let (disk, mut log, _) = full_with_room();
        disk.fail_at(n, Fault::Error);
        assert!(log.release_reserve().is_err());
        assert_eq!(log.read_only(), None);
        append_as(&mut log, 1, Urgency::Final).unwrap();
        disk.set_capacity(None);
        append(&mut log, 1).unwrap();
        assert_eq!(reserve_bytes(&disk), Some(RESERVE));
        check_whole(&log, 3);
    }
}

#[test]
fn an_unfinished_segment_left_by_a_crash_is_removed() {
    let disk = MemoryDisk::new();
    drop(new_log(&disk));
    disk.put("log/unfinished", &[0; 100]);
    space::remove_unfinished(&disk).unwrap();
    disk.put("log/unfinished", &[0; 100]);
    drop(reopen(&disk, 0).unwrap());
    assert_eq!(disk.bytes("log/unfinished"), None);
}

#[test]
fn a_segment_made_ahead_is_used_and_one_that_was_not_is_removed() {
    let disk = MemoryDisk::new();
    let mut log = new_log(&disk);
    log.prepare_ahead();
    for _ in 0..40 {
        append(&mut log, 1).unwrap();
    }
    check_whole(&log, 40);
    drop(log);
    disk.put("log/next", &[1; 10]);
    let log = reopen(&disk, 40).unwrap();
    check_whole(&log, 40);
    assert_eq!(disk.bytes("log/next"), None);
}

#[test]
fn without_space_for_it_a_segment_made_ahead_is_as_none() {
    let disk = MemoryDisk::new();
    let mut log = new_log(&disk);
    log.prepare_ahead();
    disk.set_capacity(Some(disk.used() + SEGMENT / 2));
    while append(&mut log, 1).is_ok() {}
    assert_eq!(log.read_only(), None);
    assert_eq!(disk.bytes("log/next"), None);
    disk.set_capacity(None);
    let size = append(&mut log, 1).unwrap().size;
    check_whole(&log, size);
}
