//! Who must say so: the policy document, what it demands of one call, and when a quorum is met.
//! In scope: reading and checking the TOML document, evaluating it over a call, quorums, plain
//! English for people (docs/spec/policy.md).
//! Not here: when votes count and what happens next (`countersign-flow`); who signed
//! (`countersign-attest`); who is in a group (entries of the ledger).
#![no_std]

extern crate alloc;

mod amount;
mod catalogue;
mod check;
mod compare;
mod condition;
mod confirm;
mod control;
mod decimal;
mod document;
mod error;
mod evaluate;
mod example;
mod explain;
mod field;
mod hint;
mod hours;
mod kind;
mod literal;
mod look;
mod normal;
mod outline;
pub mod quorum;
mod requirement;
mod rule;
mod sentence;
mod span;
mod views;
mod words;

pub use amount::Amount;
pub use catalogue::Tool;
pub use check::{LiveKey, LivePerson, Population, Problem, Severity};
pub use control::{is_reserved, reserved_tools};
pub use document::{Fallback, Policy};
pub use error::PolicyError;
pub use evaluate::{Assessment, Question, Verdict, evaluate, evaluate_given};
pub use example::{Shortfall, TestResult};
pub use explain::explain;
pub use field::{ArgPath, PathError};
pub use kind::Kind;
pub use look::{Doubt, Earlier, Facts, Group, Look, Share};
pub use requirement::{Fact, Requirement, Slot, UnknownFact};
pub use sentence::{Piece, pieces, sentence};
pub use views::TypedView;

#[cfg(test)]
mod tests;
