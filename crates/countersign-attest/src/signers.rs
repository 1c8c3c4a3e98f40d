//! Keys that signatures name, gated once.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::key::PublicKey;

/// As many keys are kept, more than any log has people: a log of made-up keys fills no memory. Then all
/// are forgotten, and gated again when they are named.
const SIGNERS_MAX: usize = 1024;

/// The gate of a key costs as much as a signature's check; few keys sign much.
#[derive(Clone, Debug, Default)]
pub struct Signers {
    known: BTreeMap<Vec<u8>, PublicKey>,
}

impl Signers {
    /// Knows nobody yet.
    pub const fn new() -> Self {
        Self {
            known: BTreeMap::new(),
        }
    }

    /// The key of this wire form, if it passes the gate.
    pub fn key(&mut self, wire: &[u8]) -> Option<&PublicKey> {
        if !self.known.contains_key(wire) {
            let key = PublicKey::from_ssh_wire(wire).ok()?;
            if self.known.len() == SIGNERS_MAX {
                self.known.clear();
            }
            self.known.insert(wire.into(), key);
        }
        self.known.get(wire)
    }
}
