//! Stock programs say the same as our code. What a machine does not have is SKIPPED aloud.
#![expect(clippy::expect_used, reason = "a test's helper fails the test")]

mod digests;
mod signatures;
