//! An evidence bundle in which anything was changed, as a directory of files: whatever the bytes say,
//! the verifier comes to an end, and never to *verified* unless every file is as it was.
//!
//! The bytes are edits of a good bundle: which file, how, where, with what; see [`Edit`].
#![no_main]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use countersign_evidence::bundle::{BundleOptions, write};
use countersign_evidence::testing::story;
use countersign_evidence::{Looked, open};
use countersign_record::digest::{hex, sha256};
use countersign_verify::{Options, Trust, Verdict, verify};
use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;

const MANIFEST: &str = "manifest-sha256.txt";

/// A good bundle, and what is in it.
struct Golden {
    _directory: TempDir,
    path: PathBuf,
    files: BTreeMap<String, Vec<u8>>,
    trust: Trust,
}

static GOLDEN: LazyLock<Golden> = LazyLock::new(|| {
    let memory = Path::new("/dev/shm");
    let directory = tempfile::tempdir_in(if memory.is_dir() {
        memory
    } else {
        Path::new(".")
    });
    let directory = directory.expect("a scratch directory");
    let log = story();
    let data = log.write(&directory.path().join("data"), log.size());
    let path = directory.path().join("evidence");
    let options = BundleOptions {
        case: "CASE-7".into(),
    };
    write(&open(&data).expect("a log"), &path, &options).expect("a bundle");
    let mut files = BTreeMap::new();
    collect(&path, &path, &mut files);
    let log_keys = Vec::from([log.vkey().parse().expect("a key")]);
    let trust = Trust {
        log_keys,
        earlier: None,
    };
    let golden = Golden {
        _directory: directory,
        path,
        files,
        trust,
    };
    assert!(golden.verifies(), "the good bundle does not verify");
    golden
});

fn collect(root: &Path, directory: &Path, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(root, &path, files);
        } else {
            let name = path
                .strip_prefix(root)
                .expect("below it")
                .to_str()
                .expect("text");
            files.insert(name.to_owned(), fs::read(&path).expect("a file"));
        }
    }
}

impl Golden {
    fn verifies(&self) -> bool {
        let Ok(bundle) = open(&self.path) else {
            return false;
        };
        let sound = |looked: &Looked| matches!(looked, Looked::Good | Looked::Remark(_));
        let files = bundle.inspect().iter().all(|it| sound(&it.looked));
        let report = verify(&bundle, &self.trust, &Options::default(), &mut |_| {});
        files && report.verdict == Verdict::Verified
    }
}

/// One change: `[file, how, place, place, length]` and as many bytes.
struct Edit<'b> {
    file: u8,
    how: u8,
    at: usize,
    with: &'b [u8],
}

fn edits(mut bytes: &[u8]) -> Vec<Edit<'_>> {
    let mut edits = Vec::new();
    while let Some(([file, how, high, low, length], rest)) = bytes.split_first_chunk() {
        let (with, after) = rest.split_at(rest.len().min(usize::from(*length)));
        let at = usize::from(*high) << 8 | usize::from(*low);
        edits.push(Edit {
            file: *file,
            how: *how,
            at,
            with,
        });
        bytes = after;
    }
    edits
}

fn apply(edit: &Edit<'_>, files: &mut BTreeMap<String, Vec<u8>>) {
    let names: Vec<String> = files.keys().cloned().collect();
    let Some(name) = names.get(usize::from(edit.file) % names.len().max(1)) else {
        return;
    };
    let Some(content) = files.get_mut(name) else {
        return;
    };
    let at = edit.at % (content.len() + 1);
    match edit.how % 8 {
        0 if at < content.len() => content[at] ^= 1 << (edit.how >> 5),
        1 => drop(content.splice(at..at, edit.with.iter().copied())),
        2 => content.truncate(at),
        3 => *content = edit.with.to_vec(),
        4 => drop(files.remove(name)),
        5 => {
            let other = names[edit.at % names.len()].clone();
            let content = content.clone();
            files.insert(other, content);
        }
        6 => {
            let end = (at + edit.with.len()).min(content.len());
            content[at..end].copy_from_slice(&edit.with[..end - at]);
        }
        _ => {
            let added = String::from_utf8_lossy(edit.with).replace(['\0', '/', '.'], "_");
            files.insert(format!("data/entries/{added}.json"), Vec::new());
        }
    }
}

/// As a forger would who knows that the manifest is only a list.
fn sealed_anew(files: &mut BTreeMap<String, Vec<u8>>) {
    let listed = files.iter().filter(|(name, _)| *name != MANIFEST);
    let line = |(name, bytes): (&String, &Vec<u8>)| format!("{}  {name}\n", hex(&sha256(&[bytes])));
    let manifest: String = listed.map(line).collect();
    files.insert(MANIFEST.into(), manifest.into_bytes());
}

/// Makes the files on disk `wanted`, where they now are `found`.
fn place(root: &Path, found: &BTreeMap<String, Vec<u8>>, wanted: &BTreeMap<String, Vec<u8>>) {
    for (name, _) in found.iter().filter(|(name, _)| !wanted.contains_key(*name)) {
        fs::remove_file(root.join(name)).expect("it was there");
    }
    for (name, bytes) in wanted
        .iter()
        .filter(|(name, bytes)| found.get(*name) != Some(bytes))
    {
        // A name that no file system takes is no file.
        let _refused = fs::write(root.join(name), bytes);
    }
}

fuzz_target!(|bytes: &[u8]| {
    let golden = &*GOLDEN;
    let Some((mode, bytes)) = bytes.split_first() else {
        return;
    };
    let mut files = golden.files.clone();
    for edit in edits(bytes).iter().take(16) {
        apply(edit, &mut files);
    }
    if files == golden.files {
        return;
    }
    if mode & 1 == 1 {
        sealed_anew(&mut files);
    }
    files.retain(|name, _| name.len() < 200);
    place(&golden.path, &golden.files, &files);
    let verified = golden.verifies();
    place(&golden.path, &files, &golden.files);
    assert!(
        !verified || files == golden.files,
        "a changed bundle verified"
    );
});
