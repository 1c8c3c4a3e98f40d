use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::disk::FileDisk;

fn keys() -> (tempfile::TempDir, KeyFiles) {
    let directory = tempfile::tempdir().unwrap();
    let disk = FileDisk::new(directory.path());
    disk.create_directory(KEYS_DIRECTORY).unwrap();
    (directory, KeyFiles::new(Arc::new(disk)))
}

#[test]
fn a_seed_reads_back_and_only_its_owner_may_read_it() {
    let (directory, keys) = keys();
    for (number, key) in (1..).zip(ServiceKey::ALL) {
        keys.create(key, &Zeroizing::new([number; 32])).unwrap();
        assert_eq!(*keys.load(key).unwrap(), [number; 32]);
        let file = directory.path().join("keys").join(key.to_string());
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn a_key_is_never_overwritten() {
    let (_directory, keys) = keys();
    keys.create(ServiceKey::Log, &Zeroizing::new([1; 32]))
        .unwrap();
    let again = keys.create(ServiceKey::Log, &Zeroizing::new([2; 32]));
    assert!(matches!(again, Err(KeyFileError::Exists { .. })));
    assert_eq!(*keys.load(ServiceKey::Log).unwrap(), [1; 32]);
}

#[test]
fn a_missing_key_and_a_short_one_are_told_apart() {
    let (directory, keys) = keys();
    assert!(matches!(
        keys.load(ServiceKey::Seal),
        Err(KeyFileError::Missing { .. })
    ));
    std::fs::write(directory.path().join("keys/seal"), [0; 31]).unwrap();
    let short = keys.load(ServiceKey::Seal);
    assert!(matches!(
        short,
        Err(KeyFileError::Length { length: 31, .. })
    ));
}
