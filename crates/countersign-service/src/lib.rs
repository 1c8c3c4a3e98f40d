//! Use cases: one writer thread owns the state; everything that is answered was durable before.
//! In scope: group commit, signing checkpoints, clock and entropy, what agents, executors,
//! approvers, auditors, responders and operators may ask for.
//! Not here: HTTP, TLS, tokens on the wire (`countersign-server`); deciding what is allowed
//! (`countersign-flow`); files (`countersign-store`).

mod clock;
mod core;
mod create;
mod entropy;
mod error;
mod meter;
mod open;
mod published;
mod reading;
mod sealing;
mod selftest;
mod snapshot;
mod swapper;
mod usecase;
mod writer;

pub use clock::{Clock, SystemClock};
pub use core::{Core, Event, Parties, Record};
pub use create::{Created, Setup, create, fill};
pub use entropy::{Entropy, EntropyError, SystemEntropy};
pub use error::{CommandError, StartError, Unavailable};
pub use open::{Options, open};
pub use reading::Page;
pub use selftest::SelfTestError;
pub use usecase::*;
pub use writer::{Level, Proven, Service, Writer};

/// Software and version, as `service.started` records it.
pub const SOFTWARE: &str = concat!("countersign ", env!("CARGO_PKG_VERSION"));
