//! A head that the caller kept: from a checkpoint file, an older bundle, or the memory.

use std::fs::File;
use std::io;
use std::io::Read as _;
use std::path::Path;

use countersign_evidence::Opened;
use countersign_ledger::chain::leaf_hash;
use countersign_ledger::checkpoint::Checkpoint;
use countersign_ledger::merkle::Frontier;
use countersign_ledger::note::{NOTE_BYTES_MAX, VerifierKey};
use countersign_record::digest::RootHash;
use countersign_verify::{Finding, Report, Severity, Source, Verdict};

use super::opened;
use crate::exit;
use crate::output::{Failure, chain};

/// A signed tree head from before.
#[derive(Debug)]
pub(super) struct Earlier {
    pub(super) note: String,
    pub(super) size: u64,
    root: RootHash,
}

/// What `--since` names: the file of a checkpoint note, a bundle or a data directory.
pub(super) fn earlier(path: &Path, key: Option<&VerifierKey>) -> Result<Earlier, Failure> {
    let note = if path.is_dir() {
        let opened: Opened = opened(path)?;
        opened.checkpoint().ok_or_else(|| {
            Failure::say(
                exit::USAGE,
                format!("{} has no checkpoint to compare with", path.display()),
            )
        })?
    } else {
        read_note(path).map_err(|cause| {
            Failure::say(
                exit::USAGE,
                format!(
                    "cannot read the earlier checkpoint {}: {cause}",
                    path.display()
                ),
            )
        })?
    };
    Earlier::read(&note, path, key)
}

impl Earlier {
    /// Reads a note; where a key is trusted, only one that it signed.
    pub(super) fn read(
        note: &str,
        place: &Path,
        key: Option<&VerifierKey>,
    ) -> Result<Self, Failure> {
        let checkpoint = match key {
            Some(key) => Checkpoint::open(note, key).map_err(|error| chain(&error)),
            None => stated(note).ok_or_else(|| "not a checkpoint".into()),
        };
        let checkpoint = checkpoint.map_err(|why| {
            Failure::say(
                exit::USAGE,
                format!(
                    "{} is no earlier head of the log that you trust: {why}",
                    place.display()
                ),
            )
        })?;
        Ok(Self {
            note: note.to_owned(),
            size: checkpoint.size,
            root: checkpoint.root,
        })
    }

    /// The size that a note names, whoever signed it.
    pub(super) fn stated_size(note: &str) -> Option<u64> {
        stated(note).map(|checkpoint| checkpoint.size)
    }

    /// Holds a log against this head, beside what the verifier did.
    pub(super) fn hold(&self, source: &dyn Source, report: &mut Report) {
        if root_at(source, self.size) == Some(self.root) {
            return;
        }
        let sentence = format!(
            "you verified {} entries of this log before; they are not its first {} entries now",
            self.size, self.size
        );
        let (id, severity) = ("remembered-head", Severity::Integrity);
        report.findings.insert(
            0,
            Finding {
                id,
                severity,
                seq: None,
                call: None,
                sentence,
            },
        );
        report.verdict = Verdict::Broken;
    }
}

/// A file that is longer than any note is read so far and then is none.
fn read_note(path: &Path) -> io::Result<String> {
    let limit = u64::try_from(NOTE_BYTES_MAX).unwrap_or(u64::MAX);
    let mut note = String::new();
    File::open(path)?
        .take(limit + 1)
        .read_to_string(&mut note)?;
    Ok(note)
}

fn stated(note: &str) -> Option<Checkpoint> {
    let end = note.rfind("\n\n")?;
    Checkpoint::parse(note.get(..=end)?).ok()
}

fn root_at(source: &dyn Source, size: u64) -> Option<RootHash> {
    let mut frontier = Frontier::new();
    let mut records = source.records();
    while frontier.size() < size {
        frontier.append(leaf_hash(&records.next()?.ok()?.entry));
    }
    Some(frontier.root())
}
