use std::fs;

use super::*;
use crate::head::{HeadLock as _, HeadLockError};

fn init(data: &DataDir, name: &str) -> Result<LogDir, InitError<io::Error>> {
    data.init(&name.parse().unwrap(), None, |log| {
        fs::write(log.path().join("log/format"), "x")
    })
}

fn names(data: &DataDir) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(&data.path)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn scratch() -> (tempfile::TempDir, DataDir) {
    let directory = tempfile::tempdir().unwrap();
    let data = DataDir::new(directory.path().join("data"));
    (directory, data)
}

#[test]
fn the_only_log_needs_no_name() {
    let (_directory, data) = scratch();
    init(&data, "acme").unwrap();
    assert_eq!(data.log(None).unwrap().path(), data.path.join("acme"));
    init(&data, "other").unwrap();
    let several = data.log(None);
    assert!(
        matches!(several, Err(LayoutError::Several { names, .. }) if names == ["acme", "other"])
    );
    assert!(data.log(Some("other")).is_ok());
    assert!(matches!(
        data.log(Some("third")),
        Err(LayoutError::NoSuchLog { .. })
    ));
}

#[test]
fn what_is_no_data_directory_is_told_so() {
    let (directory, data) = scratch();
    assert!(matches!(data.log(None), Err(LayoutError::Absent(_))));
    let empty = DataDir::new(directory.path());
    assert!(matches!(empty.log(None), Err(LayoutError::NotData(_))));
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(matches!(
        DataDir::new(file).log(None),
        Err(LayoutError::NotData(_))
    ));
}

#[test]
fn an_existing_log_is_left_alone() {
    let (_directory, data) = scratch();
    init(&data, "acme").unwrap();
    let again = data.init(&"acme".parse().unwrap(), None, |_| -> io::Result<()> {
        panic!("nothing is made")
    });
    assert!(matches!(again, Err(InitError::Exists(_))));
}

#[test]
fn a_failed_init_leaves_nothing_behind() {
    let (_directory, data) = scratch();
    let name = "acme".parse().unwrap();
    let failed = data.init(&name, None, |_| Err(io::Error::other("no entropy")));
    assert!(matches!(failed, Err(InitError::Fill(_))));
    assert_eq!(names(&data), Vec::<String>::new());
}

#[test]
fn an_init_that_was_killed_is_no_log_and_does_not_stop_the_next() {
    let (_directory, data) = scratch();
    let killed = std::panic::catch_unwind(|| {
        data.init(&"acme".parse().unwrap(), None, |log| -> io::Result<()> {
            fs::write(log.path().join("log/format"), "x")?;
            panic!("killed")
        })
    });
    assert!(killed.is_err());
    assert_eq!(names(&data), [".init-acme"]);
    assert!(matches!(data.log(None), Err(LayoutError::NotData(_))));
    init(&data, "acme").unwrap();
    assert_eq!(names(&data), ["acme"]);
}

#[test]
fn two_inits_do_not_meet() {
    let (_directory, data) = scratch();
    data.init(&"acme".parse().unwrap(), None, |_| {
        assert!(matches!(init(&data, "other"), Err(InitError::Busy(_))));
        io::Result::Ok(())
    })
    .unwrap();
}

#[test]
fn a_head_lock_elsewhere_is_found_again() {
    let (directory, data) = scratch();
    let path = directory.path().join("volume.lock");
    let log = data
        .init(&"acme".parse().unwrap(), Some(&path), |log| {
            log.head_lock().unwrap().swap(None, "note")
        })
        .unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "note");
    assert_eq!(log.head_lock().unwrap().read().unwrap(), "note");
    fs::remove_file(&path).unwrap();
    assert!(matches!(
        log.head_lock().unwrap().read(),
        Err(HeadLockError::Missing { .. })
    ));
    let relative = data.init(&"b".parse().unwrap(), Some(Path::new("lock")), |_| {
        io::Result::Ok(())
    });
    assert!(matches!(relative, Err(InitError::HeadLock(_))));
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let (directory, _) = scratch();
    fs::write(directory.path().join("file"), "").unwrap();
    let data = DataDir::new(directory.path().join("file/data"));
    assert!(matches!(init(&data, "acme"), Err(InitError::Disk { .. })));
}

#[test]
fn a_log_name_cannot_leave_the_directory() {
    for name in ["", ".", "..", "a/b", ".init-x", "A", "é"] {
        assert!(name.parse::<LogName>().is_err(), "{name}");
    }
}

#[test]
fn a_log_of_another_origin_is_refused() {
    let (_directory, data) = scratch();
    let format = LogFormat::new("log.example/acme");
    let log = data
        .init(&"acme".parse().unwrap(), None, |log| {
            fs::write(log.path().join(FORMAT_FILE), format.write())
        })
        .unwrap();
    assert_eq!(log.format(None).unwrap(), format);
    assert_eq!(log.format(Some("log.example/acme")).unwrap(), format);
    let other = log.format(Some("log.example/other"));
    assert!(matches!(other, Err(LayoutError::OtherOrigin { found, .. }) if found == format.origin));
    fs::write(log.path().join(FORMAT_FILE), "x").unwrap();
    assert!(matches!(log.format(None), Err(LayoutError::Format { .. })));
}
