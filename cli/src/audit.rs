//! The auditor's and responder's commands: they read, and change nothing but their own memory of
//! what was verified before.

mod completions;
mod earlier;
mod export;
mod files;
mod key;
mod memory;
mod policy;
mod trace;
mod verify;

use std::path::Path;

use clap::Subcommand;
use countersign_evidence::{OpenError, Opened, open};

use crate::exit;
use crate::output::{Failure, Output};

/// Commands that need neither server nor network.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Verify(verify::VerifyArgs),
    Trace(trace::TraceArgs),
    Export(export::ExportArgs),
    Policy(policy::PolicyArgs),
    Completions(completions::CompletionsArgs),
}

impl Command {
    /// Runs it; the exit code, or why it was not done.
    pub(crate) fn run(self, output: &mut Output) -> Result<u8, Failure> {
        match self {
            Self::Verify(args) => args.run(output),
            Self::Trace(args) => args.run(output),
            Self::Export(args) => args.run(output),
            Self::Policy(args) => args.run(output),
            Self::Completions(args) => Ok(args.run(output)),
        }
    }
}

/// Opens a bundle or data directory.
fn opened(path: &Path) -> Result<Opened, Failure> {
    open(path).map_err(|error| {
        let code = if error.is_nothing_to_check() {
            exit::UNPROVEN
        } else {
            exit::USAGE
        };
        let failure = Failure::new(code, &error);
        match error {
            OpenError::Absent(_) | OpenError::NotOurs(_) | OpenError::Empty(_) => failure.hint(
                "name a bundle made by `countersign export`, or the data directory of a server",
            ),
            OpenError::Unreadable { .. } => {
                failure.hint("run it as a user who may read these files")
            }
            _ => failure,
        }
    })
}

/// A head from outside of the directory is as good as the place that it came from.
fn tell_head_elsewhere(output: &mut Output, source: &Opened) {
    if let Opened::Data(log) = source
        && let Some(place) = log.head_elsewhere()
    {
        output.hint(&format!(
            "note: the checkpoint comes from {place}, as head.lock.path says"
        ));
    }
}
