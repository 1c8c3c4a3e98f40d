//! The log key that the caller trusts: as text, or `@file`.

use std::fs;
use std::path::Path;

use countersign_ledger::note::VerifierKey;

use crate::exit;
use crate::output::Failure;

/// Reads `--trusted-log-key`, which must come by another way than the `evidence` that it is to judge.
pub(super) fn trusted_log_key(text: &str, evidence: &Path) -> Result<VerifierKey, Failure> {
    if let Some(path) = text.strip_prefix('@')
        && lies_inside(Path::new(path), evidence)
    {
        let sentence = format!(
            "the key in {path} is part of what is verified: whoever made the one made the other"
        );
        return Err(Failure::say(exit::USAGE, sentence)
            .hint("get the log's key from its operator by another way, and keep it elsewhere"));
    }
    let from_file = match text.strip_prefix('@') {
        Some(path) => Some(fs::read_to_string(path).map_err(|cause| {
            Failure::say(
                exit::USAGE,
                format!("cannot read the trusted log key {path}: {cause}"),
            )
        })?),
        None => None,
    };
    let text = from_file.as_deref().unwrap_or(text).trim();
    text.parse().map_err(|error| {
        Failure::new(exit::USAGE, &error).hint(
            "--trusted-log-key takes the line that `countersign init` printed, name+hash+key, or @FILE",
        )
    })
}

/// Whether a file is one of those in a directory, through whatever links it was named. What is not
/// there is nowhere.
fn lies_inside(file: &Path, directory: &Path) -> bool {
    match (fs::canonicalize(file), fs::canonicalize(directory)) {
        (Ok(file), Ok(directory)) => file.starts_with(directory),
        _ => false,
    }
}
