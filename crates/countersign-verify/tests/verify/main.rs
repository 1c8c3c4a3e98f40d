//! The examination of whole ledgers: each bad one is a good one with one thing changed.

#![expect(
    clippy::unwrap_used,
    reason = "a failed step of the preparation is a failed test"
)]

mod book;
mod controls;
mod guards;
mod integrity;
mod reports;
mod review;
mod submissions;
mod traces;
