//! `countersign trace`

use std::path::PathBuf;

use clap::Args;
use countersign_evidence::{Looked, Opened};
use countersign_verify::{Source, Trace, trace};

use super::{files, opened};
use crate::exit;
use crate::output::{Failure, Output};

/// Say who let something run, from which device, what they were shown, and what ran after
///
/// WHAT is a call, a tool-call id, a trace id, an entry number, a grant, a key, a person, an agent or
/// a target. The first line answers who. Signatures, policy and every step are checked again; that
/// the log is the one that its key signed is for `countersign verify` to say.
///
/// Exit codes: 0 approved, allowed or not run; 1 the log is damaged; 2 usage or input/output;
/// 3 nothing of that name; 4 something ran, or was let run, that nobody approved.
#[derive(Args, Debug)]
pub(crate) struct TraceArgs {
    /// What to follow
    what: String,
    /// An evidence bundle, or a data directory
    #[cfg_attr(
        feature = "full",
        arg(long = "in", value_name = "PATH", required_unless_present_any = ["data", "url"])
    )]
    #[cfg_attr(
        not(feature = "full"),
        arg(long = "in", value_name = "PATH", required_unless_present = "data")
    )]
    path: Option<PathBuf>,
    /// The data directory of a server, or a copy of it
    #[arg(long, value_name = "D", conflicts_with = "path")]
    data: Option<PathBuf>,
    #[cfg(feature = "full")]
    #[command(flatten)]
    remote: crate::full::RemoteArgs,
}

impl TraceArgs {
    pub(super) fn run(self, output: &mut Output) -> Result<u8, Failure> {
        #[cfg(feature = "full")]
        if let Some(log) = self.remote.read()? {
            return Ok(tell(output, &followed(&log, &self.what)?));
        }
        let source = opened(&self.path.or(self.data).unwrap_or_default())?;
        output.progress("reading the log");
        let mut trace = followed(&source, &self.what)?;
        damage(&source, &mut trace);
        Ok(tell(output, &trace))
    }
}

fn followed(source: &dyn Source, what: &str) -> Result<Trace, Failure> {
    trace(source, what).map_err(|error| Failure::new(exit::UNPROVEN, &error))
}

fn tell(output: &mut Output, trace: &Trace) -> u8 {
    output.line(trace.to_text().trim_end());
    if let Some(document) = trace.to_json().as_object() {
        output.document(document.clone());
    }
    trace.exit_code()
}

/// A bundle whose files were changed is damaged although its entries may hold; of a log the source
/// says so itself.
fn damage(source: &Opened, trace: &mut Trace) {
    if let Opened::Bundle(_) = source {
        for inspection in source.inspect() {
            if let Looked::Bad(faults) = inspection.looked {
                trace.damage.extend(faults.iter().map(files::sentence));
            }
        }
    }
}
