//! Whether a bundle's files are exactly those of a bundle: nothing changed, missing or added.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::error::Error;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use countersign_record::digest::hex;

use super::derive::derive;
use super::layout;
use super::layout::MANIFEST;
use super::manifest::{Manifest, file_digest};
use crate::files::read_limited;
use crate::inspect::{Fault, Inspection};
use crate::source::BundleDirectory;

/// As much of a manifest is read whatever the bundle has; of more files, twice what they need.
const MANIFEST_BYTES_MIN: usize = 1024 * 1024;

/// Two checks: `files-unchanged` holds every file against the manifest, `views-derived` makes every
/// file again from the entries, disclosures and checkpoint and compares. The second one holds even
/// when somebody changed a file and its line in the manifest.
pub fn check_files(bundle: &BundleDirectory) -> Vec<Inspection> {
    let mut faults = Vec::new();
    let files = files(bundle.path(), &mut faults);
    let count = u64::try_from(files.len()).unwrap_or(u64::MAX);
    unchanged(bundle.path(), &files, &mut faults);
    let unchanged = Inspection::of("files-unchanged", count, faults);
    let (made, faults) = derived(bundle, files);
    Vec::from([unchanged, Inspection::of("views-derived", made, faults)])
}

/// Every plain file below the bundle, by its path with `/`; anything else is a fault.
fn files(bundle: &Path, faults: &mut Vec<Fault>) -> BTreeSet<String> {
    let mut files = BTreeSet::new();
    let mut directories = Vec::from([(bundle.to_owned(), String::new())]);
    while let Some((directory, prefix)) = directories.pop() {
        let listed = list(&directory);
        for (name, path, kind) in listed.unwrap_or_else(|cause| {
            faults.push(Fault::new(
                place(&prefix),
                None,
                format!("cannot be listed: {cause}"),
            ));
            Vec::new()
        }) {
            let name = format!("{prefix}{name}");
            if kind.is_dir() {
                directories.push((path, format!("{name}/")));
            } else if kind.is_file() {
                files.insert(name);
            } else {
                let seq = layout::seq_of(&name);
                faults.push(Fault::new(name, seq, "is neither a file nor a directory"));
            }
        }
    }
    files
}

fn place(prefix: &str) -> &str {
    if prefix.is_empty() { "." } else { prefix }
}

fn list(directory: &Path) -> io::Result<Vec<(String, PathBuf, fs::FileType)>> {
    let entry = |entry: io::Result<fs::DirEntry>| {
        let entry = entry?;
        // A name that is not text is in no manifest, whatever it is shown as.
        let name = entry.file_name().to_string_lossy().into_owned();
        Ok((name, entry.path(), entry.file_type()?))
    };
    fs::read_dir(directory)?.map(entry).collect()
}

fn unchanged(bundle: &Path, files: &BTreeSet<String>, faults: &mut Vec<Fault>) {
    let mut found = Manifest::default();
    for path in files.iter().filter(|path| *path != MANIFEST) {
        match file_digest(&bundle.join(path)) {
            Ok(digest) => found.0.extend([(path.clone(), digest)]),
            Err(cause) => faults.push(Fault::new(path, layout::seq_of(path), cause.to_string())),
        }
    }
    let written = found.write();
    let max = written.len().saturating_mul(2).max(MANIFEST_BYTES_MIN);
    let text = match read_limited(&bundle.join(MANIFEST), max) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(cause) => return faults.push(Fault::new(MANIFEST, None, cause.to_string())),
    };
    if written == text {
        return;
    }
    let before = faults.len();
    compare(&found, &Manifest::lines(&text), faults);
    if faults.len() == before {
        let sentence = "is not as a manifest is written: sorted lines of digest, two spaces, path";
        faults.push(Fault::new(MANIFEST, None, sentence));
    }
}

fn compare(found: &Manifest, listed: &BTreeMap<&str, &str>, faults: &mut Vec<Fault>) {
    let mut fault = |path: &str, sentence: &str| {
        faults.push(Fault::new(path, layout::seq_of(path), sentence));
    };
    for (path, digest) in &found.0 {
        match listed.get(path.as_str()) {
            None => fault(path, "is not in the manifest"),
            Some(stated) if *stated != hex(digest) => {
                fault(path, "does not have the digest in the manifest");
            }
            Some(_) => {}
        }
    }
    for path in listed.keys().filter(|path| !found.0.contains_key(**path)) {
        fault(path, "is in the manifest and not in the bundle");
    }
}

/// How many files were made again, and which of them are not there or others.
fn derived(bundle: &BundleDirectory, mut unseen: BTreeSet<String>) -> (u64, Vec<Fault>) {
    let mut faults = Vec::new();
    let case = match bundle.description() {
        Ok(description) => description.case.clone(),
        Err(fault) => {
            faults.push(Fault::new(layout::DESCRIPTION, None, fault));
            String::new()
        }
    };
    let mut made = 0;
    let mut keep = |path: &str, bytes: &[u8]| -> Result<(), Infallible> {
        made += 1;
        let fault = |sentence: &str| Fault::new(path, layout::seq_of(path), sentence);
        if !unseen.remove(path) {
            faults.push(fault("is missing"));
        } else if !read_limited(&bundle.path().join(path), bytes.len()).is_ok_and(|it| it == bytes)
        {
            faults.push(fault("is not what follows from the entries"));
        }
        Ok(())
    };
    let whole = derive(bundle, &case, &mut keep);
    if let Err(error) = whole {
        let sentence = format!("the bundle does not hang together: {}", chain(&error));
        faults.push(Fault::new("data", None, sentence));
        // What could not be made again cannot be called unlisted.
        return (made, faults);
    }
    unseen.remove(MANIFEST);
    let extra = unseen
        .iter()
        .map(|path| Fault::new(path, layout::seq_of(path), "does not belong to the bundle"));
    faults.extend(extra);
    (made, faults)
}

fn chain(error: &dyn Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words.push_str(": ");
        words.push_str(&error.to_string());
        cause = error.source();
    }
    words
}
