//! Making a log: all of it under a temporary name, then one rename.

use std::fs;
use std::fs::{DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use super::{DataDir, HEAD_LOCK_PATH, LogDir, LogName};
use crate::keys::KEYS_DIRECTORY;
use crate::segments::LOG_DIRECTORY;

/// Why no log was made. Nothing is left behind.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InitError<E> {
    /// Logs are made once.
    #[error("{} exists already; init never touches an existing log", .0.display())]
    Exists(PathBuf),
    /// Another process is making a log here.
    #[error("another init is working in {}", .0.display())]
    Busy(PathBuf),
    /// A relative path would mean something else for the next command.
    #[error("--head-lock needs an absolute path of a file, not {}", .0.display())]
    HeadLock(PathBuf),
    /// The disk refused.
    #[error("cannot make {}", path.display())]
    Disk {
        /// Where.
        path: PathBuf,
        /// What the disk said.
        #[source]
        cause: io::Error,
    },
    /// What was to be put into the new log failed.
    #[error("the new log could not be filled")]
    Fill(#[source] E),
}

impl DataDir {
    /// Makes a log: its directories, then whatever `fill` puts there (keys, keyring, first entries,
    /// head lock), then the rename that makes it exist. `head_lock`: an absolute path outside the
    /// log's directory, better on another volume.
    pub fn init<E>(
        &self,
        name: &LogName,
        head_lock: Option<&Path>,
        fill: impl FnOnce(&LogDir) -> Result<(), E>,
    ) -> Result<LogDir, InitError<E>> {
        let (temporary, place) = (
            self.path.join(format!(".init-{}", name.as_str())),
            self.path.join(name.as_str()),
        );
        if let Some(path) = head_lock.filter(|path| !path.is_absolute() || path.ends_with("..")) {
            return Err(InitError::HeadLock(path.to_owned()));
        }
        let _held = self.hold()?;
        if place.try_exists().map_err(refused(&place))? {
            return Err(InitError::Exists(place));
        }
        // Left by an init that was killed; the lock says that nobody works on it.
        remove(&temporary).map_err(refused(&temporary))?;
        let filled = build(&temporary, head_lock)
            .map_err(refused(&temporary))
            .and_then(|()| fill(&LogDir::new(&temporary)).map_err(InitError::Fill));
        if let Err(error) = filled {
            remove(&temporary).map_err(refused(&temporary))?;
            return Err(error);
        }
        fs::rename(&temporary, &place)
            .and_then(|()| sync_directory(&self.path))
            .map_err(refused(&place))?;
        Ok(LogDir::new(place))
    }

    /// Makes the data directory itself when absent, and locks it.
    fn hold<E>(&self) -> Result<File, InitError<E>> {
        let directory = make_durably(&self.path)
            .and_then(|()| File::open(&self.path))
            .map_err(refused(&self.path))?;
        match directory.try_lock() {
            Ok(()) => Ok(directory),
            Err(TryLockError::WouldBlock) => Err(InitError::Busy(self.path.clone())),
            Err(TryLockError::Error(cause)) => Err(refused(&self.path)(cause)),
        }
    }
}

/// Makes a directory and what is absent above it; each name is durable in the directory that has it.
fn make_durably(path: &Path) -> io::Result<()> {
    let is_absent = |it: &&Path| !it.as_os_str().is_empty() && !it.exists();
    let absent: Vec<_> = path.ancestors().take_while(is_absent).collect();
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    let above = absent.into_iter().filter_map(Path::parent);
    above
        .map(|it| {
            if it.as_os_str().is_empty() {
                Path::new(".")
            } else {
                it
            }
        })
        .try_for_each(sync_directory)
}

fn build(temporary: &Path, head_lock: Option<&Path>) -> io::Result<()> {
    let make = |path: &Path| DirBuilder::new().mode(0o700).create(path);
    make(temporary)?;
    for directory in [LOG_DIRECTORY, KEYS_DIRECTORY, "published"] {
        make(&temporary.join(directory))?;
    }
    if let Some(path) = head_lock {
        let pointer = temporary.join(HEAD_LOCK_PATH);
        let text = path.to_str().ok_or(io::ErrorKind::InvalidFilename)?;
        fs::write(&pointer, format!("{text}\n"))?;
        File::open(&pointer)?.sync_all()?;
    }
    sync_directory(temporary)
}

fn remove(directory: &Path) -> io::Result<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

fn refused<E>(path: &Path) -> impl FnOnce(io::Error) -> InitError<E> {
    move |cause| InitError::Disk {
        path: path.to_owned(),
        cause,
    }
}
