//! What a path holds: a log's data directory, an evidence bundle, or nothing of ours.

mod body;
mod bundle;
mod data;
mod parallel;
mod segments;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use countersign_ledger::checkpoint::Checkpoint;
use countersign_ledger::segment::parse_name;
use countersign_verify::{Extent, Prepared, Source, SourceError, Stored};

pub use bundle::BundleDirectory;
pub use data::DataDirectory;

use crate::bundle::{check_files, layout};
use crate::inspect::{Inspection, shown};

/// Why there is nothing to read at a path.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// There is nothing of that name.
    #[error("{} does not exist", shown(.0))]
    Absent(PathBuf),
    /// A file, such as a bundle that was packed.
    #[error("{} is a file; unpack it and name the directory", shown(.0))]
    File(PathBuf),
    /// A directory without anything in it.
    #[error("{} is empty: there is nothing to check", shown(.0))]
    Empty(PathBuf),
    /// A directory with other things in it.
    #[error(
        "{} holds neither an evidence bundle (manifest-sha256.txt, data/entries) nor a log (<name>/log/*.seg)",
        shown(.0)
    )]
    NotOurs(PathBuf),
    /// Which one?
    #[error("{} holds several logs; name one of them: {}", shown(path), names.join(", "))]
    Several {
        /// The data directory.
        path: PathBuf,
        /// Its logs, as they are shown.
        names: Vec<String>,
    },
    /// It is there and cannot be read.
    #[error("cannot read {}", shown(path))]
    Unreadable {
        /// What.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
}

impl OpenError {
    /// Whether the path is fine and only holds nothing that could be checked.
    pub fn is_nothing_to_check(&self) -> bool {
        matches!(self, Self::Empty(_) | Self::NotOurs(_))
    }
}

/// What was opened.
#[derive(Debug)]
pub enum Opened {
    /// A log, live or a copy.
    Data(DataDirectory),
    /// A bundle.
    Bundle(BundleDirectory),
}

/// Finds out what `path` holds and reads as much of it as is needed to begin.
pub fn open(path: &Path) -> Result<Opened, OpenError> {
    let names = names(path)?;
    if layout::is_bundle(path) {
        return Ok(Opened::Bundle(BundleDirectory::new(path)));
    }
    if is_log(path) {
        return DataDirectory::open(path).map(Opened::Data);
    }
    let logs: Vec<&String> = names
        .iter()
        .filter(|name| !name.starts_with('.') && is_log(&path.join(name)))
        .collect();
    match logs.as_slice() {
        [] if names.is_empty() => Err(OpenError::Empty(path.to_owned())),
        [] => Err(OpenError::NotOurs(path.to_owned())),
        [only] => DataDirectory::open(&path.join(only)).map(Opened::Data),
        several => Err(OpenError::Several {
            path: path.to_owned(),
            names: several.iter().map(|name| shown(&path.join(name))).collect(),
        }),
    }
}

impl Opened {
    /// What is to be said of the files themselves.
    pub fn inspect(&self) -> Vec<Inspection> {
        match self {
            Self::Data(log) => Vec::from([log.inspect()]),
            Self::Bundle(bundle) => check_files(bundle),
        }
    }

    /// How many entries there are to read.
    pub fn entries(&self) -> u64 {
        match self {
            Self::Data(log) => log.entries(),
            Self::Bundle(bundle) => bundle.entries(),
        }
    }

    fn source(&self) -> &dyn Source {
        match self {
            Self::Data(log) => log,
            Self::Bundle(bundle) => bundle,
        }
    }
}

impl Source for Opened {
    fn checkpoint(&self) -> Option<String> {
        self.source().checkpoint()
    }

    fn records(&self) -> Box<dyn Iterator<Item = Result<Stored, SourceError>> + '_> {
        self.source().records()
    }

    fn prepared(&self, extent: Extent, take: &mut dyn FnMut(Result<Prepared, SourceError>)) {
        self.source().prepared(extent, take);
    }

    fn record(&self, seq: u64) -> Option<Stored> {
        self.source().record(seq)
    }

    fn is_being_written(&self) -> bool {
        self.source().is_being_written()
    }
}

/// The checkpoint that a note claims; nobody's word until its signature is checked.
pub(crate) fn stated(note: &str) -> Option<Checkpoint> {
    let end = note.rfind("\n\n")?;
    Checkpoint::parse(note.get(..=end)?).ok()
}

fn is_log(path: &Path) -> bool {
    let log = path.join("log");
    let has_segment = || {
        let names = names(&log).unwrap_or_default();
        names.iter().any(|name| parse_name(name).is_some())
    };
    log.join("format").is_file() || has_segment()
}

/// The names in a directory, sorted; names that are not UTF-8 are none of ours.
fn names(path: &Path) -> Result<Vec<String>, OpenError> {
    let read = |entry: io::Result<fs::DirEntry>| entry.map(|entry| entry.file_name().into_string());
    let found =
        fs::read_dir(path).and_then(|entries| entries.map(read).collect::<io::Result<Vec<_>>>());
    match found {
        Ok(names) => {
            let mut names: Vec<String> = names.into_iter().filter_map(Result::ok).collect();
            names.sort_unstable();
            Ok(names)
        }
        Err(cause) => Err(match cause.kind() {
            io::ErrorKind::NotFound => OpenError::Absent(path.to_owned()),
            io::ErrorKind::NotADirectory => OpenError::File(path.to_owned()),
            _ => OpenError::Unreadable {
                path: path.to_owned(),
                cause,
            },
        }),
    }
}
