//! Putting a bundle on disk.

use std::fs;
use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::io::Write as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use countersign_verify::Source;

use super::derive::{DeriveError, derive};
use super::description::Description;
use super::layout::MANIFEST;
use super::manifest::Manifest;

/// What the exporter chooses.
#[derive(Clone, Debug)]
pub struct BundleOptions {
    /// The case, matter or ticket: any text, repeated in `data/bundle.json`.
    pub case: String,
}

/// A bundle that was written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Written {
    /// What it says of itself.
    pub description: Description,
    /// How many files there are, the manifest included.
    pub files: u64,
    /// SHA-256 of the manifest: equal for everybody who exports the same checkpoint and case.
    pub digest: [u8; 32],
}

/// Why no bundle was written. Nothing is left behind.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// Evidence is never overwritten.
    #[error("{} exists already; an export never overwrites: name another place", .0.display())]
    Exists(PathBuf),
    /// The disk refused.
    #[error("cannot write {}", path.display())]
    Disk {
        /// What.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// The source is not one.
    #[error("nothing was exported")]
    Source(#[source] Box<DeriveError<Self>>),
}

/// Writes the bundle of all entries under the source's checkpoint to `out`, which must not exist.
/// Equal checkpoints, bodies and options give equal files.
pub fn write(
    source: &dyn Source,
    out: &Path,
    options: &BundleOptions,
) -> Result<Written, WriteError> {
    match fs::symlink_metadata(out) {
        Ok(_) => return Err(WriteError::Exists(out.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(cause) => return Err(disk(out)(cause)),
    }
    let unfinished = unfinished(out)?;
    let written = fill(source, &unfinished, options).and_then(|written| {
        fs::rename(&unfinished, out)
            .map(|()| written)
            .map_err(disk(out))
    });
    if written.is_err() {
        // The first error is the one to report.
        let _removed = fs::remove_dir_all(&unfinished);
    }
    written
}

/// A new directory beside `out`; readable by its owner alone, since bodies are personal data.
fn unfinished(out: &Path) -> Result<PathBuf, WriteError> {
    let mut name = out
        .file_name()
        .ok_or_else(|| WriteError::Exists(out.to_owned()))?
        .to_owned();
    name.push(".unfinished");
    let path = out.with_file_name(name);
    match DirBuilder::new().mode(0o700).create(&path) {
        Ok(()) => Ok(path),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(WriteError::Exists(path)),
        Err(cause) => Err(disk(&path)(cause)),
    }
}

fn fill(source: &dyn Source, out: &Path, options: &BundleOptions) -> Result<Written, WriteError> {
    let mut manifest = Manifest::default();
    let mut keep = |path: &str, bytes: &[u8]| {
        manifest.add(path, bytes);
        put(&out.join(path), bytes)
    };
    let description = derive(source, &options.case, &mut keep).map_err(|error| match error {
        DeriveError::Keep(error) => error,
        error => WriteError::Source(Box::new(error)),
    })?;
    let text = manifest.write();
    put(&out.join(MANIFEST), text.as_bytes())?;
    Ok(Written {
        description,
        files: u64::try_from(manifest.0.len() + 1).unwrap_or(u64::MAX),
        digest: countersign_record::digest::sha256(&[text.as_bytes()]),
    })
}

fn put(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    let parent = path.parent().unwrap_or(path);
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(parent)
        .map_err(disk(parent))?;
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(bytes))
        .map_err(disk(path))
}

fn disk(path: &Path) -> impl FnOnce(io::Error) -> WriteError {
    move |cause| WriteError::Disk {
        path: path.to_owned(),
        cause,
    }
}
