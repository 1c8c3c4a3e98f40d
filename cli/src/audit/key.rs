//! The log key that the caller trusts: as text, or `@file`.

use std::fs;

use countersign_ledger::note::VerifierKey;

use crate::exit;
use crate::output::Failure;

/// Reads `--trusted-log-key`.
pub(super) fn trusted_log_key(text: &str) -> Result<VerifierKey, Failure> {
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
