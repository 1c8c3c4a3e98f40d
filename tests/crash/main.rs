//! Crashes of the built command on real file systems: killed under load, with faults of the disk
//! at the n-th call, without power, with torn tails. What was acknowledged is still there.
//!
//! The long ones are ignored tests; `tests/run` gives them their amounts, docs/testing.md says how
//! to run more. Every one prints what it did, and how to do it again.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests panic when they fail, and print their figures"
)]

mod acks;
mod client;
#[path = "../stories/clock.rs"]
#[expect(
    dead_code,
    reason = "the stories move their clock; crashes happen in real time"
)]
mod clock;
mod control;
mod fault;
mod figures;
mod kill;
mod ledger;
mod load;
mod older;
mod power;
mod program;
mod random;
#[path = "../stories/setup.rs"]
#[expect(dead_code, reason = "the stories use all of it")]
mod setup;
mod tails;
