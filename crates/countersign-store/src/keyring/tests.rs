use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::disk::FileDisk;
use crate::testing::{Effect, Fault, MemoryDisk, Op, Survivors};

fn file_on(disk: &MemoryDisk) -> KeyringFile {
    KeyringFile::new(Arc::new(disk.clone()), "keyring")
}

fn keyring_of(blocks: u8) -> Keyring {
    let mut keyring = Keyring::new();
    for block in 0..blocks {
        keyring
            .add_block(u64::from(block) * 4096, [block; 32])
            .unwrap();
    }
    keyring
}

#[test]
fn a_keyring_reads_back_and_only_its_owner_may_read_it() {
    let directory = tempfile::tempdir().unwrap();
    let file = KeyringFile::new(Arc::new(FileDisk::new(directory.path())), "keyring");
    file.create(&keyring_of(1)).unwrap();
    file.save(&keyring_of(2)).unwrap();
    assert!(file.load(2).unwrap() == keyring_of(2));
    let mode = directory
        .path()
        .join("keyring")
        .metadata()
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn an_old_copy_is_refused() {
    let file = file_on(&MemoryDisk::new());
    file.create(&keyring_of(1)).unwrap();
    let old = file.load(2);
    assert!(matches!(
        old,
        Err(KeyringFileError::Old {
            found: 1,
            needed: 2,
            ..
        })
    ));
}

#[test]
fn a_keyring_is_never_set_back() {
    let file = file_on(&MemoryDisk::new());
    file.create(&keyring_of(2)).unwrap();
    for generation in [1, 2] {
        let saved = file.save(&keyring_of(generation));
        assert!(matches!(saved, Err(KeyringFileError::Old { .. })));
    }
    assert!(matches!(
        file.create(&keyring_of(3)),
        Err(KeyringFileError::Exists { .. })
    ));
    assert!(file.load(0).unwrap() == keyring_of(2));
}

#[test]
fn a_missing_keyring_and_a_damaged_one_are_told_apart() {
    let disk = MemoryDisk::new();
    assert!(matches!(
        file_on(&disk).load(0),
        Err(KeyringFileError::Missing { .. })
    ));
    assert!(matches!(
        file_on(&disk).save(&keyring_of(1)),
        Err(KeyringFileError::Missing { .. })
    ));
    disk.put("keyring", b"not a keyring");
    assert!(matches!(
        file_on(&disk).load(0),
        Err(KeyringFileError::Form { .. })
    ));
}

#[test]
fn a_save_that_failed_left_one_keyring_whole() {
    let first = MemoryDisk::new();
    file_on(&first).create(&keyring_of(1)).unwrap();
    for n in 1.. {
        let disk = first.copy();
        disk.fail_at(n, Fault::PowerCut);
        let saved = file_on(&disk).save(&keyring_of(2));
        for survivors in [Survivors::Synced, Survivors::All, Survivors::Some(n)] {
            let found = file_on(&disk.after_power_cut(survivors))
                .load(0)
                .unwrap()
                .generation();
            assert!(found == 2 || saved.is_err() && found == 1);
        }
        if saved.is_ok() {
            assert!(
                n > 4,
                "create, write, sync, rename and the directory's sync can fail"
            );
            break;
        }
    }
}

#[test]
fn a_directory_that_cannot_be_synced_is_no_fault_of_the_file() {
    let disk = MemoryDisk::new();
    let file = file_on(&disk);
    file.create(&keyring_of(1)).unwrap();
    disk.fail_at(1, Fault::Error);
    let error = file.settle().unwrap_err();
    assert!(matches!(error, KeyringFileError::Unsettled { .. }));
    assert!(error.to_string().contains("the directory of keyring"));
    assert!(file.load(0).is_ok());
}

#[test]
fn a_changed_bit_is_found_and_the_file_is_named() {
    let disk = MemoryDisk::new();
    file_on(&disk).create(&keyring_of(1)).unwrap();
    let bytes = disk.bytes("keyring").unwrap();
    for at in 0..bytes.len() {
        let mut altered = bytes.clone();
        altered[at] ^= 1 << (at % 8);
        // A later generation may be one that the power was cut after.
        if Keyring::from_bytes(&altered).is_ok_and(|it| it.generation() != 1) {
            continue;
        }
        disk.put("keyring", &altered);
        let error = file_on(&disk).load(0).map(|_| ()).unwrap_err();
        assert!(error.to_string().starts_with("keyring is "), "{error}");
    }
}

#[test]
fn a_sum_that_is_lost_damaged_or_of_another_generation_says_nothing() {
    let disk = MemoryDisk::new();
    let file = file_on(&disk);
    file.create(&keyring_of(1)).unwrap();
    let sum = disk.bytes("keyring.sum").unwrap();
    file.save(&keyring_of(2)).unwrap();
    disk.put("keyring.sum", &sum);
    assert!(file.load(0).is_ok());
    file.keep_sum(&keyring_of(2));
    let sum = disk.bytes("keyring.sum").unwrap();
    for at in 0..sum.len() {
        let mut altered = sum.clone();
        altered[at] ^= 1;
        disk.put("keyring.sum", &altered);
        assert!(file.load(0).is_ok(), "byte {at}");
    }
    disk.lose("keyring.sum");
    assert!(file.load(0).is_ok());
}

#[test]
fn one_wrong_reading_is_found_without_a_sum() {
    let disk = MemoryDisk::new();
    let file = file_on(&disk);
    file.create(&keyring_of(1)).unwrap();
    disk.lose("keyring.sum");
    for reading in 0..2 {
        let mut readings = 0;
        disk.set_hazard(move |op| match op {
            Op::Read("keyring", _) => {
                readings += 1;
                if readings == reading + 1 {
                    Effect::Flip(300)
                } else {
                    Effect::None
                }
            }
            _ => Effect::None,
        });
        let error = file.load(0).err().expect("two readings that differ");
        assert_eq!(error.to_string(), "cannot read or write keyring");
    }
    disk.set_hazard(|_| Effect::None);
    assert!(file.load(0).unwrap() == keyring_of(1));
}

#[test]
fn the_sum_of_a_keyring_that_came_to_nothing_refuses_no_other() {
    let disk = MemoryDisk::new();
    let file = file_on(&disk);
    file.create(&keyring_of(1)).unwrap();
    let before = disk.bytes("keyring").unwrap();
    file.save(&keyring_of(2)).unwrap();
    disk.put("keyring", &before);
    disk.set_hazard(|op| match op {
        Op::Write("keyring.sum.new", _) => Effect::Error,
        _ => Effect::None,
    });
    let mut other = keyring_of(1);
    other.add_block(4096, [9; 32]).unwrap();
    file.save(&other).unwrap();
    assert!(file.load(0).unwrap() == other);
}
