//! Every bit of the files beside the segments: `log/format` and the keyring.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use countersign_evidence::{DataDirectory, Looked};
use countersign_record::keyring::Keyring;
use countersign_store::fsck::{Finding, fsck};
use countersign_store::keyring::{KeyringFile, KeyringFileError};
use countersign_store::layout::LogDir;
use countersign_tamper::golden;
use countersign_verify::{
    BodyState, Options, Report, Require, Severity, Source as _, Verdict, verify,
};
use tempfile::TempDir;

use crate::figures::figures;
use crate::shelf::Shelf;
use crate::tally::{Tally, on_all_cores};

fn copy() -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for (name, bytes) in golden::files(&golden::ledger()) {
        let path = copy.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    copy
}

/// What an auditor is told who demands that all is there; `None`: the directory is not read at all.
fn audited(directory: &Path) -> Option<(DataDirectory, Report)> {
    let source = DataDirectory::open(directory).ok()?;
    let options = Options {
        require: [Require::Policy, Require::Committed, Require::Completeness].into(),
        ..Options::default()
    };
    let report = verify(&source, &golden::trust(), &options, &mut |_| ());
    Some((source, report))
}

/// It is not under a checkpoint: whoever serves the log refuses it, or finds that the log is another
/// one's from its first entry on; to an auditor, who takes the origin from entry 0, it is nothing.
#[test]
fn every_flipped_bit_of_the_format_is_found_by_the_store_and_is_nothing_to_the_verifier() {
    let copy = copy();
    let (directory, path) = (LogDir::new(copy.path()), copy.path().join("log/format"));
    assert!(fsck(&directory).unwrap().findings.is_empty());
    let mut tally = Tally::new("log/format, every bit");
    let mut bytes = fs::read(&path).unwrap();
    for bit in 0..bytes.len() * 8 {
        bytes[bit / 8] ^= 1 << (bit % 8);
        fs::write(&path, &bytes).unwrap();
        let found = match fsck(&directory) {
            Err(_) => Ok(()),
            Ok(report) if report.entries == 0 && report.findings.iter().any(Finding::is_damage) => {
                Ok(())
            }
            Ok(report) => Err(format!("{report:?}")),
        };
        tally.judge(found, || format!("bit {bit}"));
        let (source, report) = audited(copy.path()).unwrap();
        assert_eq!(
            (source.inspect().looked, report.verdict),
            (Looked::Good, Verdict::Verified)
        );
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
    tally.close();
}

/// The first entry of which a body is stored sealed.
fn first_sealed() -> u64 {
    let unkeyed = copy();
    fs::remove_file(unkeyed.path().join("keyring")).unwrap();
    let source = DataDirectory::open(unkeyed.path()).unwrap();
    let is_withheld = |state: &BodyState| matches!(state, BodyState::Withheld);
    let sealed = source
        .records()
        .position(|record| record.unwrap().bodies.values().any(is_withheld));
    u64::try_from(sealed.unwrap()).unwrap()
}

/// A keyring proves nothing, so that a changed one can only take away: with another key bodies do not
/// open, which is a failure that names the first of them. Keys that no entry has used yet, salts,
/// snapshot key and generation are the writer's: nothing to the verifier, and the writer is told of
/// every bit by the sum beside the file.
#[test]
#[ignore = "long: the whole verifier for each bit; tests/run runs it"]
fn every_flipped_bit_of_the_keyring_is_refused_or_takes_bodies_away_or_is_the_writers_alone() {
    let bytes = fs::read(golden::ledger().join("keyring")).unwrap();
    let golden = Keyring::from_bytes(&bytes).unwrap();
    let (sealed, nothing) = (first_sealed(), AtomicU64::new(0));
    let chunks: Vec<_> = (0..bytes.len() * 8).step_by(512).collect();
    let what = "keyring, every bit, by the verifier and by the writer";
    let tally = on_all_cores(what, chunks.len(), |chunk, tally| {
        let copy = copy();
        let path = copy.path().join("keyring");
        let file = LogDir::new(copy.path()).keyring();
        file.keep_sum(&golden);
        for bit in chunks[chunk]..(chunks[chunk] + 512).min(bytes.len() * 8) {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            fs::write(&path, &changed).unwrap();
            let written = written(&file, golden.generation());
            tally.judge(written, || format!("bit {bit}, by the writer"));
            let read = match (Keyring::from_bytes(&changed), audited(copy.path())) {
                (Err(_), None) => Ok(()),
                (Ok(keyring), Some((_, report))) if has_keys_of(&keyring, &golden) => {
                    nothing.fetch_add(1, Ordering::Relaxed);
                    assert_eq!(report.verdict, Verdict::Verified, "bit {bit}");
                    continue;
                }
                (Ok(_), Some((_, report))) => takes_away(&report, sealed),
                (keyring, report) => Err(format!("{} {}", keyring.is_ok(), report.is_some())),
            };
            tally.judge(read, || format!("bit {bit}, by the verifier"));
        }
    });
    tally.close();
    figures(&format!(
        "means nothing to the verifier, and is verified: {} bits of the keyring in keys of no entry, salts, \
         snapshot key and generation",
        nothing.into_inner()
    ));
}

/// Whether all entries of the golden ledger have the same keys by both.
fn has_keys_of(keyring: &Keyring, golden: &Keyring) -> bool {
    let entries = u64::try_from(Shelf::golden().records.len()).unwrap();
    (0..entries).all(|seq| keyring.body_key(seq) == golden.body_key(seq))
}

/// Whoever writes to the log refuses the file; a later generation is a change that no entry has used
/// yet (docs/spec/body.md, part 6), and the sum beside is of an earlier one.
fn written(file: &KeyringFile, generation: u64) -> Result<(), String> {
    match file.load(generation) {
        Err(
            KeyringFileError::Form { .. }
            | KeyringFileError::Damaged { .. }
            | KeyringFileError::Old { .. },
        ) => Ok(()),
        Ok(keyring) if keyring.generation() > generation => Ok(()),
        Ok(keyring) => Err(format!("accepted as generation {}", keyring.generation())),
        Err(other) => Err(other.to_string()),
    }
}

/// Bodies from the first sealed one on do not open, and nothing else is said.
fn takes_away(report: &Report, sealed: u64) -> Result<(), String> {
    let faults = report.findings.iter();
    let faults: Vec<_> = faults
        .filter(|it| it.severity == Severity::Integrity)
        .collect();
    let is_first = faults.first().is_some_and(|it| it.seq == Some(sealed));
    let is_told = report.verdict == Verdict::Broken && faults.iter().all(|it| it.id == "body");
    (is_first && is_told)
        .then_some(())
        .ok_or_else(|| report.to_text())
}
