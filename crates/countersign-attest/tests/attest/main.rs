//! The crate as others use it: documents, signatures and grants, against golden bytes and OpenSSH.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

mod grants;
mod kinds;
mod openssh;
mod parsers;
mod samples;
mod statements;
mod vectors;
