//! Keys that signatures name, gated once.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::key::PublicKey;
use crate::sshsig::Blob;

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

    /// The key that a binary SSHSIG blob names, if it passes the gate. Who that is, and whether the
    /// signature is theirs, is not said.
    pub fn named(&mut self, signature: &[u8]) -> Option<&PublicKey> {
        let named = Blob::read(signature).ok()?.public_key;
        if !self.known.contains_key(named) {
            if self.known.len() == SIGNERS_MAX {
                self.known.clear();
            }
            let key = PublicKey::from_ssh_wire(named).ok()?;
            self.known.insert(named.into(), key);
        }
        self.known.get(named)
    }
}
