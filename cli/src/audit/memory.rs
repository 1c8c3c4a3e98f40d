//! What was verified before: the last head of each log, kept for the next time.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use countersign_ledger::checkpoint::Checkpoint;
use countersign_ledger::note::VerifierKey;
use countersign_record::digest::{hex, sha256};

use crate::exit;
use crate::output::Failure;

/// Where heads are remembered.
#[derive(Args, Debug)]
pub(super) struct MemoryArgs {
    /// Where the last verified head of each log is remembered
    ///
    /// Default: `countersign` in `$XDG_STATE_HOME`, else in `~/.local/state`.
    #[arg(
        long,
        env = "COUNTERSIGN_STATE",
        hide_env_values = true,
        value_name = "DIR"
    )]
    state: Option<PathBuf>,
    /// Neither compare with what was verified before nor remember this time
    #[arg(long)]
    no_memory: bool,
}

/// The remembered head of one log, by its key; the key names the log.
#[derive(Debug)]
pub(super) struct Memory {
    file: Option<PathBuf>,
    note: Option<String>,
}

impl MemoryArgs {
    /// What is remembered of the log with this key. Nothing when there is nowhere to remember.
    pub(super) fn recall(&self, key: &VerifierKey) -> Result<Memory, Failure> {
        let name = hex(&sha256(&[key.to_string().as_bytes()]));
        let file = self.directory().map(|state| state.join("heads").join(name));
        let note = match file.as_deref().map(fs::read_to_string) {
            None => None,
            Some(Ok(note)) => Some(note),
            Some(Err(error)) if error.kind() == io::ErrorKind::NotFound => None,
            Some(Err(cause)) => return Err(unusable(file.as_deref(), &cause)),
        };
        Ok(Memory { file, note })
    }

    fn directory(&self) -> Option<PathBuf> {
        if self.no_memory {
            return None;
        }
        let set = |name| {
            std::env::var_os(name)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        };
        let default = || {
            let state =
                set("XDG_STATE_HOME").or_else(|| Some(set("HOME")?.join(".local/state")))?;
            Some(state.join("countersign"))
        };
        self.state.clone().or_else(default)
    }
}

impl Memory {
    /// The checkpoint note that was verified last.
    pub(super) fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    /// Its file, for messages.
    pub(super) fn file(&self) -> String {
        self.file
            .as_deref()
            .unwrap_or(Path::new(""))
            .display()
            .to_string()
    }

    /// Keeps a head that was verified now, unless a later one is kept already.
    pub(super) fn keep(&self, note: &str, key: &VerifierKey) -> Result<(), Failure> {
        let size = |note: &str| Checkpoint::open(note, key).ok().map(|head| head.size);
        let Some(file) = self
            .file
            .as_deref()
            .filter(|_| size(note) > self.note().and_then(size))
        else {
            return Ok(());
        };
        let temporary = file.with_extension(std::process::id().to_string());
        let directory = file.parent().unwrap_or(file);
        fs::create_dir_all(directory)
            .and_then(|()| fs::write(&temporary, note))
            .and_then(|()| fs::rename(&temporary, file))
            .map_err(|cause| unusable(Some(file), &cause))
    }
}

fn unusable(file: Option<&Path>, cause: &io::Error) -> Failure {
    let file = file.unwrap_or(Path::new("")).display();
    Failure::say(
        exit::USAGE,
        format!("cannot use the remembered head {file}: {cause}"),
    )
    .hint("name another place with --state DIR, or go without with --no-memory")
}
