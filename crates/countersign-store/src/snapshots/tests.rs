use super::*;
use crate::testing::{Fault, MemoryDisk, Survivors};

fn head(size: u64) -> LogHead {
    let frame = FrameHash([size.to_be_bytes()[7]; 32]);
    LogHead { size, frame }
}

fn of(disk: &MemoryDisk) -> Snapshots {
    Snapshots::new(Arc::new(disk.clone()))
}

#[test]
fn the_two_newest_are_kept_and_read_back() {
    let disk = MemoryDisk::new();
    let snapshots = of(&disk);
    assert_eq!(snapshots.list(), []);
    for size in [100, 200, 300] {
        snapshots.keep(&head(size), &[7; 90]).unwrap();
    }
    assert_eq!(snapshots.list(), [head(300), head(200)]);
    assert_eq!(snapshots.read(&head(200)), Some(vec![7; 90]));
    assert_eq!(snapshots.read(&head(100)), None);
    let other = LogHead {
        frame: FrameHash([0; 32]),
        ..head(300)
    };
    assert_eq!(snapshots.read(&other), None);
    snapshots.forget().unwrap();
    assert_eq!(snapshots.list(), []);
}

#[test]
fn what_is_no_snapshot_is_passed_over() {
    let disk = MemoryDisk::new();
    let snapshots = of(&disk);
    snapshots.keep(&head(5), b"sealed").unwrap();
    for (name, bytes) in [
        ("snapshot-00000000000000000006", b"".as_slice()),
        ("snapshot-00000000000000000007", &[0; 80]),
        ("snapshot-00000000000000000008", b"CSSNAP1\nshort"),
        ("snapshot-00000000000000000009.new", &[0; 80]),
        ("snapshot-", &[0; 80]),
        ("tree", &[0; 64]),
    ] {
        disk.put(&format!("index/{name}"), bytes);
    }
    assert_eq!(snapshots.list(), [head(5)]);
}

#[test]
fn a_crash_at_any_operation_leaves_the_older_one_and_nothing_half() {
    for n in 1.. {
        let disk = MemoryDisk::new();
        of(&disk).keep(&head(100), &[1; 2000]).unwrap();
        disk.fail_at(n, Fault::PowerCut);
        let done = of(&disk).keep(&head(200), &[2; 2000]).is_ok();
        for survivors in [Survivors::Synced, Survivors::All, Survivors::Some(n)] {
            let found = of(&disk.after_power_cut(survivors));
            let heads = found.list();
            assert!(heads.contains(&head(100)), "{n} {survivors:?}");
            assert!(!done || heads.contains(&head(200)), "{n} {survivors:?}");
            for (size, byte) in [(100, 1), (200, 2)] {
                let whole = found.read(&head(size)).is_none_or(|it| it == [byte; 2000]);
                assert!(whole, "{n} {survivors:?}");
            }
        }
        if done {
            assert!(n > 4, "{n}");
            return;
        }
    }
}
