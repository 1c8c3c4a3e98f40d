//! A log's life over real sockets: every transition, every refusal, every change of the control, and
//! restarts. After each story the verifier re-decides everything that the server decided.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests panic when they fail"
)]

mod asking;
mod clock;
mod codes;
mod completeness;
mod control;
mod deciding;
mod disk;
mod http;
mod outcomes;
mod people;
mod promises;
mod races;
mod redeeming;
mod refusals;
mod restart;
mod setup;
mod world;
