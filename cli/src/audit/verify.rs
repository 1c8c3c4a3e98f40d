//! `countersign verify`

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use countersign_evidence::{Inspection, Opened};
use countersign_ledger::note::VerifierKey;
use countersign_verify::{
    Extent, FailOn, Options, Report, Require, Source as _, Trust, Verdict, verify,
};

use super::earlier::{Earlier, earlier};
use super::files;
use super::key::trusted_log_key;
use super::memory::{Memory, MemoryArgs};
use super::{opened, tell_head_elsewhere};
use crate::output::{Failure, Output};

/// Check that a bundle or data directory is complete, unaltered and properly approved
///
/// Reads files only: no server, no network, no clock. Trusts the key that you name and nothing in
/// what it reads; without one it cannot conclude. It remembers the last head that it verified, and
/// next time demands that the log has only grown since.
///
/// Exit codes: 0 verified; 1 integrity failure; 2 usage or input/output; 3 cannot conclude; 4 intact,
/// with findings at or above --fail-on.
#[derive(Args, Debug)]
pub(crate) struct VerifyArgs {
    /// An evidence bundle, or a data directory, live or a copy
    path: PathBuf,
    /// The log's key as `countersign init` printed it, or @FILE
    #[arg(long, value_name = "VKEY")]
    trusted_log_key: Option<String>,
    /// A checkpoint that you kept, or an older bundle: the log must have only grown since
    #[arg(long, value_name = "PATH")]
    since: Option<PathBuf>,
    /// What must be beyond the mandatory checks; what is then not so makes the exit code 3
    #[arg(long, value_enum, value_delimiter = ',', value_name = "WHAT")]
    require: Vec<Requirement>,
    /// Check form, order, chain, tree, checkpoint and that bodies are there, and nothing else
    ///
    /// Fast, and never enough: the other checks are skipped, so that the exit code is 3 at best.
    #[arg(long)]
    structure: bool,
    /// From which severity on findings make the exit code 4
    #[arg(long, value_enum, default_value = "high", value_name = "SEVERITY")]
    fail_on: Threshold,
    #[command(flatten)]
    memory: MemoryArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Requirement {
    /// The policy was re-evaluated for every call
    Policy,
    /// Every entry is under the signed checkpoint
    Committed,
    /// No body is withheld
    Completeness,
    /// An earlier head was given or remembered, and checked
    Since,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Threshold {
    /// Something ran that nobody had let run
    High,
    /// Also refused attempts and what the operator vouched for
    Medium,
    /// Findings never change the exit code
    Never,
}

/// How often progress is told.
const PROGRESS_ENTRIES: u64 = 50_000;

impl VerifyArgs {
    pub(super) fn run(self, output: &mut Output) -> Result<u8, Failure> {
        let key = self
            .trusted_log_key
            .as_deref()
            .map(|text| trusted_log_key(text, &self.path))
            .transpose()?;
        let source = opened(&self.path)?;
        tell_head_elsewhere(output, &source);
        let memory = key
            .as_ref()
            .map(|key| self.memory.recall(key))
            .transpose()?;
        let since = self
            .since
            .as_deref()
            .map(|path| earlier(path, key.as_ref()))
            .transpose()?;
        let remembered = match (&key, &memory) {
            (Some(key), Some(memory)) => remembered(output, &source, memory, key)?,
            _ => None,
        };
        let mut report = self.report(
            output,
            &source,
            key.as_ref(),
            since.as_ref(),
            remembered.as_ref(),
        );
        // The verifier holds the log against one earlier head; here is the other, if there are two.
        if let (Some(_), Some(remembered)) = (&since, &remembered) {
            remembered.hold(&source, &mut report);
        }
        let inspected = source.inspect();
        files::merge(&mut report, &inspected);
        tell(output, &inspected, &report);
        if key.is_none() {
            output.hint("hint: get the log's key from its operator, not from what you verify, and name it: --trusted-log-key @FILE");
        }
        if let (Some(key), Some(memory)) = (&key, &memory) {
            remember(output, &source, memory, key, report.verdict);
        }
        Ok(report.exit_code())
    }

    fn report(
        &self,
        output: &mut Output,
        source: &Opened,
        key: Option<&VerifierKey>,
        since: Option<&Earlier>,
        remembered: Option<&Earlier>,
    ) -> Report {
        let earlier = since.or(remembered);
        let trust = Trust {
            log_keys: key.cloned().into_iter().collect(),
            earlier: earlier.map(|earlier| earlier.note.clone()),
        };
        let extent = if self.structure {
            Extent::Structure
        } else {
            Extent::Everything
        };
        let options = Options {
            extent,
            fail_on: self.fail_on.into(),
            require: self.require.iter().copied().map(Require::from).collect(),
        };
        let total = source.entries();
        let begun = Instant::now();
        verify(source, &trust, &options, &mut |entries| {
            if entries.is_multiple_of(PROGRESS_ENTRIES) {
                output.progress(&how_far(entries, total, begun.elapsed()));
            }
        })
    }
}

/// `50000 of 1000000 entries, 61200 a second, 16 s left`
fn how_far(entries: u64, total: u64, elapsed: Duration) -> String {
    let millis = u64::try_from(elapsed.as_millis())
        .unwrap_or(u64::MAX)
        .max(1);
    let rate = entries.saturating_mul(1000) / millis;
    let left = total.saturating_sub(entries) / rate.max(1);
    format!("{entries} of {total} entries, {rate} a second, {left} s left")
}

/// The remembered head, where this source can be held against it.
fn remembered(
    output: &mut Output,
    source: &Opened,
    memory: &Memory,
    key: &VerifierKey,
) -> Result<Option<Earlier>, Failure> {
    let Some(note) = memory.note() else {
        return Ok(None);
    };
    let remembered = Earlier::read(note, Path::new(&memory.file()), Some(key))?;
    let here = source
        .checkpoint()
        .as_deref()
        .and_then(Earlier::stated_size);
    // A bundle is a snapshot and may be older than what was seen since; a log may not.
    if matches!(source, Opened::Bundle(_)) && here < Some(remembered.size) {
        output.hint(&format!(
            "note: you have verified this log up to {} entries; this bundle is older, and is not held against that",
            remembered.size
        ));
        return Ok(None);
    }
    Ok(Some(remembered))
}

fn remember(
    output: &mut Output,
    source: &Opened,
    memory: &Memory,
    key: &VerifierKey,
    verdict: Verdict,
) {
    let good = matches!(verdict, Verdict::Verified | Verdict::Findings);
    if let Some(note) = source.checkpoint().filter(|_| good)
        && let Err(failure) = memory.keep(&note, key)
    {
        // What was verified stays so; only the next time has less to compare with.
        output.hint(&format!(
            "note: {}; this head is not remembered",
            failure.sentence
        ));
    }
}

fn tell(output: &mut Output, inspected: &[Inspection], report: &Report) {
    let text = report.to_text();
    let (scope, rest) = text.split_once("\n\n").unwrap_or(("", &text));
    output.line(&format!("{scope}\n"));
    for line in inspected.iter().map(files::line) {
        output.line(&line);
    }
    output.line(rest.trim_end());
    if let Some(document) = report.to_json().as_object() {
        let files: Vec<_> = inspected.iter().map(files::document).collect();
        output.document(document.clone().with("files", files));
    }
}

impl From<Requirement> for Require {
    fn from(requirement: Requirement) -> Self {
        match requirement {
            Requirement::Policy => Self::Policy,
            Requirement::Committed => Self::Committed,
            Requirement::Completeness => Self::Completeness,
            Requirement::Since => Self::Since,
        }
    }
}

impl From<Threshold> for FailOn {
    fn from(threshold: Threshold) -> Self {
        match threshold {
            Threshold::High => Self::High,
            Threshold::Medium => Self::Medium,
            Threshold::Never => Self::Never,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_tells_rate_and_time_left() {
        let told = how_far(50_000, 250_000, Duration::from_secs(2));
        assert_eq!(told, "50000 of 250000 entries, 25000 a second, 8 s left");
        let at_once = how_far(0, 0, Duration::ZERO);
        assert_eq!(at_once, "0 of 0 entries, 0 a second, 0 s left");
    }
}
