//! `countersign fsck`

use std::path::PathBuf;

use clap::Args;
use countersign_record::json::Object;
use countersign_store::fsck::{Finding, FsckError, fsck};

use super::place::log_dir;
use crate::exit;
use crate::output::{Failure, Output, number};

/// List what is on disk: segments, frames, bodies, head.lock, keyring, index
///
/// Changes nothing. 0: whole; 1: damaged; 2: cannot be read. Whether it was all so is what `verify` says.
#[derive(Args, Debug)]
pub(crate) struct FsckArgs {
    /// The data directory
    #[arg(long, value_name = "D")]
    data: PathBuf,
    /// Which log of the data directory, when it holds several
    #[arg(long, value_name = "NAME")]
    log: Option<String>,
}

impl FsckArgs {
    pub(super) fn run(self, output: &mut Output) -> Result<u8, Failure> {
        let directory = log_dir(&self.data, self.log.as_deref())?;
        let report =
            fsck(&directory).map_err(|error: FsckError| Failure::new(exit::USAGE, &error))?;
        let known =
            |count: Option<u64>| count.map_or_else(|| "unknown".into(), |count| count.to_string());
        output.line(&format!(
            "log      {} in {}",
            report.origin,
            directory.path().display()
        ));
        output.line(&format!(
            "entries  {} in {} frames and {} segments",
            report.entries, report.frames, report.segments
        ));
        output.line(&format!(
            "bodies   {} as they were stored",
            report.bodies_intact
        ));
        output.line(&format!("signed   {}", known(report.signed_size)));
        output.line(&format!("indexed  {}", known(report.indexed)));
        let damaged = report.findings.iter().any(Finding::is_damage);
        let mut findings = Vec::new();
        for finding in &report.findings {
            let label = if finding.is_damage() {
                "DAMAGE  "
            } else {
                "note    "
            };
            output.line(&format!("{label} {finding}"));
            findings.push(
                Object::new()
                    .with("damage", finding.is_damage())
                    .with("sentence", finding.to_string()),
            );
        }
        let document = Object::new()
            .with("origin", report.origin)
            .with("segments", number(report.segments))
            .with("frames", number(report.frames))
            .with("entries", number(report.entries))
            .with("bodies_intact", number(report.bodies_intact))
            .with("findings", findings)
            .with("damaged", damaged);
        let document = match report.signed_size {
            Some(size) => document.with("signed_size", number(size)),
            None => document,
        };
        output.document(match report.indexed {
            Some(size) => document.with("indexed", number(size)),
            None => document,
        });
        Ok(if damaged { exit::TAMPERED } else { exit::GOOD })
    }
}
