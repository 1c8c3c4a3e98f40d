//! What may happen next: one pure function, [`admit`], that the server calls to decide and the
//! auditor calls again to re-decide; and [`apply`], the fold that state is.
//! In scope: the state machine of calls and confirmations, the roster, the presentation that a
//! person sees, control calls (docs/spec/flow.md has every guard and its sort).
//! Not here: reading clocks, drawing ids, storing (`countersign-service`); checking bytes of the
//! log (`countersign-verify`).
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod admit;
mod apply;
mod call;
mod command;
mod control;
mod present;
mod refusal;
mod requirement;
pub mod snapshot;
mod state;

pub use admit::{Admitted, Commit, Unchecked, admit, request_key, statement};
pub use apply::{BodyValues, apply, fold};
pub use call::{CallDocument, DocumentError};
pub use command::{
    Bootstrap, Claimed, Command, Decide, Freezing, Open, Outcome, Past, PastStage, Record, Redeem,
    Revocation, RevokeKey, Submit,
};
pub use control::key_enrolled;
pub use present::{Presentation, RENDERER, escape, presentation_text, rfc3339_ms, unescape};
pub use refusal::Refusal;
pub use requirement::demand;
pub use state::*;

/// How long the grant of an allowed call may be redeemed, in ms: the time to do one thing.
pub const ALLOWED_WITHIN_MS: u64 = 5 * 60 * 1000;

/// How long the executor of an allowed call has to report, in ms.
pub const ALLOWED_OUTCOME_MS: u64 = 24 * 60 * 60 * 1000;

#[cfg(test)]
mod tests;
