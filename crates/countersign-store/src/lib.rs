//! Where bytes rest: the segment log, the head lock, the keyring and key files, the derived index.
//! In scope: files and their durability, recovery after a crash, one writer per log
//! (docs/spec/disk.md), and the [`log::Log`] trait behind which a database can stand.
//! Not here: what the bytes mean (`countersign-record`, `countersign-ledger`); group commit, the
//! tree, signing and the clock (`countersign-service`); reading a log without being its server
//! (`countersign-verify`).

pub mod disk;
pub mod fsck;
pub mod head;
pub mod index;
pub mod keyring;
pub mod keys;
pub mod layout;
pub mod log;
pub mod segments;
pub mod snapshots;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod tree;
