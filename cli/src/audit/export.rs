//! `countersign export`

use std::path::{Path, PathBuf};

use clap::Args;
use countersign_evidence::Opened;
use countersign_evidence::bundle::{BundleOptions, DeriveError, WriteError, Written, write};
use countersign_record::digest::hex;
use countersign_record::json::Object;
use countersign_verify::Source;

use super::{opened, tell_head_elsewhere};
use crate::exit;
use crate::output::{Failure, Output, number, within_a_line};

/// Write an evidence bundle: everything under a log's newest checkpoint, for somebody else to check
///
/// Reads a data directory, live or a copy, without a lock, and appends nothing to it: the export
/// itself is not recorded in the ledger. From a service, that its records were read is recorded. The same checkpoint and case give the same files, byte for
/// byte. Bodies can be read only by who may read the keyring; others export them as withheld.
#[derive(Args, Debug)]
pub(crate) struct ExportArgs {
    /// The data directory of a server, or a copy of it
    #[cfg_attr(
        feature = "full",
        arg(
            long,
            value_name = "D",
            required_unless_present = "url",
            conflicts_with = "url"
        )
    )]
    #[cfg_attr(not(feature = "full"), arg(long, value_name = "D", required = true))]
    data: Option<PathBuf>,
    /// For which case, matter or ticket; stands in the bundle
    #[arg(long, value_name = "ID")]
    case: String,
    /// The directory to make; it must not exist
    #[arg(long, value_name = "PATH")]
    out: PathBuf,
    #[cfg(feature = "full")]
    #[command(flatten)]
    remote: crate::full::RemoteArgs,
}

impl ExportArgs {
    pub(super) fn run(self, output: &mut Output) -> Result<u8, Failure> {
        let options = BundleOptions { case: self.case };
        #[cfg(feature = "full")]
        if let Some(log) = self.remote.read()? {
            return written(output, &log, &self.out, &options);
        }
        let data = self.data.unwrap_or_default();
        let source = opened(&data)?;
        tell_head_elsewhere(output, &source);
        if let Opened::Data(log) = &source
            && !log.has_keyring()
        {
            output.hint(
                "note: the keyring is not here or may not be read; sealed bodies are withheld",
            );
        }
        output.progress(&format!(
            "exporting {} to {}",
            data.display(),
            self.out.display()
        ));
        written(output, &source, &self.out, &options)
    }
}

fn written(
    output: &mut Output,
    source: &dyn Source,
    out: &Path,
    options: &BundleOptions,
) -> Result<u8, Failure> {
    let written = write(source, out, options).map_err(|error| failure(&error))?;
    tell(output, &out.display().to_string(), &written);
    Ok(exit::GOOD)
}

fn failure(error: &WriteError) -> Failure {
    let code = match error {
        WriteError::Source(cause) => match **cause {
            DeriveError::NoCheckpoint => exit::UNPROVEN,
            DeriveError::TooMany => exit::USAGE,
            _ => exit::TAMPERED,
        },
        _ => exit::USAGE,
    };
    Failure::new(code, error)
}

fn tell(output: &mut Output, path: &str, written: &Written) {
    let it = &written.description;
    let digest = hex(&written.digest);
    output.line(&format!("bundle   {path}: {} files", written.files));
    output.line(&format!(
        "log      {}, every entry under the checkpoint of size {}",
        it.origin, it.size
    ));
    output.line(&format!("case     {}", within_a_line(&it.case)));
    output.line(&format!(
        "bodies   {} disclosed, {} withheld, {} missing",
        it.counts.disclosed, it.counts.withheld, it.counts.missing
    ));
    output.line(&format!("manifest sha256:{digest}"));
    output.line("recorded no: this export appended nothing to the ledger");
    output.hint(&format!(
        "next: countersign verify {path} --trusted-log-key @FILE"
    ));
    let bodies = Object::new()
        .with("disclosed", number(it.counts.disclosed))
        .with("withheld", number(it.counts.withheld))
        .with("missing", number(it.counts.missing));
    let document = Object::new()
        .with("out", path)
        .with("files", number(written.files))
        .with("origin", it.origin.as_str())
        .with("size", number(it.size))
        .with("case", it.case.as_str())
        .with("bodies", bodies)
        .with("manifest_sha256", digest)
        .with("prepared", "none");
    output.document(document);
}
