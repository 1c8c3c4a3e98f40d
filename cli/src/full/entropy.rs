//! Random bytes of the system.

use crate::exit;
use crate::output::Failure;

/// `N` random bytes.
pub(super) fn random<const N: usize>() -> Result<[u8; N], Failure> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| {
        Failure::say(
            exit::USAGE,
            format!("the system's random generator does not answer: {error}"),
        )
    })?;
    Ok(bytes)
}
