//! The golden files are what is written today, and hold everything that can be written.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use countersign_evidence::{Looked, Opened};
use countersign_record::digest::{hex, sha256};
use countersign_record::entry::Entry;
use countersign_tamper::golden::{bundle, files, ledger, make, trust};
use countersign_tests::root;
use countersign_verify::{CheckId, FailOn, Require, Source as _, Status, Verdict, verify};

/// Version 1 is frozen: these two digests never change, whatever is written later. Each is that of
/// `find * -type f | LC_ALL=C sort | xargs sha256sum | sha256sum`.
#[test]
fn the_golden_files_of_version_1_never_change() {
    let frozen = [
        (
            ledger(),
            "4fe5d95e915696da757a1b90a2c654ff48f1c0b36a345c0d81fb0e19d55e523d",
        ),
        (
            bundle(),
            "20bb11a8d2db2a03d30f1b629dedc4f0d6772ed591dc132e6a8d7855ebc2af14",
        ),
    ];
    for (path, digest) in frozen {
        let line =
            |(name, bytes): (&String, &Vec<u8>)| format!("{}  {name}\n", hex(&sha256(&[bytes])));
        let lines: String = files(&path).iter().map(line).collect();
        assert_eq!(
            hex(&sha256(&[lines.as_bytes()])),
            digest,
            "{}",
            path.display()
        );
    }
}

#[test]
fn the_golden_files_are_what_is_written_today() {
    let scratch = tempfile::tempdir().unwrap();
    make(scratch.path());
    for folder in ["ledgers", "bundles"] {
        let kept = files(&root().join("fixtures").join(folder));
        let made = files(&scratch.path().join(folder));
        let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&kept), names(&made), "{folder}");
        for (name, bytes) in &kept {
            assert!(bytes == &made[name], "{folder}/{name} is written otherwise");
        }
    }
}

#[test]
fn the_golden_files_verify() {
    for path in [ledger(), bundle()] {
        let source = countersign_evidence::open(&path).unwrap();
        for inspection in source.inspect() {
            assert_eq!(inspection.looked, Looked::Good, "{}", inspection.name);
        }
        let everything = [Require::Policy, Require::Committed, Require::Completeness];
        let options = countersign_verify::Options {
            fail_on: FailOn::High,
            require: BTreeSet::from(everything),
            ..countersign_verify::Options::default()
        };
        let report = verify(&source, &trust(), &options, &mut |_| ());
        assert_eq!(report.verdict, Verdict::Verified, "{}", report.to_text());
        for check in &report.checks {
            let may_skip = check.id == CheckId::Since;
            let whole = check.status == Status::Pass && check.checked > 0;
            assert!(may_skip || whole, "{}", report.to_text());
        }
        assert!(report.scope.entries <= 100, "{}", report.scope.entries);
    }
}

#[test]
fn every_kind_of_entry_is_in_the_golden_files() {
    let source = countersign_evidence::open(&ledger()).unwrap();
    assert!(matches!(source, Opened::Data(_)));
    let records = source.records();
    let kinds: BTreeSet<_> = records
        .map(|stored| Entry::decode(&stored.unwrap().entry).unwrap().kind())
        .collect();
    let kinds: BTreeSet<String> = kinds.into_iter().map(String::from).collect();
    let known = fs::read_dir(root().join("fixtures/entries")).unwrap();
    let known: BTreeSet<String> = known
        .filter_map(|file| {
            Some(
                file.unwrap()
                    .path()
                    .file_name()?
                    .to_str()?
                    .strip_suffix(".hex")?
                    .to_owned(),
            )
        })
        .collect();
    assert_eq!(kinds, known);
}
