use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::manifest::Manifest;
use super::*;
use crate::inspect::{Inspection, Looked};
use crate::source::{Opened, open};
use crate::testing::story;

mod parsers;
mod taken;

fn exported() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let mut log = story();
    log.append_unknown();
    let signed = log.size();
    log.append_unknown();
    log.write(directory.path(), signed);
    let out = directory.path().join("evidence");
    export(directory.path(), &out).unwrap();
    (directory, out)
}

fn export(data: &Path, out: &Path) -> Result<Written, WriteError> {
    let options = BundleOptions {
        case: "CASE-7".into(),
    };
    write(&open(&data.join("acme")).unwrap(), out, &options)
}

fn inspect(bundle: &Path) -> Vec<Inspection> {
    let Opened::Bundle(bundle) = open(bundle).unwrap() else {
        panic!("not a bundle")
    };
    check_files(&bundle)
}

fn is_good(bundle: &Path) -> bool {
    inspect(bundle)
        .iter()
        .all(|inspection| inspection.looked == Looked::Good)
}

fn files(bundle: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut directories = vec![bundle.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else {
                let name = path
                    .strip_prefix(bundle)
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned();
                files.insert(name, fs::read(path).unwrap());
            }
        }
    }
    files
}

/// What somebody does who changes a bundle and hides it.
fn write_manifest(bundle: &Path) {
    let mut manifest = Manifest::default();
    for (path, bytes) in files(bundle) {
        if path != layout::MANIFEST {
            manifest.add(&path, &bytes);
        }
    }
    fs::write(bundle.join(layout::MANIFEST), manifest.write()).unwrap();
}

#[test]
fn a_bundle_has_its_files_at_fixed_places() {
    let (_directory, bundle) = exported();
    let mut names: Vec<_> = files(&bundle).into_keys().collect();
    for seq in 0..36 {
        for per_entry in [layout::entry(seq), layout::view(seq), layout::proof(seq)] {
            let place = names.binary_search(&per_entry).expect(&per_entry);
            names.remove(place);
        }
    }
    assert_eq!(names, OTHER_FILES);
    assert!(is_good(&bundle));
}

#[test]
fn the_same_checkpoint_and_case_give_the_same_bundle() {
    let (directory, bundle) = exported();
    let again = directory.path().join("again");
    let written = export(directory.path(), &again).unwrap();
    assert_eq!(files(&bundle), files(&again));
    assert_eq!(written.files, files(&again).len() as u64);
}

#[test]
fn a_bundle_exported_from_a_bundle_is_the_same() {
    let (directory, bundle) = exported();
    let again = directory.path().join("again");
    let options = BundleOptions {
        case: "CASE-7".into(),
    };
    write(&open(&bundle).unwrap(), &again, &options).unwrap();
    assert_eq!(files(&bundle), files(&again));
}

#[test]
fn an_export_never_overwrites() {
    let (directory, bundle) = exported();
    assert!(matches!(
        export(directory.path(), &bundle),
        Err(WriteError::Exists(_))
    ));
    let empty = directory.path().join("empty");
    fs::create_dir(&empty).unwrap();
    assert!(matches!(
        export(directory.path(), &empty),
        Err(WriteError::Exists(_))
    ));
}

#[test]
fn a_damaged_log_is_not_exported_and_nothing_is_left_behind() {
    let (directory, _) = exported();
    let segment = directory.path().join("acme/log/00000000000000000000.seg");
    let mut bytes = fs::read(&segment).unwrap();
    bytes[100] ^= 1;
    fs::write(segment, bytes).unwrap();
    let out = directory.path().join("out");
    assert!(matches!(
        export(directory.path(), &out),
        Err(WriteError::Source(_))
    ));
    assert!(!out.exists());
    assert!(!directory.path().join("out.unfinished").exists());
}

#[test]
fn changed_bytes_of_every_file_are_found() {
    let (_directory, bundle) = exported();
    for (path, bytes) in files(&bundle) {
        for place in [0, bytes.len() / 2, bytes.len() - 1] {
            let mut changed = bytes.clone();
            changed[place] ^= 1 << (place % 8);
            fs::write(bundle.join(&path), changed).unwrap();
            assert!(!is_good(&bundle), "byte {place} of {path}");
        }
        fs::write(bundle.join(&path), bytes).unwrap();
    }
    assert!(is_good(&bundle));
}

#[test]
fn a_changed_view_is_found_although_the_manifest_was_changed_with_it() {
    let (_directory, bundle) = exported();
    for (path, bytes) in files(&bundle) {
        let native = Path::new(&path).extension().is_some_and(|it| it == "cbor")
            || path.starts_with("data/disclosures/");
        if native || path == layout::MANIFEST {
            continue;
        }
        let changed = [bytes.as_slice(), b" "].concat();
        fs::write(bundle.join(&path), changed).unwrap();
        write_manifest(&bundle);
        let looked: Vec<_> = inspect(&bundle)
            .into_iter()
            .map(|it| (it.name, it.looked))
            .collect();
        assert_eq!(looked[0], ("files-unchanged", Looked::Good), "{path}");
        assert!(
            matches!(looked[1], ("views-derived", Looked::Bad(_))),
            "{path}"
        );
        fs::write(bundle.join(&path), bytes).unwrap();
    }
}

#[test]
fn a_missing_file_and_one_too_many_are_found_although_the_manifest_was_changed_with_them() {
    let (_directory, bundle) = exported();
    for (path, bytes) in files(&bundle) {
        if path == layout::MANIFEST {
            continue;
        }
        fs::remove_file(bundle.join(&path)).unwrap();
        write_manifest(&bundle);
        assert!(!is_good(&bundle), "{path}");
        fs::write(bundle.join(&path), bytes).unwrap();
    }
    for extra in [
        "data/entries/0000000099.cbor",
        "data/keys/mallory.pub",
        "README.txt",
        "data/checkpoints/3",
    ] {
        fs::write(bundle.join(extra), "x").unwrap();
        write_manifest(&bundle);
        assert!(!is_good(&bundle), "{extra}");
        fs::remove_file(bundle.join(extra)).unwrap();
    }
}

#[test]
fn two_files_that_changed_places_are_found_although_the_manifest_was_changed_with_them() {
    let (_directory, bundle) = exported();
    let files = files(&bundle);
    for (a, b) in [
        (
            "data/entries/0000000000.cbor",
            "data/entries/0000000001.cbor",
        ),
        (
            "data/proofs/0000000000.tlog-proof",
            "data/proofs/0000000001.tlog-proof",
        ),
        (
            "data/attest/0000000005/statement.json",
            "data/attest/0000000009/statement.json",
        ),
    ] {
        fs::write(bundle.join(a), &files[b]).unwrap();
        fs::write(bundle.join(b), &files[a]).unwrap();
        write_manifest(&bundle);
        assert!(!is_good(&bundle), "{a}");
        fs::write(bundle.join(a), &files[a]).unwrap();
        fs::write(bundle.join(b), &files[b]).unwrap();
    }
}

#[test]
fn a_link_out_of_the_bundle_is_refused() {
    let (directory, bundle) = exported();
    let path = bundle.join("data/keys/log.pem");
    let elsewhere = directory.path().join("log.pem");
    fs::rename(&path, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
    assert!(!is_good(&bundle));
}

/// The files of the story's bundle beside those that every entry has.
const OTHER_FILES: &[&str] = &[
    "data/attest/0000000005/signature.bin",
    "data/attest/0000000005/statement.json",
    "data/attest/0000000005/statement.json.sig",
    "data/attest/0000000009/signature.bin",
    "data/attest/0000000009/statement.json",
    "data/attest/0000000009/statement.json.sig",
    "data/attest/0000000013/signature.bin",
    "data/attest/0000000013/statement.json",
    "data/attest/0000000013/statement.json.sig",
    "data/attest/0000000020/signature.bin",
    "data/attest/0000000020/statement.json",
    "data/attest/0000000020/statement.json.sig",
    "data/attest/0000000022/signature.bin",
    "data/attest/0000000022/statement.json",
    "data/attest/0000000022/statement.json.sig",
    "data/attest/0000000029/signature.bin",
    "data/attest/0000000029/statement.json",
    "data/attest/0000000029/statement.json.sig",
    "data/bundle.json",
    "data/checkpoints/36",
    "data/disclosures/0000000001.policy.json",
    "data/disclosures/0000000002.person.json",
    "data/disclosures/0000000006.person.json",
    "data/disclosures/0000000010.person.json",
    "data/disclosures/0000000014.agent.json",
    "data/disclosures/0000000017.call.json",
    "data/disclosures/0000000018.shown.json",
    "data/disclosures/0000000026.call.json",
    "data/disclosures/0000000027.shown.json",
    "data/disclosures/0000000031.call.json",
    "data/disclosures/0000000034.call.json",
    "data/keys/allowed_signers",
    "data/keys/key_bmfqwcylbmfqwcylbmfqwcylbm.pub",
    "data/keys/key_bqgaydambqgaydambqgaydambq.pub",
    "data/keys/key_bugq2dinbugq2dinbugq2dinbu.pub",
    "data/keys/key_c4lrofyxc4lrofyxc4lrofyxc4.pem",
    "data/keys/key_cukrkfivcukrkfivcukrkfivcu.pem",
    "data/keys/key_cylbmfqwcylbmfqwcylbmfqwcy.pem",
    "data/keys/log.pem",
    "data/keys/log.vkey",
    "data/policy/b2b56b18dbffe86487d08e00b6ec25575a0a16d37061d50a1a632ebd3d52d289.toml",
    "data/shown/0000000018.json",
    "data/shown/0000000018.txt",
    "data/shown/0000000027.json",
    "data/shown/0000000027.txt",
    "manifest-sha256.txt",
];
