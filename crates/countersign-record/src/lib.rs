//! The ledger's vocabulary and its bytes: ids, digests, entries, strict JSON, deterministic CBOR,
//! salted body commitments and the keys that seal bodies.
//! In scope: every byte that an entry or a body is made of (docs/spec/record.md).
//! Not here: where an entry stands in the log (`countersign-ledger`); who signed what
//! (`countersign-attest`); storing anything (`countersign-store`).
#![no_std]

extern crate alloc;

pub mod action;
pub mod body;
pub mod cbor;
pub mod digest;
pub mod entry;
pub mod id;
pub mod json;
pub mod keyring;
pub mod name;
pub mod seal;
pub mod term;
pub mod text;
pub mod words;
