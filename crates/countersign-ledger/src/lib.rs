//! Where an entry stands: the chain, the Merkle tree, signed checkpoints, proofs and tiles that
//! other people's software reads, and the frames and segments that hold entries on disk.
//! In scope: the bytes of all of these and their checks (docs/spec/ledger.md), and telling a torn
//! tail from damage, for the server's recovery and the auditor's reading alike.
//! Not here: what an entry says (`countersign-record`); reading and writing files
//! (`countersign-store`); which checkpoints to trust (`countersign-verify`).
#![no_std]

extern crate alloc;

mod base64;
pub mod chain;
pub mod checkpoint;
pub mod frame;
pub mod merkle;
pub mod note;
pub mod proof;
pub mod segment;
pub mod tiles;
