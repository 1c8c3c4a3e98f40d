//! Who says so: the exact bytes that people sign, and the check of their signatures.
//! In scope: statements and their closed schemas, device keys and their enrolment gate, OpenSSH
//! signatures (SSHSIG), the grant that an executor redeems (docs/spec/statement.md).
//! Not here: whether the signers are enough (`countersign-policy`); whether a key was enrolled and
//! not revoked at that place of the ledger (`countersign-flow`); reading private key files (cli).
#![no_std]

extern crate alloc;

pub mod context;
pub mod grant;
pub mod key;
pub mod signers;
pub mod sshsig;
pub mod statement;
pub mod verify;

mod document;
mod wire;

pub use context::{Context, challenge};
pub use grant::Grant;
pub use key::PublicKey;
pub use signers::Signers;
pub use statement::Statement;
pub use verify::{Claim, Verified, verify};
