//! The data directory: one directory per log (docs/spec/disk.md).

mod init;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use crate::disk::{Disk, FileDisk};
use crate::head::HeadLockFile;
use crate::index::{INDEX_DIRECTORY, SledPlace};
use crate::keyring::KeyringFile;
use crate::keys::KeyFiles;
use crate::segments::{FORMAT_FILE, LogFormat, OpenError, read_format};
use crate::snapshots::Snapshots;

pub use init::InitError;

const HEAD_LOCK: &str = "head.lock";
/// Holds the absolute path of a head lock that is kept elsewhere.
const HEAD_LOCK_PATH: &str = "head.lock.path";

/// The name of a log: `a-z`, `0-9`, `-`, `_`, `.`; begins with a letter or digit; 1 to 64 bytes.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct LogName(String);

impl LogName {
    /// The name as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for LogName {
    type Err = LayoutError;

    fn from_str(text: &str) -> Result<Self, LayoutError> {
        let alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let allowed = |byte: u8| alphanumeric(byte) || b"-_.".contains(&byte);
        let form = text.bytes().next().is_some_and(alphanumeric)
            && text.len() <= 64
            && text.bytes().all(allowed);
        if form {
            Ok(Self(text.to_owned()))
        } else {
            Err(LayoutError::Name(text.to_owned()))
        }
    }
}

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LayoutError {
    /// There is nothing of that name.
    #[error("{} does not exist; `countersign init` makes a data directory", .0.display())]
    Absent(PathBuf),
    /// There is something else.
    #[error("{} is not a data directory: it holds no log", .0.display())]
    NotData(PathBuf),
    /// Which one?
    #[error("{} holds several logs ({}); say which with --log", path.display(), names.join(", "))]
    Several {
        /// The data directory.
        path: PathBuf,
        /// Its logs.
        names: Vec<String>,
    },
    /// No log of that name.
    #[error("{} holds no log {name}; it holds {}", path.display(), names.join(", "))]
    NoSuchLog {
        /// The data directory.
        path: PathBuf,
        /// What was asked for.
        name: String,
        /// Its logs.
        names: Vec<String>,
    },
    /// Not a name.
    #[error("{0:?} is not a log's name: a-z, 0-9, '-', '_' and '.', at most 64 characters")]
    Name(String),
    /// Its `log/format` cannot be read.
    #[error("{} is not a usable log", path.display())]
    Format {
        /// The log's directory.
        path: PathBuf,
        /// What is wrong.
        #[source]
        cause: OpenError,
    },
    /// Another log than the caller means.
    #[error("{} is the log {found}, not {expected}", path.display())]
    OtherOrigin {
        /// The log's directory.
        path: PathBuf,
        /// Whose it is.
        found: String,
        /// Whose it should be.
        expected: String,
    },
    /// The disk refused.
    #[error("cannot use {}", path.display())]
    Disk {
        /// Where.
        path: PathBuf,
        /// What the disk said.
        #[source]
        cause: io::Error,
    },
}

/// A directory with logs.
#[derive(Clone, Debug)]
pub struct DataDir {
    path: PathBuf,
}

impl DataDir {
    /// The data directory at `path`, whatever may be there.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The logs in it, sorted: directories that hold `log/format`.
    pub fn logs(&self) -> Result<Vec<LogName>, LayoutError> {
        let entries = fs::read_dir(&self.path).map_err(|cause| match cause.kind() {
            io::ErrorKind::NotFound => LayoutError::Absent(self.path.clone()),
            io::ErrorKind::NotADirectory => LayoutError::NotData(self.path.clone()),
            _ => disk_error(&self.path, cause),
        })?;
        let mut logs = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|cause| disk_error(&self.path, cause))?;
            let name = entry
                .file_name()
                .to_str()
                .and_then(|name| name.parse().ok());
            if entry.path().join(FORMAT_FILE).is_file() {
                logs.extend(name);
            }
        }
        logs.sort_unstable();
        Ok(logs)
    }

    /// The log of that name; without a name the only one.
    pub fn log(&self, name: Option<&str>) -> Result<LogDir, LayoutError> {
        let logs = self.logs()?;
        let path = || self.path.clone();
        let names = || logs.iter().map(|log| log.0.clone()).collect();
        match (name, logs.as_slice()) {
            (_, []) => Err(LayoutError::NotData(path())),
            (None, [only]) => Ok(LogDir::new(self.path.join(&only.0))),
            (None, _) => Err(LayoutError::Several {
                path: path(),
                names: names(),
            }),
            (Some(name), _) if logs.iter().any(|log| log.0 == name) => {
                Ok(LogDir::new(self.path.join(name)))
            }
            (Some(name), _) => Err(LayoutError::NoSuchLog {
                path: path(),
                name: name.to_owned(),
                names: names(),
            }),
        }
    }
}

/// The directory of one log.
#[derive(Clone, Debug)]
pub struct LogDir {
    path: PathBuf,
    disk: Arc<dyn Disk>,
    /// Where a simulated log has its head lock.
    head_lock: Option<HeadLockFile>,
}

impl LogDir {
    /// The log at `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        Self {
            disk: Arc::new(FileDisk::new(&path)),
            path,
            head_lock: None,
        }
    }

    /// A log on a disk in memory. It has no index.
    #[cfg(any(test, feature = "testing"))]
    pub fn simulated(disk: Arc<dyn Disk>, head_lock: HeadLockFile) -> Self {
        Self {
            path: PathBuf::from("simulated"),
            disk,
            head_lock: Some(head_lock),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its files.
    pub fn disk(&self) -> Arc<dyn Disk> {
        Arc::clone(&self.disk)
    }

    /// What `init` fixed. With `origin`, a log of another one is refused.
    pub fn format(&self, origin: Option<&str>) -> Result<LogFormat, LayoutError> {
        let format = read_format(&*self.disk()).map_err(|cause| LayoutError::Format {
            path: self.path.clone(),
            cause,
        })?;
        match origin {
            Some(expected) if expected != format.origin => Err(LayoutError::OtherOrigin {
                path: self.path.clone(),
                found: format.origin,
                expected: expected.to_owned(),
            }),
            _ => Ok(format),
        }
    }

    /// Its head lock: `head.lock` here, or where `head.lock.path` says.
    pub fn head_lock(&self) -> Result<HeadLockFile, LayoutError> {
        if let Some(simulated) = &self.head_lock {
            return Ok(simulated.clone());
        }
        let pointer = self.path.join(HEAD_LOCK_PATH);
        match fs::read_to_string(&pointer) {
            Ok(path) => Ok(head_lock_at(Path::new(path.trim_end_matches('\n')))),
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
                Ok(head_lock_at(&self.path.join(HEAD_LOCK)))
            }
            Err(cause) => Err(disk_error(&pointer, cause)),
        }
    }

    /// Snapshots of its fold.
    pub fn snapshots(&self) -> Snapshots {
        Snapshots::new(self.disk())
    }

    /// Its keyring.
    pub fn keyring(&self) -> KeyringFile {
        KeyringFile::new(self.disk(), "keyring")
    }

    /// The service's keys.
    pub fn keys(&self) -> KeyFiles {
        KeyFiles::new(self.disk())
    }

    /// The place of its index.
    pub fn index(&self) -> SledPlace {
        SledPlace::new(self.path.join(INDEX_DIRECTORY).join("terms"))
    }

    /// Checkpoint and tiles for the world.
    pub fn published(&self) -> FileDisk {
        FileDisk::new(self.path.join("published"))
    }
}

fn head_lock_at(path: &Path) -> HeadLockFile {
    let directory = path.parent().unwrap_or(Path::new(""));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    HeadLockFile::new(Arc::new(FileDisk::new(directory)), name)
}

fn disk_error(path: &Path, cause: io::Error) -> LayoutError {
    LayoutError::Disk {
        path: path.to_owned(),
        cause,
    }
}

#[cfg(test)]
mod tests;
