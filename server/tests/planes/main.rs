//! The server over real sockets: who gets in where, what is refused how, and how it ends.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests panic when they fail"
)]

mod bounds;
mod errors;
mod floods;
mod hostile;
mod http;
mod life;
mod limits;
mod matrix;
mod stream;
mod tls;
mod world;
