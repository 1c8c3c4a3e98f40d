use std::thread;

use super::*;
use countersign_ledger::note::Signer;
use ed25519_dalek::SigningKey;

use crate::disk::FileDisk;
use crate::testing::{Fault, MemoryDisk, Survivors};

fn lock_on(disk: &MemoryDisk) -> HeadLockFile {
    HeadLockFile::new(Arc::new(disk.clone()), "head.lock")
}

#[test]
fn a_missing_lock_is_told_apart_from_a_broken_one() {
    let disk = MemoryDisk::new();
    assert!(matches!(
        lock_on(&disk).read(),
        Err(HeadLockError::Missing { .. })
    ));
    disk.put("head.lock", &[0xff]);
    assert!(matches!(
        lock_on(&disk).read(),
        Err(HeadLockError::NotText { .. })
    ));
}

#[test]
fn a_swap_needs_the_note_that_is_there() {
    let lock = lock_on(&MemoryDisk::new());
    lock.swap(None, "one").unwrap();
    assert!(matches!(
        lock.swap(None, "two"),
        Err(HeadLockError::Moved { .. })
    ));
    assert!(matches!(
        lock.swap(Some("zero"), "two"),
        Err(HeadLockError::Moved { .. })
    ));
    lock.swap(Some("one"), "two").unwrap();
    assert_eq!(lock.read().unwrap(), "two");
}

#[test]
fn a_swap_that_failed_may_be_tried_again() {
    let first = MemoryDisk::new();
    lock_on(&first).swap(None, "one").unwrap();
    for n in 1.. {
        let disk = first.copy();
        disk.fail_at(n, Fault::Error);
        if lock_on(&disk).swap(Some("one"), "two").is_ok() {
            assert!(
                n > 5,
                "a directory's sync that failed leaves the new note there"
            );
            break;
        }
        lock_on(&disk).swap(Some("one"), "two").unwrap();
        let found = disk.after_power_cut(Survivors::Synced);
        assert_eq!(lock_on(&found).read().unwrap(), "two");
    }
}

#[test]
fn a_vanished_lock_is_not_made_again() {
    let lock = lock_on(&MemoryDisk::new());
    assert!(matches!(
        lock.swap(Some("one"), "two"),
        Err(HeadLockError::Missing { .. })
    ));
}

#[test]
fn a_swap_that_failed_left_the_old_or_the_new_note_whole() {
    let first = MemoryDisk::new();
    lock_on(&first).swap(None, "one").unwrap();
    for fault in [Fault::Error, Fault::Torn, Fault::PowerCut] {
        for n in 1.. {
            let disk = first.copy();
            disk.fail_at(n, fault);
            let swapped = lock_on(&disk).swap(Some("one"), "two");
            for survivors in [Survivors::Synced, Survivors::All, Survivors::Some(n)] {
                let note = lock_on(&disk.after_power_cut(survivors)).read().unwrap();
                assert!(
                    note == "two" || swapped.is_err() && note == "one",
                    "{fault:?} {n}"
                );
            }
            if swapped.is_ok() {
                assert!(
                    n > 4,
                    "create, write, sync, rename and the directory's sync can fail"
                );
                break;
            }
        }
    }
}

#[test]
fn a_temporary_file_left_by_a_crash_is_replaced() {
    let disk = MemoryDisk::new();
    disk.put("head.lock.new", b"half");
    lock_on(&disk).swap(None, "one").unwrap();
    assert_eq!(lock_on(&disk).read().unwrap(), "one");
}

#[test]
fn a_directory_that_cannot_be_synced_is_no_fault_of_the_note() {
    let disk = MemoryDisk::new();
    let lock = lock_on(&disk);
    lock.swap(None, "note").unwrap();
    disk.fail_at(1, Fault::Error);
    let error = lock.settle().unwrap_err();
    assert!(matches!(error, HeadLockError::Unsettled { .. }));
    assert!(error.to_string().contains("could not be synced"));
    assert_eq!(lock.read().unwrap(), "note");
}

#[test]
fn of_many_writers_one_wins() {
    let directory = tempfile::tempdir().unwrap();
    let disks: [Arc<dyn Disk>; 2] = [
        Arc::new(FileDisk::new(directory.path())),
        Arc::new(MemoryDisk::new()),
    ];
    for disk in disks {
        let lock = HeadLockFile::new(disk, "head.lock");
        lock.swap(None, "0").unwrap();
        for round in 0..20 {
            let expected = lock.read().unwrap();
            let winners: usize = thread::scope(|scope| {
                let writers: Vec<_> = (0..4)
                    .map(|writer| {
                        let (lock, expected) = (lock.clone(), expected.clone());
                        scope.spawn(move || {
                            lock.swap(Some(&expected), &format!("{round}.{writer}"))
                                .is_ok()
                        })
                    })
                    .collect();
                writers
                    .into_iter()
                    .map(|writer| usize::from(writer.join().unwrap()))
                    .sum()
            });
            assert_eq!(winners, 1);
        }
    }
}

const ORIGIN: &str = "log.example/acme";

fn note_of(size: u64, key: u8) -> (String, VerifierKey) {
    let signer = Signer::new(ORIGIN, SigningKey::from_bytes(&[key; 32])).unwrap();
    let checkpoint = Checkpoint {
        origin: ORIGIN.to_owned(),
        size,
        root: root(size),
    };
    let note = checkpoint.sign(&signer).unwrap().note().to_owned();
    (note, signer.verifier_key())
}

/// The root that the log of these tests has at each size.
fn root(size: u64) -> RootHash {
    RootHash([u8::try_from(size).unwrap(); 32])
}

#[test]
fn a_log_as_long_as_its_lock_with_the_same_root_is_served() {
    let (note, key) = note_of(5, 1);
    for log_size in [5, 6] {
        let checked = check_head(log_size, |size| Some(root(size)), &note, &key).unwrap();
        assert_eq!(checked.size, 5);
    }
    assert_eq!(claimed_size(&note), Some(5));
}

#[test]
fn a_shorter_log_is_refused() {
    let (note, key) = note_of(5, 1);
    let refused = check_head(4, |size| Some(root(size)), &note, &key);
    assert_eq!(
        refused,
        Err(HeadRefusal::Shorter {
            found: 4,
            signed: 5
        })
    );
}

#[test]
fn a_log_with_another_root_is_refused() {
    let (note, key) = note_of(5, 1);
    let refused = check_head(6, |_| Some(root(6)), &note, &key);
    let (found, expected) = (root(6), root(5));
    assert_eq!(
        refused,
        Err(HeadRefusal::OtherRoot {
            signed: 5,
            found,
            expected
        })
    );
}

#[test]
fn a_lock_signed_by_somebody_else_is_refused() {
    let (note, _) = note_of(5, 1);
    let (_, key) = note_of(5, 2);
    let refused = check_head(6, |size| Some(root(size)), &note, &key);
    assert!(matches!(refused, Err(HeadRefusal::NotOurs(_))));
    let refused = check_head(6, |size| Some(root(size)), "no note", &key);
    assert!(matches!(refused, Err(HeadRefusal::NotOurs(_))));
}

proptest::proptest! {
    #[test]
    fn a_lock_with_any_change_is_refused_or_signs_the_same_head(
        changed in countersign_hostile::mutated_text(&note_of(5, 1).0),
    ) {
        let (_, key) = note_of(5, 1);
        if let Ok(checked) = check_head(6, |size| Some(root(size)), &changed, &key) {
            proptest::prop_assert_eq!((checked.size, checked.root), (5, root(5)));
        }
    }
}
