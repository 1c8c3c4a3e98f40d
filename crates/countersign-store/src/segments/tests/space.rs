use super::recovery::segment;
use super::*;
use crate::testing::Survivors;

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
