//! `manifest-sha256.txt`: one line for each other file, as `sha256sum` writes it, sorted by path.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use countersign_record::digest::hex;
use sha2::{Digest as _, Sha256};

use super::layout::FILE_BYTES_MAX;
use crate::files::{open_regular, too_large};

/// Paths and digests.
#[derive(Debug, Default, Eq, PartialEq)]
pub(super) struct Manifest(pub(super) BTreeMap<String, [u8; 32]>);

impl Manifest {
    pub(super) fn add(&mut self, path: &str, bytes: &[u8]) {
        self.0.insert(path.to_owned(), Sha256::digest(bytes).into());
    }

    /// The file's text.
    pub(super) fn write(&self) -> String {
        let line = |(path, digest): (&String, &[u8; 32])| [&hex(digest), "  ", path, "\n"].concat();
        self.0.iter().map(line).collect()
    }

    /// The lines of a file's text that are lines of a manifest.
    pub(super) fn lines(text: &str) -> BTreeMap<&str, &str> {
        text.lines()
            .filter_map(|line| line.split_once("  "))
            .map(|(digest, path)| (path, digest))
            .collect()
    }
}

/// SHA-256 of a file that a bundle could hold.
pub(super) fn file_digest(path: &Path) -> io::Result<[u8; 32]> {
    let mut hasher = Sha256::new();
    let mut file = open_regular(path)?;
    if usize::try_from(file.metadata()?.len()).map_or(true, |len| len > FILE_BYTES_MAX) {
        return Err(too_large(FILE_BYTES_MAX));
    }
    let mut chunk = vec![0; 64 * 1024];
    loop {
        match io::Read::read(&mut file, &mut chunk)? {
            0 => return Ok(hasher.finalize().into()),
            read => hasher.update(&chunk[..read]),
        }
    }
}
