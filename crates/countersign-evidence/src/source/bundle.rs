//! An evidence bundle as a source for the verifier.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use countersign_record::body::Disclosure;
use countersign_record::entry::{ENTRY_BYTES_MAX, body_roots};
use countersign_record::json::{Limits, read};
use countersign_verify::{BodyState, Extent, Prepared, Preparer, Source, SourceError, Stored};

use super::body::POLICY;
use super::parallel::in_order;
use crate::bundle::Description;
use crate::bundle::layout;
use crate::files::read_limited;
use crate::inspect::{escape, shown};

/// Entries that one worker reads at a time.
const AT_ONCE: usize = 64;

/// A bundle in a directory. Nothing in it is trusted: [`crate::bundle::check_files`] says whether
/// the files are those of a bundle, and the verifier whether the entries hold.
#[derive(Debug)]
pub struct BundleDirectory {
    path: PathBuf,
    description: Result<Description, String>,
    seqs: Vec<u64>,
}

impl BundleDirectory {
    pub(crate) fn new(path: &Path) -> Self {
        let description = read_limited(&path.join(layout::DESCRIPTION), layout::FILE_BYTES_MAX)
            .map_err(|error| error.to_string())
            .and_then(|bytes| Description::read(&bytes));
        Self {
            path: path.to_owned(),
            description,
            seqs: seqs(path),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What `data/bundle.json` says, or why it cannot be read.
    pub fn description(&self) -> Result<&Description, &str> {
        self.description.as_ref().map_err(String::as_str)
    }

    /// How many entries it has files of.
    pub fn entries(&self) -> u64 {
        u64::try_from(self.seqs.len()).unwrap_or(u64::MAX)
    }

    fn read(&self, seq: u64) -> Result<Stored, SourceError> {
        let name = layout::entry(seq);
        let entry = read_limited(&self.path.join(&name), ENTRY_BYTES_MAX + 1).map_err(|cause| {
            let place = shown(&self.path.join(&name));
            SourceError {
                place,
                fault: cause.to_string(),
                seq: Some(seq),
            }
        })?;
        let bodies = body_roots(&entry)
            .into_iter()
            .map(|(name, _)| (name.to_owned(), self.body(seq, name)))
            .collect::<BTreeMap<_, _>>();
        Ok(Stored { entry, bodies })
    }

    fn body(&self, seq: u64, name: &str) -> BodyState {
        let missing = self.description().ok().and_then(|it| it.missing(seq, name));
        if let Some(why) = missing {
            return BodyState::Missing(escape(why));
        }
        let Some(file) = layout::disclosure(seq, name) else {
            return self.absent(seq, name);
        };
        let bytes = match read_limited(&self.path.join(&file), Limits::DISCLOSURE.bytes + 1) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return self.absent(seq, name),
            read => read,
        };
        let disclosure = bytes
            .map_err(|error| error.to_string())
            .and_then(|bytes| read(&bytes, &Limits::DISCLOSURE).map_err(|error| error.to_string()))
            .and_then(|json| Disclosure::from_json(&json).map_err(|error| error.to_string()));
        match disclosure {
            Ok(disclosure) => BodyState::Disclosed(disclosure),
            Err(fault) => BodyState::Missing(format!("{file}: {fault}")),
        }
    }

    /// What is to be thought of a body without a file. Nobody needs a key to read a policy, so that
    /// nobody withholds one for want of it.
    fn absent(&self, seq: u64, name: &str) -> BodyState {
        let listed = self.description().is_ok_and(|it| it.withholds(seq, name));
        if listed && name != POLICY {
            return BodyState::Withheld;
        }
        let why = if listed {
            "a policy cannot be withheld"
        } else {
            "it is neither in the bundle nor listed as withheld"
        };
        BodyState::Missing(why.into())
    }
}

impl Source for BundleDirectory {
    /// The one in `data/checkpoints/`; of several the largest, and the check of the files objects.
    fn checkpoint(&self) -> Option<String> {
        let names = fs::read_dir(self.path.join(layout::CHECKPOINTS)).ok()?;
        let largest = names
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u64>().ok())
            .max()?;
        let path = self.path.join(layout::checkpoint(largest));
        let note = read_limited(&path, countersign_ledger::note::NOTE_BYTES_MAX).ok()?;
        Some(String::from_utf8_lossy(&note).into_owned())
    }

    fn records(&self) -> Box<dyn Iterator<Item = Result<Stored, SourceError>> + '_> {
        let mut broken = false;
        Box::new((0..).zip(&self.seqs).map_while(move |(expected, &seq)| {
            if broken {
                return None;
            }
            let record = self.read_at(expected, seq);
            broken = record.is_err();
            Some(record)
        }))
    }

    fn prepared(&self, extent: Extent, take: &mut dyn FnMut(Result<Prepared, SourceError>)) {
        let hire = || {
            let mut preparer = Preparer::new(extent);
            move |(expected, seqs): (u64, &[u64])| {
                let records = (expected..).zip(seqs).map(|(expected, &seq)| {
                    let stored = self.read_at(expected, seq)?;
                    Ok(preparer.prepare(stored))
                });
                records.collect::<Vec<_>>()
            }
        };
        let mut broken = false;
        let jobs = (0..).step_by(AT_ONCE).zip(self.seqs.chunks(AT_ONCE));
        in_order(jobs, hire, |records| {
            for record in records {
                if !broken {
                    broken = record.is_err();
                    take(record);
                }
            }
        });
    }

    fn record(&self, seq: u64) -> Option<Stored> {
        self.seqs.binary_search(&seq).ok()?;
        self.read(seq).ok()
    }
}

impl BundleDirectory {
    fn read_at(&self, expected: u64, found: u64) -> Result<Stored, SourceError> {
        if found == expected {
            self.read(found)
        } else {
            Err(self.gap(expected))
        }
    }

    fn gap(&self, seq: u64) -> SourceError {
        SourceError {
            place: shown(&self.path.join(layout::entry(seq))),
            fault: "the file is missing".into(),
            seq: Some(seq),
        }
    }
}

/// The numbers of the entry files, sorted.
fn seqs(path: &Path) -> Vec<u64> {
    let entries = fs::read_dir(path.join(layout::ENTRIES))
        .into_iter()
        .flatten();
    let mut seqs: Vec<u64> = entries
        .filter_map(|entry| layout::parse_entry(entry.ok()?.file_name().to_str()?))
        .collect();
    seqs.sort_unstable();
    seqs
}
