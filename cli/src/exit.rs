//! Exit codes are promises: scripts and pipelines decide by them. The fifth, 4 for "intact, with
//! findings", comes from the verifier's own verdict.

/// Verified, by a key that the caller named, and nothing at or above `--fail-on`.
pub(crate) const GOOD: u8 = 0;
/// Something is not what it was, or never was what it should have been.
pub(crate) const TAMPERED: u8 = 1;
/// The command cannot be done as it was given, or the system refused.
pub(crate) const USAGE: u8 = 2;
/// No conclusion: no trusted key, nothing to check, unknown version, or the evidence ends early.
pub(crate) const UNPROVEN: u8 = 3;

/// `request`: people or the policy refused, or the call was withdrawn.
#[cfg(feature = "full")]
pub(crate) const DENIED: u8 = 126;
/// `request`: nobody answered in time.
#[cfg(feature = "full")]
pub(crate) const TIMED_OUT: u8 = 124;
