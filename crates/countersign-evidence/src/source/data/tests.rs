use std::fs;
use std::fs::File;

use super::*;
use crate::source::{Opened, open};
use crate::testing::waiting::{pipe, soon};
use crate::testing::{LogOnDisk, story};
use countersign_ledger::frame::FrameHash;
use countersign_ledger::{frame, segment};
use countersign_verify::BodyState;
use tempfile::TempDir;

/// A data directory whose last frame lies above the signed size.
fn live() -> (TempDir, PathBuf, LogOnDisk) {
    let directory = tempfile::tempdir().unwrap();
    let mut log = story();
    let signed = log.size();
    log.append_unknown();
    let path = log.write(directory.path(), signed);
    (directory, path, log)
}

fn change(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let file = path.join("log").join(segment::name(0));
    let mut bytes = fs::read(&file).unwrap();
    change(&mut bytes);
    fs::write(file, bytes).unwrap();
}

fn read_all(log: &DataDirectory) -> (usize, Option<SourceError>) {
    let mut read = 0;
    for record in log.records() {
        match record {
            Ok(_) => read += 1,
            Err(error) => return (read, Some(error)),
        }
    }
    (read, None)
}

fn entries(count: u64) -> usize {
    usize::try_from(count).unwrap()
}

#[test]
fn a_log_is_read_whole_and_by_entry() {
    let (directory, _, log) = live();
    let opened = open(directory.path()).unwrap();
    assert_eq!(opened.records().flatten().count(), entries(log.size()));
    let all: Vec<_> = opened
        .records()
        .map(|record| record.unwrap().entry)
        .collect();
    for (seq, entry) in (0..).zip(&all) {
        assert_eq!(&opened.record(seq).unwrap().entry, entry);
    }
    assert!(opened.record(log.size()).is_none());
    assert_eq!(opened.checkpoint().unwrap(), log.note(log.size() - 1));
    assert_eq!(opened.inspect()[0].looked, Looked::Good);
}

#[test]
fn bodies_open_with_the_keyring_and_are_withheld_without() {
    let (_directory, path, _) = live();
    let body = |name: &str, seq| {
        DataDirectory::open(&path)
            .unwrap()
            .record(seq)
            .unwrap()
            .bodies[name]
            .clone()
    };
    assert!(matches!(body("person", 2), BodyState::Opened(_)));
    fs::remove_file(path.join("keyring")).unwrap();
    assert!(matches!(body("person", 2), BodyState::Withheld));
    assert!(
        matches!(body("policy", 1), BodyState::Opened(_)),
        "policies are not sealed"
    );
}

#[test]
fn a_sealed_policy_is_missing_and_not_withheld() {
    let (_directory, path, _) = live();
    let entry = DataDirectory::open(&path).unwrap().record(1).unwrap().entry;
    let sealed: &[u8] = &[1; 80];
    let record = frame::Record {
        entry: &entry,
        bodies: &[sealed],
    };
    let encoded = frame::encode(1, FrameHash::genesis("log"), &[record]).unwrap();
    let frame = Frame::parse(&encoded.bytes).unwrap();
    let read = frame.records().next().unwrap();
    let stored = Bodies::default().stored(&read, Extent::Everything);
    assert!(matches!(&stored.bodies["policy"], BodyState::Missing(why) if why.contains("sealed")));
}

#[test]
fn what_is_prepared_on_all_cores_is_what_is_read_record_by_record() {
    let (_directory, path, log) = live();
    let opened = DataDirectory::open(&path).unwrap();
    let mut prepared = Vec::new();
    opened.prepared(Extent::Everything, &mut |record| {
        prepared.push(format!("{:?}", record.unwrap()));
    });
    let mut alone = Preparer::new(Extent::Everything);
    let read = opened.records();
    let read: Vec<_> = read
        .map(|record| format!("{:?}", alone.prepare(record.unwrap())))
        .collect();
    assert_eq!(prepared, read);
    assert_eq!(prepared.len(), entries(log.size()));
}

#[test]
fn a_destroyed_key_is_not_mistaken_for_a_withheld_body() {
    let (_directory, path, _) = live();
    let mut keyring = Keyring::from_bytes(&fs::read(path.join("keyring")).unwrap()).unwrap();
    keyring.puncture(2);
    fs::write(path.join("keyring"), &*keyring.to_bytes()).unwrap();
    let record = DataDirectory::open(&path).unwrap().record(2).unwrap();
    assert!(
        matches!(&record.bodies["person"], BodyState::Missing(why) if why.contains("destroyed"))
    );
}

#[test]
fn changed_bytes_below_the_signed_size_are_found_and_named() {
    let (_directory, path, log) = live();
    let (offsets, seqs) = (log.offsets(), log.first_seqs());
    for frame in 0..seqs.len() - 1 {
        for place in (offsets[frame]..offsets[frame + 1]).step_by(41) {
            change(&path, |bytes| bytes[place] ^= 0x04);
            let opened = DataDirectory::open(&path).unwrap();
            if let (read, Some(error)) = read_all(&opened) {
                let first = seqs[frame];
                assert_eq!(
                    (read, error.seq),
                    (entries(first), Some(first)),
                    "byte {place}"
                );
                assert!(
                    error.place.contains("00000000000000000000.seg, byte "),
                    "{error}"
                );
                assert!(matches!(opened.inspect().looked, Looked::Bad(_)));
            } else {
                let missing = |state: &BodyState| matches!(state, BodyState::Missing(_));
                let mut bodies = (seqs[frame]..seqs[frame + 1])
                    .flat_map(|seq| opened.record(seq).unwrap().bodies.into_values());
                assert!(bodies.any(|state| missing(&state)), "byte {place}");
            }
            change(&path, |bytes| bytes[place] ^= 0x04);
        }
    }
}

#[test]
fn a_torn_tail_above_the_signed_size_is_unfinished_and_not_damage() {
    let (_directory, path, log) = live();
    let offsets = log.offsets();
    change(&path, |bytes| bytes[offsets[offsets.len() - 1] - 1] ^= 1);
    let opened = DataDirectory::open(&path).unwrap();
    assert_eq!(read_all(&opened), (entries(log.size() - 1), None));
    let Looked::Unfinished(fault) = opened.inspect().looked else {
        panic!("not unfinished")
    };
    assert_eq!(fault.seq, Some(log.size() - 1));
    assert!(fault.sentence.contains("serve"));
}

#[test]
fn bytes_above_the_signed_size_are_being_written_while_a_server_holds_the_log() {
    let (_directory, path, log) = live();
    let lock = File::create(path.join("log/lock")).unwrap();
    lock.lock().unwrap();
    let offsets = log.offsets();
    change(&path, |bytes| bytes[offsets[offsets.len() - 1] - 1] ^= 1);
    let opened = DataDirectory::open(&path).unwrap();
    assert_eq!(read_all(&opened), (entries(log.size() - 1), None));
    assert!(matches!(opened.inspect().looked, Looked::Remark(_)));
    change(&path, |bytes| bytes[offsets[offsets.len() - 2] - 1] ^= 1);
    let opened = DataDirectory::open(&path).unwrap();
    assert!(
        matches!(opened.inspect().looked, Looked::Bad(_)),
        "signed bytes are not being written"
    );
}

#[test]
fn a_log_that_was_cut_below_the_signed_size_is_damaged() {
    let (_directory, path, log) = live();
    let (offsets, seqs) = (log.offsets(), log.first_seqs());
    change(&path, |bytes| bytes[offsets[3]..].fill(0));
    let opened = DataDirectory::open(&path).unwrap();
    let (read, error) = read_all(&opened);
    assert_eq!(
        (read, error.unwrap().seq),
        (entries(seqs[3]), Some(seqs[3]))
    );
    fs::remove_file(path.join("log").join(segment::name(0))).unwrap();
    File::create(path.join("log/format")).unwrap();
    assert!(read_all(&DataDirectory::open(&path).unwrap()).1.is_some());
}

#[test]
fn a_head_lock_may_lie_elsewhere() {
    let (directory, path, _) = live();
    let elsewhere = directory.path().join(".elsewhere");
    fs::rename(path.join("head.lock"), &elsewhere).unwrap();
    assert_eq!(DataDirectory::open(&path).unwrap().checkpoint(), None);
    fs::write(
        path.join("head.lock.path"),
        format!("{}\n", elsewhere.display()),
    )
    .unwrap();
    let opened = DataDirectory::open(&path).unwrap();
    assert!(opened.checkpoint().is_some());
    assert_eq!(opened.head_elsewhere(), elsewhere.to_str().map(Into::into));
}

#[test]
fn what_is_no_evidence_is_told_apart() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    assert!(matches!(open(&path.join("no")), Err(OpenError::Absent(_))));
    assert!(matches!(open(path), Err(OpenError::Empty(_))));
    fs::write(path.join("notes.txt"), "x").unwrap();
    assert!(matches!(open(path), Err(OpenError::NotOurs(_))));
    assert!(matches!(
        open(&path.join("notes.txt")),
        Err(OpenError::File(_))
    ));
    story().write(path, 2);
    assert!(matches!(open(path), Ok(Opened::Data(_))));
    fs::create_dir_all(path.join("other")).unwrap();
    story().write(&path.join("other"), 2);
    fs::rename(path.join("other/acme"), path.join("beta")).unwrap();
    let Err(OpenError::Several { names, .. }) = open(path) else {
        panic!("one log of two")
    };
    assert_eq!(names.len(), 2);
    assert!(matches!(open(&path.join("beta")), Ok(Opened::Data(_))));
}

#[test]
fn pipes_in_the_place_of_files_are_refused_and_not_waited_for() {
    let (_directory, path, _) = live();
    for name in ["head.lock", "head.lock.path", "keyring"] {
        let file = path.join(name);
        let before = fs::read(&file).ok();
        let _absent = fs::remove_file(&file);
        pipe(&file);
        let it = path.clone();
        let error = soon(move || DataDirectory::open(&it).map(|_| ())).unwrap_err();
        assert!(matches!(error, OpenError::Unreadable { .. }), "{name}");
        fs::remove_file(&file).unwrap();
        if let Some(bytes) = before {
            fs::write(&file, bytes).unwrap();
        }
    }
    pipe(&path.join("log/lock"));
    let it = path.clone();
    soon(move || DataDirectory::open(&it).map(|log| log.is_being_written())).unwrap();
    let segment = path.join("log").join(segment::name(0));
    fs::remove_file(&segment).unwrap();
    pipe(&segment);
    soon(move || DataDirectory::open(&path).map(|_| ())).unwrap_err();
}

#[test]
fn a_head_lock_without_an_end_is_refused() {
    let (_directory, path, _) = live();
    fs::write(path.join("head.lock.path"), "/dev/zero\n").unwrap();
    let it = path.clone();
    soon(move || DataDirectory::open(&it).map(|_| ())).unwrap_err();
    fs::remove_file(path.join("head.lock.path")).unwrap();
    let file = File::create(path.join("head.lock")).unwrap();
    file.set_len(1 << 30).unwrap();
    DataDirectory::open(&path).unwrap_err();
}

#[test]
fn whether_a_server_writes_is_told_by_its_lock() {
    let (_directory, path, _) = live();
    let opened = open(&path).unwrap();
    assert!(!opened.is_being_written());
    let lock = File::create(path.join("log/lock")).unwrap();
    lock.lock().unwrap();
    assert!(opened.is_being_written());
}
